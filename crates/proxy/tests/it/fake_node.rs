//! Nodes that do what a test says and remember what they were asked.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    body::{Body, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

pub(crate) type NodeBody = BoxBody<Bytes, std::io::Error>;

/// One request as a node saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A node on a loopback port.
pub(crate) struct FakeNode {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    server_names: Arc<Mutex<Vec<Option<String>>>>,
    accepting: JoinHandle<()>,
}

impl FakeNode {
    /// A node that answers each request with what `answer` makes of it.
    pub(crate) async fn start(
        answer: impl Fn(&Seen) -> Response<NodeBody> + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(answer, None).await
    }

    /// The same over TLS.
    pub(crate) async fn start_tls(
        answer: impl Fn(&Seen) -> Response<NodeBody> + Send + Sync + 'static,
        tls: Arc<rustls::ServerConfig>,
    ) -> Self {
        Self::start_with(answer, Some(TlsAcceptor::from(tls))).await
    }

    async fn start_with(
        answer: impl Fn(&Seen) -> Response<NodeBody> + Send + Sync + 'static,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let answer = Arc::new(answer);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let server_names = Arc::new(Mutex::new(Vec::new()));
        let (requests, names) = (Arc::clone(&seen), Arc::clone(&server_names));
        let mut node = Self::script(move |stream, _| {
            let (answer, requests) = (Arc::clone(&answer), Arc::clone(&requests));
            let (tls, names) = (tls.clone(), Arc::clone(&names));
            async move {
                match tls {
                    None => speak(stream, answer, requests).await,
                    Some(tls) => {
                        let Ok(stream) = tls.accept(stream).await else { return };
                        let name = stream.get_ref().1.server_name().map(str::to_owned);
                        names.lock().unwrap().push(name);
                        speak(stream, answer, requests).await;
                    }
                }
            }
        })
        .await;
        node.seen = seen;
        node.server_names = server_names;
        node
    }

    /// A node that speaks for itself on each connection.
    pub(crate) async fn script<F>(
        script: impl Fn(TcpStream, usize) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = counted.fetch_add(1, SeqCst) + 1;
                tokio::spawn(script(stream, connection));
            }
        });
        Self { address, seen: Arc::default(), connections, server_names: Arc::default(), accepting }
    }

    /// What it was asked so far.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The only request it saw.
    pub(crate) fn only_request(&self) -> Seen {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }

    /// Connections opened to it so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }

    /// The names it was asked for by TLS.
    pub(crate) fn server_names(&self) -> Vec<Option<String>> {
        self.server_names.lock().unwrap().clone()
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn speak<I>(
    stream: I,
    answer: Arc<impl Fn(&Seen) -> Response<NodeBody> + Send + Sync + 'static>,
    requests: Arc<Mutex<Vec<Seen>>>,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request: Request<Incoming>| {
        let (answer, requests) = (Arc::clone(&answer), Arc::clone(&requests));
        async move {
            let (head, body) = request.into_parts();
            let seen = Seen {
                method: head.method,
                target: head.uri.to_string(),
                headers: head.headers,
                body: body.collect().await.map(|body| body.to_bytes()).unwrap_or_default(),
            };
            requests.lock().unwrap().push(seen.clone());
            Ok::<_, Infallible>(answer(&seen))
        }
    });
    // A client that goes away is part of some tests.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

/// A whole body.
pub(crate) fn full(text: impl Into<Bytes>) -> NodeBody {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}

/// A body that consists of what comes through the channel.
pub(crate) fn streamed(pieces: mpsc::Receiver<Bytes>) -> NodeBody {
    Pieces(pieces).boxed()
}

struct Pieces(mpsc::Receiver<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

/// `200` with this text and these headers.
pub(crate) fn ok(
    text: &'static str,
    headers: &[(&'static str, &'static str)],
) -> Response<NodeBody> {
    let mut response = Response::builder();
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(full(text)).unwrap()
}

/// A node that says `hello` to everyone.
pub(crate) async fn hello() -> FakeNode {
    FakeNode::start(|_| ok("hello", &[("content-type", "text/javascript")])).await
}

/// A node that answers its one request with what is sent through the channel.
pub(crate) async fn download() -> (FakeNode, mpsc::Sender<Bytes>) {
    let (pieces, body) = mpsc::channel(1);
    let body = Mutex::new(Some(body));
    let node = FakeNode::start(move |_| {
        Response::new(streamed(body.lock().unwrap().take().expect("one download")))
    })
    .await;
    (node, pieces)
}

/// A node that reads a request and then says exactly this, and no more.
pub(crate) async fn says(answer: &'static [u8]) -> FakeNode {
    FakeNode::script(move |mut stream, _| async move {
        let mut buffer = [0; 4096];
        drop(stream.read(&mut buffer).await);
        drop(stream.write_all(answer).await);
    })
    .await
}
