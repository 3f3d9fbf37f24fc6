//! How long a node takes to answer, in a few buckets.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::LatencyReport;

/// The buckets' upper ends in milliseconds: a file, a page, a slow page, a node
/// in trouble, the default time-out.
const BOUNDS: [u64; 7] = [5, 25, 100, 250, 1_000, 5_000, 15_000];

/// From a request handed to a connection to the head of its answer, or to the
/// end of our patience.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    buckets: [AtomicU64; BOUNDS.len()],
    above: AtomicU64,
    microseconds: AtomicU64,
}

impl Latency {
    pub(crate) fn observe(&self, took: Duration) {
        let bucket = BOUNDS
            .iter()
            .zip(&self.buckets)
            .find_map(|(bound, bucket)| (took <= Duration::from_millis(*bound)).then_some(bucket));
        bucket.unwrap_or(&self.above).fetch_add(1, Relaxed);
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(microseconds, Relaxed);
    }

    pub(crate) fn report(&self) -> LatencyReport {
        let mut count = 0;
        let buckets = BOUNDS.iter().zip(&self.buckets).map(|(bound, bucket)| {
            count += bucket.load(Relaxed);
            (Duration::from_millis(*bound), count)
        });
        let buckets = buckets.collect();
        count += self.above.load(Relaxed);
        let sum = Duration::from_micros(self.microseconds.load(Relaxed));
        LatencyReport { buckets, count, sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_in_its_bucket_and_in_all_above() {
        let latency = Latency::default();
        for milliseconds in [0, 5, 6, 100, 20_000] {
            latency.observe(Duration::from_millis(milliseconds));
        }
        let report = latency.report();
        let counts: Vec<u64> = report.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 3, 4, 4, 4, 4, 4]);
        assert_eq!((report.count, report.sum), (5, Duration::from_millis(20_111)));
    }
}
