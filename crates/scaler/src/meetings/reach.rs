//! How long look-ups wait for the store before they are answered from memory.
//!
//! A driver tries for seconds to reach a database that is down. The first
//! look-up waits, within a bound; those that come within a moment after it do
//! not.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bluegate_store::StoreError;
use tokio::time::Instant;

/// The longest wait of a look-up.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a store that did not answer is not asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether the store answered of late.
#[derive(Debug)]
pub(crate) struct Reach {
    patience: Duration,
    pause: Duration,
    failed_at: Mutex<Option<Instant>>,
}

impl Default for Reach {
    fn default() -> Self {
        Self { patience: PATIENCE, pause: PAUSE, failed_at: Mutex::default() }
    }
}

/// Why the store was of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReachError {
    #[error("the store failed")]
    Store(#[source] StoreError),
    #[error("the store did not answer in time")]
    Late,
    #[error("the store did not answer a moment ago")]
    Paused,
}

impl Reach {
    /// Asks the store, unless it has just failed to answer.
    pub(crate) async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, ReachError> {
        if self.failed_at().is_some_and(|failed| failed.elapsed() < self.pause) {
            return Err(ReachError::Paused);
        }
        let answer = match tokio::time::timeout(self.patience, question).await {
            Ok(answer) => answer.map_err(ReachError::Store),
            Err(_) => Err(ReachError::Late),
        };
        let was_told = self.failed_at().is_some();
        *self.failed_at() = answer.is_err().then(Instant::now);
        if let Some(error) = answer.as_ref().err().filter(|_| !was_told) {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "meetings are looked up in memory");
        }
        answer
    }

    fn failed_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.failed_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(pause: Duration) -> Reach {
        Reach { patience: Duration::from_millis(10), pause, ..Reach::default() }
    }

    fn never() -> impl Future<Output = Result<u8, StoreError>> {
        std::future::pending()
    }

    #[tokio::test]
    async fn a_store_that_does_not_answer_is_waited_for_once_a_moment() {
        let reach = reach(Duration::from_secs(3600));
        assert!(matches!(reach.ask(never()).await, Err(ReachError::Late)));
        for _ in 0..3 {
            assert!(matches!(reach.ask(never()).await, Err(ReachError::Paused)));
            assert!(matches!(reach.ask(async { Ok(7) }).await, Err(ReachError::Paused)));
        }
    }

    #[tokio::test]
    async fn after_it_the_store_is_asked_again() {
        let reach = reach(Duration::ZERO);
        for _ in 0..3 {
            assert!(matches!(reach.ask(never()).await, Err(ReachError::Late)));
            assert!(matches!(reach.ask(async { Ok(7) }).await, Ok(7)));
            assert!(matches!(reach.ask(async { Ok(8) }).await, Ok(8)));
        }
    }
}
