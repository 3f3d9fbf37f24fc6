//! The proxy as a whole: built from its configuration, served by `net`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bluegate_cluster::{Node, Routes};
use bluegate_net::{Connection, RequestBody, Service};
use http::{Method, Request, Response};
use tokio::{sync::watch, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Config,
    access_log::{AccessLog, AccessLogError, OpenRecord},
    admission::{self, Admission, Admitted, Api, Kind, Rules},
    answer::{Answer, Language},
    body::Body,
    cache::{self, Asked, Cache, CacheReport, Served},
    health::{self, Fleet, HealthReport},
    relay,
    snapshot::{Snapshot, Snapshots},
    traffic::{RequestClass, Traffic, TrafficReport},
    upstream::{Upstream, UpstreamSettings},
};

/// How long the end waits for the access log and for connections to close.
const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// Why the proxy cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The access log's file.
    #[error(transparent)]
    AccessLog(#[from] AccessLogError),
}

/// The front door. Hand it to `bluegate_net::serve`, once per listener.
pub struct Proxy {
    snapshots: Arc<Snapshots>,
    access_log: Option<AccessLog>,
    rules: Rules,
    cache: Option<Arc<Cache>>,
    fleet: Arc<Fleet>,
    /// What was for the address that all mounts share.
    leaves: Traffic,
    /// What was for no known mount.
    elsewhere: Traffic,
    /// The proxy is closing: probes end.
    ended: CancellationToken,
    tasks: TaskTracker,
}

/// Opens what the configuration names and follows `routes` from now on.
///
/// Needs a runtime, but binds nothing and waits for nothing. When the sender of
/// `routes` is gone, the last routes stay in force.
///
/// # Errors
/// [`BuildError`] when a file cannot be opened.
pub fn build(
    config: Config,
    routes: watch::Receiver<Arc<Routes>>,
) -> Result<Arc<Proxy>, BuildError> {
    let tasks = TaskTracker::new();
    let access_log = match &config.access_log {
        Some(path) => Some(AccessLog::open(
            path,
            config.access_log_queue,
            config.access_log_format,
            config.access_log_client,
            &tasks,
        )?),
        None => None,
    };
    let cache = Cache::start(&config.cache, &tasks);
    let rules = Rules {
        max_body: config.max_body,
        api: api(&config, &tasks),
        leaves: cache.is_some() && config.cache.share_builds,
    };
    let health_interval = config.health_interval;
    let fleet = Arc::new(Fleet::default());
    let settings = Arc::new(UpstreamSettings {
        config,
        tasks: tasks.clone(),
        fleet: Some(Arc::clone(&fleet)),
    });
    let snapshots = Arc::new(Snapshots::new(routes, settings));
    let ended = CancellationToken::new();
    if !health_interval.is_zero() {
        let (snapshots, ended) = (Arc::clone(&snapshots), ended.clone());
        tasks.spawn(health::run(snapshots, tasks.clone(), health_interval, ended));
    }
    if let Some(cache) = &cache {
        cache.start_warming(&snapshots);
    }
    Ok(Arc::new(Proxy {
        snapshots,
        access_log,
        rules,
        cache,
        fleet,
        leaves: Traffic::default(),
        elsewhere: Traffic::default(),
        ended,
        tasks,
    }))
}

/// The one upstream besides the nodes: as patient as its calls need.
fn api(config: &Config, tasks: &TaskTracker) -> Option<Api> {
    let node = Arc::new(Node::api(config.api.clone()?));
    let patient = Config { response_timeout: config.api_response_timeout, ..config.clone() };
    let settings =
        Arc::new(UpstreamSettings { config: patient, tasks: tasks.clone(), fleet: None });
    let upstream = Arc::new(Upstream::new(&node, &settings, Arc::default()));
    Some(Api { upstream, max_body: config.max_api_body })
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").finish_non_exhaustive()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.cancel();
        if let Some(cache) = &self.cache {
            cache.end();
        }
    }
}

impl Proxy {
    /// What the cache holds and did; `None` when it is turned off.
    #[must_use]
    pub fn cache_report(&self) -> Option<CacheReport> {
        self.cache.as_ref().map(|cache| cache.report())
    }

    /// What passed, by mount of the routes in force.
    #[must_use]
    pub fn traffic_report(&self) -> TrafficReport {
        let snapshot = self.snapshots.current();
        let api = self.rules.api.as_ref().map(|api| &api.upstream);
        let upstreams = snapshot.upstreams().chain(api);
        let mut mounts: BTreeMap<_, _> = upstreams
            .map(|upstream| {
                let report = upstream.traffic().report(Some(upstream.node_traffic()));
                (upstream.node().name.to_string(), report)
            })
            .collect();
        mounts.insert("_client".to_owned(), self.leaves.report(None));
        mounts.insert(String::new(), self.elsewhere.report(None));
        let access_log_dropped = self.access_log.as_ref().map(AccessLog::lost);
        TrafficReport { mounts, access_log_dropped }
    }

