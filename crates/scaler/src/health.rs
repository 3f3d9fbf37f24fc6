//! What we believe of a node. Pure: fed with what happened, asked for a word.

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
}

impl Default for Record {
    fn default() -> Self {
        Self { health: Health::Healthy, failures: 0, successes: 0 }
    }
}

impl Record {
    /// What we believe now.
    pub(crate) fn health(self) -> Health {
        self.health
    }

    /// After a poll that was answered.
    #[must_use]
    pub(crate) fn answered(self) -> Self {
        let successes = self.successes.saturating_add(1);
        let clears = self.health == Health::Suspect && successes >= SUCCESSES;
        let health = if clears { Health::Healthy } else { self.health };
        Self { health, failures: 0, successes }
    }

    /// After a poll that was not.
    #[must_use]
    pub(crate) fn failed(self) -> Self {
        let failures = self.failures.saturating_add(1);
        let doubts = self.health == Health::Healthy && failures >= FAILURES;
        let health = if doubts { Health::Suspect } else { self.health };
        Self { health, failures, successes: 0 }
    }

    /// After a call for which no connection was to be had.
    #[must_use]
    pub(crate) fn refused(self) -> Self {
        let health = if self.health == Health::Healthy { Health::Suspect } else { self.health };
        Self { health, successes: 0, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_doubted_and_trusted_again_after_two() {
        // + answered, - failed, ! refused
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
        ] {
            let record = events.chars().fold(Record::default(), |record, event| match event {
                '+' => record.answered(),
                '-' => record.failed(),
                _ => record.refused(),
            });
            assert_eq!(record.health(), wanted, "{events}");
        }
    }
}
