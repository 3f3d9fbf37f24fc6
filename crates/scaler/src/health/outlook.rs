//! Which silent nodes are lost, and when it is we who are cut off. Pure: a look
//! at all nodes in, a judgement out.
//!
//! A node is lost after [`Terms::lost_after`] of silence while most of the
//! others answer and nobody else hears it. When more than half of at least
//! three nodes are silent at once we take ourselves for the one that is cut off:
//! everything freezes as it is, and silence is counted anew from the moment it
//! is over. Nodes that were lost a short while ago count as silent in that, so
//! that a fault that spreads does not take one node after the other.

use std::time::Duration;

use tokio::time::Instant;

use crate::health::{Health, Record};

/// Failed polls without which no silence makes a node lost: a scaler that slept
/// has missed time, not answers.
const FAILURES: u32 = 3;
/// Nodes below which a common failure says nothing about us.
const CROWD: usize = 3;
/// For how many times `lost_after` a node that was lost counts as one of those
/// that fail now.
const SPREAD: u32 = 10;

/// What the judgement goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Silence after which a node is lost.
    pub(crate) lost_after: Duration,
}

/// A node, as it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// How it behaved towards us.
    pub(crate) record: Record,
    /// Whether another observer hears it.
    pub(crate) heard_elsewhere: bool,
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
    pub(crate) fn look(&mut self, nodes: &[Seen], terms: Terms, now: Instant) -> Judgement {
        let frozen = is_common(nodes, terms, now);
        if self.frozen && !frozen {
            self.thawed_at = Some(now);
        }
        self.frozen = frozen;
        if frozen || !others_answer(nodes) {
            return Judgement { frozen, lost: Vec::new() };
        }
        let is_lost = |seen: &Seen| {
            let node = seen.record;
            let since = node.silent_since().max(node.silent_since().and(self.thawed_at));
            node.health() != Health::Lost
                && node.failures() >= FAILURES
                && !seen.heard_elsewhere
                && since.is_some_and(|since| now.duration_since(since) >= terms.lost_after)
        };
        let lost = nodes.iter().enumerate().filter(|(_, node)| is_lost(node));
        Judgement { frozen, lost: lost.map(|(index, _)| index).collect() }
    }
}

/// Whether so many fail at once that the fault is ours. A node that was lost
/// long ago, or by somebody's word, is neither of these nor of the others.
fn is_common(nodes: &[Seen], terms: Terms, now: Instant) -> bool {
    let (mut all, mut silent) = (0, 0);
    for Seen { record, .. } in nodes {
        let is_silent = match (record.health(), record.lost_to_silence()) {
            (Health::Lost, Some(since))
                if now.duration_since(since) < terms.lost_after * SPREAD =>
            {
                true
            }
            (Health::Lost, _) => continue,
            _ => record.is_silent(),
        };
        all += 1;
        silent += usize::from(is_silent);
    }
    all >= CROWD && silent * 2 > all
}

/// Whether, beside a silent one, most nodes answered when they were asked last.
/// One that is lost already is no witness: it has been silent for long.
fn others_answer(nodes: &[Seen]) -> bool {
    let counted = nodes.iter().filter(|seen| seen.record.health() != Health::Lost);
    let (all, answer) = counted.fold((0_usize, 0_usize), |(all, answer), seen| {
        (all + 1, answer + usize::from(seen.record.silent_since().is_none()))
    });
    answer > 0 && answer * 2 > all.saturating_sub(1)
}

#[cfg(test)]
mod tests;
