//! What a node is: its release and its features, each with the evidence.

use std::collections::BTreeSet;

use bluegate_cluster::BbbVersion;
use serde::{Deserialize, Serialize};

use crate::host::{Host, HostError, matching, unit_file};

/// Where BBB's packages write their release.
pub(crate) const RELEASE_FILE: &str = "/etc/bigbluebutton/bigbluebutton-release";

/// What the features are and how they are seen.
const FEATURES: &str = include_str!("../../../profiles/features.toml");

/// What was found out about a node.
#[derive(Clone, Debug)]
pub struct Detected {
    /// The BBB release it runs.
    pub release: BbbVersion,
    /// What it has, by the names of `profiles/features.toml`.
    pub features: BTreeSet<String>,
    /// Where each of these comes from.
    pub evidence: Vec<Evidence>,
}

/// Where a fact about a node comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The fact.
    pub fact: String,
    /// The file that shows it, or why it was assumed.
    pub seen_in: String,
}

/// A node's release cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// The node cannot be looked at.
    #[error("cannot look at the node")]
    Host(#[from] HostError),
    /// There is no release file.
    #[error(
        "there is no `{RELEASE_FILE}`, so no BigBlueButton: run this on the node, name its files with `--root`, or its release with `--bbb`"
    )]
    NoRelease,
    /// The release file says something else than a release.
    #[error("`{RELEASE_FILE}` names no release: `{0}`; name it with `--bbb`")]
    Release(String),
}

/// Finds out the release of `host`, unless it is `stated`, and its features.
///
/// # Errors
/// [`DetectError`] when the release cannot be told.
pub fn detect(host: &dyn Host, stated: Option<&BbbVersion>) -> Result<Detected, DetectError> {
    let (release, seen_in) = match stated {
        Some(release) => (release.clone(), "stated".to_owned()),
        None => (read_release(host)?, RELEASE_FILE.to_owned()),
    };
    let mut detected = Detected {
        evidence: vec![Evidence { fact: format!("release {release}"), seen_in }],
        features: BTreeSet::new(),
        release,
    };
    for feature in features() {
        let (there, seen_in) = feature.look(host, &detected.release)?;
        let fact = if there { feature.about } else { format!("not: {}", feature.about) };
        if there {
            detected.features.insert(feature.name);
        }
        detected.evidence.push(Evidence { fact, seen_in });
    }
    Ok(detected)
}

fn read_release(host: &dyn Host) -> Result<BbbVersion, DetectError> {
    let file = host.file(RELEASE_FILE)?.ok_or(DetectError::NoRelease)?;
    let text = String::from_utf8_lossy(&file.bytes).into_owned();
    let value = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("BIGBLUEBUTTON_RELEASE="))
        .map(|value| value.trim().trim_matches(['"', '\'']))
        .unwrap_or_default();
    parse_release(value).ok_or_else(|| DetectError::Release(value.to_owned()))
}

