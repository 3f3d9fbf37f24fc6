//! When a page asks again.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// After how many seconds a page shown to a person asks again: one after
/// another, so that all who lost one server do not come back at once.
pub const RETRY_SECONDS: [u8; 8] = [5, 9, 6, 12, 7, 10, 8, 11];

static TURN: AtomicUsize = AtomicUsize::new(0);

/// The index into [`RETRY_SECONDS`] of the next page.
#[must_use]
pub fn next_retry() -> usize {
    TURN.fetch_add(1, Relaxed) % RETRY_SECONDS.len()
}
