//! Asking nodes that nobody asks: is it there, is it back?
//!
//! One small task per node, started and ended with its
//! [`Upstream`], so that a node that hangs holds up no other's probe. A node
//! that answered a request lately is not probed; one that is left alone is
//! probed as soon as a trial may begin, so that no user has to be the trial.

use std::{collections::HashMap, sync::Arc, time::Duration};

use http::{
    HeaderValue, Method, Request, Uri, Version,
    header::{ACCEPT, HOST},
};
use tokio::time::{Instant, sleep_until};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    request_headers,
    snapshot::{Snapshot, Snapshots},
    upstream::Upstream,
};

/// After a first failure the next probe comes sooner than the interval.
const AGAIN: Duration = Duration::from_secs(1);

/// Between two probes, however trials end.
const LEAST: Duration = Duration::from_millis(100);

/// Keeps a probe under way for every node of the routes in force, until `ended`.
pub(crate) async fn run(
    snapshots: Arc<Snapshots>,
    tasks: TaskTracker,
    interval: Duration,
    ended: CancellationToken,
) {
    let mut changes = snapshots.changes();
    let mut probed: HashMap<u64, CancellationToken> = HashMap::new();
    loop {
        let snapshot = snapshots.current();
        let present: Vec<u64> = snapshot.upstreams().map(|upstream| upstream.id()).collect();
        probed.retain(|id, token| {
            let stays = present.contains(id);
            if !stays {
                token.cancel();
            }
            stays
        });
        for upstream in snapshot.upstreams() {
            probed.entry(upstream.id()).or_insert_with(|| {
                let token = ended.child_token();
                let probing = probe_until_gone(
                    Arc::clone(upstream),
                    Arc::clone(&snapshot),
                    interval,
                    token.clone(),
                );
                tasks.spawn(probing);
                token
            });
        }
        drop(snapshot);
        tokio::select! {
            changed = changes.changed() => if changed.is_err() {
                ended.cancelled().await;
                return;
            },
            () = ended.cancelled() => return,
        }
    }
}

async fn probe_until_gone(
    upstream: Arc<Upstream>,
    snapshot: Arc<Snapshot>,
    interval: Duration,
    gone: CancellationToken,
) {
    let request = request(&upstream, &snapshot);
    // It held up the routes it was made from long enough.
    drop(snapshot);
    loop {
        let health = upstream.health();
        let due = next(interval, health.failures(), health.next_trial(), rand::random());
        tokio::select! {
            () = sleep_until(due) => {}
            () = gone.cancelled() => return,
        }
        if health.failures() == 0 && health.answered_within(interval) {
            continue;
        }
        tokio::select! {
            outcome = upstream.send_probe(request.clone()) => upstream.note(outcome.as_ref().map(|_| ())),
            () = gone.cancelled() => return,
        }
    }
}

/// When to probe next. `random` is in `0.0..1.0`.
fn next(interval: Duration, failures: u32, next_trial: Option<Instant>, random: f64) -> Instant {
    if let Some(trial) = next_trial {
        return trial.max(Instant::now() + LEAST);
    }
    let pause = if failures > 0 { AGAIN.min(interval) } else { interval };
    Instant::now() + pause.mul_f64(0.8 + 0.4 * random)
}

/// The client's page, its head alone.
fn request(upstream: &Upstream, snapshot: &Snapshot) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = Method::HEAD;
    *request.version_mut() = Version::HTTP_11;
    let page = format!("/{}/html5client/", upstream.node().name.as_str());
    *request.uri_mut() = page.parse().unwrap_or_else(|_| Uri::from_static("/"));
    let headers = request.headers_mut();
    headers.insert(HOST, upstream.host().clone());
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    request_headers::add_cluster(headers, snapshot);
    request
}
