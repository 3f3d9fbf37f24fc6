//! Backups: what an apply found and what it left, kept on the node itself, so
//! that whoever comes next can undo it whatever happened to us.

use std::time::SystemTime;

use bluegate_nodeconf::{FileState, HostError, Plan, Service};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::machine::{Machine, MachineError};

/// Where backups lie on a node, a folder each.
pub const BACKUPS: &str = "/var/lib/bluegate/nodeconf";

const MANIFEST: &str = "manifest.json";
const PREFIX: &str = "backup-";
/// The form of what is written; another one is refused.
const FORMAT: u32 = 1;

/// How far an apply came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It began and did not end: it was cut off, or is under way.
    Applying,
    /// It ended well.
    Applied,
    /// It failed or was cut off, and was undone.
    Failed,
    /// It ended well, and was undone later.
    RolledBack,
}

impl State {
    /// Whether its files were put back.
    pub(crate) fn is_undone(self) -> bool {
        matches!(self, Self::Failed | Self::RolledBack)
    }
}

/// What an apply found and left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// When it began, RFC 3339.
    pub time: String,
    /// The node's name.
    pub node: String,
    /// The release that was planned for.
    pub release: String,
    /// What was planned; absent in backups of older releases of bluegate.
    #[serde(default)]
    pub wanted: Option<Wanted>,
    /// How far it came.
    pub state: State,
    /// What was changed, in the order it was.
    pub files: Vec<KeptFile>,
    /// Folders that were made, the outermost first.
    pub folders: Vec<String>,
    /// Whether systemd had to read its units again.
    pub daemon_reload: bool,
    /// What was restarted, in this order.
    pub services: Vec<Service>,
}

/// What a plan was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The cluster's origin.
    pub cluster: String,
    /// The node's own.
    pub origin: String,
    /// Whether the node was made part of the cluster, or taken out of it.
    pub proxied: bool,
}

/// One file that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// Its path on the node.
    pub path: String,
    /// As it was; absent when there was none.
    pub before: Option<Kept>,
    /// As it was left; absent when it was removed.
    pub after: Option<Kept>,
}

/// A file's state. The bytes lie beside the manifest, named for their hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Hash of its bytes.
    pub sha256: String,
    /// `user:group`
    pub owner: String,
    /// Permission bits.
    pub mode: u32,
}

