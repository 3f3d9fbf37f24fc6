//! Signed calls to one node: bounded, over pooled connections.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bluegate_bbb_api::AnswerError;
use bluegate_cluster::{Mount, Node};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::{sync::Semaphore, time::Instant};

mod connector;

use connector::NodeConnector;

use crate::{
    config::Bounds,
    health::breaker::{Admission, Breaker, BreakerState, Terms},
    request_id,
};

/// Idle connections are dropped before nginx does so (75 s).
const IDLE: Duration = Duration::from_secs(45);
/// Idle connections kept per node.
const MAX_IDLE: usize = 32;

/// A client of one node.
pub(crate) struct NodeClient {
    name: Mount,
    client: Client<NodeConnector, Full<Bytes>>,
    /// `https://bbb-01.example.org/bigbluebutton/api/`.
    base: String,
    permits: Semaphore,
    breaker: Mutex<Breaker>,
    terms: Terms,
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

/// Whose call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// A frontend's: within the bound on calls, and only while the breaker lets
    /// it.
    Call,
    /// What is asked in the background, for meetings and for recordings one at a
    /// time: beside that bound, which a node that hangs fills, and past the breaker.
    Poll,
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
    /// The last calls to it failed, so it is left alone for a moment; it did not
    /// see this one.
    #[error("the node is left alone for a moment, because the last calls to it failed")]
    LeftAlone,
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
        !matches!(
            self,
            Self::Connect(_) | Self::Busy | Self::LeftAlone | Self::Unsendable(_) | Self::Unsigned
        )
    }

    /// The status by which the node, or nginx before it, says that it does not take
    /// a call like this one, whoever sends it again: it was not carried out. What
    /// may be otherwise in a moment is none (404 while bbb-web starts).
    pub(crate) fn refusal(&self) -> Option<StatusCode> {
        let Self::Status(status) = self else { return None };
        let refused = matches!(status.as_u16(), 400 | 401 | 403 | 405 | 413..=415 | 431);
        refused.then_some(*status)
    }

    /// Says that a call was not answered; not of calls that were spared the node.
    pub(crate) fn tell(&self, node: &Mount, call: &str) {
        let error = self as &dyn std::error::Error;
        if matches!(self, Self::LeftAlone) {
            tracing::debug!(node.id = %node, call, error, "a call to a node failed");
        } else {
            tracing::warn!(node.id = %node, call, error, "a call to a node failed");
        }
    }

    /// Whether the node, or the way to it, failed.
    fn is_failure(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Broken(_) | Self::Body(_) | Self::Timeout => true,
            Self::Busy
            | Self::LeftAlone
            | Self::Unsendable(_)
            | Self::Unsigned
            | Self::Status(_)
            | Self::Unusable(_) => false,
        }
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
            name: node.name.clone(),
            client,
            base: format!("{}/bigbluebutton/api/", node.origin),
            permits: Semaphore::new(bounds.calls_per_node),
            breaker: Mutex::default(),
            terms: Terms { failures: bounds.breaker_failures, pause: bounds.breaker_pause },
            answer_bytes: bounds.answer_bytes,
        }
    }

    /// Sends a call and hands back whatever comes.
    pub(crate) async fn send(
        &self,
        request: NodeRequest<'_>,
        lane: Lane,
        timeout: Duration,
    ) -> Result<RawAnswer, CallError> {
        let request = self.http_request(request).map_err(CallError::Unsendable)?;
        let deadline = Instant::now() + timeout;
        if lane == Lane::Poll {
            return self.exchange_until(request, deadline).await;
        }
        if self.breaker_state() == BreakerState::Open {
            return Err(CallError::LeftAlone);
        }
        let Ok(permit) = tokio::time::timeout_at(deadline, self.permits.acquire()).await else {
            return Err(CallError::Busy);
        };
        let _permit = permit.map_err(|_| CallError::Busy)?;
        let passage = self.pass()?;
        let result = self.exchange_until(request, deadline).await;
        passage.settle(&result);
        result
    }

    /// Whether calls are let through.
    pub(crate) fn breaker_state(&self) -> BreakerState {
        self.breaker().state(Instant::now())
    }

    /// How often calls were cut off, ever.
    pub(crate) fn breaker_openings(&self) -> u64 {
        self.breaker().openings()
    }

    /// The node is heard again after a silence.
    pub(crate) fn close_breaker(&self) {
        self.breaker().answered();
    }

    fn pass(&self) -> Result<Passage<'_>, CallError> {
        match self.breaker().admit(Instant::now()) {
            Admission::Refused => Err(CallError::LeftAlone),
            admission => Ok(Passage { client: self, admission, settled: false }),
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn exchange_until(
        &self,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<RawAnswer, CallError> {
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
        if let Some(id) = request_id::current() {
            builder = builder.header(request_id::X_REQUEST_ID, id);
        }
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

/// A call on its way, whose outcome the breaker learns. Dropped before, it
/// tells nothing.
struct Passage<'a> {
    client: &'a NodeClient,
    admission: Admission,
    settled: bool,
}

impl Passage<'_> {
    fn settle(mut self, result: &Result<RawAnswer, CallError>) {
        self.settled = true;
        let failed = match result {
            // What a gateway says of a service behind it that is not there.
            Ok(raw) => matches!(raw.status.as_u16(), 502..=504),
            Err(error) => error.is_failure(),
        };
        let mut breaker = self.client.breaker();
        if failed {
            let now = Instant::now();
            if breaker.failed(self.admission, self.client.terms, rand::random(), now) {
                tracing::warn!(node.id = %self.client.name, "node is left alone for a moment");
            }
        } else {
            breaker.answered();
        }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.client.breaker().abandoned(self.admission);
        }
    }
}
