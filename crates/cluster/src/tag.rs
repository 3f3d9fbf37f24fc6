//! Tags: what nodes are, and what meetings want them to be.

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::mount::is_label;

/// A tag, such as `gpu` or `building-7`: lower-case letters, digits and inner
/// hyphens, at most 63 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// A text that is not a [`Tag`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a tag: lower-case letters, digits and inner hyphens, 1 to 63 characters")]
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
    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        if is_label(text) { Ok(Self(text.to_owned())) } else { Err(TagError(text.to_owned())) }
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
    fn tags_are_short_labels() {
        for (text, wanted) in [("gpu", true), ("building-7", true), ("GPU", false), ("a,b", false)]
        {
            assert_eq!(text.parse::<Tag>().is_ok(), wanted, "{text}");
        }
    }
}
