//! A WebSocket of the 2.x client, once both sides agreed to it.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use bluegate_net::Connection;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{
        CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
    },
};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;

mod carry;
mod frames;

use carry::{Passed, carry};

use crate::{
    access_log::OpenRecord,
    body::Body,
    upstream::{Lease, NodeError, Upstream},
};

/// What passes of a node's 101.
const PASSED: [HeaderName; 3] =
    [SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_EXTENSIONS];

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
/// or the listener drains: then the browser is told that the service restarts.
pub(crate) fn start(
    work: Work,
    connection: &Connection,
    upstream: &Upstream,
    record: Option<Box<OpenRecord>>,
) {
    let patience = upstream.web_socket_timeout();
    let traffic = Arc::clone(upstream.traffic());
    let farewell = connection.farewell();
    connection.spawn(async move {
        let mut record = record;
        if let Some(record) = &mut record {
            record.status(StatusCode::SWITCHING_PROTOCOLS);
        }
        let Work { client, node, lease: _place } = work;
        let (client, node) = match tokio::try_join!(client, node) {
            Ok(joined) => joined,
            Err(error) => {
                tracing::debug!(%error, "the connection ended before its upgrade");
                return;
            }
        };
        let passed = Passed::default();
        carry(TokioIo::new(client), TokioIo::new(node), patience, farewell, &passed).await;
        let sent = usize::try_from(passed.to_client.load(Relaxed)).unwrap_or(usize::MAX);
        traffic.add_bytes(sent);
        if let Some(record) = &mut record {
            record.add_bytes(sent);
        }
    });
}
