//! The one place that reads the clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970. As far ahead of the system's clock as tokio's clock is,
/// which is nothing but in a test that moves that: so both move.
pub(crate) fn now() -> i64 {
    let (tokio, system) = (tokio::time::Instant::now().into_std(), Instant::now());
    let (ahead, behind) = (tokio.duration_since(system), system.duration_since(tokio));
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let since = (since + ahead).saturating_sub(behind);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A new row's id: 128 random bits.
pub(crate) fn new_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}
