//! What is believed of each node, and who may ask it.
//!
//! What requests meet ([`Passage`]) and what probes meet ([`prober`]) go into
//! one state machine per node ([`state`]). A node that failed several times in
//! a row is left alone with growing pauses, so that its users get an answer at
//! once instead of a timeout each. When most nodes fail at once, the fault is
//! ours, and all are asked ([`Fleet`]).

mod prober;
mod report;
mod state;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

pub(crate) use prober::run;
pub use report::{FailureKind, HealthReport, HealthState, NodeHealthReport};

use crate::upstream::NodeError;
use state::{Change, Decision, Epoch, Jitter, State, is_panic};

/// All nodes of the routes in force, to see when most fail at once.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    members: Mutex<Vec<Weak<Health>>>,
    panicking: AtomicBool,
}

impl Fleet {
    /// These are the nodes from now on.
    pub(crate) fn replace<'a>(&self, members: impl Iterator<Item = &'a Arc<Health>>) {
        let members = members.map(Arc::downgrade).collect();
        *self.members.lock().unwrap_or_else(PoisonError::into_inner) = members;
        self.recount();
    }

    /// Whether all are asked, whatever is believed of them.
    pub(crate) fn is_panicking(&self) -> bool {
        self.panicking.load(Relaxed)
    }

    fn recount(&self) {
        // Held to the end, so that two recounts do not cross.
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut nodes, mut suspect) = (0, 0);
        for member in members.iter().filter_map(Weak::upgrade) {
            nodes += 1;
            suspect += usize::from(!member.lock().is_healthy());
        }
        let panics = is_panic(nodes, suspect);
        let panicked = self.panicking.swap(panics, Relaxed);
        if panics && !panicked {
            tracing::error!(
                target: "bluegate::state",
                event = "proxy.panicking",
                nodes,
                suspect,
                "most nodes fail at once: all are asked regardless; check this machine's network and name service"
            );
        } else if panicked && !panics {
            tracing::info!(
                target: "bluegate::state",
                event = "proxy.calm",
                nodes,
                suspect,
                "most nodes answer again"
            );
        }
    }
}

/// One node's health.
#[derive(Debug)]
pub(crate) struct Health {
    node: String,
    fleet: Option<Arc<Fleet>>,
    state: Mutex<State>,
    /// When it answered last, to spare it probes.
    answered: Mutex<Option<Instant>>,
    probes: AtomicU64,
    failed_probes: AtomicU64,
    refused: AtomicU64,
}

impl Health {
    /// Of a node of `fleet`; of none, it is asked whatever happens.
    pub(crate) fn new(node: &str, fleet: Option<Arc<Fleet>>) -> Self {
        Self {
            node: node.to_owned(),
            fleet,
            state: Mutex::new(State::new(Instant::now())),
            answered: Mutex::default(),
            probes: AtomicU64::new(0),
            failed_probes: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// A request's way to the node; `None` while the node is left alone.
    pub(crate) fn admit(&self) -> Option<Passage<'_>> {
        let mut state = self.lock();
        let epoch = match state.admit(Instant::now()) {
            Decision::Pass(epoch) | Decision::Try(epoch) => epoch,
            Decision::Refuse if self.fleet.as_ref().is_none_or(|fleet| fleet.is_panicking()) => {
                state.epoch()
            }
            Decision::Refuse => {
                self.refused.fetch_add(1, Relaxed);
                return None;
            }
        };
        Some(Passage { health: self, epoch, settled: false })
    }

    /// A probe was sent, unless the node was left alone.
    pub(crate) fn count_probe<T>(&self, outcome: &Result<T, NodeError>) {
        if !matches!(outcome, Err(NodeError::LeftAlone)) {
            self.probes.fetch_add(1, Relaxed);
            self.failed_probes.fetch_add(u64::from(outcome.is_err()), Relaxed);
        }
    }

    /// What is known.
    pub(crate) fn report(&self) -> NodeHealthReport {
        let state = self.lock();
        NodeHealthReport {
            state: state.public(),
            state_seconds: state.since().elapsed().as_secs(),
            last_failure: state.last_failure(),
            failures_in_a_row: state.failures(),
            probes: self.probes.load(Relaxed),
            failed_probes: self.failed_probes.load(Relaxed),
            ejections: state.ejections(),
            refused: self.refused.load(Relaxed),
        }
    }

    /// Whether it answered something within this time.
    fn answered_within(&self, time: Duration) -> bool {
        let answered = *self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.is_some_and(|answered| answered.elapsed() < time)
    }

    /// When the next trial may begin.
    fn next_trial(&self) -> Option<Instant> {
        self.lock().next_trial()
    }

    fn failures(&self) -> u32 {
        self.lock().failures()
    }

    fn settle(&self, epoch: Epoch, outcome: Result<(), FailureKind>) {
        let Some(fleet) = &self.fleet else { return };
        let now = Instant::now();
        let change = match outcome {
            Ok(()) => {
                *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
                self.lock().succeeded(epoch, now)
            }
            Err(kind) => self.lock().failed(epoch, kind, Jitter(rand::random()), now),
        };
        match (change, outcome) {
            (Change::None, _) => return,
            (Change::Ejected, Err(kind)) => tracing::warn!(
                target: "bluegate::state",
                event = "proxy.node_suspect",
                node.id = self.node,
                failure = kind.as_str(),
                "node is left alone: it failed several times in a row"
            ),
            (Change::Ejected | Change::Recovered, _) => {
                tracing::info!(
                    target: "bluegate::state",
                    event = "proxy.node_healthy",
                    node.id = self.node,
                    "node is asked again"
                );
            }
        }
        fleet.recount();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request's way to a node, and what it met there.
///
/// Dropped unsettled it tells nothing, and makes room for another trial.
#[derive(Debug)]
pub(crate) struct Passage<'a> {
    health: &'a Health,
    epoch: Epoch,
    settled: bool,
}

impl Passage<'_> {
    /// The node answered, or failed.
    pub(crate) fn settle(mut self, outcome: Result<(), FailureKind>) {
        self.settled = true;
        self.health.settle(self.epoch, outcome);
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.health.lock().abandoned(self.epoch, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests;
