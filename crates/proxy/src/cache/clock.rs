//! Milliseconds since this process first asked: small enough for an atomic.

use std::{sync::LazyLock, time::Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Now. One tick is a millisecond; zero is never returned.
pub(super) fn now() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}
