//! A real nginx in front of a node's services, which loads the node's own files.
//!
//! Those files name absolute paths. nginx therefore runs in a mount namespace in
//! which the node's folders stand where they belong, and everything else that it
//! needs is this machine's; the files stay as they are, byte for byte.

use std::{
    fs, io,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// Where Debian installs nginx.
const PROGRAM: &str = "/usr/sbin/nginx";

/// Makes the namespace and becomes nginx in it.
const ENTER: &str = include_str!("nginx/enter.sh");

/// How nginx is told to behave besides its files: in the foreground, and as the
/// user it is started by, since it owns no port below 1024.
const DIRECTIVES: &str = "daemon off; user root; error_log /var/log/nginx/error.log notice;";

/// How long nginx may take to listen, to reload and to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often we look meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What an old worker writes when a reload has replaced it.
const REPLACED: &str = "gracefully shutting down";

/// The certificate nginx serves, in PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The chain.
    pub chain: String,
    /// Its private key.
    pub key: String,
}

/// Why nginx cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NginxError {
    /// It is not installed.
    #[error("`{PROGRAM}` is missing; install the Debian package `nginx`")]
    Missing,
    /// A program that makes the namespace cannot be run.
    #[error("cannot run `unshare`; install the Debian package `util-linux`")]
    Unshare(#[source] io::Error),
    /// A folder or file for it cannot be made.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The path.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// It refuses its configuration.
    #[error("nginx refuses the configuration:\n{output}")]
    Refused {
        /// What `nginx -t` says.
        output: String,
    },
    /// It ended instead of listening.
    #[error("nginx does not start:\n{output}")]
    Ended {
        /// What it said.
        output: String,
    },
    /// It neither listens nor ends.
    #[error("nginx does not answer in time")]
    Silent,
}

/// nginx of one node.
#[derive(Debug)]
pub(crate) struct RealNginx {
    /// The folder that stands for `/`.
    root: PathBuf,
    /// An empty folder; in the namespace the node's `/`.
    mount: PathBuf,
    /// Where its logs are.
    logs: PathBuf,
    /// Where it listens.
    address: SocketAddr,
    /// Such as `1.26.3`.
    version: String,
    running: Mutex<Option<Child>>,
}

impl RealNginx {
    /// Starts nginx and waits until it listens. `run` is a folder of its own.
    pub(crate) fn start(
        root: &Path,
        run: &Path,
        address: SocketAddr,
        certificate: Option<&Certificate>,
    ) -> Result<Self, NginxError> {
        if !Path::new(PROGRAM).exists() {
            return Err(NginxError::Missing);
        }
        let nginx = Self {
            root: root.to_owned(),
            mount: run.join("root"),
            logs: run.join("log"),
            address,
            version: version()?,
            running: Mutex::default(),
        };
        for folder in [&nginx.mount, &nginx.logs] {
            fs::create_dir_all(folder)
                .map_err(|source| NginxError::Write { path: folder.clone(), source })?;
        }
        if let Some(certificate) = certificate {
            let folder = root.join("etc/nginx/ssl");
            write(&folder.join("fullchain.pem"), &certificate.chain)?;
            write(&folder.join("privkey.pem"), &certificate.key)?;
        }
        nginx.run()?;
        Ok(nginx)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Which nginx it is.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Starts it unless it runs.
    pub(crate) fn run(&self) -> Result<(), NginxError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_some() {
            return Ok(());
        }
        self.test()?;
        let mut child = self
            .command(&[])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(NginxError::Unshare)?;
        let listens = wait_until(|| {
            if TcpStream::connect(self.address).is_ok() {
                return Some(Ok(()));
            }
            child.try_wait().ok().flatten().map(|_| Err(NginxError::Ended { output: self.log() }))
        });
        match listens {
            Some(Ok(())) => {
                *running = Some(child);
                Ok(())
            }
            Some(Err(error)) => Err(error),
            None => {
                stop(child);
                Err(NginxError::Silent)
            }
        }
    }

    /// `nginx -t`: what it says of its files, and whether it takes them.
    pub(crate) fn test(&self) -> Result<String, NginxError> {
        let Output { status, stdout, stderr } =
            self.command(&["-t"]).output().map_err(NginxError::Unshare)?;
        let output = [stdout, stderr].concat();
        let output = String::from_utf8_lossy(&output).into_owned();
        if status.success() { Ok(output) } else { Err(NginxError::Refused { output }) }
    }

    /// `nginx -t && systemctl reload nginx`; new connections meet the new
    /// configuration when it returns.
    pub(crate) fn reload(&self) -> Result<(), NginxError> {
        self.test()?;
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(child) = running.as_ref() else { return Ok(()) };
        let replaced = || self.log().matches(REPLACED).count();
        let before = replaced();
        signal(child, Signal::HUP);
        wait_until(|| (replaced() > before).then_some(())).ok_or(NginxError::Silent)
    }

    /// Stops it at once, and waits for that.
    pub(crate) fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(child) = running {
            stop(child);
        }
    }

    /// What it has logged.
    fn log(&self) -> String {
        fs::read(self.logs.join("error.log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private"]);
        if !rustix::process::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command
            .args(["sh", "-c", ENTER, "sh"])
            .args([&self.mount, &self.root, &self.logs])
            .args(["-g", DIRECTIVES])
            .args(arguments)
            .stdin(Stdio::null());
        command
    }
}

impl Drop for RealNginx {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What `nginx -v` says behind `nginx/`.
fn version() -> Result<String, NginxError> {
    let Output { stderr, .. } =
        Command::new(PROGRAM).arg("-v").output().map_err(|_| NginxError::Missing)?;
    let said = String::from_utf8_lossy(&stderr);
    let version = said.split_once("nginx/").map_or("", |(_, version)| version);
    Ok(version.trim().to_owned())
}

fn write(path: &Path, text: &str) -> Result<(), NginxError> {
    let written =
        path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    written.map_err(|source| NginxError::Write { path: path.to_owned(), source })
}

#[expect(
    clippy::disallowed_methods,
    reason = "callers run on threads that may block, and look at another process"
)]
/// Looks until there is something to see; `None` when patience ends.
fn wait_until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return Some(seen);
        }
        if start.elapsed() > PATIENCE {
            return None;
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended by itself, and is then only waited for.
        kill_process(pid, signal).ok();
    }
}

fn stop(mut child: Child) {
    signal(&child, Signal::TERM);
    let ended = wait_until(|| child.try_wait().ok().flatten());
    if ended.is_none() {
        // Its workers end with the connections they have.
        drop(child.kill());
        drop(child.wait());
    }
}
