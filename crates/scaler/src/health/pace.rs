//! How long a node's answer may take, learnt from how long its answers took.
//! Pure.
//!
//! The estimate of RFC 6298: a smoothed time, four times its deviation above it;
//! doubled while no answer comes, so that a node that has become slow is heard
//! before it is given up.

use std::time::Duration;

/// A node's pace.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    /// Smoothed time and deviation; absent before the first answer.
    known: Option<(Duration, Duration)>,
    /// Time-outs since the last answer.
    missed: u32,
}

impl Pace {
    /// After an answer that took this long.
    #[must_use]
    pub(crate) fn answered(self, took: Duration) -> Self {
        let known = match self.known {
            None => (took, took / 2),
            Some((smoothed, deviation)) => {
                ((smoothed * 7 + took) / 8, (deviation * 3 + smoothed.abs_diff(took)) / 4)
            }
        };
        Self { known: Some(known), missed: 0 }
    }

    /// After an answer that did not come in time.
    #[must_use]
    pub(crate) fn missed(self) -> Self {
        Self { missed: self.missed.saturating_add(1), ..self }
    }

    /// How long to wait for the next: within these bounds, and the longest
    /// before anything is known.
    pub(crate) fn patience(self, least: Duration, most: Duration) -> Duration {
        let Some((smoothed, deviation)) = self.known else { return most };
        let estimate = (smoothed + deviation * 4).max(least);
        let doubled = 2_u32.saturating_pow(self.missed);
        estimate.checked_mul(doubled).unwrap_or(most).min(most).max(least.min(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const LEAST: Duration = Duration::from_secs(1);
    const MOST: Duration = Duration::from_secs(5);

    fn after(times: impl IntoIterator<Item = u32>) -> Pace {
        times.into_iter().fold(Pace::default(), |pace, time| pace.answered(MS * time))
    }

    #[test]
    fn patience_follows_a_nodes_answers() {
        for (name, pace, wanted) in [
            ("nothing known", Pace::default(), MOST),
            ("one quick answer", after([20]), LEAST),
            ("a slow node that is even", after(std::iter::repeat_n(1500, 100)), MS * 1500),
            ("very slow", after(std::iter::repeat_n(4900, 100)), MS * 4900),
            ("beyond the bound", after(std::iter::repeat_n(9000, 100)), MOST),
            ("one time-out", after([20]).missed(), MS * 2000),
            ("two", after([20]).missed().missed(), MS * 4000),
            ("many", (0..99).fold(after([20]), |pace, _| pace.missed()), MOST),
            ("heard again", after([20]).missed().missed().answered(MS * 20), LEAST),
        ] {
            let patience = pace.patience(LEAST, MOST);
            let difference = patience.abs_diff(wanted);
            assert!(difference < MS * 30, "{name}: {patience:?}");
        }
    }

    #[test]
    fn a_node_that_swings_is_given_more_time_than_one_that_is_even() {
        let even = after(std::iter::repeat_n(600, 50));
        let swinging = after((0..50).map(|turn| if turn % 2 == 0 { 100 } else { 1100 }));
        assert!(swinging.patience(MS, MOST) > even.patience(MS, MOST) * 2);
    }

    #[test]
    fn bounds_that_cross_are_kept_by_the_upper_one() {
        assert_eq!(after([20]).patience(LEAST, MS * 200), MS * 200);
    }
}
