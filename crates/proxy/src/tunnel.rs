//! A WebSocket of the 2.x client, once both sides agreed to it.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use bluegate_net::Connection;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{
        CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
    },
};
use hyper::{
    body::Incoming,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};

use crate::{
    access_log::OpenRecord,
    body::Body,
    upstream::{Lease, NodeError, Upstream},
};

/// What passes of a node's 101.
const PASSED: [HeaderName; 3] =
    [SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_EXTENSIONS];

/// How often in its time-out a tunnel is looked at.
const SAMPLES: u32 = 4;

/// The two halves of a tunnel, not joined yet.
pub(crate) struct Work {
    client: OnUpgrade,
    node: OnUpgrade,
    lease: Lease,
}

/// Checks a node's 101 and prepares the client's.
pub(crate) fn accept(
    mut answer: Response<Incoming>,
    lease: Lease,
    client: OnUpgrade,
) -> Result<(Response<Body>, Work), NodeError> {
    let is_web_socket = answer
        .headers()
        .get(UPGRADE)
        .is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if !is_web_socket {
        return Err(NodeError::Status(answer.status()));
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    for name in PASSED {
        for value in answer.headers().get_all(&name) {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    let node = hyper::upgrade::on(&mut answer);
    Ok((response, Work { client, node, lease }))
}

/// Carries bytes both ways until one side ends, both are silent for too long,
/// or the listener cuts it.
pub(crate) fn start(
    work: Work,
    connection: &Connection,
    upstream: &Upstream,
    record: Option<Box<OpenRecord>>,
) {
    let patience = upstream.web_socket_timeout();
    let traffic = Arc::clone(upstream.traffic());
    connection.spawn(async move {
        let mut record = record;
        if let Some(record) = &mut record {
            record.status(StatusCode::SWITCHING_PROTOCOLS);
        }
        let Work { client, node, lease: _place } = work;
        match tokio::try_join!(client, node) {
            Ok((client, node)) => {
                let sent = carry(client, node, patience).await;
                traffic.add_bytes(sent);
                if let Some(record) = &mut record {
                    record.add_bytes(sent);
                }
            }
            Err(error) => tracing::debug!(%error, "the connection ended before its upgrade"),
        }
    });
}

/// Returns how many bytes went to the client.
async fn carry(client: Upgraded, node: Upgraded, patience: Duration) -> usize {
    let to_client = Arc::new(AtomicU64::new(0));
    let to_node = Arc::new(AtomicU64::new(0));
    let mut client = Metered { inner: TokioIo::new(client), read: Arc::clone(&to_node) };
    let mut node = Metered { inner: TokioIo::new(node), read: Arc::clone(&to_client) };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut node) => {}
        () = silence(&to_client, &to_node, patience) => {
            tracing::debug!("a WebSocket was silent for too long");
        }
    }
    usize::try_from(to_client.load(Relaxed)).unwrap_or(usize::MAX)
}

/// Ends when neither count has grown for `patience`.
async fn silence(to_client: &AtomicU64, to_node: &AtomicU64, patience: Duration) {
    let mut seen = None;
    let mut quiet = 0;
    while quiet < SAMPLES {
        tokio::time::sleep(patience / SAMPLES).await;
        let now = Some((to_client.load(Relaxed), to_node.load(Relaxed)));
        quiet = if now == seen { quiet + 1 } else { 0 };
        seen = now;
    }
}

/// A stream that counts what is read from it.
struct Metered<T> {
    inner: T,
    read: Arc<AtomicU64>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Metered<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        self.read.fetch_add((buffer.filled().len() - before) as u64, Relaxed);
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Metered<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
