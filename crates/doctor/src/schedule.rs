//! Looking again and again: at all nodes at an interval, and at one as soon as
//! it serves another client, for upgrades are what breaks nodes.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Report, examine,
    examine::{Builds, builds},
};

/// How often nodes are asked for the page of their client.
const WATCH: Duration = Duration::from_secs(60);
/// How long the roles of this process may take to come up first.
const SETTLE: Duration = Duration::from_secs(3);

/// The last look.
#[derive(Clone, Debug, Serialize)]
pub struct Latest {
    /// When it was finished, in seconds since 1970.
    pub at: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What was found.
    pub report: Report,
}

/// When to look.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// From one look at all nodes to the next.
    pub interval: Duration,
    /// From one question for the client's page to the next.
    pub watch: Duration,
    /// Before the first look.
    pub settle: Duration,
}

impl Schedule {
    /// All nodes at this interval, changed ones within a minute.
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        Self { interval, watch: WATCH, settle: SETTLE }
    }

    /// Looks until `stop`, and keeps what it found in `latest`. `now` tells what
    /// there is to look at; it is asked before each look.
    pub async fn run(
        self,
        now: impl Fn() -> Config,
        latest: watch::Sender<Option<Latest>>,
        stop: CancellationToken,
    ) {
        let first = Instant::now() + self.settle;
        let mut all = interval_at(first, self.interval);
        let mut watch = interval_at(first + self.watch, self.watch);
        all.set_missed_tick_behavior(MissedTickBehavior::Delay);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = Builds::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = all.tick() => {
                    let config = now();
                    let report = look(&config, &stop, &latest, None).await;
                    if stop.is_cancelled() {
                        return;
                    }
                    tell(&report);
                    known = builds(&config).await;
                }
                _ = watch.tick() => {
                    let config = now();
                    let seen = builds(&config).await;
                    let changed = changed(&known, &seen);
                    known.extend(seen);
                    if changed.is_empty() {
                        continue;
                    }
                    let mut config = config;
                    config.subject.nodes.retain(|patient| changed.contains(&patient.node.name));
                    let before = latest.borrow().as_ref().map(|latest| latest.report.clone());
                    let report = look(&config, &stop, &latest, before).await;
                    if stop.is_cancelled() {
                        return;
                    }
                    tell(&report);
                }
            }
        }
    }
}

/// The nodes that serve another client than before.
fn changed(known: &Builds, seen: &Builds) -> Vec<bluegate_cluster::Mount> {
    let is_other =
        |(node, build): &(_, &[u8; 32])| known.get(*node).is_some_and(|old| old != *build);
    seen.iter().filter(is_other).map(|(node, _)| node.clone()).collect()
}

/// Looks, keeps what it sees in the place of what was `before`, and gives it.
async fn look(
    config: &Config,
    stop: &CancellationToken,
    latest: &watch::Sender<Option<Latest>>,
    before: Option<Report>,
) -> Report {
    let begun = Instant::now();
    let report = examine(config, stop, |_| {}).await;
    if stop.is_cancelled() {
        return report;
    }
    let whole = match before {
        Some(mut before) => {
            before.update(report.clone());
            before
        }
        None => report.clone(),
    };
    let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    // Whether anybody listens is not this task's concern.
    latest.send_replace(Some(Latest { at, took_ms, report: whole }));
    report
}

/// One line per finding that matters.
fn tell(report: &Report) {
    for (node, finding) in report.findings() {
        let node = node.unwrap_or("cluster");
        match finding.severity {
            crate::Severity::Problem => {
                tracing::error!(node.id = node, check = finding.check, "{}", finding.title);
            }
            crate::Severity::Warning => {
                tracing::warn!(node.id = node, check = finding.check, "{}", finding.title);
            }
            crate::Severity::Note => {}
        }
    }
}
