//! Choosing the node for a new meeting. Pure: counts in, a node out.

use std::{collections::HashMap, time::Duration};

use bluegate_cluster::Mount;
use bluegate_store::Generation;

/// Thousandths of a user, so that a reservation can shrink smoothly.
const MILLI: u64 = 1000;

/// Users per internal meeting ID and per external one, from a node's last poll.
pub(crate) trait Polled: Send + Sync {
    /// Users in the meeting this generation is, when the node listed it.
    fn users_of(&self, generation: &Generation) -> Option<u64>;
    /// Users in all meetings of the node.
    fn users(&self) -> u64;
}

/// A node that may take a meeting.
pub(crate) struct Candidate<'a> {
    /// Its name.
    pub(crate) node: &'a Mount,
    /// What it last said of its meetings.
    pub(crate) polled: &'a dyn Polled,
}

/// How reservations count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reservations {
    /// How long until a reservation nobody came for counts nothing.
    pub(crate) lifetime: Duration,
}

/// The candidate with the least load, then the fewest meetings; what is still
/// equal takes turns by `seed`.
///
/// A node's load is, over its open generations, the larger of what is left of
/// the reservation and the users who came, and the users in all its other
/// meetings (breakout rooms, meetings we did not place).
pub(crate) fn choose(
    candidates: &[Candidate<'_>],
    generations: &[Generation],
    reservations: Reservations,
    now: i64,
    seed: u64,
) -> Option<Mount> {
    let mut loads: HashMap<&Mount, (u64, u64, u64)> = HashMap::new();
    let polled: HashMap<&Mount, &dyn Polled> =
        candidates.iter().map(|candidate| (candidate.node, candidate.polled)).collect();
    for generation in generations {
        let Some(polled) = polled.get(&generation.node) else { continue };
        let users = polled.users_of(generation).unwrap_or(0);
        let (load, meetings, known) = loads.entry(&generation.node).or_default();
        *load += remaining(generation, reservations, now).max(users * MILLI);
        *meetings += 1;
        *known += users;
    }
    let count = u64::try_from(candidates.len()).unwrap_or(u64::MAX).max(1);
    candidates
        .iter()
        .zip(0_u64..)
        .min_by_key(|(candidate, index)| {
            let (load, meetings, known) = loads.get(candidate.node).copied().unwrap_or_default();
            let extra = candidate.polled.users().saturating_sub(known) * MILLI;
            (load + extra, meetings, (index + count - seed % count) % count)
        })
        .map(|(candidate, _)| candidate.node.clone())
}

/// What is left of a generation's reservation, in thousandths of a user: it
/// shrinks evenly to nothing.
fn remaining(generation: &Generation, reservations: Reservations, now: i64) -> u64 {
    let lifetime = u64::try_from(reservations.lifetime.as_millis()).unwrap_or(u64::MAX).max(1);
    let age = u64::try_from(now - generation.created_at).unwrap_or(0).min(lifetime);
    let reserved = u64::try_from(generation.reserved).unwrap_or(0);
    let left = u128::from(reserved * MILLI) * u128::from(lifetime - age) / u128::from(lifetime);
    u64::try_from(left).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
