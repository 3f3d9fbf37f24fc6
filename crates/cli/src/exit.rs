//! Exit codes, the same for every command.

use std::process::ExitCode;

use clap::error::ErrorKind;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 1: done, and problems were found.
    Problems,
    /// 2: the command line or the configuration is wrong.
    Usage,
    /// 3: it could not be done.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Problems => 1,
            Exit::Usage => 2,
            Exit::Failed => 3,
        })
    }
}

/// An error that is the operator's to mend in the command line or the file.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// Prints what clap has to say; asking for help is no error.
pub(crate) fn of_clap(error: &clap::Error) -> ExitCode {
    // A closed pipe must not turn help into a failure.
    drop(error.print());
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done.into(),
        _ => Exit::Usage.into(),
    }
}
