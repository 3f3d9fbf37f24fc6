//! Pebble, the ACME server that Let's Encrypt tests clients with, as Debian
//! ships it. It really validates: it connects to the name, at the ports given.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};

use crate::{certificates::Authority, eventually::eventually, http::Request, names::Names};

/// Free ports that are tried, since one may be taken between its choice and
/// its use.
const ATTEMPTS: u32 = 5;
/// How long it may take to start.
const START: Duration = Duration::from_secs(30);

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Pebble {
    /// Where clients begin.
    pub directory: String,
    /// A file with the authority of pebble's own certificate, as PEM.
    pub ca: PathBuf,
    /// The root of all that it issues, as PEM.
    pub root: String,
    _child: Child,
    _names: Names,
    _folder: tempfile::TempDir,
}

impl Pebble {
    /// Validates HTTP-01 at the port of `http` and TLS-ALPN-01 at that of `tls`; every
    /// name is at 127.0.0.1.
    ///
    /// # Errors
    ///
    /// When pebble is not installed or does not start.
    pub async fn start(http: SocketAddr, tls: SocketAddr) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let names = Names::start().await?;
        let authority = Authority::new()?;
        let issued = authority.issue(&["localhost"])?;
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, authority.certificate())?;
        std::fs::write(folder.path().join("cert.pem"), issued.certificate)?;
        std::fs::write(folder.path().join("key.pem"), issued.key)?;
        for _ in 0..ATTEMPTS {
            let (port, management) = (free_port()?, free_port()?);
            let config = serde_json::json!({ "pebble": {
                "listenAddress": format!("127.0.0.1:{port}"),
                "managementListenAddress": format!("127.0.0.1:{management}"),
                "certificate": folder.path().join("cert.pem"),
                "privateKey": folder.path().join("key.pem"),
                "httpPort": http.port(),
                "tlsPort": tls.port(),
            }});
            std::fs::write(folder.path().join("config.json"), config.to_string())?;
            let mut child = spawn(folder.path(), names.address)?;
            let Some(root) = root(&mut child, management, &authority.certificate()).await else {
                continue;
            };
            let directory = format!("https://localhost:{port}/dir");
            return Ok(Self { directory, ca, root, _child: child, _names: names, _folder: folder });
        }
        bail!("pebble does not start")
    }
}

fn spawn(folder: &Path, names: SocketAddr) -> Result<Child> {
    Command::new("pebble")
        .arg("-config")
        .arg(folder.join("config.json"))
        .args(["-strict", "-dnsserver", &names.to_string()])
        .env("PEBBLE_VA_NOSLEEP", "1")
        .env_remove("PEBBLE_VA_ALWAYS_VALID")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("`pebble` is not installed (Debian package pebble; scripts/setup.sh test)")
}

/// The root of what it issues, once it answers; nothing when it has ended.
async fn root(child: &mut Child, management: u16, authority: &str) -> Option<String> {
    let child = std::sync::Mutex::new(child);
    let address = format!("127.0.0.1:{management}");
    let asked = eventually("pebble answers", START, || async {
        let ended = child.lock().ok()?.try_wait().ok()?;
        if ended.is_some() {
            return Some(None);
        }
        let request = Request::get("/roots/0").header("Host", &format!("localhost:{management}"));
        let answer = request.trusting(authority).send(&address).await.ok()?;
        (answer.status == 200).then(|| Some(answer.text()))
    });
    asked.await.ok().flatten()
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
