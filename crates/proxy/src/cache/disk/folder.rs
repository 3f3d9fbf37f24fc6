//! The folder: names, private modes, and whole files or none.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{SystemTime, UNIX_EPOCH},
};

use bluegate_cache::{Coding, Digest, hex};

/// What is below the configured folder. Another layout has another name.
const LAYOUT: &str = "v1";

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenFolderError {
    /// A folder is not there and cannot be made.
    #[error("cannot make the folder `{path}`")]
    Make {
        /// Which.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Whoever may write there decides what browsers get.
    #[error("`{path}` is not a folder that only this user may write to")]
    NotPrivate {
        /// Which.
        path: PathBuf,
    },
    /// A file cannot be written there.
    #[error("cannot write to the folder `{path}`")]
    Write {
        /// Which.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The folder of the tier.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    /// Tells this process's temporary files from those of others.
    stamp: String,
    next: AtomicU64,
}

impl Folder {
    pub(super) fn open(folder: &Path) -> Result<Self, OpenFolderError> {
        let root = folder.join(LAYOUT);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let stamp = format!("{}-{}", std::process::id(), since.as_nanos());
        let opened = Self { root, stamp, next: AtomicU64::new(0) };
        let folders = [&opened.root, &opened.contents(), &opened.records(), &opened.temporary()];
        for path in folders {
            make(path).map_err(|source| OpenFolderError::Make { path: path.clone(), source })?;
            if !is_private(path) {
                return Err(OpenFolderError::NotPrivate { path: path.clone() });
            }
        }
        let probe = opened.new_temporary();
        opened
            .write(&probe, b"")
            .map_err(|source| OpenFolderError::Write { path: opened.root.clone(), source })?;
        Self::remove(&probe);
        Ok(opened)
    }

    /// Contents, in 256 folders by the first digits of their names.
    pub(super) fn contents(&self) -> PathBuf {
        self.root.join("contents")
    }

    /// Records, in a folder per mount.
    pub(super) fn records(&self) -> PathBuf {
        self.root.join("records")
    }

    /// What is being written, and what was put aside to be removed.
    pub(super) fn temporary(&self) -> PathBuf {
        self.root.join("temporary")
    }

    pub(super) fn content(&self, digest: &Digest, coding: Coding) -> PathBuf {
        let name = hex(digest);
        let folder = self.contents().join(name.get(..2).unwrap_or_default());
        match coding.token() {
            None => folder.join(name),
            Some(token) => folder.join(format!("{name}.{token}")),
        }
    }

    pub(super) fn record(&self, mount: &str, name: &str) -> PathBuf {
        self.records().join(mount).join(name)
    }

    /// The file appears whole or not at all. It is not forced to the disk: what
    /// a power cut leaves of it does not have its digest.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            make(folder)?;
        }
        let temporary = self.new_temporary();
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            Self::remove(&temporary);
        }
        written
    }

    /// A plain file of at most this size; anything else is removed.
    pub(super) fn read(path: &Path, most: usize) -> Option<Vec<u8>> {
        let found = fs::symlink_metadata(path).ok()?;
        if !found.is_file() || found.len() > most as u64 {
            Self::remove(path);
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or(0));
        File::open(path).ok()?.take(most as u64 + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() <= most).then_some(bytes)
    }

    /// Marks a file as used now.
    pub(super) fn touch(path: &Path) {
        if let Ok(file) = File::open(path) {
            // Where times cannot be set, what was written first goes first.
            drop(file.set_modified(SystemTime::now()));
        }
    }

    /// Removes a file, if it is there and can be removed: a sweep tries again.
    pub(super) fn remove(path: &Path) {
        drop(fs::remove_file(path));
    }

    pub(super) fn remove_content(&self, digest: &Digest) {
        for coding in [Coding::Identity, Coding::Gzip, Coding::Zstd, Coding::Brotli] {
            Self::remove(&self.content(digest, coding));
        }
    }

    /// Takes one mount's records, or everything, out of use at once; a sweep
    /// removes them. Returns how many records that were.
    pub(super) fn put_aside(&self, mount: Option<&str>) -> usize {
        let count = |folder: &Path| files(folder).count();
        let (records, folders) = match mount {
            Some(mount) => {
                let folder = self.records().join(mount);
                (count(&folder), vec![folder])
            }
            None => {
                let mounts = files(&self.records());
                let records = mounts.map(|mount| count(&mount.path())).sum();
                (records, vec![self.records(), self.contents()])
            }
        };
        for folder in folders {
            // What is not there needs no putting aside.
            drop(fs::rename(&folder, self.new_temporary()));
        }
        records
    }

    fn new_temporary(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Relaxed);
        self.temporary().join(format!("{}-{number}", self.stamp))
    }
}

/// What is in a folder; nothing when it cannot be read.
pub(super) fn files(folder: &Path) -> impl Iterator<Item = fs::DirEntry> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn is_private(folder: &Path) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    fs::symlink_metadata(folder)
        .is_ok_and(|found| found.is_dir() && found.uid() == ours && found.mode() & 0o022 == 0)
}
