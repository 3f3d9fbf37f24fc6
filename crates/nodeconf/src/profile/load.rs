//! Choosing the profile of a release and completing it by inheritance.

use std::sync::LazyLock;

use bluegate_cluster::BbbVersion;

use super::schema::{PackageEdit, ProfileFile, ProfileText};
use crate::detect::is_within;

/// The built-in profiles, by file name, made by the build script.
const PROFILES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

/// What one BBB release line needs behind a cluster proxy.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name, which is the release line: `3.0`.
    pub name: String,
    /// The files to write.
    pub(crate) files: Vec<ProfileFile>,
    /// What must be changed in files that belong to packages.
    pub(crate) package_edits: Vec<PackageEdit>,
}

/// No profile fits a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no profile for BBB {release}; there are profiles for {known}. Name the nearest with `--bbb` to plan as for that"
)]
pub struct ProfileError {
    release: String,
    known: String,
}

impl Profile {
    /// The built-in profile whose range holds `release`.
    ///
    /// # Errors
    /// [`ProfileError`] when none does.
    pub fn for_release(release: &BbbVersion) -> Result<&'static Self, ProfileError> {
        LINES
            .iter()
            .find(|(text, _)| is_within(release, text.from.as_deref(), text.before.as_deref()))
            .map(|(_, profile)| profile)
            .ok_or_else(|| ProfileError {
                release: release.to_string(),
                known: Self::every().map(|line| line.name.as_str()).collect::<Vec<_>>().join(", "),
            })
    }

    /// All built-in profiles of release lines, completed.
    pub(crate) fn every() -> impl Iterator<Item = &'static Self> {
        LINES.iter().map(|(_, profile)| profile)
    }
}

/// The profiles as they are written, by name.
static TEXTS: LazyLock<Vec<(&'static str, ProfileText)>> = LazyLock::new(|| {
    PROFILES
        .iter()
        .map(|&(name, text)| {
            (name, toml::from_str(text).expect("a test parses every built-in profile"))
        })
        .collect()
});

/// All built-in profiles of release lines, completed.
static LINES: LazyLock<Vec<(&'static ProfileText, Profile)>> = LazyLock::new(|| {
    let lines = TEXTS.iter().filter(|(_, text)| text.from.is_some());
    lines.map(|(name, text)| (text, completed(name, text))).collect()
});

fn completed(name: &str, text: &ProfileText) -> Profile {
    let inherited = text.inherits.as_deref().map(|parent| {
        let (parent, text) = TEXTS
            .iter()
            .find(|(name, _)| *name == parent)
            .expect("a test follows the inheritance of every built-in profile");
        completed(parent, text)
    });
    let mut profile = inherited.unwrap_or(Profile {
        name: String::new(),
        files: Vec::new(),
        package_edits: Vec::new(),
    });
    profile.name = name.to_owned();
    for file in &text.files {
        match profile.files.iter_mut().find(|known| known.path == file.path) {
            Some(known) => add(known, file.clone()),
            None => profile.files.push(file.clone()),
        }
    }
    profile.package_edits.extend(text.package_edits.iter().cloned());
    profile
}

/// The heir's entries replace those of the same key, or come behind; the rest
/// of a file that it names again is the heir's.
fn add(known: &mut ProfileFile, heir: ProfileFile) {
    let mut entries = std::mem::take(&mut known.entries);
    let mut retired = std::mem::take(&mut known.retired);
    entries.retain(|old| heir.entries.iter().all(|entry| entry.key != old.key));
    entries.extend(heir.entries.iter().cloned());
    retired.extend(heir.retired);
    *known = ProfileFile { entries, retired, ..heir };
}
