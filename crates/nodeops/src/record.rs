//! Recording what a plan looks at on a node, as a folder that stands for its
//! `/`: for fixtures, and for whoever is to see why a plan is what it is.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use bluegate_nodeconf::{FileState, Folder, Host, HostError, shareable};

use crate::target::{Target, TargetError};

/// Where dpkg lists the files of its packages.
const PACKAGE_LISTS: &str = "/var/lib/dpkg/info";

/// What stands in a folder of which only its being there matters.
const KEEP: &str = ".keep";

/// Most symbolic links followed on the way to one file.
const MAX_LINKS: usize = 40;

/// What was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The release that was found.
    pub release: String,
    /// The files that were written, as paths of the node.
    pub files: Vec<String>,
}

/// A node cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is no plan to record.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The folder has something in it.
    #[error("`{0}` is not empty: name a new folder")]
    NotEmpty(PathBuf),
    /// A file cannot be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The file, on this machine.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A plan for the recording is another one.
    #[error(
        "the recording is there, but a plan for it differs from the node's in {0}: a secret stands where \
         the plan looks, so this is no fixture"
    )]
    Differs(String),
}

/// Records in `folder` what a plan for `target` looks at on `host`, without
/// secrets: what [`shareable`] hides, and those `known`. The same plan comes out
/// of the folder.
///
/// # Errors
/// [`RecordError`].
pub fn record(
    host: &dyn Host,
    target: &Target,
    known: &[&str],
    folder: &Path,
) -> Result<Recorded, RecordError> {
    let recorder = Recorder::new(host);
    let plan = target.plan(&recorder)?;
    // What is looked at when a node is taken out again belongs to it.
    target.plan_removal(&recorder)?;
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(RecordError::NotEmpty(folder.to_owned()));
    }
    let seen = recorder.seen.into_inner();
    for (path, bytes) in &seen.files {
        // One byte is one character, so that no byte is lost.
        let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        let text = shareable(&text, known);
        let bytes: Vec<u8> =
            text.chars().filter_map(|character| u8::try_from(u32::from(character)).ok()).collect();
        put(folder, path, &bytes)?;
    }
    for (path, target) in &seen.links {
        let place = place(folder, path);
        let made = parent(&place).and_then(|()| std::os::unix::fs::symlink(target, &place));
        made.map_err(|source| RecordError::Write { path: place, source })?;
    }
    for path in &seen.present {
        if !place(folder, path).exists() {
            put(folder, &format!("{path}/{KEEP}"), b"")?;
        }
    }
    let mut lists: BTreeMap<&str, String> = BTreeMap::new();
    for (path, package) in &seen.packages {
        *lists.entry(package).or_default() += &format!("{path}\n");
    }
    for (package, list) in lists {
        put(folder, &format!("{PACKAGE_LISTS}/{package}.list"), list.as_bytes())?;
    }
    let again = target.plan(&Folder::new(folder))?;
    let paths = |plan: &bluegate_nodeconf::Plan| -> BTreeSet<String> {
        plan.changes.iter().map(|change| format!("`{}`", change.path)).collect()
    };
    let (wanted, found) = (paths(&plan), paths(&again));
    let different: Vec<&String> = wanted.symmetric_difference(&found).collect();
    if !different.is_empty() {
        let different: Vec<&str> = different.into_iter().map(String::as_str).collect();
        return Err(RecordError::Differs(different.join(", ")));
    }
    Ok(Recorded { release: plan.release.to_string(), files: seen.files.into_keys().collect() })
}

fn place(folder: &Path, path: &str) -> PathBuf {
    folder.join(path.trim_start_matches('/'))
}

fn parent(place: &Path) -> io::Result<()> {
    place.parent().map_or(Ok(()), fs::create_dir_all)
}

fn put(folder: &Path, path: &str, bytes: &[u8]) -> Result<(), RecordError> {
    let place = place(folder, path);
    let written = parent(&place).and_then(|()| fs::write(&place, bytes));
    written.map_err(|source| RecordError::Write { path: place, source })
}

/// A host that remembers what was looked at.
struct Recorder<'a> {
    inner: &'a dyn Host,
    seen: RefCell<Seen>,
}

/// What was looked at and was there.
#[derive(Default)]
struct Seen {
    files: BTreeMap<String, Vec<u8>>,
    links: BTreeMap<String, String>,
    packages: BTreeMap<String, String>,
    present: BTreeSet<String>,
}

impl<'a> Recorder<'a> {
    fn new(inner: &'a dyn Host) -> Self {
        Self { inner, seen: RefCell::default() }
    }

    /// Where `path` leads, its links remembered.
    fn resolved(&self, path: &str) -> Result<String, HostError> {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            let Some(target) = self.inner.link(&path)? else { break };
            self.seen.borrow_mut().links.insert(path.clone(), target.clone());
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            path = normal(&if target.starts_with('/') {
                target
            } else {
                format!("{folder}/{target}")
            });
        }
        Ok(path)
    }
}

/// A path without `.` and `..`.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

impl Host for Recorder<'_> {
    fn file(&self, path: &str) -> Result<Option<FileState>, HostError> {
        let file = self.inner.file(path)?;
        if let Some(file) = &file {
            let path = self.resolved(path)?;
            self.seen.borrow_mut().files.insert(path, file.bytes.clone());
        }
        Ok(file)
    }

    fn exists(&self, path: &str) -> Result<bool, HostError> {
        let exists = self.inner.exists(path)?;
        if exists && self.file(path)?.is_none() {
            self.seen.borrow_mut().present.insert(self.resolved(path)?);
        }
        Ok(exists)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, HostError> {
        self.inner.list(folder)
    }

    fn link(&self, path: &str) -> Result<Option<String>, HostError> {
        let target = self.inner.link(path)?;
        if let Some(target) = &target {
            self.seen.borrow_mut().links.insert(path.to_owned(), target.clone());
        }
        Ok(target)
    }

    fn package(&self, path: &str) -> Result<Option<String>, HostError> {
        let package = self.inner.package(path)?;
        if let Some(package) = &package {
            self.seen.borrow_mut().packages.insert(path.to_owned(), package.clone());
        }
        Ok(package)
    }
}
