//! Writing rendered files under a root folder: the one module with I/O.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::render::RenderedFile;

/// What went wrong while writing a node's files.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The present file could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The new file could not be put in place.
    #[error("cannot write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Writes `files` below `root` (`/` on a node), each by a temporary file that
/// is renamed into place. Returns the paths that changed: none the second time.
///
/// Sets permission bits; owners are the business of a privileged apply.
///
/// # Errors
/// [`WriteError`] at the first file that fails; those before it are written.
pub fn write_files(root: &Path, files: &[RenderedFile]) -> Result<Vec<PathBuf>, WriteError> {
    let mut changed = Vec::new();
    for file in files {
        let path = root.join(file.path.trim_start_matches('/'));
        let current = match fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(WriteError::Read { path, source }),
        };
        let wanted = file.over(current.as_deref());
        if current.as_deref() == Some(wanted.as_str()) {
            continue;
        }
        replace(&path, &wanted, file.mode)
            .map_err(|source| WriteError::Write { path: path.clone(), source })?;
        changed.push(path);
    }
    Ok(changed)
}

fn replace(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let temporary = path.with_extension("bluegate-new");
    fs::write(&temporary, text)?;
    fs::set_permissions(&temporary, fs::Permissions::from_mode(mode))?;
    fs::File::open(&temporary)?.sync_all()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use bluegate_cluster::Node;

    use super::*;
    use crate::{Profile, render};

    #[test]
    fn writing_twice_changes_nothing_and_foreign_lines_stay() {
        let root = tempfile::tempdir().unwrap();
        let properties = root.path().join("etc/bigbluebutton/bbb-web.properties");
        fs::create_dir_all(properties.parent().unwrap()).unwrap();
        fs::write(&properties, "securitySalt=kept\n").unwrap();
        let node = Node {
            name: "bbb-01".parse().unwrap(),
            origin: "https://bbb-01.example.org".parse().unwrap(),
            address: None,
            bbb: None,
            proxied: true,
        };
        let profile = Profile::for_release(&"3.0".parse().unwrap()).unwrap();
        let files = render(&profile, &"https://bbb.example.org".parse().unwrap(), &node);

        assert_eq!(write_files(root.path(), &files).unwrap().len(), files.len());
        assert!(fs::read_to_string(&properties).unwrap().starts_with("securitySalt=kept\n"));
        assert_eq!(fs::metadata(&properties).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(write_files(root.path(), &files).unwrap(), Vec::<PathBuf>::new());
    }
}
