//! Pebble, the ACME server that Let's Encrypt tests clients with, as Debian
//! ships it. It really validates: it connects to the name, at the ports given.

use std::{net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::sleep,
};

use crate::{names::Names, site::authority_for_localhost};

/// Free ports that are tried, since one may be taken between its choice and
/// its use.
const ATTEMPTS: u32 = 5;

pub(crate) struct Pebble {
    pub(crate) directory: String,
    /// The authority of pebble's own certificate.
    pub(crate) ca: PathBuf,
    _child: Child,
    _names: Names,
    _folder: tempfile::TempDir,
}

impl Pebble {
    /// Validates HTTP-01 at `http` and TLS-ALPN-01 at `tls`.
    pub(crate) async fn start(http: SocketAddr, tls: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let names = Names::start().await;
        let (ca, certificate, key) = authority_for_localhost();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let ca = write("ca.pem", &ca);
        let (certificate, key) = (write("cert.pem", &certificate), write("key.pem", &key));
        for _ in 0..ATTEMPTS {
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let config = serde_json::json!({ "pebble": {
                "listenAddress": port.to_string(),
                "certificate": certificate,
                "privateKey": key,
                "httpPort": http.port(),
                "tlsPort": tls.port(),
            }});
            let config = write("config.json", &config.to_string());
            let mut child = Command::new("pebble")
                .arg("-config")
                .arg(config)
                .args(["-strict", "-dnsserver", &names.address.to_string()])
                .env("PEBBLE_VA_NOSLEEP", "1")
                .env_remove("PEBBLE_VA_ALWAYS_VALID")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .expect("`pebble` is installed (Debian package pebble; scripts/setup.sh test)");
            if listens(&mut child, port).await {
                let directory = format!("https://localhost:{}/dir", port.port());
                return Self { directory, ca, _child: child, _names: names, _folder: folder };
            }
        }
        unreachable!("pebble does not start")
    }
}

async fn listens(child: &mut Child, address: SocketAddr) -> bool {
    for _ in 0..1000 {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if TcpStream::connect(address).await.is_ok() {
            return true;
        }
        sleep(Duration::from_millis(10)).await;
    }
    false
}
