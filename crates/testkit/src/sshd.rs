//! An sshd of a test, with keys of its own, on a port of loopback.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

/// Longest wait for sshd to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often the port of an sshd may be lost to another test.
const PORTS_TRIED: usize = 10;

/// An sshd in the foreground, stopped when dropped. In its [`ssh_config`](Self::ssh_config) this
/// machine is called `node`.
#[derive(Debug)]
pub struct Sshd {
    folder: TempDir,
    child: Child,
}

impl Sshd {
    /// Makes keys and starts it.
    ///
    /// # Errors
    ///
    /// When it cannot be started; `scripts/setup.sh test` installs what it takes.
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name).display().to_string();
        for key in ["host_key", "user_key"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f", &path(key)])
                .status()
                .context("ssh-keygen: run scripts/setup.sh test")?;
            ensure!(made.success(), "ssh-keygen fails");
        }
        // Taken and given back: sshd takes no listener of ours. A port lost to another test is
        // tried again with the next.
        for _ in 0..PORTS_TRIED {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let port = listener.local_addr()?.port();
            drop(listener);
            let config = format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\n\
                 AuthorizedKeysFile {}\nStrictModes no\nPasswordAuthentication no\n\
                 UsePAM no\nPermitRootLogin yes\nLogLevel ERROR\nPrintMotd no\n\
                 MaxStartups 100\n",
                path("host_key"),
                path("user_key.pub"),
            );
            fs::write(path("sshd_config"), config)?;
            let host_key = fs::read_to_string(path("host_key.pub"))?;
            fs::write(path("known_hosts"), format!("[127.0.0.1]:{port} {host_key}"))?;
            let user = String::from_utf8(Command::new("id").arg("-un").output()?.stdout)?;
            let config = format!(
                "Host node\n HostName 127.0.0.1\n Port {port}\n User {}\n IdentityFile {}\n\
                 IdentitiesOnly yes\n IdentityAgent none\n UserKnownHostsFile {}\n\
                 GlobalKnownHostsFile none\n LogLevel ERROR\n",
                user.trim(),
                path("user_key"),
                path("known_hosts"),
            );
            fs::write(path("ssh_config"), config)?;
            // A folder that Debian's sshd wants, and that its service would make.
            if !Path::new("/run/sshd").exists() {
                drop(fs::create_dir_all("/run/sshd"));
            }
            let mut child = Command::new("/usr/sbin/sshd")
                .args(["-D", "-e", "-f", &path("sshd_config")])
                .stdin(Stdio::null())
                .spawn()
                .context("sshd: run scripts/setup.sh test")?;
            let began = Instant::now();
            while began.elapsed() < PATIENCE && child.try_wait()?.is_none() {
                if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                    return Ok(Self { folder, child });
                }
                thread::yield_now();
            }
            drop(child.kill());
            drop(child.wait());
        }
        bail!("sshd does not start")
    }

    /// How many connections it has.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn connections(&self) -> Result<usize> {
        // It has a process for each.
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        Ok(children.split_whitespace().count())
    }

    /// The keys that may come in, a line for each.
    #[must_use]
    pub fn authorized_keys(&self) -> PathBuf {
        self.folder.path().join("user_key.pub")
    }

    /// An ssh configuration with which it is reached.
    #[must_use]
    pub fn ssh_config(&self) -> PathBuf {
        self.folder.path().join("ssh_config")
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
