//! Whether a node is sent calls at all. Pure.
//!
//! A node that failed several calls in a row is left alone for a pause, so that
//! its callers are told at once instead of after a time-out each. Then one
//! call is let through as a trial. This protects callers and concludes
//! nothing: polls pass by it, and only they tell whether a node is lost.

use std::time::Duration;

use tokio::time::Instant;

/// How often the pause is doubled at most.
const DOUBLINGS: u32 = 4;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Failed calls in a row that open it.
    pub(crate) failures: u32,
    /// How long it stays open the first time; doubled, up to 16 times as long,
    /// after each trial that failed.
    pub(crate) pause: Duration,
}

/// Whether calls pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// They do.
    Closed,
    /// They are refused.
    Open,
    /// The pause is over: one is let through.
    Trial,
}

impl BreakerState {
    /// The word for it, as in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::Trial => "trial",
        }
    }
}

/// A node's breaker.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Breaker {
    /// Failed calls since one was answered.
    failures: u32,
    /// Until when calls are refused; absent while it is closed.
    open_until: Option<Instant>,
    /// Whether the call that tries it out is under way.
    trying: bool,
    /// Trials that failed since it opened.
    failed_trials: u32,
    /// Times it opened, ever.
    openings: u64,
}

/// What a call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Go.
    Pass,
    /// Go, and find out.
    Trial,
    /// Not now.
    Refused,
}

impl Breaker {
    /// A call wants to go to the node.
    pub(crate) fn admit(&mut self, now: Instant) -> Admission {
        match self.open_until {
            None => Admission::Pass,
            Some(until) if now < until || self.trying => Admission::Refused,
            Some(_) => {
                self.trying = true;
                Admission::Trial
            }
        }
    }

    /// A call was answered, whatever the answer.
    pub(crate) fn answered(&mut self) {
        *self = Self { openings: self.openings, ..Self::default() };
    }

    /// A call failed. Says whether the breaker opened by it. `jitter`, from 0 to
    /// 1, shortens a pause by up to a half, so that trials do not march in step.
    pub(crate) fn failed(
        &mut self,
        admission: Admission,
        terms: Terms,
        jitter: f64,
        now: Instant,
    ) -> bool {
        match (admission, self.open_until) {
            (Admission::Trial, Some(_)) => {
                self.trying = false;
                self.failed_trials = self.failed_trials.saturating_add(1);
            }
            (Admission::Pass, None) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures < terms.failures {
                    return false;
                }
                self.openings = self.openings.saturating_add(1);
            }
            // It was sent before the breaker opened, or closed again.
            _ => return false,
        }
        let doubled = terms.pause * (1 << self.failed_trials.min(DOUBLINGS));
        self.open_until = Some(now + doubled.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0));
        admission == Admission::Pass
    }

    /// A call was given up by its caller, and tells nothing.
    pub(crate) fn abandoned(&mut self, admission: Admission) {
        if admission == Admission::Trial {
            self.trying = false;
        }
    }

    /// Whether calls pass now.
    pub(crate) fn state(&self, now: Instant) -> BreakerState {
        match self.open_until {
            None => BreakerState::Closed,
            Some(until) if now < until => BreakerState::Open,
            Some(_) => BreakerState::Trial,
        }
    }

    /// Times it opened, ever.
    pub(crate) fn openings(&self) -> u64 {
        self.openings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms { failures: 3, pause: Duration::from_secs(1) };
    const SECOND: Duration = Duration::from_secs(1);

    fn fail(breaker: &mut Breaker, now: Instant) -> Admission {
        let admission = breaker.admit(now);
        breaker.failed(admission, TERMS, 0.0, now);
        admission
    }

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            assert_eq!(fail(&mut breaker, now), Admission::Pass);
        }
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_only() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            fail(&mut breaker, now);
            fail(&mut breaker, now);
            breaker.answered();
        }
        assert_eq!((breaker.state(now), breaker.openings()), (BreakerState::Closed, 0));
        let breaker = opened(now);
        assert_eq!((breaker.state(now), breaker.openings()), (BreakerState::Open, 1));
    }

    #[test]
    fn one_call_tries_it_out_and_the_others_wait_for_its_outcome() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert_eq!(breaker.admit(now), Admission::Refused);
        let later = now + SECOND;
        assert_eq!(breaker.state(later), BreakerState::Trial);
        assert_eq!(breaker.admit(later), Admission::Trial);
        assert_eq!(breaker.admit(later), Admission::Refused);
        breaker.answered();
        assert_eq!(breaker.admit(later), Admission::Pass);
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_jitter_shortens_them() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        for seconds in [1, 2, 4, 8, 16, 16] {
            let almost = now + SECOND * seconds - Duration::from_millis(1);
            assert_eq!(breaker.admit(almost), Admission::Refused, "{seconds}");
            now += SECOND * seconds;
            assert_eq!(fail(&mut breaker, now), Admission::Trial, "{seconds}");
        }
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            breaker.failed(Admission::Pass, TERMS, 1.0, now);
        }
        assert_eq!(breaker.state(now + SECOND / 2), BreakerState::Trial);
    }

    #[test]
    fn calls_from_before_do_not_prolong_it() {
        let now = Instant::now();
        let mut breaker = opened(now);
        for _ in 0..100 {
            assert!(!breaker.failed(Admission::Pass, TERMS, 0.0, now + SECOND / 2));
        }
        assert_eq!(breaker.admit(now + SECOND), Admission::Trial);
        // Nor does the time-out of a trial that is no longer one.
        breaker.answered();
        breaker.failed(Admission::Trial, TERMS, 0.0, now + SECOND);
        assert_eq!(breaker.state(now + SECOND), BreakerState::Closed);
    }

    #[test]
    fn a_trial_whose_caller_left_makes_room_for_another() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert_eq!(breaker.admit(now + SECOND), Admission::Trial);
        breaker.abandoned(Admission::Pass);
        assert_eq!(breaker.admit(now + SECOND), Admission::Refused);
        breaker.abandoned(Admission::Trial);
        assert_eq!(breaker.admit(now + SECOND), Admission::Trial);
    }
}
