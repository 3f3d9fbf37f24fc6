//! How much a tenant may have at the same time.

use std::num::NonZeroU32;

/// Two bounds on one thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// Above it the operator is told, and nothing is refused.
    pub soft: Option<NonZeroU32>,
    /// At it, more is refused.
    pub hard: Option<NonZeroU32>,
}

/// Why two numbers are no [`Limit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// A bound of nothing.
    #[error("a limit is at least 1; `enabled = false` keeps a tenant from new meetings")]
    Zero,
    /// The warning would come after the refusal.
    #[error("the soft limit {soft} is above the hard one, {hard}")]
    Order {
        /// The soft one.
        soft: u32,
        /// The hard one.
        hard: u32,
    },
}

/// All limits of a tenant; what is absent has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Meetings at the same time, over all scalers of a store.
    pub meetings: Limit,
    /// Users at the same time, in all of its meetings together.
    pub users: Limit,
    /// Requests per second, at one scaler.
    pub requests: Limit,
    /// Recordings that are kept, over all nodes.
    pub recordings: Limit,
}

impl Limit {
    /// A limit of these two.
    ///
    /// # Errors
    /// [`LimitError`] when one is 0 or they are the wrong way round.
    pub fn new(soft: Option<u32>, hard: Option<u32>) -> Result<Self, LimitError> {
        let some = |number: Option<u32>| {
            number.map(|number| NonZeroU32::new(number).ok_or(LimitError::Zero)).transpose()
        };
        if let (Some(soft), Some(hard)) = (soft, hard)
            && soft > hard
        {
            return Err(LimitError::Order { soft, hard });
        }
        Ok(Self { soft: some(soft)?, hard: some(hard)? })
    }

    /// Whether one more, beside `there`, is to be refused.
    #[must_use]
    pub fn refuses(self, there: u64) -> bool {
        self.hard.is_some_and(|hard| there >= u64::from(hard.get()))
    }

    /// Whether so many are worth telling.
    #[must_use]
    pub fn is_exceeded_softly(self, there: u64) -> bool {
        self.soft.is_some_and(|soft| there > u64::from(soft.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_tells_above_it_and_the_hard_one_refuses_at_it() {
        let limit = Limit::new(Some(2), Some(3)).unwrap();
        let seen: Vec<_> =
            (1..5).map(|n| (limit.is_exceeded_softly(n), limit.refuses(n))).collect();
        assert_eq!(seen, [(false, false), (false, false), (true, true), (true, true)]);
        assert!(!Limit::default().refuses(u64::MAX));
        assert!(!Limit::default().is_exceeded_softly(u64::MAX));
    }

    #[test]
    fn limits_that_make_no_sense_are_refused() {
        assert_eq!(Limit::new(None, Some(0)), Err(LimitError::Zero));
        assert_eq!(Limit::new(Some(0), None), Err(LimitError::Zero));
        assert_eq!(Limit::new(Some(4), Some(3)), Err(LimitError::Order { soft: 4, hard: 3 }));
    }
}
