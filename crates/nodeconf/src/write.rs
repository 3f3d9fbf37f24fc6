//! Writing a plan's changes under a root folder.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::{FileState, Plan};

/// What went wrong while writing a node's files.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A new file could not be put in place.
    #[error("cannot write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file could not be removed.
    #[error("cannot remove `{path}`")]
    Remove {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Writes the changes of `plan` below `root`, each by a temporary file that is
/// renamed into place.
///
/// Sets permission bits; owners are the business of a privileged apply.
///
/// # Errors
/// [`WriteError`] at the first file that fails; those before it are written.
pub fn write_changes(root: &Path, plan: &Plan) -> Result<(), WriteError> {
    for change in &plan.changes {
        let path = root.join(change.path.trim_start_matches('/'));
        match &change.after {
            Some(after) => {
                replace(&path, after).map_err(|source| WriteError::Write { path, source })?;
            }
            None => fs::remove_file(&path).map_err(|source| WriteError::Remove { path, source })?,
        }
    }
    Ok(())
}

fn replace(path: &Path, file: &FileState) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let temporary = path.with_extension("bluegate-new");
    fs::write(&temporary, &file.bytes)?;
    fs::set_permissions(&temporary, fs::Permissions::from_mode(file.mode))?;
    fs::File::open(&temporary)?.sync_all()?;
    fs::rename(&temporary, path)
}
