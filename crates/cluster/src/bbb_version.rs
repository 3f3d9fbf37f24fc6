//! The version of BigBlueButton a node runs.

use std::{cmp::Ordering, fmt, str::FromStr};

/// A BBB release such as `2.7`, `3.0.28` or `3.0.0-beta.1`.
///
/// What develops as 3.1 is released as 4.0; both are kept as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BbbVersion {
    /// `3` in `3.0.28`.
    pub major: u16,
    /// `0` in `3.0.28`.
    pub minor: u16,
    /// `28` in `3.0.28`; absent when only the line is known.
    pub patch: Option<u16>,
    /// `beta.1` in `3.0.0-beta.1`.
    pub pre_release: Option<String>,
}

/// A text that is not a BBB release number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a BBB version such as `2.7`, `3.0.28` or `3.0.0-beta.1`")]
pub struct BbbVersionError(String);

impl BbbVersion {
    /// Whether this is release line 3.0 or later: static client, GraphQL, the
    /// API index asked for by the client.
    #[must_use]
    pub fn is_3_or_later(&self) -> bool {
        self.major >= 3
    }

    /// Which of two releases came first. A line without a patch number means
    /// its newest release; a pre-release comes before its release.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| {
            (version.major, version.minor, version.patch.map_or(u32::MAX, u32::from))
        };
        numbers(self).cmp(&numbers(other)).then_with(|| {
            match (&self.pre_release, &other.pre_release) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(one), Some(two)) => order_pre_releases(one, two),
            }
        })
    }
}

/// A part of a pre-release's name; numbers come before words.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Number(u64),
    Word(&'a str),
}

/// Part by part, as semantic versioning does.
fn order_pre_releases(one: &str, two: &str) -> Ordering {
    fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
        text.split(['.', '-']).map(|part| part.parse().map_or(Part::Word(part), Part::Number))
    }
    parts(one).cmp(parts(two))
}

impl FromStr for BbbVersion {
    type Err = BbbVersionError;

    fn from_str(text: &str) -> Result<Self, BbbVersionError> {
        let error = || BbbVersionError(text.to_owned());
        let (numbers, pre_release) = match text.split_once('-') {
            Some((numbers, pre)) if !pre.is_empty() => (numbers, Some(pre.to_owned())),
            Some(_) => return Err(error()),
            None => (text, None),
        };
        let mut parts = numbers.split('.').map(|part| part.parse::<u16>().ok());
        let major = parts.next().flatten().ok_or_else(error)?;
        let minor = parts.next().flatten().ok_or_else(error)?;
        let patch = match parts.next() {
            Some(part) => Some(part.ok_or_else(error)?),
            None => None,
        };
        if parts.next().is_some() || (pre_release.is_some() && patch.is_none()) {
            return Err(error());
        }
        Ok(Self { major, minor, patch, pre_release })
    }
}

impl fmt::Display for BbbVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if let Some(patch) = self.patch {
            write!(f, ".{patch}")?;
        }
        match &self.pre_release {
            Some(pre_release) => write!(f, "-{pre_release}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_come_in_their_order() {
        let ordered = [
            "2.4.3",
            "2.4.4",
            "2.4",
            "2.6.9",
            "2.6.10",
            "2.6",
            "3.0.0-alpha.7",
            "3.0.0-beta.1",
            "3.0.0-beta.2",
            "3.0.0-beta.10",
            "3.0.0",
            "3.0.28",
            "3.0",
            "3.1.0-alpha.1",
            "4.0",
        ];
        for (place, one) in ordered.iter().enumerate() {
            for (other_place, other) in ordered.iter().enumerate() {
                let (one, other): (BbbVersion, BbbVersion) =
                    (one.parse().unwrap(), other.parse().unwrap());
                assert_eq!(one.order(&other), place.cmp(&other_place), "{one} {other}");
            }
        }
    }

    #[test]
    fn versions_print_as_they_were_read() {
        for good in ["2.7", "3.0.28", "3.0.0-beta.1", "4.0"] {
            assert_eq!(good.parse::<BbbVersion>().unwrap().to_string(), good);
        }
        for bad in ["", "3", "3.0.28.1", "3.x", "v3.0", "3.0-", "3.0-beta.1"] {
            assert_eq!(bad.parse::<BbbVersion>(), Err(BbbVersionError(bad.to_owned())));
        }
    }
}
