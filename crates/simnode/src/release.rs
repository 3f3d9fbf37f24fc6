//! The BBB release of a node.

use std::fmt;

/// A release such as `3.0.28`; what follows a `-` or `~` is kept as text only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    text: String,
    line: Line,
    patch: u16,
}

/// A release line that can be simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Client by Meteor, DDP over SockJS, `enter` and `guestWait`.
    V2_7,
    /// Static client, GraphQL.
    V3_0,
}

/// A text that is no release this simulation can play.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a release of BBB 2.7 or 3.0 such as `3.0.28`")]
pub struct ReleaseError {
    /// The text found.
    text: String,
}

impl Release {
    /// Reads `3.0.28`; only the lines of [`Line`] are simulated.
    pub(crate) fn parse(text: &str) -> Result<Self, ReleaseError> {
        let error = || ReleaseError { text: text.to_owned() };
        let plain = text.split(['-', '~', '+']).next().unwrap_or_default();
        let numbers: Vec<u16> = plain
            .split('.')
            .map(|part| part.parse().map_err(|_| error()))
            .collect::<Result<_, _>>()?;
        let (line, patch) = match *numbers.as_slice() {
            [2, 7, patch] => (Line::V2_7, patch),
            [3, 0, patch] => (Line::V3_0, patch),
            _ => return Err(error()),
        };
        Ok(Self { text: text.to_owned(), line, patch })
    }

    /// The release line.
    pub(crate) fn line(&self) -> Line {
        self.line
    }

    /// The last number.
    pub(crate) fn patch(&self) -> u16 {
        self.patch
    }

    /// Slide files ask for a session since 3.0.27.
    pub(crate) fn slides_need_session(&self) -> bool {
        self.line == Line::V3_0 && self.patch >= 27
    }

    /// `$bbb_cors_origin` exists since 3.0.28.
    pub(crate) fn has_cors_origin_variable(&self) -> bool {
        self.line == Line::V3_0 && self.patch >= 28
    }

    /// Since 2.7.8 the checksum of a POST covers its query only, the type of
    /// its body is checked, and `join` is a GET.
    pub(crate) fn is_strict_about_posts(&self) -> bool {
        self.line == Line::V3_0 || self.patch >= 8
    }

    /// The build number of the client, as it stands behind `?v=`.
    pub(crate) fn client_build(&self) -> String {
        match self.line {
            Line::V2_7 => (27_000 + u32::from(self.patch)).to_string(),
            Line::V3_0 => (30_000 + u32::from(self.patch)).to_string(),
        }
    }

    /// Seconds since 1970 at which this release's files were packed: every node
    /// that installs the release has files of that age, to the second.
    pub(crate) fn packed_at(&self) -> u64 {
        const BETWEEN_RELEASES: u64 = 1_555_200;
        let first: u64 = match self.line {
            Line::V2_7 => 1_693_526_400,
            Line::V3_0 => 1_735_689_600,
        };
        first + u64::from(self.patch) * BETWEEN_RELEASES
    }
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Release;

    #[test]
    fn gates_follow_the_patch_number() {
        let table = [
            ("2.7.7", false, false, false),
            ("2.7.8", false, false, true),
            ("2.7.28", false, false, true),
            ("3.0.0", false, false, true),
            ("3.0.26", false, false, true),
            ("3.0.27", true, false, true),
            ("3.0.28", true, true, true),
            ("3.0.100-1", true, true, true),
        ];
        for (text, session, variable, posts) in table {
            let release = Release::parse(text).unwrap();
            let gates = (
                release.slides_need_session(),
                release.has_cors_origin_variable(),
                release.is_strict_about_posts(),
            );
            assert_eq!(gates, (session, variable, posts), "{text}");
        }
        for text in ["2.6.9", "2.7", "3.1.0", "3.0", "3.0.x", "", "3.0.1.2"] {
            assert!(Release::parse(text).is_err(), "{text}");
        }
    }
}
