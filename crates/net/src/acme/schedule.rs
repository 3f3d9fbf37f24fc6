//! When to ask the authority for a certificate. Pure: time and randomness come
//! as arguments.

use std::time::{Duration, SystemTime};

/// Longest wait after failures, before its jitter.
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 3600);

/// From when to when a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: SystemTime,
    pub(super) until: SystemTime,
}

/// When the authority wants a certificate renewed (RFC 9773).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: SystemTime,
    pub(super) end: SystemTime,
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No answer from the authority, or none that made sense.
    Unreached,
    /// The authority said no.
    Refused,
}

impl Validity {
    fn lifetime(self) -> Duration {
        self.until.duration_since(self.from).unwrap_or_default()
    }

    /// When to renew: after two thirds of its life, or when the authority
    /// says. `jitter` is 0 up to 1, drawn once for each certificate.
    pub(super) fn renew_at(self, window: Option<Window>, jitter: f64) -> SystemTime {
        let life = self.lifetime();
        let jitter = jitter.clamp(0.0, 1.0);
        match window {
            // Whatever the authority says, a tenth of the life is left for
            // attempts that fail.
            Some(window) if window.start <= window.end && window.start < self.until => {
                let width = window.end.duration_since(window.start).unwrap_or_default();
                (window.start + width.mul_f64(jitter)).min(self.until - life / 10)
            }
            _ => self.from + life * 2 / 3 - (life / 20).mul_f64(jitter),
        }
    }
}

/// How long to wait after `failures` in a row, the last of which was `last`;
/// `first` is the wait after a first refusal. `jitter` is 0 up to 1 and
/// lengthens the wait by up to a quarter.
pub(super) fn wait_after(first: Duration, failures: u32, last: Failure, jitter: f64) -> Duration {
    let first = match last {
        Failure::Unreached => first / 8,
        Failure::Refused => first,
    };
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(20));
    doubled.min(LONGEST_WAIT).mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(120);
    const DAY: Duration = Duration::from_secs(86_400);

    fn at(days: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + DAY * (20_000 + days)
    }

    #[test]
    fn a_certificate_is_renewed_after_two_thirds_or_when_the_authority_says() {
        let ninety = Validity { from: at(0), until: at(90) };
        let window = |start, end| Some(Window { start: at(start), end: at(end) });
        let hours = |hours: u32| Duration::from_secs(3600) * hours;
        for (window, jitter, wanted) in [
            (None, 0.0, at(60)),
            (None, 1.0, at(60) - hours(108)),
            (None, 7.0, at(60) - hours(108)),
            (window(70, 72), 0.0, at(70)),
            (window(70, 72), 0.5, at(71)),
            // Revoked soon: the window is over already.
            (window(1, 2), 1.0, at(2)),
            // Too late, upside down, or after the end: our own rule holds.
            (window(85, 89), 1.0, at(81)),
            (window(72, 70), 0.0, at(60)),
            (window(90, 95), 0.0, at(60)),
        ] {
            assert_eq!(ninety.renew_at(window, jitter), wanted, "{window:?} {jitter}");
        }
        let upside_down = Validity { from: at(9), until: at(0) };
        assert_eq!(upside_down.renew_at(None, 0.5), at(9));
    }

    #[test]
    fn failures_are_repeated_ever_more_slowly() {
        let waits = |last| -> Vec<u64> {
            (1..=9).map(|failures| wait_after(FIRST, failures, last, 0.0).as_secs()).collect()
        };
        assert_eq!(waits(Failure::Refused), [120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600]);
        assert_eq!(waits(Failure::Unreached), [15, 30, 60, 120, 240, 480, 960, 1920, 3840]);
        assert_eq!(wait_after(FIRST, u32::MAX, Failure::Refused, 1.0), LONGEST_WAIT * 5 / 4);
        // The authority sees at most five failures in the first hour.
        let mut first_hour = 1;
        let mut time = Duration::ZERO;
        for failures in 1.. {
            time += wait_after(FIRST, failures, Failure::Refused, 0.0);
            if time > Duration::from_secs(3600) {
                break;
            }
            first_hour += 1;
        }
        assert_eq!(first_hour, 5);
    }
}
