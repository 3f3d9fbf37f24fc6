//! What is believed of one node, decided on outcomes and times alone.
//!
//! Healthy until [`EJECT_AFTER`] failures in a row, then suspect for a while
//! that doubles with each trial that fails. Then one trial, and nobody else,
//! finds out. Every state has a number of its own ([`Epoch`]), so what a request
//! of an earlier state brings home late changes nothing.

use std::time::Duration;

use tokio::time::Instant;

use super::{FailureKind, HealthState};

/// Failures in a row after which a node is left alone.
pub(super) const EJECT_AFTER: u32 = 3;

/// How long a node is left alone at first.
pub(super) const BACK_OFF: Duration = Duration::from_secs(1);

/// How long at most, before jitter.
pub(super) const MAX_BACK_OFF: Duration = Duration::from_secs(30);

/// A node that fails again within this time after it came back goes on where
/// its back-off was.
pub(super) const RELAPSE: Duration = Duration::from_secs(60);

/// Which state a request was let through in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Epoch(u64);

/// Whether a request may go to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// As all others.
    Pass(Epoch),
    /// As the only one, to find out.
    Try(Epoch),
    /// Not now.
    Refuse,
}

/// What an outcome changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// It is left alone from now on.
    Ejected,
    /// It answers again.
    Recovered,
}

/// A number in `0.0..1.0`: the caller's randomness.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jitter(pub(super) f64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Healthy,
    Suspect { until: Instant },
    Trial,
}

/// One node's state.
#[derive(Clone, Debug)]
pub(super) struct State {
    phase: Phase,
    epoch: u64,
    since: Instant,
    failures: u32,
    /// The back-off of the next ejection or failed trial.
    next_back_off: Duration,
    last_failure: Option<FailureKind>,
    ejections: u64,
}

impl State {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Healthy,
            epoch: 0,
            since: now,
            failures: 0,
            next_back_off: BACK_OFF,
            last_failure: None,
            ejections: 0,
        }
    }

    /// Whether a request may go to the node.
    pub(super) fn admit(&mut self, now: Instant) -> Decision {
        match self.phase {
            Phase::Healthy => Decision::Pass(Epoch(self.epoch)),
            Phase::Suspect { until } if now >= until => {
                self.enter(Phase::Trial, now);
                Decision::Try(Epoch(self.epoch))
            }
            Phase::Suspect { .. } | Phase::Trial => Decision::Refuse,
        }
    }

    /// The node is asked whatever is believed of it.
    pub(super) fn epoch(&self) -> Epoch {
        Epoch(self.epoch)
    }

    /// A request was answered.
    pub(super) fn succeeded(&mut self, epoch: Epoch, now: Instant) -> Change {
        if epoch != Epoch(self.epoch) {
            return Change::None;
        }
        self.failures = 0;
        if self.phase == Phase::Healthy {
            return Change::None;
        }
        self.enter(Phase::Healthy, now);
        Change::Recovered
    }

    /// A request was not answered.
    pub(super) fn failed(
        &mut self,
        epoch: Epoch,
        kind: FailureKind,
        jitter: Jitter,
        now: Instant,
    ) -> Change {
        self.last_failure = Some(kind);
        if epoch != Epoch(self.epoch) {
            return Change::None;
        }
        self.failures = self.failures.saturating_add(1);
        match self.phase {
            Phase::Healthy if self.failures >= EJECT_AFTER => {
                if now.duration_since(self.since) > RELAPSE {
                    self.next_back_off = BACK_OFF;
                }
                self.ejections += 1;
                self.leave_alone(jitter, now);
                Change::Ejected
            }
            Phase::Trial => {
                self.leave_alone(jitter, now);
                Change::None
            }
            // Asked although it is suspect, which all are just then.
            Phase::Healthy | Phase::Suspect { .. } => Change::None,
        }
    }

    /// A request ended without telling anything: its client went away.
    pub(super) fn abandoned(&mut self, epoch: Epoch, now: Instant) {
        if epoch == Epoch(self.epoch) && self.phase == Phase::Trial {
            // The next one may try at once.
            self.suspect_until(now, now);
        }
    }

    /// When the next trial may begin; `None` while there is none to wait for.
    pub(super) fn next_trial(&self) -> Option<Instant> {
        match self.phase {
            Phase::Suspect { until } => Some(until),
            Phase::Healthy | Phase::Trial => None,
        }
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.phase == Phase::Healthy
    }

    pub(super) fn public(&self) -> HealthState {
        match self.phase {
            Phase::Healthy => HealthState::Healthy,
            Phase::Suspect { .. } => HealthState::Suspect,
            Phase::Trial => HealthState::Trial,
        }
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) fn last_failure(&self) -> Option<FailureKind> {
        self.last_failure
    }

    pub(super) fn ejections(&self) -> u64 {
        self.ejections
    }

    fn leave_alone(&mut self, jitter: Jitter, now: Instant) {
        // Between one and one and a half times: proxies of a pair, and nodes
        // that fell together, do not try in the same moment.
        let back_off = self.next_back_off.mul_f64(1.0 + jitter.0.clamp(0.0, 1.0) / 2.0);
        self.next_back_off = (self.next_back_off * 2).min(MAX_BACK_OFF);
        self.suspect_until(now + back_off, now);
    }

    fn suspect_until(&mut self, until: Instant, now: Instant) {
        self.enter(Phase::Suspect { until }, now);
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        // Suspect and on trial are one time for whoever asks how long.
        if (phase == Phase::Healthy) != self.is_healthy() {
            self.since = now;
        }
        self.phase = phase;
        self.epoch += 1;
    }
}

/// Whether so many of all nodes are suspect that we are the one cut off.
pub(super) fn is_panic(nodes: usize, suspect: usize) -> bool {
    nodes >= 3 && suspect * 2 > nodes
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
