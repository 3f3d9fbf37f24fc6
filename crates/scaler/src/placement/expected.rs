//! How many users a new meeting is expected to have.

use bluegate_store::Life;
use serde::{Deserialize, Serialize};

use super::Wishes;

/// The most users that are ever reserved for one meeting: more than any BBB
/// server holds, so that a wrong hint cannot make numbers meaningless.
const MOST: u32 = 5_000;

/// Users expected in a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// How many.
    pub users: u32,
    /// Where the number comes from.
    pub source: Source,
    /// Whether `maxParticipants` made it smaller.
    pub capped: bool,
}

/// Where an expectation comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Former meetings of this ID: nine in ten of them were no larger.
    History,
    /// `meta_bluegate-expected-users` of the create call.
    Hint,
    /// The configured default.
    Default,
}

/// How placement went since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placements {
    /// Meetings that were placed, by where their expected size came from.
    pub placed: Vec<(Source, u64)>,
    /// Creates that no node could take.
    pub refused: u64,
}

impl Source {
    /// Every source, for metrics.
    pub const ALL: [Self; 3] = [Self::History, Self::Hint, Self::Default];

    /// Its name in metrics and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Hint => "hint",
            Self::Default => "default",
        }
    }
}

/// What to expect of a meeting with this past. `maxParticipants` only ever
/// makes it smaller: frontends set it far above what comes.
pub(crate) fn expect(lives: &[Life], wishes: &Wishes, default: u32) -> Expected {
    let (users, source) = match (ninth_decile(lives), wishes.expected_users) {
        (Some(users), _) => (users, Source::History),
        (None, Some(users)) => (users, Source::Hint),
        (None, None) => (default, Source::Default),
    };
    let most = wishes.max_participants.filter(|most| *most > 0).unwrap_or(MOST).min(MOST);
    Expected { users: users.min(most), source, capped: users > most }
}

/// The smallest peak that nine in ten do not exceed.
fn ninth_decile(lives: &[Life]) -> Option<u32> {
    let mut peaks: Vec<u32> = lives.iter().map(|life| life.users).collect();
    peaks.sort_unstable();
    let rank = (peaks.len() * 9).div_ceil(10);
    peaks.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_comes_before_hints_and_hints_before_the_default() {
        let lives = |peaks: &[u32]| -> Vec<Life> {
            peaks.iter().map(|&users| Life { users, minutes: 45 }).collect()
        };
        let ten: Vec<u32> = (1..=10).collect();
        for (peaks, hint, most, wanted, source, capped) in [
            (&[][..], None, None, 10, Source::Default, false),
            (&[], Some(80), None, 80, Source::Hint, false),
            (&[30], Some(80), None, 30, Source::History, false),
            (&[30, 4], None, None, 30, Source::History, false),
            (&ten, None, None, 9, Source::History, false),
            // Once in twenty it was full: that is not to be expected.
            (&[20; 19], None, None, 20, Source::History, false),
            (&[], None, Some(500), 10, Source::Default, false),
            (&[], None, Some(0), 10, Source::Default, false),
            (&[], None, Some(4), 4, Source::Default, true),
            (&[300], None, Some(200), 200, Source::History, true),
            (&[], Some(u32::MAX), None, 5_000, Source::Hint, true),
        ] {
            let wishes =
                Wishes { expected_users: hint, max_participants: most, ..Wishes::default() };
            let expected = Expected { users: wanted, source, capped };
            assert_eq!(expect(&lives(peaks), &wishes, 10), expected, "{peaks:?} {hint:?} {most:?}");
        }
        let once_full: Vec<u32> = [20; 19].into_iter().chain([300]).collect();
        assert_eq!(expect(&lives(&once_full), &Wishes::default(), 10).users, 20);
    }
}
