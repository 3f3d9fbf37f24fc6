//! Secrets that do not print themselves.

use std::fmt;

/// A shared secret: a node's API secret, a tenant's secret, a token.
///
/// Never empty (BBB takes an empty secret as "do not check"), and shown as
/// `***` wherever it is formatted.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

/// A secret that is empty once blanks around it are cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret is empty; an empty secret would let everyone in")]
pub struct EmptySecret;

impl Secret {
    /// Takes `text` without the blanks and line ends around it.
    ///
    /// # Errors
    /// [`EmptySecret`] when nothing is left.
    pub fn new(text: &str) -> Result<Self, EmptySecret> {
        let text = text.trim();
        if text.is_empty() { Err(EmptySecret) } else { Ok(Self(text.to_owned())) }
    }

    /// The secret itself, to sign or compare with; never to log.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_trimmed_never_empty_and_never_printed() {
        let secret = Secret::new(" s3cret\n").unwrap();
        assert_eq!(secret.expose(), "s3cret");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(Secret::new(" \n"), Err(EmptySecret));
    }
}
