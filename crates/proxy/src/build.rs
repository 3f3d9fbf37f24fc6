//! The proxy as a whole: built from its configuration, served by `net`.

use std::{sync::Arc, time::Duration};

use bluegate_cluster::Routes;
use bluegate_net::{Connection, RequestBody, Service};
use http::{Request, Response};
use tokio::{sync::watch, time::timeout};
use tokio_util::task::TaskTracker;

use crate::{
    Config,
    access_log::{AccessLog, AccessLogError},
    admission,
    body::Body,
    relay,
    snapshot::Snapshots,
    upstream::UpstreamSettings,
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
    snapshots: Snapshots,
    access_log: Option<AccessLog>,
    max_body: u64,
    tasks: TaskTracker,
}

/// Opens what the configuration names and follows `routes` from now on.
///
/// Needs a runtime, but neither binds nor connects. When the sender of
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
        Some(path) => Some(AccessLog::open(path, config.access_log_queue, &tasks)?),
        None => None,
    };
    let max_body = config.max_body;
    let settings = Arc::new(UpstreamSettings { config, tasks: tasks.clone() });
    Ok(Arc::new(Proxy { snapshots: Snapshots::new(routes, settings), access_log, max_body, tasks }))
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").finish_non_exhaustive()
    }
}

impl Proxy {
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
        let (response, record) = match admission::admit(&request, &snapshot, self.max_body) {
            Ok(admitted) => relay::relay(request, admitted, &snapshot, &connection, record).await,
            Err(answer) => (answer.into_response(request.method()), record),
        };
        let record = record.map(|mut record| {
            record.status(response.status());
            record
        });
        response.map(|body| body.recorded(record))
    }
}
