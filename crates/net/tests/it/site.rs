//! What a manager serves: an https listener, a redirect beside it, and
//! clients that come to them.

use std::{future::Future, io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use bluegate_net::{
    Limits, Listener, Redirect, RouterService, Service,
    acme::{Config, Manager, Names, Pace, build},
    bind, serve, tls,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const NAME: &str = "bbb.example.org";

/// Longer than anything that does happen takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Fast enough for a test.
pub(crate) fn pace() -> Pace {
    Pace {
        look: Duration::from_millis(20),
        settle: Duration::from_millis(200),
        ask: (Duration::from_millis(50), Duration::from_millis(400)),
        retry: Duration::from_millis(800),
    }
}

pub(crate) fn config(folder: &Path, directory: &str, ca: &Path, http: bool) -> Config {
    Config {
        folder: folder.to_owned(),
        directory: directory.to_owned(),
        directory_tls: tls::client_config(Some(ca)).unwrap(),
        contact: "admin@example.org".to_owned(),
        names: vec![NAME.to_owned()],
        http,
        pace: pace(),
    }
}

/// Two sockets, whose ports an authority can be told before they are served.
pub(crate) struct Sockets {
    https: Listener,
    http: Listener,
}

impl Sockets {
    pub(crate) fn open() -> Self {
        let open = || bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self { https: open(), http: open() }
    }

    pub(crate) fn https(&self) -> SocketAddr {
        self.https.local_addr()
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.http.local_addr()
    }

    /// Serves both, with certificates by `config`.
    pub(crate) fn serve(self, config: Config) -> Site {
        self.serve_manager(build(config).unwrap())
    }

    pub(crate) fn serve_manager(self, manager: Manager) -> Site {
        let shutdown = CancellationToken::new();
        let slot = manager.slot(NAME).unwrap();
        let redirect = Redirect::to(format!("https://{NAME}").parse().unwrap())
            .with_challenges(manager.challenges())
            .waiting_for(Arc::clone(&slot));
        let router = Router::new().route("/", get(async || "here"));
        let site = Site {
            https: self.https(),
            http: self.http(),
            slot,
            names: manager.names(),
            _shutdown: shutdown.clone().drop_guard(),
        };
        let tls = Some(manager.server_config().unwrap());
        start(self.https, tls, Arc::new(RouterService::new(router)), &shutdown);
        start(self.http, None, Arc::new(redirect), &shutdown);
        tokio::spawn(manager.run(shutdown));
        site
    }
}

fn start(
    listener: Listener,
    tls: Option<Arc<rustls::ServerConfig>>,
    service: Arc<impl Service>,
    shutdown: &CancellationToken,
) {
    let limits = Limits::default();
    tokio::spawn(serve(listener, tls, service, limits, shutdown.clone(), Duration::ZERO));
}

/// Everything at work; ends when dropped.
pub(crate) struct Site {
    pub(crate) https: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) slot: Arc<tls::Slot>,
    pub(crate) names: Arc<Names>,
    _shutdown: DropGuard,
}

impl Site {
    /// The certificate shown, once there is one that `wanted` likes.
    pub(crate) async fn certificate(
        &self,
        wanted: impl Fn(&[CertificateDer<'static>]) -> bool,
    ) -> Vec<CertificateDer<'static>> {
        let shown = || self.slot.current().map(|found| found.cert.clone());
        eventually(|| shown().filter(|chain| wanted(chain))).await
    }

    /// A connection that trusts the issuer of `chain` alone.
    pub(crate) async fn connect(
        &self,
        chain: &[CertificateDer<'static>],
    ) -> io::Result<TlsStream<TcpStream>> {
        self.connect_to(NAME, chain).await
    }

    /// The same, asking for the certificate of `name`.
    pub(crate) async fn connect_to(
        &self,
        name: &'static str,
        chain: &[CertificateDer<'static>],
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(chain.last().unwrap().clone()).unwrap();
        let config = rustls::ClientConfig::builder_with_provider(
            rustls::crypto::aws_lc_rs::default_provider().into(),
        )
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
        let stream = TcpStream::connect(self.https).await?;
        TlsConnector::from(Arc::new(config)).connect(name.try_into().unwrap(), stream).await
    }

    /// The head of the redirect's answer.
    pub(crate) async fn ask_redirect(&self) -> String {
        let mut stream = TcpStream::connect(self.http).await.unwrap();
        let request = format!("GET /a?b HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

/// Asks for a page, and expects it.
pub(crate) async fn ask(stream: &mut TlsStream<TcpStream>) {
    let request = format!("GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"here") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "closed early");
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

/// What `look` finds, as soon as it finds something.
pub(crate) async fn eventually<T>(look: impl Fn() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    within(looking).await
}

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.expect("it happens in time")
}

/// An authority, and a certificate and key for localhost, as PEM.
pub(crate) fn authority_for_localhost() -> (String, String, String) {
    let (authority, issuer) = authority();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    (authority, certificate.pem(), key.serialize_pem())
}

pub(crate) fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(params, key))
}
