//! Choosing the node for a new meeting. Pure: what is known of the nodes in, a
//! [`Decision`] that explains itself out.
//!
//! A node that must not take the meeting is *excluded*, with the reason
//! ([`Bar`]). Of the others the best is the one that meets most wishes, then has
//! the least load once the meeting is counted, then the fewest meetings; what is
//! still equal takes turns.

use bluegate_cluster::{Mount, Tag};

use crate::config::Placement;

mod account;
mod decision;
mod expected;
mod load;
mod release;
mod wishes;

pub(crate) use account::Account;
pub use decision::{Bar, Decision, Excluded, Weighed};
pub(crate) use expected::expect;
pub use expected::{Expected, Placements, Source};
pub(crate) use load::{Booked, Count, Polled, Totals, book};
pub use release::Release;
pub(crate) use wishes::Wishes;

use decision::Shown;

/// What an operator says of a node's part in placement.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeTerms {
    /// Its share of load beside that of other nodes.
    pub weight: f64,
    /// Tags; a node that has any serves only those who ask for one of them.
    pub tags: Vec<Tag>,
    /// Most meetings on it.
    pub max_meetings: Option<u32>,
    /// Most users on it, expected ones included.
    pub max_users: Option<u32>,
    /// Most users that one meeting on it may be expected to have.
    pub max_meeting_users: Option<u32>,
}

impl Default for NodeTerms {
    fn default() -> Self {
        Self {
            weight: 1.0,
            tags: Vec::new(),
            max_meetings: None,
            max_users: None,
            max_meeting_users: None,
        }
    }
}

/// A node, as a decision sees it.
pub(crate) struct Candidate<'a> {
    /// Its name.
    pub(crate) node: &'a Mount,
    /// Its release, as far as is known.
    pub(crate) release: Option<Release>,
    /// What its operator says.
    pub(crate) terms: &'a NodeTerms,
    /// Why it is out of the question, whatever the meeting.
    pub(crate) bar: Option<Bar>,
    /// Whether somebody found it broken: it is out of the question as long as
    /// there is another.
    pub(crate) found_broken: bool,
    /// Its weight, when it was changed at run time.
    pub(crate) weight: Option<f64>,
    /// When it last began to take meetings again, in ms since 1970.
    pub(crate) returned_at: Option<i64>,
}

/// What is to be placed, and when.
pub(crate) struct Question<'a> {
    pub(crate) wishes: &'a Wishes,
    /// Whether it is a breakout room: it goes where its parent is, whatever else
    /// is said of that node.
    pub(crate) is_room: bool,
    pub(crate) expected: Expected,
    pub(crate) now: i64,
    /// Decides between equals.
    pub(crate) seed: u64,
}

/// The least share of its weight that a returning node has.
const LEAST_SHARE: f64 = 0.1;
/// A weight of 1, in the units that loads are divided by.
const WEIGHT_UNIT: f64 = 1000.0;

/// Decides for a new meeting, with what is booked on each candidate.
pub(crate) fn decide(
    question: &Question<'_>,
    candidates: &[Candidate<'_>],
    booked: Vec<Booked>,
    terms: &Placement,
) -> Decision {
    let mut shown = Shown::default();
    let mut fitting: Vec<Fit<'_>> = Vec::new();
    let count = u64::try_from(candidates.len()).unwrap_or(u64::MAX).max(1);
    for ((candidate, booked), index) in candidates.iter().zip(booked).zip(0_u64..) {
        let bar = candidate.bar.or_else(|| excluded(question, candidate, booked));
        if let Some(bar) = bar {
            shown.exclude(candidate.node, bar);
            continue;
        }
        let whole = candidate.weight.unwrap_or(candidate.terms.weight);
        let weight = weight(whole, candidate.returned_at, terms, question.now);
        let added = load::of_users(question.expected.users, terms);
        fitting.push(Fit {
            node: candidate.node,
            booked,
            weight,
            missed: question.wishes.missed(&candidate.terms.tags),
            after: over(booked.load.saturating_add(added), weight),
            turn: (index + count - question.seed % count) % count,
        });
    }
    fitting.sort_by_key(Fit::rank);
    for fit in &fitting {
        shown.weigh(Weighed {
            node: fit.node.to_string(),
            load: to_users(over(fit.booked.load, fit.weight)),
            load_after: to_users(fit.after),
            weight: fit.weight,
            meetings: fit.booked.meetings,
            users: fit.booked.users,
            reserved_users: fit.booked.reserved,
            wishes_missed: fit.missed,
        });
    }
    let node = fitting.first().map(|fit| fit.node.clone());
    shown.decision(question, node)
}

/// A node that may take the meeting.
struct Fit<'a> {
    node: &'a Mount,
    booked: Booked,
    weight: f64,
    missed: u32,
    after: u64,
    turn: u64,
}

impl Fit<'_> {
    fn rank(&self) -> (u32, u64, u64, u64) {
        (self.missed, self.after, self.booked.meetings, self.turn)
    }
}

/// Why this node must not take this meeting.
fn excluded(question: &Question<'_>, candidate: &Candidate<'_>, booked: Booked) -> Option<Bar> {
    if question.is_room {
        return None;
    }
    let terms = candidate.terms;
    if let Some(bar) = question.wishes.bar(&terms.tags, candidate.release.as_ref()) {
        return Some(bar);
    }
    let expected = u64::from(question.expected.users);
    let over = |limit: Option<u32>, value: u64| limit.is_some_and(|most| value > u64::from(most));
    if over(terms.max_meeting_users, expected) {
        Some(Bar::MeetingTooLarge)
    } else if over(terms.max_meetings, booked.meetings + 1) {
        Some(Bar::MaxMeetings)
    } else if over(terms.max_users, booked.users + booked.reserved + expected) {
        Some(Bar::MaxUsers)
    } else {
        None
    }
}

/// The weight in force: what is configured or was set, and less while the node
/// is only just back.
pub(crate) fn weight(whole: f64, returned_at: Option<i64>, terms: &Placement, now: i64) -> f64 {
    whole * share(returned_at, terms, now)
}

/// From [`LEAST_SHARE`] to 1, evenly over the time of the slow start.
fn share(returned_at: Option<i64>, terms: &Placement, now: i64) -> f64 {
    let Some(returned_at) = returned_at else { return 1.0 };
    let passed = u64::try_from(now.saturating_sub(returned_at)).unwrap_or(0);
    let passed = std::time::Duration::from_millis(passed);
    if passed >= terms.slow_start {
        return 1.0;
    }
    passed.div_duration_f64(terms.slow_start).max(LEAST_SHARE)
}

/// A load over a weight, in whole units so that equals stay equal.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded and held to what a u64 takes"
)]
fn over(load: u64, weight: f64) -> u64 {
    let weight = (weight * WEIGHT_UNIT).round().clamp(1.0, 1e9) as u64;
    let load = u128::from(load) * 1000 / u128::from(weight);
    u64::try_from(load).unwrap_or(u64::MAX)
}

/// What a load over a weight is, as people read it.
pub(crate) fn shown_load(load: u64, weight: f64) -> f64 {
    to_users(over(load, weight))
}

/// A load as people read it: 1 is a user with the weight that users have by
/// default.
#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
fn to_users(load: u64) -> f64 {
    (load as f64 / load::UNIT as f64 * 100.0).round() / 100.0
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
