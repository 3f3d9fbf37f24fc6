//! A node that can be changed: its files, and commands that run on it.

mod line;
mod local;
mod shell;

use std::{io, time::Duration};

use bluegate_nodeconf::{FileState, Host};

pub use local::Local;
pub use shell::{Shell, ShellOptions};

/// Longest a command on a node may take: bbb-web starts within two minutes.
pub const MAX_COMMAND: Duration = Duration::from_secs(180);

/// Longest wait for somebody else who is changing the node: a line that broke is
/// noticed at the other end by then.
pub const MAX_LOCK: Duration = Duration::from_secs(20);

/// The file that is locked.
pub(crate) const LOCK: &str = "/var/lib/bluegate/nodeconf/lock";

/// What a file is called until it is whole.
pub(crate) const TEMPORARY: &str = ".bluegate-new";

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its exit status; 124 when it took too long.
    pub status: i32,
    /// What it said, on both streams.
    pub text: String,
}

/// A node could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A file could not be put in place.
    #[error("cannot write `{path}`")]
    Write {
        /// The path on the node.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A file or folder could not be removed.
    #[error("cannot remove `{path}`")]
    Remove {
        /// The path on the node.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A command could not be started.
    #[error("cannot run `{command}`")]
    Run {
        /// The command.
        command: String,
        /// Why not.
        source: io::Error,
    },
    /// Somebody else is changing the node.
    #[error("another bluegate is changing `{0}` now; try again when it is done")]
    Busy(String),
    /// The connection could not be opened.
    #[error("cannot reach `{place}`: try `{command}`")]
    Connect {
        /// As given to ssh.
        place: String,
        /// The same by hand.
        command: String,
        /// Why not.
        source: io::Error,
    },
    /// Whether it is the machine that is meant cannot be told.
    #[error(
        "the host key of `{place}` is not known, or not the one that is: compare it with the \
         machine's own, then accept it with `{command}`"
    )]
    HostKey {
        /// As given to ssh.
        place: String,
        /// The same by hand, which asks.
        command: String,
        /// What ssh says of it.
        source: io::Error,
    },
    /// The far machine lets this user in with none of the operator's keys.
    #[error(
        "`{place}` takes none of your keys, and passwords are not asked for: name user and key \
         in your ssh configuration until `{command}` works"
    )]
    Refused {
        /// As given to ssh.
        place: String,
        /// The same by hand.
        command: String,
        /// What ssh says of it.
        source: io::Error,
    },
    /// The far machine lets the user in, and no shell of ours answers there.
    #[error("`{place}` gives no shell: try `{command}`")]
    NoShell {
        /// As given to ssh.
        place: String,
        /// The same by hand.
        command: String,
        /// Why not.
        source: io::Error,
    },
}

/// A node that can be changed. Paths are absolute paths on the node.
pub trait Machine: Host {
    /// Puts `file` at `path`, whole or not at all, and makes its folders.
    ///
    /// # Errors
    /// [`MachineError`] when the file at `path` is still as it was.
    fn write(&self, path: &str, file: &FileState) -> Result<(), MachineError>;

    /// Removes the file at `path`, if there is one.
    ///
    /// # Errors
    /// [`MachineError`] when it is still there.
    fn remove(&self, path: &str) -> Result<(), MachineError>;

    /// Removes the folder at `path` if it is there and empty.
    ///
    /// # Errors
    /// [`MachineError`] when the node cannot be reached.
    fn remove_empty_folder(&self, path: &str) -> Result<(), MachineError>;

    /// Runs a command on the node, for at most [`MAX_COMMAND`].
    ///
    /// # Errors
    /// [`MachineError`] when it was not started.
    fn run(&self, command: &[&str]) -> Result<Output, MachineError>;

    /// Holds everybody else off who would change the node, until
    /// [`unlock`](Self::unlock) or the end of this machine. Waits [`MAX_LOCK`].
    ///
    /// # Errors
    /// [`MachineError::Busy`] when somebody else is at it.
    fn lock(&self) -> Result<(), MachineError>;

    /// Lets others change the node again.
    fn unlock(&self);

    /// Whether the node is alive: has services to restart, and users to own
    /// its files. An image in a folder is not.
    fn is_live(&self) -> bool;
}
