//! The BBB release of a node.

use std::fmt;

/// A release such as `3.0.28`; what follows a `-` or `~` is kept as text only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    text: String,
    numbers: (u16, u16, u16),
}

/// A text that is no release this simulation can play.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a BBB 3.0 release such as `3.0.28`")]
pub struct ReleaseError {
    /// The text found.
    text: String,
}

impl Release {
    /// Reads `3.0.28`; only the 3.0 line is simulated.
    pub(crate) fn parse(text: &str) -> Result<Self, ReleaseError> {
        let error = || ReleaseError { text: text.to_owned() };
        let plain = text.split(['-', '~', '+']).next().unwrap_or_default();
        let mut parts = plain.split('.').map(str::parse::<u16>);
        let mut next = || parts.next().and_then(Result::ok);
        let numbers =
            (next().ok_or_else(error)?, next().ok_or_else(error)?, next().ok_or_else(error)?);
        if (numbers.0, numbers.1) != (3, 0) || parts.next().is_some() {
            return Err(error());
        }
        Ok(Self { text: text.to_owned(), numbers })
    }

    /// Slide files ask for a session since 3.0.27.
    pub(crate) fn slides_need_session(&self) -> bool {
        self.numbers >= (3, 0, 27)
    }

    /// `$bbb_cors_origin` exists since 3.0.28.
    pub(crate) fn has_cors_origin_variable(&self) -> bool {
        self.numbers >= (3, 0, 28)
    }

    /// The build number of the client, as it stands behind `?v=`.
    pub(crate) fn client_build(&self) -> String {
        let (major, minor, patch) = self.numbers;
        format!("{}", u32::from(major) * 10_000 + u32::from(minor) * 1_000 + u32::from(patch))
    }

    /// Seconds since 1970 at which this release's files were packed: every node
    /// that installs the release has files of that age, to the second.
    pub(crate) fn packed_at(&self) -> u64 {
        const FIRST_RELEASE: u64 = 1_735_689_600;
        const BETWEEN_RELEASES: u64 = 1_555_200;
        FIRST_RELEASE + u64::from(self.numbers.2) * BETWEEN_RELEASES
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
            ("3.0.26", false, false),
            ("3.0.27", true, false),
            ("3.0.28", true, true),
            ("3.0.100-1", true, true),
        ];
        for (text, session, variable) in table {
            let release = Release::parse(text).unwrap();
            assert_eq!(
                (release.slides_need_session(), release.has_cors_origin_variable()),
                (session, variable),
                "{text}"
            );
        }
        for text in ["2.7.9", "3.1.0", "3.0", "3.0.x", "", "3.0.1.2"] {
            assert!(Release::parse(text).is_err(), "{text}");
        }
    }
}
