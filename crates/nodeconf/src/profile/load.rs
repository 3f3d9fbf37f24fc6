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
    /// The first release it is for; none in a profile that others inherit.
    from: Option<String>,
    /// The first release it is no longer for.
    before: Option<String>,
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

/// The profiles of all release lines, completed by inheritance.
#[derive(Clone, Debug)]
pub(crate) struct Profiles(Vec<Profile>);

/// Those that are built in.
static BUILT_IN: LazyLock<Profiles> = LazyLock::new(|| Profiles::of(PROFILES));

impl Profiles {
    /// Those that are built in.
    pub(crate) fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Those of these texts, by file name. The texts are our own data, which
    /// tests read.
    pub(crate) fn of(texts: &[(&str, &str)]) -> Self {
        let texts: Vec<(&str, ProfileText)> = texts
            .iter()
            .map(|&(name, text)| {
                (name, toml::from_str(text).expect("a test parses every built-in profile"))
            })
            .collect();
        let lines = texts.iter().filter(|(_, text)| text.from.is_some());
        Self(lines.map(|(name, text)| completed(&texts, name, text)).collect())
    }

    /// The one whose range holds `release`.
    ///
    /// # Errors
    /// [`ProfileError`] when none does.
    pub(crate) fn for_release(&self, release: &BbbVersion) -> Result<&Profile, ProfileError> {
        let fits =
            |line: &&Profile| is_within(release, line.from.as_deref(), line.before.as_deref());
        self.0.iter().find(fits).ok_or_else(|| ProfileError {
            release: release.to_string(),
            known: self.every().map(|line| line.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// All of them.
    pub(crate) fn every(&self) -> impl Iterator<Item = &Profile> {
        self.0.iter()
    }
}

impl Profile {
    /// The built-in profile whose range holds `release`.
    ///
    /// # Errors
    /// [`ProfileError`] when none does.
    pub fn for_release(release: &BbbVersion) -> Result<&'static Self, ProfileError> {
        BUILT_IN.for_release(release)
    }
}

/// The built-in texts, for tests that add one.
#[cfg(test)]
pub(crate) fn texts() -> &'static [(&'static str, &'static str)] {
    PROFILES
}

fn completed(texts: &[(&str, ProfileText)], name: &str, text: &ProfileText) -> Profile {
    let inherited = text.inherits.as_deref().map(|parent| {
        let (parent, text) = texts
            .iter()
            .find(|(name, _)| *name == parent)
            .expect("a test follows the inheritance of every built-in profile");
        completed(texts, parent, text)
    });
    let mut profile = inherited.unwrap_or(Profile {
        name: String::new(),
        from: None,
        before: None,
        files: Vec::new(),
        package_edits: Vec::new(),
    });
    profile.name = name.to_owned();
    profile.from.clone_from(&text.from);
    profile.before.clone_from(&text.before);
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
