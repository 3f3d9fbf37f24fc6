//! The file that the added nodes are kept in.
//!
//! One JSON document with a version, replaced whole: written beside, synced,
//! renamed. A file that is damaged is never taken for an empty one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{RouteSpec, merge::Added};

/// The version of the document that is written, and the only one read.
const VERSION: u32 = 1;

/// Largest document that is read. A node takes some 150 bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Why the file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RoutesFileError {
    /// Not readable.
    #[error("cannot read the routes file `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Not what was written.
    #[error(
        "the routes file `{path}` is damaged ({reason}): mend it, or move it away and add its nodes again"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and how.
        reason: String,
    },
    /// Written by a newer version of the program.
    #[error("the routes file `{path}` is of version {found}, this program reads version {VERSION}")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// Not writable.
    #[error("cannot write the routes file `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    nodes: Vec<RouteSpec>,
}

/// What is kept at `path`; nothing when there is no file yet.
pub(super) fn load(path: &Path) -> Result<Added, RoutesFileError> {
    let read = |source| RoutesFileError::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Added::new()),
        Err(error) => return Err(read(error)),
    };
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(read)?;
    parse(path, &text)
}

fn parse(path: &Path, text: &[u8]) -> Result<Added, RoutesFileError> {
    let damaged = |reason: String| RoutesFileError::Damaged { path: path.to_owned(), reason };
    if text.len() as u64 > MAX_BYTES {
        return Err(damaged(format!("longer than {MAX_BYTES} bytes")));
    }
    let Versioned { version } =
        serde_json::from_slice(text).map_err(|error| damaged(error.to_string()))?;
    if version != VERSION {
        return Err(RoutesFileError::Version { path: path.to_owned(), found: version });
    }
    let document: Document =
        serde_json::from_slice(text).map_err(|error| damaged(error.to_string()))?;
    let mut added = Added::new();
    for spec in document.nodes {
        let node = spec.node().map_err(damaged)?;
        let name = node.name.clone();
        if added.insert(name.clone(), node).is_some() {
            return Err(damaged(format!("`{name}` is there twice")));
        }
    }
    Ok(added)
}

/// Replaces what is kept at `path`.
pub(super) fn save(path: &Path, added: &Added) -> Result<(), RoutesFileError> {
    let document =
        Document { version: VERSION, nodes: added.values().map(RouteSpec::from).collect() };
    let mut text = serde_json::to_vec_pretty(&document).expect("texts are JSON");
    text.push(b'\n');
    replace(path, &text).map_err(|source| RoutesFileError::Write { path: path.to_owned(), source })
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(folder)?.sync_all()
}
