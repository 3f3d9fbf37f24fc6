//! One delivery: one connection, one request, and the status that comes back.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::pin;

use crate::{
    connect::{ConnectError, Connector},
    counts::Attempt,
    target::{Target, TargetError},
    worker::Request,
};

const USER_AGENT: HeaderValue = HeaderValue::from_static("bluegate");
/// Tells the receiver that two requests are one delivery, tried twice.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Why a delivery failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliverError {
    #[error("the target cannot be called: {0}")]
    Target(#[from] TargetError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the request cannot be written")]
    Unsendable(#[source] http::Error),
    #[error("the connection broke before the answer")]
    Broken(#[source] hyper::Error),
    #[error("no answer in time")]
    Timeout,
    #[error("the target answered with status {}", .0.as_u16())]
    Status(StatusCode),
}

impl DeliverError {
    /// Whether trying again is of no use before somebody changes something.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Target(_) | Self::Connect(ConnectError::Refused | ConnectError::Name))
    }

    /// What the attempt came to.
    pub(crate) fn attempt(&self) -> Attempt {
        match self {
            Self::Target(_)
            | Self::Unsendable(_)
            | Self::Connect(ConnectError::Refused | ConnectError::Name) => Attempt::Forbidden,
            Self::Connect(ConnectError::Lookup(_) | ConnectError::Connect(_)) => {
                Attempt::Unreachable
            }
            Self::Connect(ConnectError::Tls(_)) => Attempt::Untrusted,
            Self::Broken(_) => Attempt::Broken,
            Self::Timeout => Attempt::Timeout,
            Self::Status(status) if status.is_redirection() => Attempt::Redirect,
            Self::Status(status) if status.is_client_error() => Attempt::ClientError,
            Self::Status(_) => Attempt::ServerError,
        }
    }
}

/// Sends a request; redirects are answers like others, and not followed.
pub(crate) async fn deliver(
    connector: &Connector,
    id: &str,
    request: Request,
) -> Result<StatusCode, DeliverError> {
    let target = Target::parse(&request.url)?;
    let stream = connector.connect(&target).await?;
    let message = message(id, &target, request).map_err(DeliverError::Unsendable)?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(DeliverError::Broken)?;
    let answer = sender.send_request(message);
    pin!(answer, connection);
    tokio::select! {
        // What has come counts, also when the connection ends with it.
        biased;
        answer = &mut answer => answer.map(|answer| answer.status()).map_err(DeliverError::Broken),
        _ = &mut connection => {
            answer.await.map(|answer| answer.status()).map_err(DeliverError::Broken)
        }
    }
}

fn message(
    id: &str,
    target: &Target,
    request: Request,
) -> Result<http::Request<Full<Bytes>>, http::Error> {
    let mut builder = http::Request::builder()
        .method(request.method)
        .uri(target.path_and_query())
        .header(header::HOST, target.authority())
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .header(IDEMPOTENCY_KEY, id);
    if let Some(headers) = builder.headers_mut() {
        headers.extend(request.headers);
    }
    builder.body(Full::new(request.body))
}
