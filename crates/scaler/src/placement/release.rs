//! Which BBB release a node runs, as far as is known. Pure.
//!
//! What the configuration says counts. Where it says nothing, or only the line,
//! the node's version document does. It names the release where
//! `allowRevealOfBBBVersion` is on, which by default it is not; but since 3.0 it
//! tells the client where GraphQL is, so on which side of 3.0 a node is shows
//! in any case.

use std::fmt;

use bluegate_bbb_api::{Answer, Outcome};
use bluegate_cluster::BbbVersion;

/// The release of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Release {
    /// This one, or, without a patch number, one of this line.
    Version(BbbVersion),
    /// 3.0 or later.
    Since30,
    /// Before 3.0.
    Before30,
}

impl Release {
    /// What a node's version document tells; `None` when it is no such document.
    pub(crate) fn told(index: &Answer) -> Option<Self> {
        if index.outcome() != Outcome::Success || index.text("apiVersion").is_none() {
            return None;
        }
        let named = index.text("bbbVersion").and_then(|text| text.trim().parse().ok());
        let has_graphql = index.root().child("graphqlWebsocketUrl").is_some()
            || index.root().child("graphqlApiUrl").is_some();
        Some(match named {
            Some(version) => Self::Version(version),
            None if has_graphql => Self::Since30,
            None => Self::Before30,
        })
    }

    /// What is known of a node that is configured so and told us that.
    pub(crate) fn known(configured: Option<&BbbVersion>, told: Option<&Self>) -> Option<Self> {
        match (configured, told) {
            (Some(line), Some(Self::Version(version)))
                if line.patch.is_none()
                    && (line.major, line.minor) == (version.major, version.minor) =>
            {
                Some(Self::Version(version.clone()))
            }
            (Some(configured), _) => Some(Self::Version(configured.clone())),
            (None, told) => told.cloned(),
        }
    }

    /// Whether it is known to be of a line before 3.0.
    pub(crate) fn is_before_3_0(&self) -> bool {
        match self {
            Self::Version(version) => !version.is_3_or_later(),
            Self::Since30 => false,
            Self::Before30 => true,
        }
    }
}

impl fmt::Display for Release {
    /// As rules for releases are written: `3.0.28`, `>=3.0`, `<3.0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => version.fmt(f),
            Self::Since30 => f.write_str(">=3.0"),
            Self::Before30 => f.write_str("<3.0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_document_tells_what_it_may() {
        let graphql = "<graphqlWebsocketUrl>wss://n/graphql</graphqlWebsocketUrl>\
             <graphqlApiUrl>https://n/api/rest</graphqlApiUrl>";
        for (told, wanted) in [
            ("<apiVersion>2.0</apiVersion><bbbVersion>3.0.28</bbbVersion>", Some("3.0.28")),
            ("<apiVersion>2.0</apiVersion><bbbVersion>2.7.17</bbbVersion>", Some("2.7.17")),
            ("<apiVersion>2.0</apiVersion><bbbVersion></bbbVersion>", Some("<3.0")),
            ("<apiVersion>2.0</apiVersion>", Some("<3.0")),
            (&format!("<apiVersion>2.0</apiVersion><bbbVersion/>{graphql}") as &str, Some(">=3.0")),
            ("<apiVersion>2.0</apiVersion><bbbVersion>devel</bbbVersion>", Some("<3.0")),
            ("<meetings/>", None),
        ] {
            let text = format!("<response><returncode>SUCCESS</returncode>{told}</response>");
            let answer = Answer::parse(text.as_bytes()).unwrap();
            let release = Release::told(&answer).map(|release| release.to_string());
            assert_eq!(release.as_deref(), wanted, "{told}");
        }
        let failed =
            "<response><returncode>FAILED</returncode><apiVersion>2.0</apiVersion></response>";
        assert_eq!(Release::told(&Answer::parse(failed.as_bytes()).unwrap()), None);
    }

    #[test]
    fn what_is_configured_counts_and_is_made_more_precise() {
        let version = |text: &str| Release::Version(text.parse().unwrap());
        for (configured, told, wanted) in [
            (None, None, None),
            (None, Some(version("3.0.28")), Some("3.0.28")),
            (None, Some(Release::Since30), Some(">=3.0")),
            (Some("3.0"), None, Some("3.0")),
            (Some("3.0"), Some(version("3.0.28")), Some("3.0.28")),
            (Some("3.0"), Some(version("2.7.17")), Some("3.0")),
            (Some("3.0.27"), Some(version("3.0.28")), Some("3.0.27")),
            (Some("2.7"), Some(Release::Since30), Some("2.7")),
        ] {
            let line: Option<BbbVersion> = configured.map(|text| text.parse().unwrap());
            let known = Release::known(line.as_ref(), told.as_ref());
            let known = known.map(|release| release.to_string());
            assert_eq!(known.as_deref(), wanted, "{configured:?} {told:?}");
        }
    }

    #[test]
    fn the_side_of_3_0_is_known() {
        for (release, wanted) in [
            (Release::Version("2.7".parse().unwrap()), true),
            (Release::Version("3.0.0-beta.1".parse().unwrap()), false),
            (Release::Since30, false),
            (Release::Before30, true),
        ] {
            assert_eq!(release.is_before_3_0(), wanted, "{release}");
        }
    }
}