    /// What is believed of the nodes of the routes in force.
    #[must_use]
    pub fn health_report(&self) -> HealthReport {
        let snapshot = self.snapshots.current();
        let nodes = snapshot
            .upstreams()
            .map(|upstream| (upstream.node().name.as_str().to_owned(), upstream.health().report()));
        HealthReport { panicking: self.fleet.is_panicking(), nodes: nodes.collect() }
    }

    /// Opens the access log anew by its name, after it was moved away.
    pub fn reopen_access_log(&self) {
        if let Some(log) = &self.access_log {
            log.reopen();
        }
    }

    /// Forgets what is cached for one mount, or for all; returns how many
    /// answers that were. What is being sent is sent to its end.
    pub fn purge(&self, mount: Option<&str>) -> usize {
        self.cache.as_ref().map_or(0, |cache| cache.purge(mount))
    }

    /// Answers an admitted request: from the cache, or from its node.
    async fn answer(
        &self,
        request: Request<RequestBody>,
        admitted: Admitted,
        snapshot: &Arc<Snapshot>,
        connection: &Arc<Connection>,
        mut record: Option<Box<OpenRecord>>,
    ) -> relay::Relayed {
        let reads = *request.method() == Method::GET || *request.method() == Method::HEAD;
        let cache = self.cache.as_ref().filter(|_| admitted.kind == Kind::Client && reads);
        let Some(cache) = cache else {
            if let Err(refused) = admitted.charge_node(&request, connection) {
                return (refused, record);
            }
            // Boxed, as all that is not a hit: a connection of HTTP/1.1 keeps room for
            // the largest of its requests.
            return Box::pin(relay::relay(request, admitted, snapshot, connection, record)).await;
        };
        let asked =
            Asked { method: request.method(), uri: request.uri(), headers: request.headers() };
        match cache.serve(asked, &admitted.upstream, snapshot, connection).await {
            Served::Answer(response, status) => {
                if status.is_from_memory() {
                    admitted.upstream.traffic().saved(response.body().whole_len());
                }
                if let Some(record) = &mut record {
                    record.cached(Some(admitted.upstream.node()), status);
                }
                (response, record)
            }
            Served::Relay(status) => {
                if let Err(refused) = admitted.charge_node(&request, connection) {
                    return (refused, record);
                }
                let relaying = relay::relay(request, admitted, snapshot, connection, record);
                let (mut response, record) = Box::pin(relaying).await;
                cache::stamp(&mut response, status);
                (response, record)
            }
        }
    }

    /// Answers what names a content: no node's, and perhaps from one.
    async fn answer_leaf(
        &self,
        request: &Request<RequestBody>,
        snapshot: &Arc<Snapshot>,
        connection: &Connection,
        mut record: Option<Box<OpenRecord>>,
    ) -> relay::Relayed {
        let Some(cache) = &self.cache else {
            let language = Language::of(request.headers());
            return (Answer::NotFound.into_response(request.method(), language), record);
        };
        let asked =
            Asked { method: request.method(), uri: request.uri(), headers: request.headers() };
        let (response, status) = cache.serve_leaf(asked, snapshot, connection).await;
        if let Some(record) = &mut record {
            record.cached(None, status);
        }
        (response, record)
    }

    /// Writes out what the access log still holds. To be called when serving
    /// has ended, with the last handle on this proxy.
    pub async fn close(self: Arc<Self>) {
        let tasks = self.tasks.clone();
        drop(self);
        tasks.close();
        if timeout(CLOSE_WAIT, tasks.wait()).await.is_err() {
            tracing::debug!("connections to nodes outlive the proxy");
        }
    }
}

impl Service for Proxy {
    type Body = Body;

    async fn call(
        self: Arc<Self>,
        request: Request<RequestBody>,
        connection: Arc<Connection>,
    ) -> Response<Body> {
        let record = self.access_log.as_ref().map(|log| log.begin(&request, connection.peer.ip()));
        let snapshot = self.snapshots.current();
        let admission = admission::admit(&request, &snapshot, &self.rules)
            .and_then(|admission| admission.charged(&connection));
        let (response, record) = match admission {
            Ok(Admission::Leaf) => {
                let answering = self.answer_leaf(&request, &snapshot, &connection, record);
                let (response, record) = Box::pin(answering).await;
                self.leaves.answered(RequestClass::Asset, &response);
                (response, record)
            }
            Ok(Admission::Node(admitted)) => {
                let class = RequestClass::of(&admitted, request.uri().path());
                let traffic = Arc::clone(admitted.upstream.traffic());
                let answering = self.answer(request, admitted, &snapshot, &connection, record);
                let (response, record) = answering.await;
                traffic.answered(class, &response);
                (response, record)
            }
            Err(answer) => {
                let language = Language::of(request.headers());
                let response = answer.into_response(request.method(), language);
                self.elsewhere.answered(RequestClass::Own, &response);
                (response, record)
            }
        };
        let record = record.map(|mut record| {
            record.status(response.status());
            record
        });
        response.map(|body| body.recorded(record))
    }
}
