//! Waiting for a condition, with a bound. Tests wait for what they need to see and never for a while.

use std::fmt::Display;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Time between two looks at a condition.
pub const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// Looks again and again until `probe` gives a value, and fails after `within`, naming `what`.
///
/// # Errors
///
/// When the time is over.
pub async fn eventually<T, F, Fut>(what: impl Display, within: Duration, mut probe: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let begun = Instant::now();
    loop {
        if let Some(value) = probe().await {
            return Ok(value);
        }
        if begun.elapsed() >= within {
            bail!("not within {within:?}: {what}");
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_the_value_of_the_first_look_that_has_one() {
        let mut looks = 0;
        let seen = eventually("three looks", Duration::from_secs(5), || {
            looks += 1;
            let seen = (looks == 3).then_some(looks);
            async move { seen }
        });
        assert_eq!(seen.await.unwrap(), 3);
    }

    #[tokio::test]
    async fn names_what_was_waited_for() {
        let waited = eventually("a blue moon", Duration::ZERO, || async { None::<()> }).await;
        assert_eq!(waited.unwrap_err().to_string(), "not within 0ns: a blue moon");
    }
}
