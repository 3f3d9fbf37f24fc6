//! The line to a far node: one `ssh` with one `sh` at its other end.
//!
//! The connection is the `openssh` crate's, so the system's `ssh` makes it, with
//! the operator's own configuration, agent, known hosts and jump hosts. Through
//! it go scripts, one at a time, and their answers.

use std::{
    io,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use openssh::{Child, ChildStdin, ChildStdout, KnownHosts, Session, SessionBuilder};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    runtime::{Builder, Runtime},
    time::timeout,
};

use super::{MAX_COMMAND, MachineError};

/// Longest wait for the far machine to take a connection.
const MAX_CONNECT: Duration = Duration::from_secs(15);

/// How often a silent far machine is asked whether it is there; after three
/// times without an answer `ssh` gives it up.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// Longest wait for an answer: the longest command and a slow line.
const MAX_WAIT: Duration = Duration::from_secs(MAX_COMMAND.as_secs() + 30);

/// Longest wait for the far shell to end.
const MAX_END: Duration = Duration::from_secs(5);

/// Most that is read of why the far machine gives no shell.
const MAX_REASON: u64 = 4096;

/// Where a line leads, and by which configuration.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    /// A host of the ssh configuration, `user@host` or `ssh://user@host:port`.
    pub(super) name: &'a str,
    /// Instead of the operator's own configuration.
    pub(super) config: Option<&'a Path>,
    /// What answers there.
    pub(super) shell: &'a str,
}

/// Both ends of the far shell.
#[derive(Debug)]
pub(super) struct Line {
    runtime: Runtime,
    /// Gone once an answer did not come: it would be taken for the next one's.
    ends: Option<Ends>,
}

#[derive(Debug)]
struct Ends {
    scripts: ChildStdin,
    answers: BufReader<ChildStdout>,
    shell: Child<Arc<Session>>,
}

impl Line {
    /// Opens a line, sends `first` and waits for the line that it answers.
    pub(super) fn open(
        place: &Place<'_>,
        first: &str,
        max_answer: u64,
    ) -> Result<Self, MachineError> {
        let local = |source| place.unreachable(source);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(local)?;
        let folder = tempfile::Builder::new().prefix("bluegate-ssh-").tempdir().map_err(local)?;
        let ends = runtime.block_on(async {
            let session = Arc::new(place.connect(&folder).await?);
            let mut ends = place.start_shell(&session).await?;
            ends.first_answer(place, first, max_answer).await?;
            place.hang_up_with_shell(&session)?;
            Ok(ends)
        })?;
        Ok(Self { runtime, ends: Some(ends) })
    }

    /// Sends a script that answers nothing.
    pub(super) fn tell(&mut self, script: &str) -> io::Result<()> {
        self.within(async |ends| ends.tell(script).await)
    }

    /// Sends a script and reads the line that it answers, without its end.
    pub(super) fn ask(&mut self, script: &str, max_answer: u64) -> io::Result<String> {
        self.within(async |ends| {
            ends.tell(script).await?;
            ends.answer(max_answer).await
        })
    }

    fn within<T>(&mut self, work: impl AsyncFnOnce(&mut Ends) -> io::Result<T>) -> io::Result<T> {
        let Some(ends) = &mut self.ends else { return Err(broken()) };
        let outcome = self.runtime.block_on(async {
            let silent = |_| io::Error::new(io::ErrorKind::TimedOut, "the far shell is silent");
            timeout(MAX_WAIT, work(ends)).await.map_err(silent)?
        });
        if outcome.is_err() {
            self.ends = None;
        }
        outcome
    }
}

impl Drop for Line {
    /// The far shell ends when nothing more is to come, and the connection with it.
    fn drop(&mut self) {
        let Some(Ends { scripts, answers, shell }) = self.ends.take() else { return };
        drop((scripts, answers));
        // Whatever it ended with, it is not asked any more; `ssh` is killed when it is late.
        drop(self.runtime.block_on(async { timeout(MAX_END, shell.wait()).await }));
    }
}

impl Ends {
    async fn tell(&mut self, script: &str) -> io::Result<()> {
        self.scripts.write_all(script.as_bytes()).await?;
        self.scripts.flush().await
    }

    async fn answer(&mut self, max: u64) -> io::Result<String> {
        let mut line = Vec::new();
        (&mut self.answers).take(max).read_until(b'\n', &mut line).await?;
        match line.pop() {
            Some(b'\n') => Ok(String::from_utf8_lossy(&line).into_owned()),
            _ => Err(broken()),
        }
    }

