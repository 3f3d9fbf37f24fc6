//! The node's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Milliseconds since 1970 that pass with tokio's time, so that a test which
/// pauses that time also stops this clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started_at: Duration,
    started: Instant,
}

impl Clock {
    /// A clock that shows the present.
    pub(crate) fn start() -> Self {
        let started_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started_at, started: Instant::now() }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        let now = self.started_at + self.started.elapsed();
        u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A time as Java prints a `Date`: `Mon Jul 09 17:03:29 UTC 2018`.
pub(crate) fn java_date(milliseconds: u64) -> String {
    formatted(milliseconds, "%a %b %d %H:%M:%S UTC %Y")
}

/// A time as HTTP headers carry it.
pub(crate) fn http_date(seconds: u64) -> String {
    formatted(seconds.saturating_mul(1000), "%a, %d %b %Y %H:%M:%S GMT")
}

fn formatted(milliseconds: u64, format: &str) -> String {
    i64::try_from(milliseconds)
        .ok()
        .and_then(|milliseconds| jiff::Timestamp::from_millisecond(milliseconds).ok())
        .map(|timestamp| timestamp.strftime(format).to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{http_date, java_date};

    #[test]
    fn dates_are_written_as_java_and_http_write_them() {
        assert_eq!(java_date(1_531_155_809_000), "Mon Jul 09 17:03:29 UTC 2018");
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
