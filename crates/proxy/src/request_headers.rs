//! Phase 3: the head of the request to the node.
//!
//! Everything passes but what belongs to the connection (RFC 9110, 7.6.1),
//! what identifies the user on our origin, and what others say about the
//! client's address. Ours takes the place of the latter.
//!
//! No `Via`: nginx leaves out `gzip` and `gzip_static` for requests with one.

use std::net::{IpAddr, SocketAddr};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONNECTION, FORWARDED, HOST, UPGRADE},
};

use crate::snapshot::Snapshot;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What is never passed on, besides what `Connection` names.
#[rustfmt::skip]
fn is_withheld(name: &str) -> bool {
    matches!(
        name,
        // The connection's own: RFC 9110, 7.6.1, and its older and newer company.
        "connection" | "expect" | "http2-settings" | "keep-alive" | "proxy-connection" | "te"
            | "trailer" | "transfer-encoding" | "upgrade"
        // Replaced by the node's.
            | "host"
        // The user's on our origin, or a proxy's: no client path needs them.
            | "authorization" | "cookie" | "cookie2" | "proxy-authorization"
        // Claims about the client or the URL that a node might believe.
            | "cf-connecting-ip" | "client-ip" | "forwarded" | "true-client-ip" | "via"
            | "x-client-ip" | "x-cluster-client-ip" | "x-http-method-override" | "x-original-uri"
            | "x-original-url" | "x-real-ip" | "x-rewrite-url"
    ) || name.starts_with("x-forwarded-")
}

/// The headers of the request to the node, from those of the client's.
pub(crate) fn for_node(
    headers: &HeaderMap,
    peer: SocketAddr,
    snapshot: &Snapshot,
    host: &HeaderValue,
) -> HeaderMap {
    let named = named_by_connection(headers);
    let mut passed = HeaderMap::with_capacity(headers.len() + 5);
    passed.insert(HOST, host.clone());
    for (name, value) in headers {
        let withheld = is_withheld(name.as_str())
            || named.iter().any(|named| named.eq_ignore_ascii_case(name.as_str()));
        if !withheld {
            passed.append(name, value.clone());
        }
    }
    add_forwarded(&mut passed, peer, snapshot);
    passed
}

/// Adds what turns the connection into a WebSocket.
pub(crate) fn ask_for_web_socket(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// The field names a `Connection` header binds to this connection.
fn named_by_connection(headers: &HeaderMap) -> Vec<&str> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| {
            !["", "keep-alive", "close", "upgrade"]
                .iter()
                .any(|plain| token.eq_ignore_ascii_case(plain))
        })
        .collect()
}

/// The client as we see it: its whole address, since a node's logs and bans
/// need it. Shortening it there is the node's matter.
fn add_forwarded(headers: &mut HeaderMap, peer: SocketAddr, snapshot: &Snapshot) {
    let address = peer.ip().to_canonical();
    let scheme = snapshot.routes.origin().scheme().as_str();
    // Made of an address and an authority, which are header text.
    let authority = snapshot.authority.to_str().unwrap_or_default();
    let forwarded = match address {
        IpAddr::V4(ip) => format!("for={ip};proto={scheme};host=\"{authority}\""),
        IpAddr::V6(ip) => format!("for=\"[{ip}]\";proto={scheme};host=\"{authority}\""),
    };
    if let Ok(value) = HeaderValue::try_from(forwarded) {
        headers.insert(FORWARDED, value);
    }
    if let Ok(value) = HeaderValue::try_from(address.to_string()) {
        headers.insert(X_FORWARDED_FOR, value);
    }
    add_cluster(headers, snapshot);
}

/// What the world knows the node's client by: nothing of any user.
pub(crate) fn add_cluster(headers: &mut HeaderMap, snapshot: &Snapshot) {
    let scheme = snapshot.routes.origin().scheme().as_str();
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
    headers.insert(X_FORWARDED_HOST, snapshot.authority.clone());
}
