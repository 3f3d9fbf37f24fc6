//! Signed calls to one node: bounded, over pooled connections.

use std::{sync::Arc, time::Duration};

use bluegate_bbb_api::AnswerError;
use bluegate_cluster::Node;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::sync::Semaphore;

mod connector;

use connector::NodeConnector;

use crate::config::Bounds;

/// Idle connections are dropped before nginx does so (75 s).
const IDLE: Duration = Duration::from_secs(45);
/// Idle connections kept per node.
const MAX_IDLE: usize = 32;

/// A client of one node.
pub(crate) struct NodeClient {
    client: Client<NodeConnector, Full<Bytes>>,
    /// `https://bbb-01.example.org/bigbluebutton/api/`.
    base: String,
    permits: Semaphore,
    answer_bytes: usize,
}

/// A call, ready to be sent.
pub(crate) struct NodeRequest<'a> {
    /// The path segment behind `/api/`.
    pub(crate) call: &'a str,
    /// The signed query.
    pub(crate) query: String,
    /// A body, which makes it a POST.
    pub(crate) body: Option<(HeaderValue, Bytes)>,
}

/// Whatever a node answered.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The content type, when there is one.
    pub(crate) content_type: Option<HeaderValue>,
    /// The body, whole.
    pub(crate) body: Bytes,
}

/// Why a node gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// No connection: the node certainly did not see the call.
    #[error("no connection to the node")]
    Connect(#[source] hyper_util::client::legacy::Error),
    /// Too many calls to this node are under way; it did not see this one.
    #[error("too many calls to this node are under way")]
    Busy,
    /// The request cannot be written as HTTP; the node did not see it.
    #[error("the call cannot be sent")]
    Unsendable(#[source] http::Error),
    /// Sent, and the connection broke.
    #[error("the connection broke before the answer")]
    Broken(#[source] hyper_util::client::legacy::Error),
    /// Sent, and the answer broke off or is too large.
    #[error("the answer cannot be read")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Sent, and no answer in time.
    #[error("no answer in time")]
    Timeout,
    /// There is no secret to sign with; the node did not see the call.
    #[error("there is no secret to sign the call with")]
    Unsigned,
    /// An HTTP status other than 200.
    #[error("the node answered with status {0}")]
    Status(StatusCode),
    /// Not an answer of the BBB API.
    #[error("not an answer of the BBB API")]
    Unusable(#[source] AnswerError),
}

impl CallError {
    /// Whether the node may have acted on the call.
    pub(crate) fn was_sent(&self) -> bool {
        !matches!(self, Self::Connect(_) | Self::Busy | Self::Unsendable(_) | Self::Unsigned)
    }
}

impl NodeClient {
    pub(crate) fn new(node: &Node, tls: &Arc<rustls::ClientConfig>, bounds: &Bounds) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE)
            .pool_timer(TokioTimer::new())
            .build(NodeConnector::new(node, tls, bounds.connect_timeout));
        Self {
            client,
            base: format!("{}/bigbluebutton/api/", node.origin),
            permits: Semaphore::new(bounds.calls_per_node),
            answer_bytes: bounds.answer_bytes,
        }
    }

    /// Sends a call and hands back whatever comes.
    pub(crate) async fn send(
        &self,
        request: NodeRequest<'_>,
        timeout: Duration,
    ) -> Result<RawAnswer, CallError> {
        let request = self.http_request(request).map_err(CallError::Unsendable)?;
        let deadline = tokio::time::Instant::now() + timeout;
        let Ok(permit) = tokio::time::timeout_at(deadline, self.permits.acquire()).await else {
            return Err(CallError::Busy);
        };
        let _permit = permit.map_err(|_| CallError::Busy)?;
        match tokio::time::timeout_at(deadline, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) => Err(CallError::Timeout),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<RawAnswer, CallError> {
        let response = self.client.request(request).await.map_err(|error| {
            if error.is_connect() { CallError::Connect(error) } else { CallError::Broken(error) }
        })?;
        let (parts, body) = response.into_parts();
        let body =
            Limited::new(body, self.answer_bytes).collect().await.map_err(CallError::Body)?;
        Ok(RawAnswer {
            status: parts.status,
            content_type: parts.headers.get(header::CONTENT_TYPE).cloned(),
            body: body.to_bytes(),
        })
    }

    fn http_request(&self, request: NodeRequest<'_>) -> Result<Request<Full<Bytes>>, http::Error> {
        let uri: Uri = format!("{}{}?{}", self.base, request.call, request.query).parse()?;
        let mut builder =
            Request::builder().uri(uri).header(header::ACCEPT, "text/xml, application/xml, */*");
        let body = match request.body {
            Some((content_type, body)) => {
                builder = builder.method(Method::POST).header(header::CONTENT_TYPE, content_type);
                Full::new(body)
            }
            None => Full::default(),
        };
        builder.body(body)
    }
}
