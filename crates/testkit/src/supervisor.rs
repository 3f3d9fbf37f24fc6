//! What systemd does for a service of `Type=notify` with a socket unit: it opens the sockets, hands
//! them over, listens to what the service says of itself, and follows its main process.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use command_fds::{CommandFdExt, FdMapping};
use tempfile::TempDir;

use crate::eventually::eventually;
use crate::process::{Process, signal};

/// The first descriptor that is handed over.
const FIRST: i32 = 3;

/// The largest notification read.
const LARGEST_NOTIFICATION: usize = 4_096;

/// A service's sockets and notifications; with [`Supervisor::start`], the service. Dropping it ends the
/// service and whatever that has started.
#[derive(Debug)]
pub struct Supervisor {
    sockets: Vec<TcpListener>,
    notifications: UnixDatagram,
    said: Vec<String>,
    service: Option<Process>,
    main: u32,
    folder: TempDir,
}

impl Supervisor {
    /// A supervisor without a service yet.
    ///
    /// # Errors
    ///
    /// When there is no place for its socket.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("bluegate-test-notify-").tempdir()?;
        let notifications = UnixDatagram::bind(folder.path().join("notify"))?;
        notifications.set_nonblocking(true)?;
        Ok(Self {
            sockets: Vec::new(),
            notifications,
            said: Vec::new(),
            service: None,
            main: 0,
            folder,
        })
    }

    /// Opens a socket on a free port of loopback, to be handed over.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn listen(&mut self) -> Result<SocketAddr> {
        let socket = TcpListener::bind("127.0.0.1:0")?;
        let address = socket.local_addr()?;
        self.sockets.push(socket);
        Ok(address)
    }

    /// Starts the service with the sockets.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(&mut self, program: &Path, arguments: &[&str]) -> Result<()> {
        let copies = self.sockets.iter().map(|socket| Ok(OwnedFd::from(socket.try_clone()?)));
        let copies: Vec<OwnedFd> = copies.collect::<Result<_>>()?;
        // Only the process itself can say its number.
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "LISTEN_PID=$$ exec \"$0\" \"$@\""]).arg(program).args(arguments);
        command
            .env("LISTEN_FDS", copies.len().to_string())
            .env("NOTIFY_SOCKET", self.folder.path().join("notify"));
        let mappings = (FIRST..).zip(copies);
        let mappings = mappings.map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd });
        command.fd_mappings(mappings.collect())?;
        let service = Process::spawn(command)?;
        self.main = service.id();
        self.service = Some(service);
        Ok(())
    }

    /// The process that is the service now.
    #[must_use]
    pub fn main_process(&self) -> u32 {
        self.main
    }

    /// The process that was started first.
    ///
    /// # Panics
    ///
    /// When none was started.
    pub fn first_process(&mut self) -> &mut Process {
        self.service.as_mut().expect("the service was started")
    }

    /// Everything the service has said, in order, one assignment each.
    pub fn said(&mut self) -> &[String] {
        let mut buffer = [0; LARGEST_NOTIFICATION];
        while let Ok(read) = self.notifications.recv(&mut buffer) {
            let text = String::from_utf8_lossy(buffer.get(..read).unwrap_or_default());
            for line in text.lines() {
                if let Some(number) = line.strip_prefix("MAINPID=") {
                    self.main = number.parse().unwrap_or(self.main);
                }
                self.said.push(line.to_owned());
            }
        }
        &self.said
    }

    /// Waits until the service has said something so many times in all.
    ///
    /// # Errors
    ///
    /// When it has not within the time; with its standard error.
    pub async fn hears(&mut self, what: &str, times: usize, within: Duration) -> Result<()> {
        let heard = eventually(format!("the service says {what} ({times})"), within, || {
            let count = self.said().iter().filter(|line| line.starts_with(what)).count();
            async move { (count >= times).then_some(()) }
        });
        heard.await.with_context(|| self.words())
    }

    /// Sends the main process a signal such as `-USR2`.
    ///
    /// # Errors
    ///
    /// When there is no such process.
    pub fn signal(&mut self, name: &str) -> Result<()> {
        self.said();
        signal(name, &self.main.to_string())
    }

    /// What the service wrote to standard error so far, all its processes together.
    #[must_use]
    pub fn words(&self) -> String {
        self.service.as_ref().map(Process::stderr).unwrap_or_default()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // A group's number is not given away while a member lives, and the main process is one.
        if let Some(service) = &self.service
            && self.main != service.id()
        {
            drop(signal("-KILL", &format!("-{}", service.id())));
        }
    }
}
