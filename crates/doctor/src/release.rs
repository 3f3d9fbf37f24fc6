//! Which BBB a node runs, as far as it shows.

use bluegate_cluster::BbbVersion;

/// How the client is made and served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// By Meteor, up to 2.7.
    Meteor,
    /// Static files, since 3.0.
    Static,
}

/// The release of a node: its version if it is known, its kind in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// As the node or else the cluster file says.
    pub version: Option<BbbVersion>,
    /// Meteor or static.
    pub client: ClientKind,
    /// Whether `version` is the node's own word.
    pub told_by_node: bool,
}

impl Release {
    /// Whether it is certainly this version or later.
    #[must_use]
    pub fn is_since(&self, major: u16, minor: u16, patch: u16) -> bool {
        self.compare(major, minor, patch) == Some(true)
    }

    /// Whether it is certainly older than this version.
    #[must_use]
    pub fn is_before(&self, major: u16, minor: u16, patch: u16) -> bool {
        self.compare(major, minor, patch) == Some(false)
    }

    /// Whether it is exactly this version.
    #[must_use]
    pub fn is(&self, major: u16, minor: u16, patch: u16) -> bool {
        self.version
            .as_ref()
            .is_some_and(|v| (v.major, v.minor, v.patch) == (major, minor, Some(patch)))
    }

    /// Whether it has the static client.
    #[must_use]
    pub fn is_static(&self) -> bool {
        self.client == ClientKind::Static
    }

    fn compare(&self, major: u16, minor: u16, patch: u16) -> Option<bool> {
        let version = self.version.as_ref()?;
        let lines = (version.major, version.minor).cmp(&(major, minor));
        match (lines, version.patch) {
            (std::cmp::Ordering::Less, _) => Some(false),
            (std::cmp::Ordering::Greater, _) => Some(true),
            (std::cmp::Ordering::Equal, Some(own)) => Some(own >= patch),
            (std::cmp::Ordering::Equal, None) => (patch == 0).then_some(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_patch_is_neither_before_nor_since() {
        for (version, since, before) in [
            ("3.0.28", true, false),
            ("3.0.27", false, true),
            ("3.0", false, false),
            ("4.0.0", true, false),
            ("2.7.17", false, true),
            ("2.7", false, true),
        ] {
            let release = Release {
                version: Some(version.parse().unwrap()),
                client: ClientKind::Static,
                told_by_node: true,
            };
            let found = (release.is_since(3, 0, 28), release.is_before(3, 0, 28));
            assert_eq!(found, (since, before), "{version}");
        }
    }
}
