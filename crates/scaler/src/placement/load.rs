//! How much there is on a node: users, audio, video and meetings that its last
//! poll counted, and what is reserved for those who have not come yet.

use std::{borrow::Borrow, collections::HashMap, time::Duration};

use bluegate_cluster::Mount;
use bluegate_store::Generation;

use super::{Candidate, NodeTerms};
use crate::config::Placement;

/// Thousandths of a user, so that a reservation can shrink smoothly.
const MILLI: u64 = 1000;
/// A load of 1: thousandths of a weight, of thousandths of a user.
pub(super) const UNIT: u64 = MILLI * MILLI;

/// What a poll counted in one meeting, or in all of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Users in it.
    pub(crate) users: u64,
    /// Those who can speak.
    pub(crate) audio: u64,
    /// Cameras.
    pub(crate) video: u64,
}

/// What a poll counted in all meetings of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) count: Count,
    /// Its meetings; breakout rooms are not, their users count.
    pub(crate) meetings: u64,
}

/// A node's last poll.
pub(crate) trait Polled: Send + Sync {
    /// The meeting this generation is, when the node listed it.
    fn of(&self, generation: &Generation) -> Option<Count>;
    /// All its meetings.
    fn totals(&self) -> Totals;
}

/// What is on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Booked {
    /// Its load, before it is divided by the node's weight.
    pub(crate) load: u64,
    /// Its meetings, those being placed included.
    pub(crate) meetings: u64,
    /// Users that were counted.
    pub(crate) users: u64,
    /// Users that are expected beyond those.
    pub(crate) reserved: u64,
}

/// What is on each candidate, in their order.
pub(crate) fn book<G: Borrow<Generation>>(
    candidates: &[Candidate<'_>],
    generations: &[G],
    terms: &Placement,
    now: i64,
) -> Vec<Booked> {
    let places: HashMap<&Mount, usize> =
        candidates.iter().enumerate().map(|(place, candidate)| (candidate.node, place)).collect();
    let mut all: Vec<(Booked, Reserved)> = vec![Default::default(); candidates.len()];
    for generation in generations.iter().map(Borrow::borrow) {
        let place = places.get(&generation.node).copied();
        let Some((candidate, (booked, reserved))) =
            place.and_then(|place| candidates.get(place).zip(all.get_mut(place)))
        else {
            continue;
        };
        let count = candidate.polled.of(generation);
        let users = count.unwrap_or_default().users;
        let left = remaining(generation, terms.reservation_lifetime, now);
        reserved.milli += left.saturating_sub(users * MILLI);
        reserved.listed += u64::from(count.is_some());
        booked.meetings += 1;
    }
    candidates
        .iter()
        .zip(all)
        .map(|(candidate, (booked, reserved))| {
            let Totals { count, meetings } = candidate.polled.totals();
            // Meetings that no row stands for count like ours.
            let meetings = booked.meetings + meetings.saturating_sub(reserved.listed);
            let per = |weight: f64, milli: u64| milli.saturating_mul(thousandths(weight));
            let load = [
                per(terms.user_weight, count.users * MILLI + reserved.milli),
                per(terms.audio_weight, count.audio * MILLI),
                per(terms.video_weight, count.video * MILLI),
                per(terms.meeting_weight, meetings * MILLI),
            ];
            Booked {
                load: load.into_iter().fold(0, u64::saturating_add),
                meetings,
                users: count.users,
                reserved: reserved.milli.div_ceil(MILLI),
            }
        })
        .collect()
}

/// What is on one node.
pub(crate) fn book_node<G: Borrow<Generation>>(
    node: &Mount,
    polled: &dyn Polled,
    generations: &[G],
    terms: &Placement,
    now: i64,
) -> Booked {
    let candidate = Candidate {
        node,
        release: None,
        terms: &NodeTerms::default(),
        polled,
        bar: None,
        found_broken: false,
        weight: None,
        returned_at: None,
    };
    book(&[candidate], generations, terms, now).pop().unwrap_or_default()
}

#[derive(Clone, Copy, Default)]
struct Reserved {
    milli: u64,
    /// Generations that the poll listed.
    listed: u64,
}

/// The load of one more meeting with so many users.
pub(crate) fn of_users(users: u32, terms: &Placement) -> u64 {
    let users = u64::from(users) * MILLI * thousandths(terms.user_weight);
    users.saturating_add(MILLI * thousandths(terms.meeting_weight))
}

/// What is left of a generation's reservation, in thousandths of a user: it
/// shrinks evenly to nothing.
fn remaining(generation: &Generation, lifetime: Duration, now: i64) -> u64 {
    let lifetime = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX).max(1);
    let age = u64::try_from(now.saturating_sub(generation.created_at)).unwrap_or(0).min(lifetime);
    let reserved = u64::try_from(generation.reserved).unwrap_or(0);
    let left = u128::from(reserved * MILLI) * u128::from(lifetime - age) / u128::from(lifetime);
    u64::try_from(left).unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded and held to what a u64 takes"
)]
fn thousandths(weight: f64) -> u64 {
    (weight * 1000.0).round().clamp(0.0, 1e6) as u64
}
