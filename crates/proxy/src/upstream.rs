//! Phase 4: a node as the proxy reaches it.
//!
//! One [`Upstream`] per mount owns everything that could be used up: places
//! for requests, the queue for a place, kept connections, the answer to a name.
//! A node that hangs uses up its own and nobody else's.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bluegate_cluster::Node;
use bluegate_net::RequestBody;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{Either, Empty};
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit},
    time::timeout,
};
use tokio_util::task::TaskTracker;

use crate::{
    Config,
    health::{FailureKind, Fleet, Health},
    traffic::{NodeTraffic, Traffic},
};

mod client_body;
mod connect;
mod error;
mod lookup;
mod pool;
mod reach;
mod resolve;
mod trouble;

use client_body::ClientBody;
pub(crate) use error::NodeError;
pub use lookup::{Looking, Lookup, SystemLookup};
pub(crate) use pool::Lease;

/// The body of a request to a node: none, or a POST's as it comes in.
pub(crate) type NodeBody = Either<Empty<Bytes>, ClientBody>;

/// The head of an answer, and the connection its body comes on.
type Sent = Result<(Response<Incoming>, Lease), NodeError>;

/// What all upstreams share.
pub(crate) struct UpstreamSettings {
    pub(crate) config: Config,
    /// Runs the connections.
    pub(crate) tasks: TaskTracker,
    /// Sees when most nodes fail at once; what belongs to none is never left
    /// alone.
    pub(crate) fleet: Option<Arc<Fleet>>,
}

/// The next [`Upstream`]'s number.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// One node, its connections and its bounds.
pub(crate) struct Upstream {
    /// No other one ever has it, not even that of the same mount later.
    id: u64,
    node: Arc<Node>,
    /// The `Host` the node knows itself by.
    host: HeaderValue,
    settings: Arc<UpstreamSettings>,
    places: Arc<Semaphore>,
    pending: AtomicUsize,
    web_sockets: Arc<Semaphore>,
    questions: Semaphore,
    idle: Mutex<pool::Idle>,
    target: connect::ConnectTarget,
    trouble: trouble::Trouble,
    health: Arc<Health>,
    traffic: Arc<Traffic>,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream").field("node", &self.node.name).finish_non_exhaustive()
    }
}

impl Upstream {
    /// A node, which counts on in its mount's `traffic`.
    pub(crate) fn new(
        node: &Arc<Node>,
        settings: &Arc<UpstreamSettings>,
        traffic: Arc<Traffic>,
    ) -> Self {
        let config = &settings.config;
        Self {
            id: NEXT.fetch_add(1, Relaxed),
            node: Arc::clone(node),
            host: HeaderValue::try_from(node.origin.authority())
                .expect("a host and a port are header text"),
            settings: Arc::clone(settings),
            places: Arc::new(Semaphore::new(config.max_concurrent)),
            pending: AtomicUsize::new(0),
            web_sockets: Arc::new(Semaphore::new(config.max_web_sockets)),
            questions: Semaphore::new(config.max_cache_questions),
            idle: Mutex::new(pool::Idle::new(config.max_idle, config.idle_timeout)),
            target: connect::ConnectTarget::new(node, config),
            trouble: trouble::Trouble::default(),
            health: Arc::new(Health::new(node.name.as_str(), settings.fleet.clone())),
            traffic,
        }
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// What its mount counts.
    pub(crate) fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// How much of it is in use now, and how it answers.
    pub(crate) fn node_traffic(&self) -> NodeTraffic {
        let config = self.config();
        let taken =
            |limit: usize, places: &Semaphore| limit.saturating_sub(places.available_permits());
        NodeTraffic {
            connections: self.traffic.open_connections(),
            requests: taken(config.max_concurrent, &self.places),
            requests_limit: config.max_concurrent,
            pending: self.pending.load(Relaxed),
            web_sockets: taken(config.max_web_sockets, &self.web_sockets),
            web_sockets_limit: config.max_web_sockets,
            latency: self.traffic.latency.report(),
        }
    }

    /// What is believed of the node.
    pub(crate) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// One of the places for the cache's own questions. They are few and
    /// end, so waiting for one is bounded by their time.
    pub(crate) async fn question_place(&self) -> Result<SemaphorePermit<'_>, NodeError> {
        match timeout(self.config().response_timeout, self.questions.acquire()).await {
            Ok(place) => Ok(place.expect("the semaphore is never closed")),
            Err(_) => Err(NodeError::Busy),
        }
    }

    pub(crate) fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// Whether the node may run 2.x: it does, or nobody said what it runs.
    pub(crate) fn may_be_2x(&self) -> bool {
        self.node.bbb.as_ref().is_none_or(|bbb| !bbb.is_3_or_later())
    }

    /// Whether the node may run 3.0 or later.
    pub(crate) fn may_be_3x(&self) -> bool {
        self.node.bbb.as_ref().is_none_or(bluegate_cluster::BbbVersion::is_3_or_later)
    }

    /// Sends a request without a body: on a kept connection when there is one,
    /// and once more on a fresh one when the kept one turns out to be dead.
    pub(crate) async fn send_bodiless(self: &Arc<Self>, request: Request<()>) -> Sent {
        self.judged(self.try_bodiless(request)).await
    }