    async fn first_answer(
        &mut self,
        place: &Place<'_>,
        first: &str,
        max: u64,
    ) -> Result<(), MachineError> {
        let answered = async {
            self.tell(first).await?;
            self.answer(max).await
        };
        let outcome = timeout(MAX_WAIT, answered).await;
        let Err(error) = outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) else {
            return Ok(());
        };
        let mut said = Vec::new();
        if let Some(complaints) = self.shell.stderr().take() {
            let reading = complaints.take(MAX_REASON);
            tokio::pin!(reading);
            // Without a reason the error in hand has to do.
            drop(timeout(MAX_END, reading.read_to_end(&mut said)).await);
        }
        let said = flat(&String::from_utf8_lossy(&said));
        let source = if said.is_empty() { error } else { io::Error::other(said) };
        Err(MachineError::NoShell {
            place: place.name.to_owned(),
            command: place.by_hand(place.shell),
            source,
        })
    }
}

impl Place<'_> {
    async fn connect(&self, folder: &TempDir) -> Result<Session, MachineError> {
        if self.name.starts_with('-') {
            let message = "the name of a host does not begin with `-`";
            return Err(self.unreachable(io::Error::new(io::ErrorKind::InvalidInput, message)));
        }
        let mut ssh = SessionBuilder::default();
        ssh.known_hosts_check(self.known_hosts()?)
            .control_directory(folder.path())
            .connect_timeout(MAX_CONNECT)
            .server_alive_interval(ALIVE_EVERY);
        if let Some(config) = self.config {
            ssh.config_file(config);
        }
        ssh.connect(self.name).await.map_err(|error| self.explained(error))
    }

    /// What the operator's configuration says of unknown hosts: the crate would
    /// overrule it.
    fn known_hosts(&self) -> Result<KnownHosts, MachineError> {
        let told = self.ssh(&["-G", "--", self.name]).map_err(|error| self.unreachable(error))?;
        let check = told.lines().find_map(|line| line.strip_prefix("stricthostkeychecking "));
        Ok(match check {
            Some("accept-new") => KnownHosts::Add,
            Some("false") => KnownHosts::Accept,
            _ => KnownHosts::Strict,
        })
    }

    async fn start_shell(&self, session: &Arc<Session>) -> Result<Ends, MachineError> {
        let mut command = Arc::clone(session).arc_raw_command(self.shell);
        let pipe = openssh::Stdio::piped;
        command.stdin(pipe()).stdout(pipe()).stderr(pipe());
        let mut shell = command.spawn().await.map_err(|error| self.explained(error))?;
        let missing = || self.unreachable(io::Error::other("ssh has no pipes"));
        let scripts = shell.stdin().take().ok_or_else(missing)?;
        let answers = BufReader::new(shell.stdout().take().ok_or_else(missing)?);
        Ok(Ends { scripts, answers, shell })
    }

    /// Makes the connection end with the one shell that uses it, so that nothing
    /// of it is left however this process ends; its socket goes at once.
    fn hang_up_with_shell(&self, session: &Session) -> Result<(), MachineError> {
        let socket = session.control_socket().display().to_string();
        let stopped = self.ssh(&["-S", &socket, "-O", "stop", "--", self.name]);
        stopped.map(drop).map_err(|error| self.unreachable(error))
    }

    /// What `ssh` with these arguments says; it connects nowhere.
    fn ssh(&self, arguments: &[&str]) -> io::Result<String> {
        let mut ssh = Command::new("ssh");
        if let Some(config) = self.config {
            ssh.arg("-F").arg(config);
        }
        let output = ssh.args(arguments).stdin(Stdio::null()).output()?;
        if !output.status.success() {
            return Err(io::Error::other(flat(&String::from_utf8_lossy(&output.stderr))));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn explained(&self, error: openssh::Error) -> MachineError {
        let source = match error {
            openssh::Error::Connect(source) | openssh::Error::Master(source) => source,
            other => io::Error::other(other),
        };
        let text = flat(&source.to_string());
        let place = self.name.to_owned();
        let command = self.by_hand("true");
        let is_host_key = text.contains("Host key verification failed");
        let is_refused = source.kind() == io::ErrorKind::PermissionDenied;
        let source = io::Error::new(source.kind(), text);
        match (is_host_key, is_refused) {
            (true, _) => MachineError::HostKey { place, command, source },
            (_, true) => MachineError::Refused { place, command, source },
            _ => MachineError::Connect { place, command, source },
        }
    }

    fn unreachable(&self, source: io::Error) -> MachineError {
        let (place, command) = (self.name.to_owned(), self.by_hand("true"));
        MachineError::Connect { place, command, source }
    }

    /// The same by hand, for whoever looks into it.
    fn by_hand(&self, command: &str) -> String {
        let config = self.config.map(Path::display);
        let config = config.map_or_else(String::new, |config| format!("-F {config} "));
        format!("ssh {config}{} {command}", self.name)
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the line broke")
}

/// What `ssh` says, in one line and without the frames that it draws.
fn flat(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('@'));
    lines.collect::<Vec<_>>().join("; ")
}
