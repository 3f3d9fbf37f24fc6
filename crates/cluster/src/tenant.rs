//! The name of a tenant.

use std::{fmt, str::FromStr};

use crate::mount::is_label;

/// A tenant's name, such as `default` or `physics`.
///
/// Lower-case letters, digits and inner hyphens, at most 32 characters: it is
/// part of paths (`/t/<tenant>/`), of metric labels and, for ever, of meeting
/// IDs on the nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantName(String);

/// A text that is not a [`TenantName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a tenant name: lower-case letters, digits and inner hyphens, 1 to 32 characters"
)]
pub struct TenantNameError(String);

impl TenantName {
    /// The longest name, in characters.
    pub const MAX_LENGTH: usize = 32;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantName {
    type Err = TenantNameError;

    fn from_str(text: &str) -> Result<Self, TenantNameError> {
        if is_label(text) && text.len() <= Self::MAX_LENGTH {
            Ok(Self(text.to_owned()))
        } else {
            Err(TenantNameError(text.to_owned()))
        }
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenant_names_are_short_labels() {
        for (text, wanted) in
            [("default", true), ("a.b", false), ("A", false), ("", false), (&"x".repeat(33), false)]
        {
            assert_eq!(text.parse::<TenantName>().is_ok(), wanted, "{text}");
        }
    }
}
