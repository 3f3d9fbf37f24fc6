//! Phase 7: one line per request, off the hot path.
//!
//! A request only fills a record and puts it into a bounded queue; a task
//! ([`writer`]) turns records into lines ([`mod@line`]). When the disk is slower than
//! the requests, lines are dropped, and the next JSON line says how many.
//!
//! No line holds a query string or anything else that may carry a session
//! token ([`redacted`]); what it says of the client is chosen ([`client`]).

mod client;
mod line;
mod redacted;
mod writer;

use std::{
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime},
};

use bluegate_cache::CacheStatus;
use bluegate_cluster::Node;
use bluegate_net::{X_REQUEST_ID, request_authority};
use http::{
    HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version,
    header::{REFERER, USER_AGENT},
};
use tokio::sync::{Notify, mpsc};
use tokio_util::task::TaskTracker;

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// A JSON object.
    #[default]
    Json,
    /// The combined form that web servers write.
    Combined,
}

/// What a line says of the client's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLogClient {
    /// The network alone: /24 of IPv4, /48 of IPv6.
    #[default]
    Truncated,
    /// A keyed hash: the same client for a day, nobody's address.
    Hashed,
    /// All of it.
    Full,
}

/// The access log could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the access log `{path}`")]
pub struct AccessLogError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Where records go.
#[derive(Clone, Debug)]
pub(crate) struct AccessLog {
    queue: mpsc::Sender<Record>,
    /// Lines lost since one was written.
    dropped: Arc<AtomicU64>,
    reopen: Arc<Notify>,
    format: AccessLogFormat,
    /// Lines lost since the start.
    lost: Arc<AtomicU64>,
}

impl AccessLog {
    /// How many lines were lost so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// Opens `path` for appending and starts the writer, which ends when the
    /// last record holder is gone.
    pub(crate) fn open(
        path: &Path,
        queue: usize,
        format: AccessLogFormat,
        client: AccessLogClient,
        tasks: &TaskTracker,
    ) -> Result<Self, AccessLogError> {
        let file = writer::open(path)?;
        let (sender, records) = mpsc::channel(queue.max(1));
        let (dropped, reopen) = (Arc::default(), Arc::default());
        let writer = writer::Writer {
            records,
            path: path.to_owned(),
            dropped: Arc::clone(&dropped),
            reopen: Arc::clone(&reopen),
            format,
            clients: client::Clients::new(client),
        };
        tasks.spawn(writer.run(file));
        Ok(Self { queue: sender, dropped, lost: Arc::default(), reopen, format })
    }

    /// Has the file opened anew by its name: it was moved away.
    pub(crate) fn reopen(&self) {
        self.reopen.notify_one();
    }

    /// Begins the record of a request.
    pub(crate) fn begin<B>(&self, request: &Request<B>, peer: IpAddr) -> Box<OpenRecord> {
        let header = |name: HeaderName| {
            let wanted = self.format == AccessLogFormat::Combined;
            wanted.then(|| request.headers().get(name).cloned()).flatten()
        };
        Box::new(OpenRecord {
            log: self.clone(),
            record: Some(Record {
                time: SystemTime::now(),
                began: Instant::now(),
                took: Duration::ZERO,
                client: peer,
                version: request.version(),
                method: request.method().clone(),
                host: request_authority(request).unwrap_or_default().to_owned(),
                request_id: request.headers().get(X_REQUEST_ID).cloned(),
                referer: header(REFERER),
                user_agent: header(USER_AGENT),
                uri: request.uri().clone(),
                node: None,
                asked_node: false,
                cache: None,
                upstream: None,
                status: StatusCode::OK,
                bytes: 0,
                broken_off: false,
            }),
        })
    }
}

/// A record under way; queued when dropped.
#[derive(Debug)]
pub(crate) struct OpenRecord {
    log: AccessLog,
    record: Option<Record>,
}

#[derive(Debug)]
struct Record {
    time: SystemTime,
    began: Instant,
    took: Duration,
    client: IpAddr,
    version: Version,
    method: Method,
    host: String,
    /// As the listener gave it, never as the client did.
    request_id: Option<HeaderValue>,
    /// These two only where the form has them.
    referer: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    uri: Uri,
    node: Option<Arc<Node>>,
    asked_node: bool,
    cache: Option<&'static str>,
    upstream: Option<Duration>,
    status: StatusCode,
    bytes: u64,
    broken_off: bool,
}

impl OpenRecord {
    fn edit(&mut self, edit: impl FnOnce(&mut Record)) {
        if let Some(record) = &mut self.record {
            edit(record);
        }
    }

    /// The request was admitted to this node, and it is being asked.
    pub(crate) fn asks(&mut self, node: &Arc<Node>) {
        self.edit(|record| {
            record.node = Some(Arc::clone(node));
            record.asked_node = true;
        });
    }

    /// The cache answered, for this node if for any; what it did to that end.
    pub(crate) fn cached(&mut self, node: Option<&Arc<Node>>, status: CacheStatus) {
        self.edit(|record| {
            record.node = node.cloned();
            record.cache = Some(status.word());
        });
    }

    /// It was not asked after all.
    pub(crate) fn spared(&mut self) {
        self.edit(|record| record.asked_node = false);
    }

    /// The node answered, or failed to, this long after it was asked.
    pub(crate) fn answered_after(&mut self, wait: Duration) {
        self.edit(|record| record.upstream = Some(wait));
    }

    /// The status that the client gets.
    pub(crate) fn status(&mut self, status: StatusCode) {
        self.edit(|record| record.status = status);
    }

    /// A piece of the body on its way to the client.
    pub(crate) fn add_bytes(&mut self, count: usize) {
        self.edit(|record| record.bytes += count as u64);
    }

    /// The body did not come to its end.
    pub(crate) fn broken_off(&mut self) {
        self.edit(|record| record.broken_off = true);
    }
}

impl Drop for OpenRecord {
    fn drop(&mut self) {
        let Some(mut record) = self.record.take() else { return };
        record.took = record.began.elapsed();
        if self.log.queue.try_send(record).is_err() {
            self.log.dropped.fetch_add(1, Relaxed);
            self.log.lost.fetch_add(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_disk_costs_lines_and_the_next_line_says_how_many() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let tasks = TaskTracker::new();
        let log =
            AccessLog::open(&path, 2, AccessLogFormat::Json, AccessLogClient::Truncated, &tasks)
                .unwrap();
        let request = Request::builder().uri("/x?secret").body(()).unwrap();
        // The writer runs on this thread and gets no turn in between.
        for _ in 0..5 {
            drop(log.begin(&request, "192.0.2.1".parse().unwrap()));
        }
        assert_eq!(log.lost(), 3);
        drop(log);
        tasks.close();
        tasks.wait().await;

        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["dropped"], 3);
        assert_eq!(lines[1].get("dropped"), None);
        assert_eq!(lines[0]["path"], "/x");
    }

    #[test]
    fn a_log_that_cannot_be_opened_is_named() {
        let error = writer::open(Path::new("/nowhere/access.log")).unwrap_err();
        assert_eq!(error.to_string(), "cannot open the access log `/nowhere/access.log`");
    }
}
