//! What a role implements to be served.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, header::HOST};

use crate::{Connection, RequestBody};

/// Any error of a response body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Answers requests. Shared by all connections of all listeners it serves.
pub trait Service: Send + Sync + 'static {
    /// The body of an answer. An error in it ends the connection (HTTP/1.1) or
    /// the stream (HTTP/2), so that a client never takes half a body for whole.
    type Body: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static;

    /// Answers one request. Failures are answers too.
    fn call(
        self: Arc<Self>,
        request: Request<RequestBody>,
        connection: Arc<Connection>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// The authority a request addresses: that of its target (absolute form,
/// HTTP/2 `:authority`), else its only `Host` header (RFC 9112, 3.2).
///
/// `None` when neither is there, when `Host` is repeated, or is not text.
#[must_use]
pub fn request_authority<B>(request: &Request<B>) -> Option<&str> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str());
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    }
}