/// Pre-releases of 2.x were written without a patch number: `2.4-rc-7`.
fn parse_release(text: &str) -> Option<BbbVersion> {
    if let Ok(release) = text.parse() {
        return Some(release);
    }
    let (numbers, pre_release) = text.split_once('-')?;
    format!("{numbers}.0-{pre_release}").parse().ok()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeatureFile {
    feature: Vec<Feature>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Feature {
    pub(crate) name: String,
    about: String,
    #[serde(default)]
    exists: Vec<String>,
    absence_counts_at: Option<String>,
    unit: Option<String>,
    files: Option<String>,
    contains: Option<String>,
    assume_from: Option<String>,
    assume_before: Option<String>,
}

pub(crate) fn features() -> Vec<Feature> {
    let file: FeatureFile = toml::from_str(FEATURES).expect("a test parses the features");
    file.feature
}

impl Feature {
    /// Whether it is there, and how that is known.
    fn look(&self, host: &dyn Host, release: &BbbVersion) -> Result<(bool, String), HostError> {
        for path in &self.exists {
            if host.exists(path)? {
                return Ok((true, path.clone()));
            }
        }
        if let Some(path) = &self.absence_counts_at
            && host.exists(path)?
        {
            return Ok((false, format!("nothing at {}", self.exists.join(" or "))));
        }
        let wanted = self.contains.as_deref().unwrap_or_default();
        if let Some(service) = &self.unit
            && let Some((path, text)) = unit_file(host, service)?
        {
            return Ok((text.contains(wanted), path));
        }
        if let Some(pattern) = &self.files {
            let paths = matching(host, pattern)?;
            for path in &paths {
                let file = host.file(path)?;
                let text = file.map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
                if text.is_some_and(|text| text.contains(wanted)) {
                    return Ok((true, path.clone()));
                }
            }
            if !paths.is_empty() {
                return Ok((false, format!("`{wanted}` in none of {pattern}")));
            }
        }
        let there = is_within(release, self.assume_from.as_deref(), self.assume_before.as_deref())
            && (self.assume_from.is_some() || self.assume_before.is_some());
        Ok((there, format!("assumed of release {release}")))
    }
}

/// Whether `release` is not before `from` and before `before`. The bounds are
/// our own data, which a test reads.
pub(crate) fn is_within(release: &BbbVersion, from: Option<&str>, before: Option<&str>) -> bool {
    let order = |bound: &str| {
        release.order(&bound.parse().expect("a test parses the bounds of all profiles"))
    };
    from.is_none_or(|bound| order(bound).is_ge()) && before.is_none_or(|bound| order(bound).is_lt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{FileState, Snapshot};

    fn node(files: &[(&str, &str)]) -> Snapshot {
        let state = |text: &str| FileState {
            bytes: text.as_bytes().to_vec(),
            owner: "root:root".to_owned(),
            mode: 0o644,
        };
        Snapshot {
            files: files.iter().map(|(path, text)| ((*path).to_owned(), state(text))).collect(),
            ..Snapshot::default()
        }
    }

    #[test]
    fn releases_are_read_as_packages_write_them() {
        for (text, wanted) in [
            ("BIGBLUEBUTTON_RELEASE=3.0.28\n", "3.0.28"),
            ("# x\nBIGBLUEBUTTON_RELEASE=3.0.0-beta.1\n", "3.0.0-beta.1"),
            ("BIGBLUEBUTTON_RELEASE=2.4-rc-7\n", "2.4.0-rc-7"),
            ("BIGBLUEBUTTON_RELEASE=\"2.7.17\"\r\n", "2.7.17"),
        ] {
            let detected = detect(&node(&[(RELEASE_FILE, text)]), None).unwrap();
            assert_eq!(detected.release.to_string(), wanted);
            assert_eq!(detected.evidence[0].seen_in, RELEASE_FILE);
        }
        assert!(matches!(detect(&node(&[]), None), Err(DetectError::NoRelease)));
        let error = detect(&node(&[(RELEASE_FILE, "nonsense")]), None);
        assert!(matches!(error, Err(DetectError::Release(_))));
    }

    #[test]
    fn what_is_seen_beats_what_the_release_lets_assume() {
        let unit = "/usr/lib/systemd/system/bbb-graphql-server.service";
        let old = "[Service]\nEnvironmentFile=/etc/default/bbb-graphql-server\n";
        let new = "[Service]\nEnvironmentFile=-/etc/bigbluebutton/bbb-graphql-server.env\n";
        let release = "3.0.28".parse().unwrap();
        for (files, wanted) in [
            (vec![], true),
            (vec![(unit, old)], false),
            (vec![(unit, new)], true),
            // A unit of the operator's own hides the package's.
            (vec![("/etc/systemd/system/bbb-graphql-server.service", old), (unit, new)], false),
        ] {
            let detected = detect(&node(&files), Some(&release)).unwrap();
            assert_eq!(detected.features.contains("graphql-env-file"), wanted, "{files:?}");
        }
        let slides = "/usr/share/bigbluebutton/nginx/presentation-slides.nginx";
        let detected = detect(&node(&[(slides, "location /x {}")]), Some(&release)).unwrap();
        assert!(!detected.features.contains("cors-origin-variable"));
    }

    #[test]
    fn every_feature_is_whole() {
        for feature in features() {
            let looks = [feature.unit.is_some(), feature.files.is_some()];
            assert!(looks.contains(&true) == feature.contains.is_some(), "{}", feature.name);
            assert!(looks.contains(&true) || !feature.exists.is_empty(), "{}", feature.name);
            for bound in [feature.assume_from, feature.assume_before].into_iter().flatten() {
                assert!(bound.parse::<BbbVersion>().is_ok(), "{bound}");
            }
        }
    }
}
