//! Looking at a node: its files and what packages own them.
//!
//! Planning is pure over [`Host`]: the same plan comes out of a folder, a
//! machine far away and a picture of one in memory.

mod folder;
mod snapshot;

use std::io;

pub use folder::Folder;
pub use snapshot::Snapshot;

/// Largest file that is looked at; no configuration file comes near it.
pub const MAX_FILE_SIZE: u64 = 4 << 20;

/// Most names of one folder that are looked at.
pub const MAX_FOLDER_ENTRIES: usize = 4096;

/// A file as it lies on a node, or shall lie there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileState {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// `user:group`, by name where the node knows one.
    pub owner: String,
    /// Permission bits.
    pub mode: u32,
}

/// A node could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A file or folder exists and cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The path on the node.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A file is larger than any configuration file.
    #[error("`{path}` is larger than {MAX_FILE_SIZE} bytes; that is no configuration file")]
    FileTooLarge {
        /// The path on the node.
        path: String,
    },
    /// A folder has more entries than any configuration folder.
    #[error("`{path}` has more than {MAX_FOLDER_ENTRIES} entries")]
    FolderTooLarge {
        /// The path on the node.
        path: String,
    },
}

/// A node's file system, read only. Paths are absolute paths on the node.
pub trait Host {
    /// The file at `path`, through symbolic links; `None` when there is none.
    ///
    /// # Errors
    /// [`HostError`] when it is there and cannot be read.
    fn file(&self, path: &str) -> Result<Option<FileState>, HostError>;

    /// Whether a file or a folder is at `path`.
    ///
    /// # Errors
    /// [`HostError`] when that cannot be told.
    fn exists(&self, path: &str) -> Result<bool, HostError>;

    /// The names in `folder`, sorted; none when there is no such folder.
    ///
    /// # Errors
    /// [`HostError`] when it is there and cannot be read.
    fn list(&self, folder: &str) -> Result<Vec<String>, HostError>;

    /// Where the symbolic link at `path` points, as written; `None` when it
    /// is none.
    ///
    /// # Errors
    /// [`HostError`] when that cannot be told.
    fn link(&self, path: &str) -> Result<Option<String>, HostError>;

    /// The BBB package that brings `path`, if one does.
    ///
    /// # Errors
    /// [`HostError`] when the package lists cannot be read.
    fn package(&self, path: &str) -> Result<Option<String>, HostError>;
}

/// The folders systemd reads units from, the strongest first.
const UNIT_FOLDERS: [&str; 3] =
    ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// The text of a service's unit file itself, without drop-ins.
///
/// # Errors
/// [`HostError`] when it is there and cannot be read.
pub(crate) fn unit_file(
    host: &dyn Host,
    service: &str,
) -> Result<Option<(String, String)>, HostError> {
    for folder in UNIT_FOLDERS {
        let path = format!("{folder}/{service}.service");
        if let Some(file) = host.file(&path)? {
            return Ok(Some((path, String::from_utf8_lossy(&file.bytes).into_owned())));
        }
    }
    Ok(None)
}

/// The files that `pattern` means: a path, or a folder and `*.ending`.
///
/// # Errors
/// [`HostError`] when the folder cannot be read.
pub(crate) fn matching(host: &dyn Host, pattern: &str) -> Result<Vec<String>, HostError> {
    let Some((folder, ending)) = pattern.split_once("/*") else {
        return Ok(vec![pattern.to_owned()]);
    };
    let names = host.list(folder)?;
    let wanted = names.iter().filter(|name| name.ends_with(ending));
    Ok(wanted.map(|name| format!("{folder}/{name}")).collect())
}
