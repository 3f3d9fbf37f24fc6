//! The old process's side: starting the new one.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use command_fds::{CommandFdExt, FdMapping};
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    time::timeout,
};

use super::{CHANNEL_VARIABLE, KeptSockets, ON_STANDARD_INPUT, Program, READY};

/// The first descriptor that is handed over, by systemd's protocol.
const FIRST: i32 = 3;

/// How long a process that closed its channel may take to end and say how.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What is said of our sockets or process and must not be believed by another.
const NOT_INHERITED: [&str; 4] =
    ["LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_FDS_FIRST_FD", "WATCHDOG_PID"];

/// Why there is no successor.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The sockets or the channel could not be copied.
    #[error("cannot copy the listening sockets")]
    Copy(#[source] io::Error),
    /// It did not start at all.
    #[error("cannot start `{}`", path.display())]
    Spawn {
        /// What was to be started.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It ended before it was ready; its own log says why.
    #[error("the new process ended before it was ready ({0}); its own messages say why")]
    Ended(ExitStatus),
    /// It closed its channel and lives on.
    #[error("the new process closed its channel without being ready; is it a `bluegate`?")]
    Silent,
    /// It was not ready in time.
    #[error("the new process was not ready within {0:?}")]
    TooSlow(Duration),
}

/// The process that serves in our place.
#[derive(Debug)]
pub struct Successor {
    id: u32,
    /// Closed with us: so it hears of our end.
    _channel: tokio::net::UnixStream,
    /// Reaped by the runtime if it should end before us.
    _child: Child,
}

/// Starts `program` with copies of `sockets`, and waits until it serves them.
///
/// Whatever fails, nothing has changed: what was started is ended. So it is
/// when this is dropped.
///
/// # Errors
/// [`StartError`].
pub async fn start(
    program: &Program,
    sockets: &KeptSockets,
    patience: Duration,
) -> Result<Successor, StartError> {
    let (ours, theirs) = UnixStream::pair().map_err(StartError::Copy)?;
    ours.set_nonblocking(true).map_err(StartError::Copy)?;
    let mut channel = tokio::net::UnixStream::from_std(ours).map_err(StartError::Copy)?;
    let copies = sockets.copies().map_err(StartError::Copy)?;
    let count = copies.len().to_string();
    let mappings = (FIRST..).zip(copies);
    let mappings = mappings.map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd });

    let mut command = std::process::Command::new(&program.path);
    command.args(&program.arguments).stdin(Stdio::from(OwnedFd::from(theirs)));
    for name in NOT_INHERITED {
        command.env_remove(name);
    }
    command.env("LISTEN_FDS", count).env(CHANNEL_VARIABLE, ON_STANDARD_INPUT);
    command.fd_mappings(mappings.collect()).expect("each number is used once");
    let spawn = |source| StartError::Spawn { path: program.path.clone(), source };
    let mut starting = Starting(Some(Command::from(command).spawn().map_err(spawn)?));

    let mut word = [0];
    match timeout(patience, channel.read_exact(&mut word)).await {
        Ok(Ok(_)) if word == [READY] => {}
        Ok(_) => return Err(starting.last_words().await),
        Err(_) => return Err(StartError::TooSlow(patience)),
    }
    match starting.0.take() {
        Some(child) => match child.id() {
            Some(id) => Ok(Successor { id, _channel: channel, _child: child }),
            None => Err(StartError::Silent),
        },
        None => Err(StartError::Silent),
    }
}

impl Successor {
    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }
}

/// A process that is killed unless it becomes a successor.
struct Starting(Option<Child>);

impl Starting {
    async fn last_words(&mut self) -> StartError {
        let Some(child) = &mut self.0 else { return StartError::Silent };
        match timeout(LAST_WORDS, child.wait()).await {
            Ok(Ok(status)) => StartError::Ended(status),
            Ok(Err(_)) | Err(_) => StartError::Silent,
        }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0
            && let Err(error) = child.start_kill()
        {
            tracing::debug!(%error, "a process that was not ready had ended already");
        }
    }
}
