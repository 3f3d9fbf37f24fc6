//! Clients that do on purpose what none does by accident, frame by frame.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bluegate_net::{Connection, Limits, Policy, RequestBody, Service};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    front::{Front, ask_who, tls},
    site::within,
};

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const NO_ERROR: u32 = 0;
const ENHANCE_YOUR_CALM: u32 = 11;

/// GET https://a.test/ in HPACK (RFC 7541).
const GET: &[u8] = b"\x82\x87\x84\x41\x06a.test";

/// A frame (RFC 9113, 4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Never answers, and counts who asks.
#[derive(Default)]
struct Patient(AtomicUsize);

impl Service for Patient {
    type Body = Full<Bytes>;

    async fn call(
        self: Arc<Self>,
        _: Request<RequestBody>,
        _: Arc<Connection>,
    ) -> Response<Self::Body> {
        self.0.fetch_add(1, SeqCst);
        std::future::pending().await
    }
}

/// An HTTP/2 connection that has said hello.
pub(crate) struct Client(TlsStream<TcpStream>);

impl Client {
    pub(crate) async fn connect(front: &Front, config: &Arc<rustls::ClientConfig>) -> Self {
        let mut config = (**config).clone();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let connector = TlsConnector::from(Arc::new(config));
        let stream = front.connect().await;
        let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        let mut client = Self(stream);
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        client.send(&frame(SETTINGS, 0, 0, &[])).await;
        client
    }

    /// Sends, and does not mind that nobody listens any more.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        drop(within(self.0.write_all(bytes)).await);
    }

    /// The next frame: its kind and payload; `None` at the end.
    pub(crate) async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 9];
        within(self.0.read_exact(&mut head)).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        within(self.0.read_exact(&mut payload)).await.ok()?;
        Some((head[3], payload))
    }

    /// The errors of every GOAWAY until the connection has ended.
    async fn ends_with(&mut self) -> Vec<u32> {
        let mut errors = Vec::new();
        while let Some((kind, payload)) = self.frame().await {
            match kind {
                GOAWAY => errors.push(u32::from_be_bytes(payload[4..8].try_into().unwrap())),
                // hyper asks before it closes, whether all has arrived.
                PING => self.send(&frame(PING, 1, 0, &payload)).await,
                _ => {}
            }
        }
        errors
    }
}

/// Whether somebody else is still served.
async fn serves_others(front: &Front, config: &Arc<rustls::ClientConfig>) {
    let mut other = Client::connect(front, config).await;
    other.send(&frame(PING, 0, 0, b"anybody?")).await;
    loop {
        let (kind, payload) = other.frame().await.expect("an answer to a ping");
        if kind == PING {
            assert_eq!(payload, b"anybody?");
            return;
        }
    }
}

#[tokio::test]
async fn a_storm_of_resets_ends_the_connection() {
    let (server, config) = tls();
    let service = Arc::new(Patient::default());
    let front = Front::serve(Arc::clone(&service), Policy::default(), Some(server));
    let mut client = Client::connect(&front, &config).await;
    // CVE-2023-44487: asked and taken back, within every limit of streams.
    let storm: Vec<u8> = (0..1_000_u32)
        .flat_map(|number| {
            let stream = 2 * number + 1;
            let asked = frame(HEADERS, END_STREAM | END_HEADERS, stream, GET);
            [asked, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
        })
        .collect();
    client.send(&storm).await;
    assert_eq!(client.ends_with().await, [ENHANCE_YOUR_CALM]);
    let most = Limits::default().max_concurrent_streams as usize;
    assert!(service.0.load(SeqCst) <= most, "{:?} requests were begun", service.0);
    serves_others(&front, &config).await;
}

#[tokio::test]
async fn a_head_that_goes_on_for_ever_ends_the_connection() {
    let (server, config) = tls();
    let service = Arc::new(Patient::default());
    let front = Front::serve(Arc::clone(&service), Policy::default(), Some(server));
    let mut client = Client::connect(&front, &config).await;
    client.send(&frame(HEADERS, END_STREAM, 1, GET)).await;
    // Each brings a header of its own: "x: " and 8,000 letters.
    let mut header = b"\x00\x01x\x7f\xc1\x3d".to_vec();
    header.extend([b'x'; 8_000]);
    let more = frame(CONTINUATION, 0, 1, &header);
    for _ in 0..200 {
        client.send(&more).await;
    }
    let errors = client.ends_with().await;
    assert!(errors.iter().all(|error| *error != NO_ERROR), "{errors:?}");
    assert_eq!(service.0.load(SeqCst), 0);
    serves_others(&front, &config).await;
}

#[tokio::test]
async fn settings_and_pings_without_end_are_answered_one_by_one_and_not_kept() {
    let (server, config) = tls();
    let front = Front::serve(Arc::new(Patient::default()), Policy::default(), Some(server));
    let mut client = Client::connect(&front, &config).await;
    let flood = [frame(SETTINGS, 0, 0, &[]), frame(PING, 0, 0, b"12345678")].concat().repeat(500);
    // Nothing is read of the answers: when nobody takes them, nothing more is
    // read of the questions either, instead of keeping answers without bound.
    let mut sent = 0_usize;
    let stuck = async {
        while client.0.write_all(&flood).await.is_ok() {
            sent += flood.len();
        }
    };
    let stopped = tokio::time::timeout(Duration::from_secs(3), stuck).await;
    assert!(stopped.is_err() || sent < 64 << 20, "{sent} bytes were read");
    assert!(sent < 64 << 20, "{sent} bytes were read");
    serves_others(&front, &config).await;
}

#[tokio::test]
async fn an_idle_connection_is_told_before_it_is_closed() {
    let (server, config) = tls();
    let limits = Limits { idle: Duration::from_millis(200), ..Limits::default() };
    let front = Front::serve(Arc::new(Patient::default()), limits.into(), Some(server));
    let mut client = Client::connect(&front, &config).await;
    let errors = client.ends_with().await;
    assert!(!errors.is_empty() && errors.iter().all(|error| *error == NO_ERROR), "{errors:?}");
}

#[tokio::test]
async fn half_a_body_and_then_nothing_is_cut_through_tls() {
    let (server, config) = tls();
    let limits = Limits { stall: Duration::from_millis(300), ..Limits::default() };
    let front = Front::serve(Arc::new(Patient::default()), limits.into(), Some(server));
    let stream = front.connect().await;
    let connector = TlsConnector::from(config);
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let half = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nhalf";
    stream.write_all(half).await.unwrap();
    let mut answer = Vec::new();
    drop(within(stream.read_to_end(&mut answer)).await);
    assert_eq!(answer, b"");
}

#[tokio::test]
async fn half_a_head_and_then_nothing_is_closed_through_tls() {
    let (server, config) = tls();
    let limits = Limits { header_read: Duration::from_millis(300), ..Limits::default() };
    let front = Front::start(limits.into(), Some(server));
    let connector = TlsConnector::from(config);
    let stream = front.connect().await;
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    // A first request does not buy time for a second.
    assert_eq!(ask_who(&mut stream, "").await, "127.0.0.1");
    stream.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    let mut answer = Vec::new();
    drop(within(stream.read_to_end(&mut answer)).await);
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", answer.escape_ascii());
}
