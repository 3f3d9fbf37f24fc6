//! Tokens at rest: argon2id, in the PHC string format. Slow on purpose; called
//! where blocking is fine.

use argon2::{
    Argon2, PasswordHasher as _, PasswordVerifier as _, password_hash::phc::PasswordHash,
};

/// The hash of a token's secret part, salted anew; `None` when the system has no
/// randomness to give.
pub(crate) fn hash(secret: &str) -> Option<String> {
    let hash = Argon2::default().hash_password(secret.as_bytes()).ok()?;
    Some(hash.to_string())
}

/// Whether `hash` is of this secret; not when it is no hash at all.
pub(crate) fn matches(hash: &str, secret: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(secret.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_one_secret_and_never_twice_the_same() {
        let (one, other) = (hash("secret").unwrap(), hash("secret").unwrap());
        assert_ne!(one, other);
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert!(!one.contains("secret"));
        for (given, right) in [("secret", true), ("secre", false), ("", false)] {
            assert_eq!(matches(&one, given), right, "{given}");
        }
        assert!(!matches("", "") && !matches("secret", "secret"));
    }
}
