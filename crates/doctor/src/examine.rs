//! Looking at a cluster: all nodes side by side, each within its own bounds,
//! so that a dead one delays nobody.

mod builds;
mod node;
mod session;

pub(crate) use builds::{Builds, builds};

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bluegate_cluster::{Mount, Scheme};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    browser::Browser,
    check::{self, Case, ClusterCase},
    evidence::{ClusterEvidence, Evidence},
    record::{Recording, record},
    release::Release,
    report::{self, Report},
    subject::{Patient, Subject},
    wire::{Client, Dialer, Request, read_certificate},
};

/// What is to be looked at, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// Cluster and nodes.
    pub subject: Subject,
    /// Whom to believe.
    pub tls: Arc<rustls::ClientConfig>,
    /// How much it may take.
    pub bounds: Bounds,
    /// Whether a real browser joins too, one after the other.
    pub browser: Option<Arc<BrowserSeat>>,
}

/// A browser, and the one seat in front of it.
#[derive(Debug)]
pub struct BrowserSeat {
    pub(crate) browser: Browser,
    pub(crate) seat: Semaphore,
}

impl BrowserSeat {
    /// For one visit at a time.
    #[must_use]
    pub fn new(browser: Browser) -> Self {
        Self { browser, seat: Semaphore::new(1) }
    }
}

/// How much an examination may take.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Longest wait for a name, a connection, a handshake: each.
    pub connect: Duration,
    /// Longest wait for a whole answer.
    pub request: Duration,
    /// Longest time a probe meeting is used.
    pub session: Duration,
    /// Nodes looked at side by side.
    pub nodes: usize,
    /// Requests in progress at one node.
    pub requests_per_node: usize,
    /// Requests in progress at the proxy.
    pub requests_at_proxy: usize,
    /// Bytes of one answer.
    pub body: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            request: Duration::from_secs(5),
            session: Duration::from_secs(20),
            nodes: 64,
            requests_per_node: 6,
            requests_at_proxy: 32,
            body: 2 * 1024 * 1024,
        }
    }
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The node that is just done; none at the start.
    pub node: Option<Mount>,
    /// How many are done.
    pub done: usize,
    /// Of how many.
    pub all: usize,
    /// Those that are looked at now.
    pub at_work: Vec<Mount>,
}

/// What was found of one node, before it is judged.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) patient: Patient,
    pub(crate) release: Release,
    pub(crate) evidence: Evidence,
}

/// Looks at the cluster and judges what it sees. Once `stop` is cancelled,
/// running probe meetings are ended and what is known so far is reported.
pub async fn examine(
    config: &Config,
    stop: &CancellationToken,
    progress: impl Fn(Progress),
) -> Report {
    let (cluster, found) = look(config, stop, progress).await;
    judge(&config.subject, &cluster, found)
}

/// The same, with what each node answered.
pub async fn examine_and_record(
    config: &Config,
    stop: &CancellationToken,
    progress: impl Fn(Progress),
) -> (Report, Vec<Recording>) {
    let (cluster, found) = look(config, stop, progress).await;
    let recordings = found.iter().map(record).collect();
    (judge(&config.subject, &cluster, found), recordings)
}

async fn look(
    config: &Config,
    stop: &CancellationToken,
    progress: impl Fn(Progress),
) -> (ClusterEvidence, Vec<Found>) {
    let all = config.subject.nodes.len();
    let mut found: Vec<Found> = Vec::with_capacity(all);
    let tell = |node: Option<Mount>, found: &[Found]| {
        let is_done = |name: &Mount| found.iter().any(|one| one.patient.node.name == *name);
        let names = config.subject.nodes.iter().map(|patient| patient.node.name.clone());
        // They begin in this order, so many at a time.
        let at_work = names.filter(|name| !is_done(name)).take(config.bounds.nodes).collect();
        progress(Progress { node, done: found.len(), all, at_work });
    };
    tell(None, &found);
    let dialer = Dialer { tls: Arc::clone(&config.tls), timeout: config.bounds.connect };
    let (cluster, proxy) = cluster(config, &dialer).await;
    let proxy = proxy.map(Arc::new);
    let examinations: Vec<_> = config
        .subject
        .nodes
        .iter()
        .map(|patient| node::examine(config, &dialer, proxy.as_deref(), patient, stop).boxed())
        .collect();
    let mut examined = stream::iter(examinations).buffer_unordered(config.bounds.nodes);
    while let Some(one) = examined.next().await {
        let name = one.patient.node.name.clone();
        found.push(one);
        tell(Some(name), &found);
    }
    (cluster, found)
}

/// Judges what was found; in the order of the cluster file.
fn judge(subject: &Subject, cluster: &ClusterEvidence, found: Vec<Found>) -> Report {
    let mut found = found;
    let place = |name: &Mount| subject.nodes.iter().position(|patient| patient.node.name == *name);
    found.sort_by_key(|one| place(&one.patient.node.name));
    let nodes: Vec<_> =
        found.iter().map(|one| (&one.patient.node, &one.release, &one.evidence)).collect();
    let of_cluster = check::of_cluster(&ClusterCase { subject, evidence: cluster, nodes: &nodes });
    let nodes = found
        .iter()
        .map(|one| {
            let case = Case {
                subject,
                node: &one.patient.node,
                release: &one.release,
                evidence: &one.evidence,
            };
            report::of_node(&case, check::of_node(&case, &of_cluster))
        })
        .collect();
    Report::new(subject, of_cluster, nodes)
}

/// Looks at the cluster's own origin.
async fn cluster(config: &Config, dialer: &Dialer) -> (ClusterEvidence, Option<Client>) {
    let origin = &config.subject.origin;
    let mut evidence =
        ClusterEvidence { now: SystemTime::now(), name: Ok(()), certificate: None, front: None };
    let place = match dialer.resolve(origin).await {
        Ok(place) => place,
        Err(trouble) => {
            evidence.name = Err(trouble);
            return (evidence, None);
        }
    };
    if origin.scheme() == Scheme::Https {
        evidence.certificate = Some(read_certificate(dialer, &place).await);
    }
    let bounds = &config.bounds;
    let client = Client::new(dialer, place, bounds.requests_at_proxy, bounds.request, bounds.body);
    if config.subject.nodes.iter().any(|patient| patient.node.proxied) {
        evidence.front = Some(client.ask(Request::get("/")).await);
    }
    let answers = evidence.front.as_ref().is_some_and(|front| front.answer().is_some());
    (evidence, Some(client).filter(|_| answers))
}