    /// Asks, for nobody, whether the node answers.
    pub(crate) async fn send_probe(
        self: &Arc<Self>,
        request: Request<()>,
    ) -> Result<(), NodeError> {
        let asking = async {
            let asked = timeout(self.config().health_timeout, self.try_bodiless(request)).await;
            asked.unwrap_or(Err(NodeError::ResponseTimeout))
        };
        let outcome = self.judged(asking).await;
        self.health.count_probe(&outcome);
        let (response, lease) = outcome?;
        // To a HEAD, or to be thrown away with its connection.
        if response.body().is_end_stream() {
            lease.give_back();
        }
        Ok(())
    }

    async fn try_bodiless(self: &Arc<Self>, request: Request<()>) -> Sent {
        let place = self.place().await?;
        let bodiless = |request: Request<()>| request.map(|()| Either::Left(Empty::new()));
        if let Some(mut kept) = self.take_idle().await {
            match self.exchange(&mut kept, bodiless(request.clone())).await {
                Ok(response) => return Ok((response, Lease::reusable(self, kept, place))),
                Err(error) if error.is_dead_connection() => {}
                Err(error) => return Err(error),
            }
        }
        let mut fresh = self.connect().await?;
        let response = self.exchange(&mut fresh, bodiless(request)).await?;
        Ok((response, Lease::reusable(self, fresh, place)))
    }

    /// Sends a request with a body, which cannot be sent twice: always on a
    /// connection of its own.
    pub(crate) async fn send_with_body(self: &Arc<Self>, request: Request<RequestBody>) -> Sent {
        self.judged(self.try_with_body(request)).await
    }

    async fn try_with_body(self: &Arc<Self>, request: Request<RequestBody>) -> Sent {
        let place = self.place().await?;
        let mut fresh = self.connect().await?;
        let (head, body) = request.into_parts();
        let (body, owed) = ClientBody::new(body);
        let request = Request::from_parts(head, Either::Right(body));
        match self.exchange(&mut fresh, request).await {
            Ok(response) => Ok((response, Lease::single(fresh, place))),
            Err(NodeError::ResponseTimeout) if owed.by_the_client() => Err(NodeError::ClientSlow),
            Err(error) => Err(error),
        }
    }

    /// Asks for a WebSocket, on a connection of its own. The permit is the
    /// tunnel's, as long as it lives.
    pub(crate) async fn send_upgrade(self: &Arc<Self>, request: Request<()>) -> Sent {
        self.judged(self.try_upgrade(request)).await
    }

    async fn try_upgrade(self: &Arc<Self>, request: Request<()>) -> Sent {
        let place =
            Arc::clone(&self.web_sockets).try_acquire_owned().map_err(|_| NodeError::Busy)?;
        let mut fresh = self.connect_upgradeable().await?;
        let request = request.map(|()| Either::Left(Empty::new()));
        let response = self.exchange(&mut fresh, request).await?;
        Ok((response, Lease::single(fresh, place)))
    }

    /// Sends if the node is not left alone just now, and lets its health know.
    async fn judged(&self, sending: impl Future<Output = Sent>) -> Sent {
        let passage = self.health.admit().ok_or(NodeError::LeftAlone)?;
        let sent = sending.await;
        let verdict = match &sent {
            Ok((response, _)) if is_gateway_failure(response.status()) => {
                Some(Err(FailureKind::GatewayStatus))
            }
            Ok(_) => Some(Ok(())),
            Err(error) => error.failure_kind().map(Err),
        };
        if let Some(verdict) = verdict {
            passage.settle(verdict);
        }
        sent
    }

    async fn exchange(
        &self,
        sender: &mut SendRequest<NodeBody>,
        request: Request<NodeBody>,
    ) -> Result<Response<Incoming>, NodeError> {
        let asked = Instant::now();
        let answer = timeout(self.config().response_timeout, sender.send_request(request)).await;
        self.traffic.latency.observe(asked.elapsed());
        match answer {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_user() => Err(NodeError::ClientBody),
            Ok(Err(error)) => Err(NodeError::Exchange(error)),
            Err(_) => Err(NodeError::ResponseTimeout),
        }
    }

    /// One of the node's places; waits for one when few enough wait already.
    async fn place(&self) -> Result<OwnedSemaphorePermit, NodeError> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let _waiting = Waiting::join(&self.pending, self.config().max_pending)?;
        let place = Arc::clone(&self.places).acquire_owned();
        match timeout(self.connect_timeout(), place).await {
            Ok(place) => Ok(place.expect("the semaphore is never closed")),
            Err(_) => Err(NodeError::Busy),
        }
    }

    /// Tells the operator how a request went.
    pub(crate) fn note(&self, outcome: Result<(), &NodeError>) {
        match outcome {
            Ok(()) => self.trouble.none(self.node.name.as_str()),
            Err(error) => self.trouble.report(self.node.name.as_str(), error),
        }
    }

    /// How long the node may be silent in the middle of an answer.
    pub(crate) fn body_timeout(&self) -> Duration {
        self.config().body_timeout
    }

    /// How long a tunnel may be silent.
    pub(crate) fn web_socket_timeout(&self) -> Duration {
        self.config().web_socket_timeout
    }

    fn config(&self) -> &Config {
        &self.settings.config
    }

    fn connect_timeout(&self) -> Duration {
        self.config().connect_timeout
    }
}

/// What a web server says of the program behind it.
fn is_gateway_failure(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

/// One request in the queue for a place.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn join(pending: &'a AtomicUsize, max: usize) -> Result<Self, NodeError> {
        let waiting = Self(pending);
        if pending.fetch_add(1, Relaxed) < max { Ok(waiting) } else { Err(NodeError::Busy) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
