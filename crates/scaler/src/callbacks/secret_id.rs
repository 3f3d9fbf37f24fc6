//! Which of a tenant's secrets made a call, without telling the secret.

use bluegate_cluster::Secret;
use sha2::{Digest, Sha256};

const CONTEXT: &str = "bluegate secret id v1\0";
/// Enough to tell the few secrets of a tenant apart.
const ID_BYTES: usize = 6;

/// A secret's name: the beginning of a hash.
pub(crate) fn secret_id(secret: &Secret) -> String {
    let digest = Sha256::new().chain_update(CONTEXT).chain_update(secret.expose()).finalize();
    digest.iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// The secret of this name, else the first; after `refusals` the next ones: a
/// frontend may have changed its secret since.
pub(crate) fn find_secret<'a>(
    secrets: &'a [Secret],
    id: &str,
    refusals: usize,
) -> Option<&'a Secret> {
    let first = secrets.iter().position(|secret| secret_id(secret) == id).unwrap_or(0);
    let index = first.checked_add(refusals)?.checked_rem(secrets.len())?;
    secrets.get(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_the_call_comes_first_and_the_others_after_refusals() {
        let secrets: Vec<Secret> = ["a", "b", "c"].map(|text| Secret::new(text).unwrap()).into();
        let id = secret_id(&secrets[1]);
        let found = |refusals| find_secret(&secrets, &id, refusals).map(Secret::expose);
        assert_eq!([found(0), found(1), found(2)], [Some("b"), Some("c"), Some("a")]);
        assert_eq!(find_secret(&secrets, "gone", 0), secrets.first());
        assert_eq!(find_secret(&[], &id, 0), None);
        assert_eq!(id.len(), 12);
    }
}
