//! The proxy under test, and clients of it.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use bluegate_cluster::{Node, Origin, Routes};
use bluegate_net::{Drained, Policy, tls};
use bluegate_proxy::{CacheConfig, Config, Proxy};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::fake_node::FakeNode;

/// Longer than any test has to wait for anything that does happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The host of the cluster's origin in tests.
pub(crate) const HOST: &str = "bbb.test";

/// What a test changes about the proxy.
pub(crate) struct Setup {
    nodes: Vec<Node>,
    pub(crate) config: Config,
    pub(crate) drain: Duration,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) policy: Policy,
}

/// A proxy at work.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    pub(crate) origin: Origin,
    pub(crate) shutdown: CancellationToken,
    pub(crate) proxy: Arc<Proxy>,
    routes: watch::Sender<Arc<Routes>>,
    serving: JoinHandle<Drained>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A node description whose connections go to `at`.
pub(crate) fn node_at(name: &str, at: SocketAddr, bbb: Option<&str>) -> Node {
    Node {
        name: name.parse().unwrap(),
        origin: format!("http://{name}.test").parse().unwrap(),
        address: Some(at.into()),
        bbb: bbb.map(|bbb| bbb.parse().unwrap()),
        proxied: true,
    }
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            config: Config {
                cache: CacheConfig::off(),
                health_interval: Duration::ZERO,
                ..Config::new(tls::client_config(Some(&authority_path())).unwrap())
            },
            drain: PATIENCE,
            tls: None,
            policy: Policy::default(),
        }
    }

    /// Mounts a BBB 3.0 node.
    pub(crate) fn mount(self, name: &str, node: &FakeNode) -> Self {
        self.add(node_at(name, node.address, Some("3.0")))
    }

    /// Mounts a BBB 2.7 node.
    pub(crate) fn mount_2x(self, name: &str, node: &FakeNode) -> Self {
        self.add(node_at(name, node.address, Some("2.7")))
    }

    pub(crate) fn add(mut self, node: Node) -> Self {
        self.nodes.push(node);
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    pub(crate) async fn start(self) -> Front {
        let listener = bluegate_net::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr();
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let origin: Origin = format!("{scheme}://{HOST}:{}", address.port()).parse().unwrap();
        let routes = Routes::new(origin.clone(), self.nodes).unwrap();
        let (routes, followed) = watch::channel(Arc::new(routes));
        let proxy = bluegate_proxy::build(self.config, followed).unwrap();
        let shutdown = CancellationToken::new();
        let serving = bluegate_net::serve(
            listener,
            self.tls,
            Arc::clone(&proxy),
            self.policy,
            shutdown.clone(),
            self.drain,
        );
        let serving = tokio::spawn(async { serving.await.unwrap() });
        Front { address, origin, shutdown, proxy, routes, serving }
    }
}

impl Front {
    /// `Host` of a proper request.
    pub(crate) fn host(&self) -> String {
        self.origin.authority()
    }

    /// A request head with the proper `Host`.
    pub(crate) fn request(&self, method: &str, target: &str) -> http::request::Builder {
        Request::builder().method(method).uri(target).header("host", self.host())
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send(self.request("GET", target).body(Bytes::new()).unwrap()).await
    }

    /// Sends on a connection of its own and reads the answer to its end.
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Answer {
        whole(self.open(request).await).await.expect("the whole answer")
    }

    /// Sends on a connection of its own and returns with the answer's head.
    pub(crate) async fn open(&self, request: Request<Bytes>) -> Response<Incoming> {
        self.try_open(request).await.unwrap()
    }

    /// The same, when the proxy may break off before the head is out.
    pub(crate) async fn try_open(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        timeout(PATIENCE, sender.send_request(request.map(Full::new))).await.unwrap()
    }

    /// Writes bytes as they are and reads until the proxy closes.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes.as_ref()).await.unwrap();
        let mut answer = Vec::new();
        // A reset after the answer is a way to close, too.
        drop(
            timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("a closed connection"),
        );
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The status of a raw answer; `None` when the proxy just closed.
    pub(crate) async fn raw_status(&self, bytes: impl AsRef<[u8]>) -> Option<u16> {
        let answer = self.raw(bytes).await;
        if answer.is_empty() {
            return None;
        }
        let status = answer.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
        Some(status.and_then(|status| status.parse().ok()).expect("a status line"))
    }

    /// Replaces the routes.
    pub(crate) fn route(&self, nodes: impl IntoIterator<Item = Node>) {
        self.routes.send(Arc::new(Routes::new(self.origin.clone(), nodes).unwrap())).unwrap();
    }

    /// Ends the proxy as its process would: what is to be written is written.
    pub(crate) async fn stop(self) {
        let Self { shutdown, proxy, serving, .. } = self;
        shutdown.cancel();
        timeout(PATIENCE, serving).await.unwrap().unwrap();
        proxy.close().await;
    }

    /// Waits for the drain to end.
    pub(crate) async fn drained(self) -> Drained {
        timeout(PATIENCE, self.serving).await.unwrap().unwrap()
    }
}

pub(crate) async fn whole(response: Response<Incoming>) -> Result<Answer, hyper::Error> {
    let (head, body) = response.into_parts();
    let body = timeout(PATIENCE, body.collect()).await.expect("an end of the body")?.to_bytes();
    Ok(Answer { status: head.status, headers: head.headers, body })
}

/// Waits until something has come about.
pub(crate) async fn eventually(mut condition: impl FnMut() -> bool) {
    timeout(PATIENCE, async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it to come about");
}

/// A certificate authority for tests, one per process.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: std::sync::LazyLock<Authority> = std::sync::LazyLock::new(|| {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { pem, issuer: rcgen::Issuer::new(params, key) }
    });
    &AUTHORITY
}

impl Authority {
    /// A server configuration with a certificate for `name`.
    pub(crate) fn server(&self, name: &str) -> Arc<rustls::ServerConfig> {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        tls::server_config_from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
            .unwrap()
    }
}

/// The test authority's certificate as a file.
pub(crate) fn authority_path() -> PathBuf {
    static FILE: std::sync::LazyLock<tempfile::NamedTempFile> = std::sync::LazyLock::new(|| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &authority().pem).unwrap();
        file
    });
    FILE.path().to_owned()
}
