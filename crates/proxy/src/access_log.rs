//! Phase 7: one line per request, off the hot path.
//!
//! A request only fills a record and puts it into a bounded queue; a task
//! turns records into JSON lines. When the disk is slower than the requests,
//! lines are dropped and the next line written says how many.
//!
//! A line holds no query string (it carries session tokens), no header and
//! only a part of the client's address: /24 of IPv4, /48 of IPv6.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime},
};

use bluegate_cache::CacheStatus;
use bluegate_cluster::Node;
use bluegate_net::request_authority;
use http::{Method, Request, StatusCode, Uri, Version};
use serde::Serialize;
use tokio::{fs::File, io::AsyncWriteExt, sync::mpsc};
use tokio_util::task::TaskTracker;

/// Records turned into lines before they are written together.
const BATCH: usize = 256;

/// Bytes of a host or path that a line shows; both come from the client.
const MAX_TEXT: usize = 2048;

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
    dropped: Arc<AtomicU64>,
}

impl AccessLog {
    /// Opens `path` for appending and starts the writer, which ends when the
    /// last record holder is gone.
    pub(crate) fn open(
        path: &Path,
        queue: usize,
        tasks: &TaskTracker,
    ) -> Result<Self, AccessLogError> {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|source| AccessLogError { path: path.to_owned(), source })?;
        let (sender, receiver) = mpsc::channel(queue.max(1));
        let dropped = Arc::new(AtomicU64::new(0));
        tasks.spawn(write(receiver, File::from_std(file), path.to_owned(), Arc::clone(&dropped)));
        Ok(Self { queue: sender, dropped })
    }

    /// Begins the record of a request.
    pub(crate) fn begin<B>(&self, request: &Request<B>, peer: IpAddr) -> Box<OpenRecord> {
        Box::new(OpenRecord {
            log: self.clone(),
            record: Some(Record {
                time: SystemTime::now(),
                began: Instant::now(),
                took: Duration::ZERO,
                client: peer,
                version: request.version(),
                method: request.method().clone(),
                host: request_authority(request).map(clip).unwrap_or_default().to_owned(),
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
        }
    }
}

/// A record as it is written.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    client: String,
    http: &'static str,
    method: &'a str,
    host: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount: Option<&'a str>,
    status: u16,
    bytes: u64,
    duration_ms: f64,
    asked_node: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_ms: Option<f64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    broken_off: bool,
    /// Lines lost since the one before.
    #[serde(skip_serializing_if = "is_zero")]
    dropped: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Record {
    fn line(&self, dropped: u64) -> Line<'_> {
        Line {
            time: jiff::Timestamp::try_from(self.time)
                .map(|time| format!("{time:.3}"))
                .unwrap_or_default(),
            client: shortened(self.client),
            http: match self.version {
                Version::HTTP_2 => "2",
                Version::HTTP_10 => "1.0",
                _ => "1.1",
            },
            method: self.method.as_str(),
            host: &self.host,
            path: clip(self.uri.path()),
            mount: self.node.as_ref().map(|node| node.name.as_str()),
            status: self.status.as_u16(),
            bytes: self.bytes,
            duration_ms: milliseconds(self.took),
            asked_node: self.asked_node,
            cache: self.cache,
            upstream_ms: self.upstream.map(milliseconds),
            broken_off: self.broken_off,
            dropped,
        }
    }
}

async fn write(
    mut records: mpsc::Receiver<Record>,
    mut file: File,
    path: PathBuf,
    dropped: Arc<AtomicU64>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut text = Vec::new();
    let mut failing = false;
    while records.recv_many(&mut batch, BATCH).await > 0 {
        text.clear();
        for record in batch.drain(..) {
            let line = record.line(dropped.swap(0, Relaxed));
            if serde_json::to_writer(&mut text, &line).is_ok() {
                text.push(b'\n');
            }
        }
        let written = async {
            file.write_all(&text).await?;
            file.flush().await
        };
        match written.await {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                tracing::error!(path = %path.display(), %error, "cannot write the access log");
            }
            Err(_) => {}
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

/// The network a client is in.
fn shortened(client: IpAddr) -> String {
    match client.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{}/24", Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

/// `text`, or as much of its beginning as a line takes.
fn clip(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_only_a_network() {
        for (client, wanted) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("::ffff:203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
            ("::1", "::/48"),
        ] {
            assert_eq!(shortened(client.parse().unwrap()), wanted, "{client}");
        }
    }

    #[tokio::test]
    async fn a_slow_disk_costs_lines_and_the_next_line_says_how_many() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let tasks = TaskTracker::new();
        let log = AccessLog::open(&path, 2, &tasks).unwrap();
        let request = Request::builder().uri("/x?secret").body(()).unwrap();
        // The writer runs on this thread and gets no turn in between.
        for _ in 0..5 {
            drop(log.begin(&request, "192.0.2.1".parse().unwrap()));
        }
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

    #[tokio::test]
    async fn a_log_that_cannot_be_opened_is_named() {
        let error =
            AccessLog::open(Path::new("/nowhere/access.log"), 1, &TaskTracker::new()).unwrap_err();
        assert_eq!(error.to_string(), "cannot open the access log `/nowhere/access.log`");
    }
}
