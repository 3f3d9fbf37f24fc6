//! How much there is on a node: users, audio, video and meetings that its last
//! poll counted, and what is reserved for those who have not come yet.

use std::{borrow::Borrow, collections::HashMap};

use bluegate_cluster::Mount;
use bluegate_store::Generation;

use super::Account;
use crate::config::Placement;

/// Thousandths of a user, so that a reservation can shrink smoothly.
pub(super) const MILLI: u64 = 1000;
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

/// What is on each of these nodes, in their order, with these open generations.
pub(crate) fn book<G: Borrow<Generation>>(
    nodes: &[(&Mount, &dyn Polled)],
    generations: &[G],
    terms: &Placement,
    now: i64,
) -> Vec<Booked> {
    let mut accounts: Vec<Account> = nodes.iter().map(|_| Account::new(terms)).collect();
    let places: HashMap<&Mount, usize> =
        nodes.iter().enumerate().map(|(place, (node, _))| (*node, place)).collect();
    for generation in generations.iter().map(Borrow::borrow) {
        let place = places.get(&generation.node).copied();
        if let Some((account, (_, polled))) =
            place.and_then(|place| accounts.get_mut(place).zip(nodes.get(place)))
        {
            account.add(generation, polled.of(generation), now);
        }
    }
    let booked = accounts.iter_mut().zip(nodes);
    booked.map(|(account, (_, polled))| account.booked(polled.totals(), None, terms, now)).collect()
}

/// The load of one more meeting with so many users.
pub(crate) fn of_users(users: u32, terms: &Placement) -> u64 {
    let users = u64::from(users) * MILLI * thousandths(terms.user_weight);
    users.saturating_add(MILLI * thousandths(terms.meeting_weight))
}

/// So many thousandths of a user, each of this weight.
pub(super) fn per_weight(weight: f64, milli: u64) -> u64 {
    milli.saturating_mul(thousandths(weight))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded and held to what a u64 takes"
)]
fn thousandths(weight: f64) -> u64 {
    (weight * 1000.0).round().clamp(0.0, 1e6) as u64
}
