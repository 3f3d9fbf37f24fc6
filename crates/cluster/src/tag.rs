//! Tags: what nodes are, and what meetings want them to be.

use std::{collections::BTreeSet, fmt, str::FromStr};

/// A tag, such as `gpu` or `site=berlin`.
///
/// Letters, digits and `-._=`, at most 64 characters: lists of tags in create
/// calls are separated by `;` and may end in `!`. Not `none`, which such lists
/// use for nodes without tags (Scalelite's `meta_server-tag`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// A text that is not a [`Tag`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a tag: letters, digits and `-._=`, 1 to 64 characters, and not `none`")]
pub struct TagError(String);

/// What a meeting wants of its node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagWishes {
    /// A node must have all of them.
    pub required: BTreeSet<Tag>,
    /// Nodes with them come first.
    pub preferred: BTreeSet<Tag>,
    /// Nodes with any of them come last.
    pub avoided: BTreeSet<Tag>,
}

impl Tag {
    /// The longest tag, in characters.
    pub const MAX_LENGTH: usize = 64;

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._=".contains(c);
        let fits = !text.is_empty() && text.len() <= Self::MAX_LENGTH;
        if fits && text.chars().all(allowed) && text != "none" {
            Ok(Self(text.to_owned()))
        } else {
            Err(TagError(text.to_owned()))
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_can_stand_in_a_list() {
        for (text, wanted) in [
            ("gpu", true),
            ("site=berlin_2.b", true),
            ("", false),
            ("none", false),
            ("a;b", false),
            ("a!", false),
            ("a b", false),
            (&"x".repeat(65), false),
        ] {
            assert_eq!(text.parse::<Tag>().is_ok(), wanted, "{text}");
        }
    }
}
