//! The form of a profile's file.

use bluegate_cluster::BbbVersion;
use serde::Deserialize;

use crate::detect::is_within;

/// One file of `profiles/`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileText {
    /// The first release it is for; none in a profile that others inherit.
    pub(crate) from: Option<String>,
    /// The first release it is no longer for.
    pub(crate) before: Option<String>,
    /// The profile it completes, by file name.
    pub(crate) inherits: Option<String>,
    /// The files to write.
    #[serde(default, rename = "file")]
    pub(crate) files: Vec<ProfileFile>,
    /// What must be changed in files that belong to packages.
    #[serde(default, rename = "package_edit")]
    pub(crate) package_edits: Vec<PackageEdit>,
}

/// When an entry holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    /// From this release on.
    pub(crate) from: Option<String>,
    /// Before this release.
    pub(crate) before: Option<String>,
    /// With each of these features; `!name` means without it. Besides those of
    /// `features.toml` there is `cross-site`.
    pub(crate) when: Vec<String>,
}

impl Conditions {
    /// Whether they are met.
    pub(crate) fn are_met(&self, release: &BbbVersion, has: impl Fn(&str) -> bool) -> bool {
        is_within(release, self.from.as_deref(), self.before.as_deref())
            && self.when.iter().all(|name| match name.strip_prefix('!') {
                Some(name) => !has(name),
                None => has(name),
            })
    }
}

/// One file that is ours to write, or to write into.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileFile {
    /// Absolute path on the node.
    pub(crate) path: String,
    /// What is written in it.
    pub(crate) format: Format,
    /// `user:group` of a file that is new.
    pub(crate) owner: String,
    /// Octal permission bits of a file that is new.
    pub(crate) mode: String,
    /// Services that read the file only when they start.
    pub(crate) restart: Vec<String>,
    /// What stands in it.
    #[serde(default, rename = "entry")]
    pub(crate) entries: Vec<Entry>,
    /// What must not stand in it.
    #[serde(default, rename = "retire")]
    pub(crate) retired: Vec<Retired>,
}

/// One thing a file says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// What is said, in the notation of the format (see `Format`).
    pub(crate) key: String,
    /// A text or a list of texts.
    pub(crate) value: Option<Value>,
    /// JVM flags; foreign ones of the same variable stay.
    pub(crate) flags: Option<Vec<String>>,
    /// The inside of an nginx block.
    pub(crate) body: Option<String>,
    /// nginx: the package files whose client locations are copied with the
    /// mount in front; the first that exists counts.
    pub(crate) copy_locations_of: Option<Vec<String>>,
    /// Files in which the same key, set by hand, is removed: paths, or a folder
    /// and `*.ending`.
    #[serde(default)]
    pub(crate) takes_over: Vec<String>,
    /// What it is for, in an operator's words.
    pub(crate) why: String,
    /// Where the knowledge comes from.
    pub(crate) source: String,
    /// Releases of real nodes it was seen to work on.
    pub(crate) verified_on: Vec<String>,
    pub(crate) from: Option<String>,
    pub(crate) before: Option<String>,
    #[serde(default)]
    pub(crate) when: Vec<String>,
}

impl Entry {
    pub(crate) fn conditions(&self) -> Conditions {
        Conditions { from: self.from.clone(), before: self.before.clone(), when: self.when.clone() }
    }
}

/// Something that hand-made configurations say and must not say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retired {
    /// The key; `*` stands for any text.
    pub(crate) key: String,
    /// What it is called towards operators, where that is not the key.
    pub(crate) name: Option<String>,
    /// Further files to look in: paths, or a folder and `*.ending`.
    #[serde(default)]
    pub(crate) also_in: Vec<String>,
    /// Package files in which a mount was put before the client's locations by
    /// hand; they become what the package ships.
    #[serde(default)]
    pub(crate) restore_in: Vec<String>,
    /// Why it goes, in an operator's words.
    pub(crate) why: String,
    /// Where the knowledge comes from.
    pub(crate) source: String,
    pub(crate) from: Option<String>,
    pub(crate) before: Option<String>,
}

/// A change in a file that belongs to a package.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackageEdit {
    /// Absolute path on the node.
    pub(crate) path: String,
    /// What is written in it.
    pub(crate) format: Format,
    /// What is said, in the notation of the format.
    pub(crate) key: String,
    /// The value to write.
    pub(crate) value: String,
    /// The value the package ships; without it the package says nothing.
    pub(crate) stock: Option<String>,
    /// The shell command that makes the same change, for `apply-config.sh`;
    /// without it the edit only undoes what was changed by hand.
    pub(crate) command: Option<String>,
    /// Services that read the file only when they start.
    pub(crate) restart: Vec<String>,
    /// What it is for, in an operator's words.
    pub(crate) why: String,
    /// Where the knowledge comes from.
    pub(crate) source: String,
    /// Releases of real nodes it was seen to work on.
    pub(crate) verified_on: Vec<String>,
    pub(crate) from: Option<String>,
    pub(crate) before: Option<String>,
    #[serde(default)]
    pub(crate) when: Vec<String>,
}

impl PackageEdit {
    pub(crate) fn conditions(&self) -> Conditions {
        Conditions { from: self.from.clone(), before: self.before.clone(), when: self.when.clone() }
    }
}

/// The form of a file, and how its keys are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Java properties: the key itself.
    Properties,
    /// YAML: the keys on the way, with dots between.
    Yaml,
    /// JSON: the keys on the way, with dots between.
    Json,
    /// An environment file: the variable.
    Env,
    /// A systemd unit or drop-in: `Section.Key`, and for one assignment of an
    /// environment `Service.Environment.NAME`.
    Systemd,
    /// nginx: a directive's words without its value, such as `set $name` or
    /// `location ^~ /path/`.
    Nginx,
    /// A shell script of commands, which have no keys.
    Shell,
}

/// A value of an entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Value {
    /// One text.
    One(String),
    /// A list of texts.
    Many(Vec<String>),
}
