//! Median and tail of times.

use std::time::Duration;

use serde::Serialize;

/// Milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Spread {
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    max_ms: f64,
}

impl Spread {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |thousandth: usize| {
            let place = times.len() * thousandth / 1000;
            let time = times.get(place.min(times.len().saturating_sub(1)));
            time.map_or(0.0, |time| time.as_secs_f64() * 1000.0)
        };
        Self { p50_ms: at(500), p99_ms: at(990), p999_ms: at(999), max_ms: at(1000) }
    }
}
