//! How it goes with one name's certificate, for those outside.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The last attempts at a certificate, and the next one.
#[derive(Debug, Default)]
pub struct Status {
    failures: AtomicU32,
    /// Seconds since 1970.
    next_attempt: AtomicU64,
}

impl Status {
    /// Attempts that failed since the last one that did not.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures.load(Relaxed)
    }

    /// When the next attempt is due; in the past while one is under way.
    #[must_use]
    pub fn next_attempt(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.next_attempt.load(Relaxed))
    }

    pub(super) fn set(&self, failures: u32, next_attempt: SystemTime) {
        let since = next_attempt.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.failures.store(failures, Relaxed);
        self.next_attempt.store(since.as_secs(), Relaxed);
    }
}
