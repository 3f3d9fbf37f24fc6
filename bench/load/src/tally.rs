//! What came of many requests.

use std::time::Duration;

use serde::Serialize;

use crate::spread::Spread;

/// What came of many requests.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    times: Vec<Duration>,
    failed: usize,
    /// The first failure.
    error: Option<String>,
}

/// The same, to be printed.
#[derive(Debug, Serialize)]
pub(crate) struct Tallied {
    seconds: f64,
    answered: usize,
    failed: usize,
    error: Option<String>,
    #[serde(flatten)]
    spread: Spread,
}

impl Tally {
    /// Counts a request that took so long.
    pub(crate) fn count(&mut self, took: Duration, result: Result<(), anyhow::Error>) {
        match result {
            Ok(()) => self.times.push(took),
            Err(error) => {
                self.failed += 1;
                self.error.get_or_insert_with(|| format!("{error:#}"));
            }
        }
    }

    /// All of them together, which took so long.
    pub(crate) fn of(parts: impl IntoIterator<Item = Self>, took: Duration) -> Tallied {
        let mut all = Self::default();
        for part in parts {
            all.times.extend(part.times);
            all.failed += part.failed;
            all.error = all.error.or(part.error);
        }
        Tallied {
            seconds: took.as_secs_f64(),
            answered: all.times.len(),
            failed: all.failed,
            error: all.error,
            spread: Spread::of(all.times),
        }
    }
}
