use std::{sync::Mutex, time::Instant};

use axum::{Router, extract::ConnectInfo, routing::get};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
    task::JoinHandle,
};

use super::*;
use crate::{Connection, RouterService, bind, dispatch};

/// Longer than anything that does happen takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A listener at work.
struct Server {
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<Drained>,
}

impl Server {
    fn start(service: Arc<impl Service>, limits: Limits, drain: Duration) -> Self {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr();
        let shutdown = CancellationToken::new();
        let serving = serve(listener, None, service, limits, shutdown.clone(), drain);
        Self { address, shutdown, serving: tokio::spawn(async { serving.await.unwrap() }) }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn drained(self) -> Drained {
        timeout(PATIENCE, self.serving).await.unwrap().unwrap()
    }
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is one way to close.
    drop(timeout(PATIENCE, stream.read_to_end(&mut text)).await.expect("a closed connection"));
    String::from_utf8(text).unwrap()
}

/// Answers with its own name.
struct Named(&'static str);

impl Service for Named {
    type Body = Full<Bytes>;

    async fn call(
        self: Arc<Self>,
        _: Request<RequestBody>,
        _: Arc<Connection>,
    ) -> Response<Self::Body> {
        Response::new(Full::from(self.0))
    }
}

/// Tells when it is called, and never answers.
struct Hanging(Mutex<Option<oneshot::Sender<()>>>);

impl Hanging {
    fn new() -> (Arc<Self>, oneshot::Receiver<()>) {
        let (called, when_called) = oneshot::channel();
        (Arc::new(Self(Mutex::new(Some(called)))), when_called)
    }
}

impl Service for Hanging {
    type Body = Full<Bytes>;

    async fn call(
        self: Arc<Self>,
        _: Request<RequestBody>,
        _: Arc<Connection>,
    ) -> Response<Self::Body> {
        if let Some(called) = self.0.lock().unwrap().take() {
            called.send(()).unwrap();
        }
        std::future::pending().await
    }
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const GET_AND_CLOSE: &[u8] = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn a_router_is_served_and_knows_its_peer() {
    let router = Router::new().route(
        "/",
        get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }),
    );
    let server = Server::start(Arc::new(RouterService::new(router)), Limits::default(), PATIENCE);
    let mut stream = server.connect().await;
    stream.write_all(GET_AND_CLOSE).await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(&stream.local_addr().unwrap().to_string()), "{answer}");
}

#[tokio::test]
async fn two_roles_share_a_listener() {
    let dispatch = dispatch::Dispatch {
        cluster: "https://bbb.test".parse().unwrap(),
        api: Some("https://api.test".parse().unwrap()),
        hosts: None,
    };
    let both =
        dispatch::Dispatcher::new(dispatch, Arc::new(Named("proxy")), Arc::new(Named("api")));
    let server = Server::start(Arc::new(both), Limits::default(), PATIENCE);
    for (target, host, wanted) in [
        ("/", "bbb.test", "proxy"),
        ("/bigbluebutton/api/create", "bbb.test", "api"),
        ("/", "api.test", "api"),
        ("https://bbb.test/", "api.test", "proxy"),
    ] {
        let mut stream = server.connect().await;
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(read_all(&mut stream).await.ends_with(wanted), "{target} {host}");
    }
}

#[tokio::test]
async fn cleartext_speaks_no_http2() {
    let server = Server::start(Arc::new(Named("x")), Limits::default(), PATIENCE);
    let mut stream = server.connect().await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn a_head_that_never_ends_is_closed() {
    let limits = Limits { header_read: Duration::from_millis(100), ..Limits::default() };
    let server = Server::start(Arc::new(Named("x")), limits, PATIENCE);
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(!answer.contains(" 200 "), "{answer}");
}

#[tokio::test]
async fn a_head_over_the_bound_is_refused() {
    let limits = Limits { max_header_bytes: 1024, ..Limits::default() };
    let server = Server::start(Arc::new(Named("x")), limits, PATIENCE);
    let mut stream = server.connect().await;
    let request = format!("GET / HTTP/1.1\r\nHost: a.test\r\nX: {}\r\n\r\n", "x".repeat(2000));
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let limits = Limits { idle: Duration::from_millis(100), ..Limits::default() };
    let server = Server::start(Arc::new(Named("x")), limits, PATIENCE);
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_request_without_progress_is_cut() {
    let limits = Limits { stall: Duration::from_millis(100), ..Limits::default() };
    let (hanging, _called) = Hanging::new();
    let server = Server::start(hanging, limits, PATIENCE);
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    assert_eq!(read_all(&mut stream).await, "");
}

/// Answers with the length of the request's body.
struct Measuring;

impl Service for Measuring {
    type Body = Full<Bytes>;

    async fn call(
        self: Arc<Self>,
        request: Request<RequestBody>,
        _: Arc<Connection>,
    ) -> Response<Self::Body> {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(Full::from(body.len().to_string()))
    }
}

#[tokio::test]
async fn a_slow_upload_is_progress() {
    let limits = Limits { stall: Duration::from_millis(300), ..Limits::default() };
    let server = Server::start(Arc::new(Measuring), limits, PATIENCE);
    let mut stream = server.connect().await;
    let head = b"POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 9\r\n\r\n";
    stream.write_all(head).await.unwrap();
    // Longer in all than a stalled connection lives.
    for _ in 0..9 {
        let early = timeout(Duration::from_millis(60), stream.read_u8()).await;
        assert!(early.is_err(), "answered or cut in the middle of the upload");
        stream.write_all(b"x").await.unwrap();
    }
    assert!(read_all(&mut stream).await.ends_with("\r\n\r\n9"));
}

#[tokio::test]
async fn connections_over_the_bound_wait_for_a_place() {
    let limits = Limits { max_connections: 1, ..Limits::default() };
    let server = Server::start(Arc::new(Named("x")), limits, PATIENCE);
    let mut first = server.connect().await;
    first.write_all(GET).await.unwrap();
    let mut begun = [0; 12];
    timeout(PATIENCE, first.read_exact(&mut begun)).await.unwrap().unwrap();

    let mut second = server.connect().await;
    second.write_all(GET_AND_CLOSE).await.unwrap();
    let waiting = timeout(Duration::from_millis(200), second.read_u8()).await;
    assert!(waiting.is_err(), "a second connection was served beside the first");
    drop(first);
    assert!(read_all(&mut second).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn what_hangs_is_cut_at_the_deadline_and_counted() {
    let (hanging, called) = Hanging::new();
    let server = Server::start(hanging, Limits::default(), Duration::from_millis(200));
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    timeout(PATIENCE, called).await.unwrap().unwrap();

    let began = Instant::now();
    server.shutdown.cancel();
    assert_eq!(server.drained().await, Drained { cut: 1 });
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_closed() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
    let tls = crate::tls::server_config_from_pem(
        cert.pem().as_bytes(),
        signing_key.serialize_pem().as_bytes(),
    )
    .unwrap();
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr();
    let limits = Limits { tls_handshake: Duration::from_millis(100), ..Limits::default() };
    let shutdown = CancellationToken::new();
    let serving =
        serve(listener, Some(tls), Arc::new(Named("x")), limits, shutdown.clone(), PATIENCE);
    let serving = tokio::spawn(serving);
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert_eq!(read_all(&mut stream).await, "");
    shutdown.cancel();
    assert_eq!(timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap(), Drained { cut: 0 });
}