/// A backup could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It could not be read.
    #[error("cannot look at the backups")]
    Read(#[from] HostError),
    /// It could not be written.
    #[error("cannot keep a backup; nothing was changed")]
    Write(#[from] MachineError),
    /// It is not as it was written.
    #[error("the backup `{0}` is incomplete or of another release of bluegate")]
    Broken(String),
}

/// A backup on a node.
#[derive(Clone, Debug)]
pub(crate) struct Backup {
    pub(crate) folder: String,
    pub(crate) manifest: Manifest,
}

impl Kept {
    pub(crate) fn of(file: &FileState) -> Self {
        let digest = Sha256::digest(&file.bytes);
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { sha256, owner: file.owner.clone(), mode: file.mode }
    }
}

impl Backup {
    /// Keeps what `plan` is about to change; when this returns it is on disk.
    pub(crate) fn begin(
        machine: &dyn Machine,
        plan: &Plan,
        now: SystemTime,
    ) -> Result<Self, BackupError> {
        let folder = free_folder(machine, now)?;
        let mut folders = Vec::new();
        for change in plan.changes.iter().filter(|change| change.before.is_none()) {
            for (at, _) in change.path.match_indices('/').skip(1) {
                let parent = change.path.get(..at).unwrap_or_default().to_owned();
                if !folders.contains(&parent) && !machine.exists(&parent)? {
                    folders.push(parent);
                }
            }
        }
        let mut files = Vec::new();
        for change in &plan.changes {
            let (before, after) = (change.before.as_ref(), change.after.as_ref());
            for file in [before, after].into_iter().flatten() {
                let path = format!("{folder}/{}", Kept::of(file).sha256);
                let kept = FileState {
                    bytes: file.bytes.clone(),
                    owner: "root:root".to_owned(),
                    mode: 0o600,
                };
                machine.write(&path, &kept)?;
            }
            files.push(KeptFile {
                path: change.path.clone(),
                before: before.map(Kept::of),
                after: after.map(Kept::of),
            });
        }
        let manifest = Manifest {
            format: FORMAT,
            time: stamp(now, "%Y-%m-%dT%H:%M:%SZ"),
            node: plan.node.to_string(),
            release: plan.release.to_string(),
            wanted: Some(Wanted {
                cluster: plan.cluster.to_string(),
                origin: plan.origin.to_string(),
                proxied: plan.proxied,
            }),
            state: State::Applying,
            files,
            folders,
            daemon_reload: plan.daemon_reload,
            services: plan.services.clone(),
        };
        let mut backup = Self { folder, manifest };
        backup.set(machine, State::Applying)?;
        Ok(backup)
    }

    /// Notes how far it came.
    pub(crate) fn set(&mut self, machine: &dyn Machine, state: State) -> Result<(), MachineError> {
        self.manifest.state = state;
        let text = serde_json::to_string_pretty(&self.manifest).expect("plain data is JSON");
        let file =
            FileState { bytes: text.into_bytes(), owner: "root:root".to_owned(), mode: 0o600 };
        machine.write(&format!("{}/{MANIFEST}", self.folder), &file)
    }

    /// A file as it was kept.
    pub(crate) fn file(
        &self,
        machine: &dyn Machine,
        kept: &Kept,
    ) -> Result<FileState, BackupError> {
        let broken = || BackupError::Broken(self.folder.clone());
        let path = format!("{}/{}", self.folder, kept.sha256);
        let bytes = machine.file(&path)?.ok_or_else(broken)?.bytes;
        let file = FileState { bytes, owner: kept.owner.clone(), mode: kept.mode };
        if Kept::of(&file) == *kept { Ok(file) } else { Err(broken()) }
    }

    /// All of a node's, the oldest first.
    pub(crate) fn all(machine: &dyn Machine) -> Result<Vec<Self>, BackupError> {
        let names = machine.list(BACKUPS)?;
        let mut all = Vec::new();
        for name in names.iter().filter(|name| name.starts_with(PREFIX)) {
            let folder = format!("{BACKUPS}/{name}");
            // Without a manifest nothing had been changed yet.
            let Some(file) = machine.file(&format!("{folder}/{MANIFEST}"))? else { continue };
            let manifest: Option<Manifest> = serde_json::from_slice(&file.bytes).ok();
            let manifest = manifest.filter(|manifest| manifest.format == FORMAT);
            let manifest = manifest.ok_or_else(|| BackupError::Broken(folder.clone()))?;
            all.push(Self { folder, manifest });
        }
        Ok(all)
    }
}

/// The manifests of a node's backups, the oldest first.
///
/// # Errors
/// [`BackupError`] when one cannot be read.
pub fn backups(machine: &dyn Machine) -> Result<Vec<Manifest>, BackupError> {
    Ok(Backup::all(machine)?.into_iter().map(|backup| backup.manifest).collect())
}

/// A folder whose name sorts behind those of earlier backups.
fn free_folder(machine: &dyn Machine, now: SystemTime) -> Result<String, BackupError> {
    let name = format!("{PREFIX}{}", stamp(now, "%Y%m%dT%H%M%SZ"));
    let taken = machine.list(BACKUPS)?;
    let last = taken.iter().rfind(|taken| taken.starts_with(PREFIX));
    let name = match last {
        // Within one second, or when the clock went back.
        Some(last) if *last >= name => format!("{last}+"),
        _ => name,
    };
    Ok(format!("{BACKUPS}/{name}"))
}

pub(crate) fn stamp(time: SystemTime, form: &str) -> String {
    let time = jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime(form).to_string()
}
