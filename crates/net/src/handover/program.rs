//! What to start as our successor.

use std::{
    env,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

/// Why it is not known what to start.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The working directory, which a relative path is taken from.
    #[error("cannot tell the working directory")]
    WorkingDirectory(#[source] io::Error),
    /// The file we run from.
    #[error("cannot tell which file this program was started from")]
    OwnFile(#[source] io::Error),
}

/// A program and its arguments, as this process was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The file; whatever is at that path when it is started.
    pub path: PathBuf,
    /// The arguments, without the program's name.
    pub arguments: Vec<OsString>,
}

impl Program {
    /// How this process was started. To be called at its start: later the file
    /// may have been replaced and `/proc/self/exe` lead nowhere.
    ///
    /// The name it was called by comes first, and links in it are not followed:
    /// a link that is turned to a new release leads to that.
    ///
    /// # Errors
    /// [`ProgramError`] when the system does not say.
    pub fn running() -> Result<Self, ProgramError> {
        let mut arguments = env::args_os();
        let name = arguments.next().map(PathBuf::from).unwrap_or_default();
        let path = match as_called(&name)? {
            Some(path) => path,
            None => env::current_exe().map_err(ProgramError::OwnFile)?,
        };
        Ok(Self { path, arguments: arguments.collect() })
    }
}

/// The file that a name with a slash in it stands for.
fn as_called(name: &Path) -> Result<Option<PathBuf>, ProgramError> {
    if name.components().nth(1).is_none() {
        return Ok(None);
    }
    let folder = env::current_dir().map_err(ProgramError::WorkingDirectory)?;
    Ok(Some(folder.join(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_kept_as_it_was_called_and_a_bare_name_is_looked_up() {
        assert_eq!(
            as_called(Path::new("/opt/now/bluegate")).unwrap().unwrap(),
            Path::new("/opt/now/bluegate")
        );
        let here = env::current_dir().unwrap();
        assert_eq!(as_called(Path::new("./bluegate")).unwrap().unwrap(), here.join("./bluegate"));
        assert_eq!(as_called(Path::new("bluegate")).unwrap(), None);
        assert!(Program::running().unwrap().path.is_absolute());
    }
}
