//! A token bucket: so many per second, and one second's worth at once.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// What is left of a rate.
#[derive(Debug, Default)]
pub(crate) struct Bucket(Mutex<Option<Level>>);

#[derive(Clone, Copy, Debug)]
struct Level {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// Takes one of `rate` per second. Says whether there was one.
    pub(crate) fn take(&self, rate: u32, now: Instant) -> bool {
        let rate = f64::from(rate);
        let mut level = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = level.map_or(rate, |level| {
            let since = now.saturating_duration_since(level.at).as_secs_f64();
            (level.tokens + since * rate).min(rate)
        });
        let taken = tokens >= 1.0;
        *level = Some(Level { tokens: if taken { tokens - 1.0 } else { tokens }, at: now });
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_second_gives_what_the_rate_says_and_saves_no_more() {
        let (bucket, start) = (Bucket::default(), Instant::now());
        let taken = |at: Duration| (0..100).filter(|_| bucket.take(10, start + at)).count();
        assert_eq!(taken(Duration::ZERO), 10);
        assert_eq!(taken(Duration::from_millis(500)), 5);
        assert_eq!(taken(Duration::from_secs(60)), 10);
        assert!(bucket.take(1, start + Duration::from_secs(61)), "a smaller rate holds at once");
        assert!(!bucket.take(1, start + Duration::from_secs(61)));
    }
}
