//! When a delivery is tried again. Pure.

use std::time::Duration;

use crate::config::Bounds;

/// What follows from a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Again at this time, in ms.
    At(i64),
    /// Never again.
    GiveUp,
}

/// After so many attempts at a callback that was queued at `created`. `dice` is
/// a number from 0 up to 1: pauses are spread by a fifth to each side, so that
/// what failed together is not tried together.
pub(crate) fn after(bounds: &Bounds, attempts: i64, created: i64, now: i64, dice: f64) -> Next {
    let age = now.saturating_sub(created);
    if attempts >= bounds.attempts || age >= millis(bounds.age) {
        return Next::GiveUp;
    }
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 30)).unwrap_or(30);
    let pause = bounds.first_pause.saturating_mul(1 << doublings).min(bounds.longest_pause);
    let spread = pause.mul_f64(0.8 + 0.4 * dice.clamp(0.0, 1.0));
    Next::At(now.saturating_add(millis(spread)))
}

/// A time span in ms.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_end() {
        let bounds = Bounds {
            attempts: 10,
            age: Duration::from_secs(3_600),
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_secs(60),
            ..Bounds::default()
        };
        for (attempts, age, dice, wanted) in [
            (1, 0, 0.5, Next::At(5_000)),
            (1, 0, 0.0, Next::At(4_000)),
            (1, 0, 1.0, Next::At(6_000)),
            (2, 10_000, 0.5, Next::At(20_000)),
            (4, 0, 0.5, Next::At(40_000)),
            (5, 0, 0.5, Next::At(60_000)),
            (9, 0, 0.5, Next::At(60_000)),
            (10, 0, 0.5, Next::GiveUp),
            (2, 3_600_000, 0.5, Next::GiveUp),
        ] {
            assert_eq!(after(&bounds, attempts, 0, age, dice), wanted, "{attempts} {age} {dice}");
        }
    }

    proptest! {
        #[test]
        fn a_retry_is_never_in_the_past(
            attempts in 0i64..200, created in 0i64..1 << 41, age in 0i64..1 << 40, dice in 0.0f64..1.0,
        ) {
            let now = created + age;
            match after(&Bounds::default(), attempts, created, now, dice) {
                Next::At(time) => prop_assert!(time > now && time - now <= 2_200_000),
                Next::GiveUp => {}
            }
        }
    }
}
