//! Those who are in the middle of something, and those who come.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bluegate_testkit::eventually;
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};
use tokio_util::sync::CancellationToken;

use super::{
    WITHIN,
    node::{self, SIZE},
    service::{Service, Target},
};

/// HTTP/2 downloads on one connection.
const STREAMS: usize = 5;

/// What an HTTP/2 client takes before it is read from.
const WINDOW: u32 = 64 * 1024;

/// Time between two newcomers.
const PACE: Duration = Duration::from_millis(25);

/// A file, read to somewhere in its middle.
pub(super) struct Download {
    body: Incoming,
    read: usize,
    wanted: usize,
}

impl Download {
    /// So many, half of them over HTTP/2, each a bit further than the one before.
    pub(super) async fn begin_many(service: &Service, count: usize) -> Vec<Self> {
        let target = &service.target;
        let mut bodies = Vec::new();
        while bodies.len() < count / 2 {
            bodies.push(over_http1(target).await);
        }
        while bodies.len() < count {
            let streams = STREAMS.min(count - bodies.len());
            bodies.extend(over_http2(target, streams).await);
        }
        let mut downloads = Vec::new();
        for (index, body) in bodies.into_iter().enumerate() {
            let mut download = Self { body, read: 0, wanted: 1_000 + index * 500 };
            download.read_on().await;
            downloads.push(download);
        }
        downloads
    }

    /// Reads the rest and looks at every byte.
    pub(super) async fn finish(&mut self) {
        self.wanted = SIZE;
        self.read_on().await;
        assert_eq!(self.read, SIZE);
    }

    async fn read_on(&mut self) {
        while self.read < self.wanted {
            let frame = timeout(WITHIN, self.body.frame()).await.expect("a body goes on");
            let Some(frame) = frame else { return };
            let Ok(data) = frame.expect("a body goes on to its end").into_data() else { continue };
            let wanted = node::file().get(self.read..self.read + data.len());
            assert!(wanted.is_some_and(|wanted| wanted == data), "other bytes at {}", self.read);
            self.read += data.len();
        }
    }
}

fn file(target: &Target, version: Version) -> Request<Empty<Bytes>> {
    let path = "/bbb-01/html5client/big.bin";
    let request = Request::get(match version {
        Version::HTTP_2 => format!("https://{}{path}", target.authority()),
        _ => path.to_owned(),
    });
    let request = match version {
        Version::HTTP_2 => request.version(version),
        _ => request.header("Host", target.authority()),
    };
    request.body(Empty::new()).unwrap()
}

async fn over_http1(target: &Target) -> Incoming {
    let io = TokioIo::new(target.connect("http/1.1").await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(16 * 1024)
        .handshake(io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(file(target, Version::HTTP_11)).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body()
}

async fn over_http2(target: &Target, streams: usize) -> Vec<Incoming> {
    let io = TokioIo::new(target.connect("h2").await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW * u32::try_from(streams).unwrap())
        .handshake(io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut bodies = Vec::new();
    for _ in 0..streams {
        let answer = sender.send_request(file(target, Version::HTTP_2)).await.unwrap();
        assert_eq!(answer.status(), 200);
        bodies.push(answer.into_body());
    }
    bodies
}

/// A WebSocket to the node's echo.
pub(super) struct Socket {
    stream: WebSocketStream<TlsStream<TcpStream>>,
    sent: u32,
}

impl Socket {
    pub(super) async fn open_many(service: &Service, count: usize) -> Vec<Self> {
        let mut sockets = Vec::new();
        for _ in 0..count {
            let stream = service.target.connect("http/1.1").await.unwrap();
            let address = format!(
                "wss://{}/bbb-01/html5client/sockjs/1/abcdefgh/websocket",
                service.target.authority()
            );
            let (stream, _) = tokio_tungstenite::client_async(address, stream).await.unwrap();
            let mut socket = Self { stream, sent: 0 };
            socket.exchange().await;
            sockets.push(socket);
        }
        sockets
    }

    /// A message there and back.
    pub(super) async fn exchange(&mut self) {
        match self.try_exchange().await {
            Ok(()) => {}
            Err(code) => panic!("closed with {code:?} after {} messages", self.sent),
        }
    }

    /// Exchanges messages until it is closed, and tells with which code.
    pub(super) async fn exchange_until_closed(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.try_exchange().await {
                return code;
            }
        }
    }

    async fn try_exchange(&mut self) -> Result<(), Option<u16>> {
        self.sent += 1;
        // Larger than a short frame, and larger than a buffer on the way.
        let text = format!("{} {}", self.sent, "x".repeat(20_000));
        // A failure to send has its reason in what is to be read.
        drop(self.stream.send(Message::text(text.clone())).await);
        match timeout(WITHIN, self.stream.next()).await.expect("an answer or an end") {
            Some(Ok(Message::Close(close))) => Err(close.map(|close| close.code.into())),
            Some(Ok(message)) => {
                assert_eq!(message.into_text().unwrap().as_str(), text);
                Ok(())
            }
            Some(Err(_)) | None => Err(None),
        }
    }

    pub(super) async fn close(mut self) {
        self.stream.close(None).await.unwrap();
        while let Some(Ok(_)) = self.stream.next().await {}
    }
}

/// Newcomers, one after the other.
pub(super) struct Prober {
    stop: CancellationToken,
    count: Arc<AtomicUsize>,
    probing: JoinHandle<Seen>,
}

/// What newcomers saw: from connecting to the first byte of an answer.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) failed: Vec<String>,
    pub(super) slowest: Duration,
}

impl Prober {
    pub(super) fn start(service: &Service) -> Self {
        let stop = CancellationToken::new();
        let count = Arc::new(AtomicUsize::new(0));
        let probing = probe(service.target.clone(), Arc::clone(&count), stop.clone());
        Self { stop, count, probing: tokio::spawn(probing) }
    }

    /// Waits until so many more have come.
    pub(super) async fn more(&self, newcomers: usize) {
        let wanted = self.count.load(Relaxed) + newcomers;
        eventually("newcomers have come", WITHIN, || async {
            (self.count.load(Relaxed) >= wanted).then_some(())
        })
        .await
        .unwrap();
    }

    pub(super) async fn stop(self) -> Seen {
        self.stop.cancel();
        timeout(WITHIN, self.probing).await.unwrap().unwrap()
    }
}

async fn probe(target: Target, count: Arc<AtomicUsize>, stop: CancellationToken) -> Seen {
    let mut seen = Seen::default();
    while !stop.is_cancelled() {
        let began = Instant::now();
        let came = come(&target).await;
        seen.slowest = seen.slowest.max(began.elapsed());
        count.fetch_add(1, Relaxed);
        if let Err(error) = came {
            seen.failed.push(error.to_string());
        }
        drop(timeout(PACE, stop.cancelled()).await);
    }
    seen
}

/// Connects, asks for something that needs no node, and sees the answer begin.
async fn come(target: &Target) -> std::io::Result<()> {
    let mut stream = target.connect("http/1.1").await?;
    let request =
        format!("GET /bbb-01/html5client HTTP/1.1\r\nHost: {}\r\n\r\n", target.authority());
    stream.write_all(request.as_bytes()).await?;
    let mut begins = [0; 12];
    stream.read_exact(&mut begins).await?;
    assert_eq!(&begins, b"HTTP/1.1 308");
    Ok(())
}
