//! Which silent nodes are lost, and when it is we who are cut off. Pure: a look
//! at all nodes in, a judgement out.
//!
//! A node is lost after [`Terms::lost_after`] of silence while most of the
//! others answer. When more than half of at least three nodes are silent at once
//! we take ourselves for the one that is cut off: everything freezes as it is,
//! and silence is counted anew from the moment it is over.

use std::time::Duration;

use tokio::time::Instant;

use crate::health::{Health, Record};

/// Failed polls without which no silence makes a node lost: a scaler that slept
/// has missed time, not answers.
const FAILURES: u32 = 3;
/// Nodes below which a common failure says nothing about us.
const CROWD: usize = 3;

/// What the judgement goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Silence after which a node is lost.
    pub(crate) lost_after: Duration,
}

/// What is remembered from look to look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outlook {
    frozen: bool,
    thawed_at: Option<Instant>,
}

/// A judgement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// Whether most nodes are silent, so that nothing is concluded.
    pub(crate) frozen: bool,
    /// Nodes, by their place in what was shown, that are now lost.
    pub(crate) lost: Vec<usize>,
}

impl Outlook {
    /// Looks at all nodes.
    pub(crate) fn look(&mut self, nodes: &[Record], terms: Terms, now: Instant) -> Judgement {
        // One that is lost already is no witness: it has been silent for long.
        let counted = |node: &&Record| node.health() != Health::Lost;
        let all = nodes.iter().filter(counted).count();
        let silent =
            nodes.iter().filter(counted).filter(|node| node.silent_since().is_some()).count();
        let frozen = all >= CROWD && silent * 2 > all;
        if self.frozen && !frozen {
            self.thawed_at = Some(now);
        }
        self.frozen = frozen;
        let others_answer = {
            let others = all.saturating_sub(1);
            others > 0 && (all - silent) * 2 > others
        };
        if frozen || !others_answer {
            return Judgement { frozen, lost: Vec::new() };
        }
        let is_lost = |node: &Record| {
            let since = node.silent_since().max(node.silent_since().and(self.thawed_at));
            node.health() != Health::Lost
                && node.failures() >= FAILURES
                && since.is_some_and(|since| now.duration_since(since) >= terms.lost_after)
        };
        let lost = nodes.iter().enumerate().filter(|(_, node)| is_lost(node));
        Judgement { frozen, lost: lost.map(|(index, _)| index).collect() }
    }
}

#[cfg(test)]
mod tests;
