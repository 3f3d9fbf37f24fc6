//! Profiles: what one BBB release needs written, as data.

use bluegate_cluster::BbbVersion;
use serde::Deserialize;

/// The profiles that are built in, by release line.
const PROFILES: [(&str, &str); 2] = [
    ("2.7", include_str!("../../../profiles/2.7.toml")),
    ("3.0", include_str!("../../../profiles/3.0.toml")),
];

/// What one BBB release line needs behind a cluster proxy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The release line, such as `3.0`.
    pub release: String,
    /// Releases of real nodes it was seen to work on.
    pub verified_on: Vec<String>,
    /// The files to write.
    #[serde(rename = "file")]
    pub(crate) files: Vec<ProfileFile>,
}

/// One file of a profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileFile {
    /// Absolute path on the node.
    pub(crate) path: String,
    /// How `values` or `text` become bytes.
    pub(crate) format: Format,
    /// `user:group` on the node.
    pub(crate) owner: String,
    /// Octal permission bits.
    pub(crate) mode: String,
    /// Services that read the file only when they start.
    pub(crate) restart: Vec<String>,
    /// What it is for, in an operator's words.
    pub(crate) why: String,
    /// Where the knowledge comes from.
    pub(crate) source: String,
    /// Keys (dots nest) and values with placeholders.
    #[serde(default)]
    pub(crate) values: Vec<(String, Value)>,
    /// The whole text with placeholders, for the format `text`.
    #[serde(default)]
    pub(crate) text: String,
}

/// The form a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Java properties: `key=value`, as a marked block among foreign lines.
    Properties,
    /// YAML mappings of quoted strings.
    Yaml,
    /// A JSON object.
    Json,
    /// `KEY="value"` for systemd's `EnvironmentFile=`.
    Env,
    /// The profile's text itself.
    Text,
}

/// A value of a profile's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Value {
    /// One text.
    One(String),
    /// A list of texts.
    Many(Vec<String>),
}

/// No profile fits a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no profile for BBB {release}; there are profiles for {known}")]
pub struct ProfileError {
    release: String,
    known: String,
}

impl Profile {
    /// The built-in profile for the line of `release`.
    ///
    /// # Errors
    /// [`ProfileError`] when that line has none.
    pub fn for_release(release: &BbbVersion) -> Result<Self, ProfileError> {
        let line = format!("{}.{}", release.major, release.minor);
        match PROFILES.iter().find(|(name, _)| *name == line) {
            Some((_, text)) => {
                Ok(toml::from_str(text).expect("a test parses every built-in profile"))
            }
            None => Err(ProfileError {
                release: release.to_string(),
                known: PROFILES.map(|(name, _)| name).join(", "),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_profile_is_whole() {
        for (line, text) in PROFILES {
            let profile: Profile = toml::from_str(text).unwrap();
            assert_eq!(profile.release, line);
            for file in &profile.files {
                assert!(file.path.starts_with("/etc/"), "{}: package-owned", file.path);
                assert!(!file.why.is_empty() && !file.source.is_empty(), "{}", file.path);
                assert_eq!(file.values.is_empty(), file.format == Format::Text, "{}", file.path);
                assert_eq!(file.text.is_empty(), file.format != Format::Text, "{}", file.path);
                assert!(u32::from_str_radix(&file.mode, 8).is_ok(), "{}", file.path);
            }
        }
    }

    #[test]
    fn a_release_without_profile_is_named() {
        let error = Profile::for_release(&"2.2".parse().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no profile for BBB 2.2; there are profiles for 2.7, 3.0"
        );
        assert!(Profile::for_release(&"3.0.28".parse().unwrap()).is_ok());
    }
}
