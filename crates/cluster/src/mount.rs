//! The path segment a node hangs at on the cluster's origin.

use std::{borrow::Borrow, collections::BTreeSet, fmt, net::IpAddr, str::FromStr};

use crate::Origin;

/// Most names that are tried for hosts with one first label.
const MOST_ALIKE: usize = 1000;

/// Path segments that can never be a node's mount: each is a path that BBB,
/// a frontend or Bluegate itself uses at the top of an origin.
pub const RESERVED_MOUNTS: [&str; 12] = [
    ".well-known",
    "_client",
    "api",
    "b",
    "bigbluebutton",
    "graphql",
    "html5client",
    "livekit",
    "pad",
    "playback",
    "t",
    "v1",
];

/// A node's name and its path segment on the cluster's origin: `bbb-01` in
/// `/bbb-01/html5client/`.
///
/// Lower-case letters, digits and inner hyphens, at most 63 characters, and
/// none of [`RESERVED_MOUNTS`]: it also serves as a file name, a label and the
/// first part of a host name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mount(String);

/// Why a text is not a [`Mount`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MountError {
    /// A character, a length or a hyphen that is not allowed.
    #[error(
        "`{0}` is not a node name: lower-case letters, digits and inner hyphens, 1 to 63 characters"
    )]
    Form(String),
    /// One of [`RESERVED_MOUNTS`].
    #[error("`{0}` is reserved: that path has a meaning of its own on an origin")]
    Reserved(String),
}

impl Mount {
    /// The segment, without slashes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A free name for a node of this origin: the first label of its host, with
    /// a number behind it when that is taken or means something else.
    #[must_use]
    pub fn for_host(origin: &Origin, taken: &BTreeSet<Self>) -> Option<Self> {
        let host = origin.host();
        let label = host.split('.').next().unwrap_or_default().to_ascii_lowercase();
        let is_address =
            host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        let label = if label.is_empty() || is_address { "node".to_owned() } else { label };
        let names = std::iter::once(label.clone()).chain((2..).map(|n| format!("{label}-{n}")));
        names
            .take(MOST_ALIKE)
            .filter_map(|name| name.parse().ok())
            .find(|name| !taken.contains(name))
    }

    /// The reserved name of the BBB API, which no node can have.
    pub(crate) fn api() -> Self {
        Self("api".to_owned())
    }
}

impl FromStr for Mount {
    type Err = MountError;

    fn from_str(text: &str) -> Result<Self, MountError> {
        if RESERVED_MOUNTS.contains(&text) {
            return Err(MountError::Reserved(text.to_owned()));
        }
        if is_label(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(MountError::Form(text.to_owned()))
        }
    }
}

/// Lower-case letters, digits and inner hyphens, 1 to 63 characters.
pub(crate) fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl Borrow<str> for Mount {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_labels_that_mean_nothing_else() {
        for good in ["bbb-01", "a", "7", "node--x"] {
            assert!(good.parse::<Mount>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "BBB-01", "a.b", "a/b", "ä", &"x".repeat(64)] {
            assert_eq!(bad.parse::<Mount>(), Err(MountError::Form(bad.to_owned())));
        }
        for reserved in RESERVED_MOUNTS {
            assert_eq!(reserved.parse::<Mount>(), Err(MountError::Reserved(reserved.to_owned())));
        }
    }

    #[test]
    fn a_node_is_named_for_its_host_and_once() {
        let mut taken = BTreeSet::new();
        for (origin, wanted) in [
            ("https://bbb-01.example.org", "bbb-01"),
            ("https://bbb-01.example.com", "bbb-01-2"),
            ("http://10.0.0.7:8080", "node"),
            ("http://[2001:db8::1]", "node-2"),
            ("https://api.example.org", "api-2"),
        ] {
            let name = Mount::for_host(&origin.parse().unwrap(), &taken).unwrap();
            assert_eq!(name.as_str(), wanted, "{origin}");
            taken.insert(name);
        }
    }
}
