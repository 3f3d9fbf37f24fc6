//! What we believe of a node. Pure: fed with what happened, asked for a word.
//!
//! What one node's own behaviour tells is here; what takes a look at all of them
//! (lost, or is it us?) is in [`crate::health::outlook`].

pub(crate) mod boot;
pub(crate) mod breaker;
pub(crate) mod gate;
pub(crate) mod lose;
pub(crate) mod observers;
pub(crate) mod outlook;
pub(crate) mod overseer;
pub(crate) mod pace;
pub(crate) mod poller;
pub(crate) mod report;

use tokio::time::Instant;

/// What we believe of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Takes new meetings.
    Healthy,
    /// Does not answer as it should: gets no new meetings, nothing of it is
    /// forgotten, its own meetings' calls still go there.
    Suspect,
    /// Given up; its meetings may be placed anew.
    Lost,
}

/// Failed polls in a row that make a node suspect.
const FAILURES: u32 = 2;
/// Successful polls in a row that clear a suspect.
const SUCCESSES: u32 = 2;

/// A node's recent behaviour.
///
/// Starts as healthy: a node is believed in until it fails.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    health: Health,
    failures: u32,
    successes: u32,
    /// Since when no poll was answered.
    silent_since: Option<Instant>,
    /// Since when it is given up for its silence; absent where somebody said so.
    lost_to_silence: Option<Instant>,
}

impl Health {
    /// The word for it, as in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Suspect => "suspect",
            Self::Lost => "lost",
        }
    }
}

impl Default for Record {
    fn default() -> Self {
        Self {
            health: Health::Healthy,
            failures: 0,
            successes: 0,
            silent_since: None,
            lost_to_silence: None,
        }
    }
}

impl Record {
    /// What we believe now.
    pub(crate) fn health(self) -> Health {
        self.health
    }

    /// Since when no poll was answered, if the last one was not.
    pub(crate) fn silent_since(self) -> Option<Instant> {
        self.silent_since
    }

    /// Whether it has been silent for long enough not to be chance.
    pub(crate) fn is_silent(self) -> bool {
        self.failures >= FAILURES
    }

    /// Since when it is given up for its silence.
    pub(crate) fn lost_to_silence(self) -> Option<Instant> {
        self.lost_to_silence
    }

    /// Polls that failed since one was answered.
    pub(crate) fn failures(self) -> u32 {
        self.failures
    }

    /// After a poll that was answered. A lost node that answers is suspect
    /// first: its meetings are its own again, new ones wait.
    #[must_use]
    pub(crate) fn answered(self) -> Self {
        let successes = self.successes.saturating_add(1);
        let health = match self.health {
            Health::Suspect if successes >= SUCCESSES => Health::Healthy,
            Health::Lost => Health::Suspect,
            health => health,
        };
        Self { health, failures: 0, successes, silent_since: None, lost_to_silence: None }
    }

    /// After a poll that was not.
    #[must_use]
    pub(crate) fn failed(self, now: Instant) -> Self {
        let failures = self.failures.saturating_add(1);
        let doubts = self.health == Health::Healthy && failures >= FAILURES;
        let health = if doubts { Health::Suspect } else { self.health };
        let silent_since = self.silent_since.or(Some(now));
        Self { health, failures, successes: 0, silent_since, ..self }
    }

    /// After a call for which no connection was to be had.
    #[must_use]
    pub(crate) fn refused(self) -> Self {
        let health = if self.health == Health::Healthy { Health::Suspect } else { self.health };
        Self { health, successes: 0, ..self }
    }

    /// After it was given up for its silence.
    #[must_use]
    pub(crate) fn lost(self, now: Instant) -> Self {
        let lost_to_silence = self.lost_to_silence.or(Some(now));
        Self { health: Health::Lost, successes: 0, lost_to_silence, ..self }
    }

    /// After somebody said that it is lost.
    #[must_use]
    pub(crate) fn given_up(self) -> Self {
        Self { health: Health::Lost, successes: 0, ..self }
    }

    /// After another scaler has heard it, which we do not.
    #[must_use]
    pub(crate) fn heard_by_another(self) -> Self {
        let health = if self.health == Health::Lost { Health::Suspect } else { self.health };
        Self { health, lost_to_silence: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_doubted_and_trusted_again_after_two() {
        // + answered, - failed, ! refused, x lost, X given up, ~ heard by another
        for (events, wanted) in [
            ("", Health::Healthy),
            ("-", Health::Healthy),
            ("-+-", Health::Healthy),
            ("--", Health::Suspect),
            ("--+", Health::Suspect),
            ("--+-+", Health::Suspect),
            ("--++", Health::Healthy),
            ("!", Health::Suspect),
            ("+++!", Health::Suspect),
            ("+++!+", Health::Suspect),
            ("!++", Health::Healthy),
            ("------------------------------", Health::Suspect),
            ("x", Health::Lost),
            ("--x--!", Health::Lost),
            ("--x+", Health::Suspect),
            ("--x+-", Health::Suspect),
            ("--x++", Health::Healthy),
            ("--X", Health::Lost),
            ("--X+", Health::Suspect),
            ("--x~", Health::Suspect),
            ("--x~--", Health::Suspect),
            ("--x~++", Health::Healthy),
            ("~", Health::Healthy),
        ] {
            let now = Instant::now();
            let record = events.chars().fold(Record::default(), |record, event| match event {
                '+' => record.answered(),
                '-' => record.failed(now),
                'x' => record.lost(now),
                'X' => record.given_up(),
                '~' => record.heard_by_another(),
                _ => record.refused(),
            });
            assert_eq!(record.health(), wanted, "{events}");
            let silent = events.trim_end_matches(['x', 'X', '~', '!']).ends_with('-');
            assert_eq!(record.silent_since().is_some(), silent, "{events}");
        }
    }

    #[test]
    fn silence_counts_from_its_first_failure() {
        let first = Instant::now();
        let later = first + std::time::Duration::from_secs(5);
        let record = Record::default().failed(first).failed(later).refused();
        assert_eq!((record.silent_since(), record.failures()), (Some(first), 2));
        assert_eq!(record.answered().failed(later).silent_since(), Some(later));
    }
}
