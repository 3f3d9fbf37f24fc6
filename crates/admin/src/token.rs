//! The tokens that open the admin API.

use bluegate_cluster::Secret;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

/// What opens the admin API. Several, so that one can be replaced while the
/// other still works; none at all opens it to nobody.
#[derive(Clone)]
pub struct Tokens(Vec<[u8; 32]>);

impl Tokens {
    /// Keeps a digest of each; the tokens themselves are not kept.
    #[must_use]
    pub fn new(tokens: &[Secret]) -> Self {
        Self(tokens.iter().map(|token| digest(token.expose())).collect())
    }

    /// Whether `offered` is one of them. Digests are compared, all of them and
    /// whole, so that the time taken tells neither length nor content.
    pub(crate) fn include(&self, offered: &str) -> bool {
        let offered_digest = digest(offered);
        let mut found = Choice::from(0);
        for token in &self.0 {
            found |= token.ct_eq(&offered_digest);
        }
        bool::from(found) && !offered.is_empty()
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_token_opens_and_none_opens_to_nobody() {
        let tokens = Tokens::new(&[Secret::new("new").unwrap(), Secret::new("old").unwrap()]);
        for (offered, opens) in [
            ("new", true),
            ("old", true),
            ("ne", false),
            ("newer", false),
            ("New", false),
            ("", false),
        ] {
            assert_eq!(tokens.include(offered), opens, "{offered}");
        }
        assert!(!Tokens::new(&[]).include(""));
        assert_eq!(format!("{tokens:?}"), "Tokens(2)");
    }
}
