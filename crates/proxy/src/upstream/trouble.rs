//! Telling the operator about a node's trouble without flooding the log.

use std::{
    error::Error,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::NodeError;

/// One node's warnings are at least this far apart.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// What was said about one node.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// A warning stands that no recovery has followed yet.
    open: AtomicBool,
    warned: Mutex<Option<Instant>>,
}

impl Trouble {
    /// A request was answered.
    pub(super) fn none(&self, node: &str) {
        if self.open.load(Relaxed) && self.open.swap(false, Relaxed) {
            tracing::info!(node.id = node, "node answers again");
        }
    }

    /// A request was not.
    pub(super) fn report(&self, node: &str, error: &NodeError) {
        tracing::debug!(node.id = node, error = error as &dyn Error, "no answer from node");
        if error.is_no_news() || !self.is_due(Instant::now()) {
            return;
        }
        self.open.store(true, Relaxed);
        tracing::warn!(
            node.id = node,
            error = error as &dyn Error,
            "requests to the node fail; check that it runs and that this machine reaches it"
        );
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let due = warned.is_none_or(|warned| now.duration_since(warned) >= WARN_EVERY);
        if due {
            *warned = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_warning_a_minute_however_a_node_flaps() {
        let trouble = Trouble::default();
        let start = Instant::now();
        let due = |seconds| trouble.is_due(start + Duration::from_secs(seconds));
        assert_eq!([0, 1, 59, 60, 61, 130].map(due), [true, false, false, true, false, true]);
    }

    #[test]
    fn a_recovery_closes_what_was_reported() {
        let trouble = Trouble::default();
        trouble.report("bbb-01", &NodeError::ClientBody);
        assert!(!trouble.open.load(Relaxed));
        trouble.report("bbb-01", &NodeError::ConnectTimeout);
        assert!(trouble.open.load(Relaxed));
        trouble.none("bbb-01");
        assert!(!trouble.open.load(Relaxed));
    }
}
