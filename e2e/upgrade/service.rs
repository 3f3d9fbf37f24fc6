//! `bluegate serve` under a supervisor, from a program that can be replaced.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use bluegate_testkit::{Supervisor, certificates::Authority, eventually};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{WITHIN, node};
use crate::cluster::BLUEGATE;

/// The host of the cluster's origin.
pub(super) const HOST: &str = "bbb.test.localhost";

/// A client that takes its time has a small window.
const WINDOW: u32 = 64 * 1024;

pub(super) struct Service {
    pub(super) supervisor: Supervisor,
    pub(super) target: Target,
    folder: tempfile::TempDir,
}

/// Where it serves, and how to get there.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    trust: Arc<RootCertStore>,
}

impl Service {
    /// With these keys in `[proxy]`, serving.
    pub(super) async fn start(keys: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new().unwrap();
        let issued = authority.issue(&[HOST]).unwrap();
        std::fs::write(folder.path().join("chain.pem"), &issued.certificate).unwrap();
        std::fs::write(folder.path().join("key.pem"), &issued.key).unwrap();
        let mut trust = RootCertStore::empty();
        trust
            .add(CertificateDer::from_pem_slice(authority.certificate().as_bytes()).unwrap())
            .unwrap();
        let mut supervisor = Supervisor::new().unwrap();
        let address = supervisor.listen().unwrap();
        let node = node::start().await;
        let file = format!(
            "[cluster]\norigin = \"https://{HOST}:{port}\"\n\
             [proxy]\nlisten = \"{address}\"\n\
             tls = {{ cert = \"chain.pem\", key = \"key.pem\" }}\n\
             node_requests = 1000\n{keys}\n\
             [[node]]\nname = \"bbb-01\"\norigin = \"http://node.test\"\n\
             address = \"{node}\"\nbbb = \"2.7\"\n",
            port = address.port(),
        );
        let target = Target { address, trust: Arc::new(trust) };
        let mut this = Self { supervisor, target, folder };
        this.write(&file);
        this.restore_program();
        let (program, path) = (this.program(), this.path().display().to_string());
        this.supervisor.start(&program, &["-v", "serve", "-c", &path]).unwrap();
        this.supervisor.hears("READY=1", 1, WITHIN).await.unwrap();
        this
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("bluegate.toml")
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("bluegate")
    }

    pub(super) fn file(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    pub(super) fn write(&self, file: &str) {
        std::fs::write(self.path(), file).unwrap();
    }

    pub(super) fn add_a_node(&self) {
        self.write(&format!(
            "{}[[node]]\nname = \"bbb-02\"\norigin = \"http://127.0.0.2:9\"\n",
            self.file()
        ));
    }

    /// Puts another program in the place of the one that runs, as a package
    /// manager does: beside it and moved there.
    pub(super) fn replace_program(&self, content: &[u8]) {
        use std::os::unix::fs::PermissionsExt as _;
        let new = self.folder.path().join("new");
        std::fs::write(&new, content).unwrap();
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(new, self.program()).unwrap();
    }

    /// Puts the program under test there, as a link: it is large.
    pub(super) fn restore_program(&self) {
        let new = self.folder.path().join("new");
        std::os::unix::fs::symlink(BLUEGATE, &new).unwrap();
        std::fs::rename(new, self.program()).unwrap();
    }

    /// Waits until it has written something to its log so many times.
    pub(super) async fn says(&self, what: &str, times: usize) {
        let said = eventually(format!("the log says: {what} ({times})"), WITHIN, || async {
            (self.supervisor.words().matches(what).count() >= times).then_some(())
        });
        if let Err(error) = said.await {
            panic!("{error:#}: {}", self.supervisor.words());
        }
    }
}

impl Target {
    /// The authority that requests name.
    pub(super) fn authority(&self) -> String {
        format!("{HOST}:{}", self.address.port())
    }

    /// A new connection that speaks `protocol`.
    pub(super) async fn connect(&self, protocol: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(Arc::clone(&self.trust))
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(WINDOW)?;
        let stream = socket.connect(self.address).await?;
        TlsConnector::from(Arc::new(config)).connect(HOST.try_into().unwrap(), stream).await
    }
}

pub(super) fn signal_process(process: u32, name: &str) {
    let process = process.to_string();
    let status = std::process::Command::new("kill").args([name, &process]).status().unwrap();
    assert!(status.success());
}
