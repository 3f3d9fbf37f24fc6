//! A node over TLS that remembers what it was asked and answers with every
//! header that a hostile node could think of.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use bluegate_testkit::certificates::Authority;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// What a node says besides its answer. None of it may reach a browser.
pub(crate) const HOSTILE: [(&str, &str); 26] = [
    ("accept-ch", "Sec-CH-UA-Model"),
    ("access-control-allow-origin", "*"),
    ("access-control-allow-credentials", "true"),
    ("alt-svc", "h3=\":443\""),
    ("clear-site-data", "\"*\""),
    ("content-location", "/bbb-10/html5client/"),
    (
        "content-security-policy-report-only",
        "default-src 'none'; report-uri https://evil.example.org/",
    ),
    ("link", "<https://evil.example.org/x.js>; rel=preload; as=script"),
    ("nel", "{\"report_to\":\"x\",\"max_age\":60}"),
    ("origin-agent-cluster", "?1"),
    ("proxy-authenticate", "Basic realm=x"),
    ("public-key-pins", "max-age=60"),
    ("refresh", "0; url=https://evil.example.org/"),
    ("report-to", "{\"group\":\"x\"}"),
    ("reporting-endpoints", "x=\"https://evil.example.org/\""),
    ("service-worker-allowed", "/"),
    ("set-cookie", "JSESSIONID=1; Path=/"),
    ("set-cookie2", "a=b"),
    ("speculation-rules", "\"/x.json\""),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("timing-allow-origin", "*"),
    ("use-as-dictionary", "match=\"/*\""),
    ("via", "1.1 node"),
    ("www-authenticate", "Basic realm=x"),
    ("x-powered-by", "node-powered"),
    ("x-accel-redirect", "/etc/passwd"),
];

/// One request as a node saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Debug, Default)]
struct Memory {
    seen: Mutex<Vec<Seen>>,
    names: Mutex<Vec<Option<String>>>,
    connections: AtomicUsize,
}

/// A node on a loopback port.
#[derive(Debug)]
pub(crate) struct FakeNode {
    pub(crate) address: SocketAddr,
    memory: Arc<Memory>,
    accepting: JoinHandle<()>,
}

impl FakeNode {
    /// A node with a certificate for `names`.
    pub(crate) async fn start(authority: &Authority, names: &[&str]) -> Self {
        let issued = authority.issue(names).unwrap();
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let memory = Arc::<Memory>::default();
        let remembered = Arc::clone(&memory);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, memory) = (acceptor.clone(), Arc::clone(&remembered));
                memory.connections.fetch_add(1, SeqCst);
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let name = stream.get_ref().1.server_name().map(str::to_owned);
                    memory.names.lock().unwrap().push(name);
                    let service = service_fn(|request| answer(request, Arc::clone(&memory)));
                    let connection =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    // A server that goes away is part of the tests.
                    drop(connection.with_upgrades().await);
                });
            }
        });
        Self { address, memory, accepting }
    }

    /// What it was asked so far.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.memory.seen.lock().unwrap().clone()
    }

    /// The targets it was asked for so far.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.requests().into_iter().map(|seen| seen.target).collect()
    }

    /// Connections opened to it so far, failed handshakes included.
    pub(crate) fn connections(&self) -> usize {
        self.memory.connections.load(SeqCst)
    }

    /// The names it was asked for by TLS.
    pub(crate) fn server_names(&self) -> Vec<Option<String>> {
        self.memory.names.lock().unwrap().clone()
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer(
    mut request: Request<Incoming>,
    memory: Arc<Memory>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let upgrade = request.headers().contains_key(header::UPGRADE);
    let upgraded = upgrade.then(|| hyper::upgrade::on(&mut request));
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let target = head.uri.to_string();
    let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = format!("https://{}", host.unwrap_or_default());
    let seen =
        Seen { method: head.method, target: target.clone(), headers: head.headers.clone(), body };
    memory.seen.lock().unwrap().push(seen);

    if let Some(upgraded) = upgraded {
        tokio::spawn(async move {
            let Ok(upgraded) = upgraded.await else { return };
            let mut stream = TokioIo::new(upgraded);
            let mut bytes = [0; 64];
            while let Ok(length @ 1..) = stream.read(&mut bytes).await {
                drop(stream.write_all(&bytes[..length]).await);
            }
        });
        let response = Response::builder()
            .status(101)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        return Ok(response.body(Full::default()).unwrap());
    }

    let path = target.split('?').next().unwrap();
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let location = match path.rsplit('/').next().unwrap() {
        "locales" => Some(format!("{own}{path}/")),
        "relative" => Some(format!("{folder}/x")),
        "away" => Some("https://evil.example.org/".to_owned()),
        "beside" => Some(format!("{own}/bigbluebutton/api/join")),
        "marked" => Some("!https://evil.example.org/".to_owned()),
        "double" => Some("//evil.example.org/bbb-01/html5client/".to_owned()),
        _ => None,
    };
    let mut response = Response::builder().header("etag", "\"1\"");
    for (name, value) in HOSTILE {
        response = response.header(name, value);
    }
    response = if path.ends_with(".js") {
        response.header("content-type", "text/javascript")
    } else {
        response.header("content-type", "text/html")
    };
    if path.ends_with("stated.html") {
        response = response.header("cache-control", "max-age=7");
    }
    if let Some(location) = location {
        response = response.status(302).header("location", location);
    }
    Ok(response
        .header("last-modified", "Mon, 23 Nov 2026 12:00:00 GMT")
        .header("x-frame-options", "SAMEORIGIN")
        .header("content-language", "en")
        .header("server", "node-server")
        .body(Full::from(format!("[{target}]")))
        .unwrap())
}
