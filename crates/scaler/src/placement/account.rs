//! What is reserved on one node, as sums that grow and shrink with its meetings:
//! a decision costs the same however many there are.
//!
//! A reservation shrinks evenly over its lifetime, and counts as far as it is
//! above the users that are there already. Until it counts for nothing it is a
//! straight line over time, so that all of them are one: their sum.

use std::collections::{BTreeSet, HashMap};

use bluegate_store::Generation;

use super::load::{Booked, Count, MILLI, Totals, per_weight};
use crate::config::Placement;

/// The meetings on one node.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// How long a reservation lasts, in ms.
    lifetime: i64,
    /// By the generation's id.
    meetings: HashMap<String, Line>,
    /// Meetings that the node listed.
    listed: u64,
    /// Those that still count, by when they do no more.
    due: BTreeSet<(i64, String)>,
    /// The sum of those.
    sum: Sum,
}

/// What one meeting has reserved, over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    /// Whether the node listed it.
    is_listed: bool,
    line: Sum,
    /// From when on it counts for nothing, in ms since 1970.
    due: i64,
}

/// Straight lines over time, added up: at a time `t`, `at_zero - users * t` in
/// users times ms, of which a lifetime makes users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    at_zero: i128,
    users: i128,
}

impl Account {
    /// Nothing yet.
    pub(crate) fn new(terms: &Placement) -> Self {
        let lifetime = i64::try_from(terms.reservation_lifetime.as_millis()).unwrap_or(i64::MAX);
        Self {
            lifetime: lifetime.max(1),
            meetings: HashMap::new(),
            listed: 0,
            due: BTreeSet::new(),
            sum: Sum::default(),
        }
    }

    /// Whether there is no meeting on it.
    pub(crate) fn is_empty(&self) -> bool {
        self.meetings.is_empty()
    }

    /// One meeting more, in which the node counted so much, if it listed it. One
    /// that was made by a clock ahead of ours begins `now`.
    pub(crate) fn add(&mut self, generation: &Generation, count: Option<Count>, now: i64) {
        self.remove(&generation.id);
        let line = self.line(generation, count, now);
        self.listed += u64::from(line.is_listed);
        if line.due > now {
            self.sum.add(line.line);
            self.due.insert((line.due, generation.id.clone()));
        }
        self.meetings.insert(generation.id.clone(), line);
    }

    /// A meeting is on it no more.
    pub(crate) fn remove(&mut self, id: &str) {
        let Some((id, line)) = self.meetings.remove_entry(id) else { return };
        self.listed -= u64::from(line.is_listed);
        if self.due.remove(&(line.due, id)) {
            self.sum.take(line.line);
        }
    }

    /// What is booked at `now`, on a node that counted these totals; the meeting
    /// `but` counts nowhere.
    pub(crate) fn booked(
        &mut self,
        totals: Totals,
        but: Option<&str>,
        terms: &Placement,
        now: i64,
    ) -> Booked {
        self.expire(now);
        let (mut sum, mut rows, mut listed) = (self.sum, self.meetings.len() as u64, self.listed);
        if let Some((id, line)) = but.and_then(|id| self.meetings.get_key_value(id)) {
            rows -= 1;
            listed -= u64::from(line.is_listed);
            if self.due.contains(&(line.due, id.clone())) {
                sum.take(line.line);
            }
        }
        let reserved = sum.at(now).max(0) * i128::from(MILLI) / i128::from(self.lifetime);
        let reserved = u64::try_from(reserved).unwrap_or(u64::MAX);
        let Totals { count, meetings } = totals;
        // Meetings that no row stands for count like ours.
        let meetings = rows + meetings.saturating_sub(listed);
        let load = [
            per_weight(terms.user_weight, (count.users * MILLI).saturating_add(reserved)),
            per_weight(terms.audio_weight, count.audio * MILLI),
            per_weight(terms.video_weight, count.video * MILLI),
            per_weight(terms.meeting_weight, meetings * MILLI),
        ];
        Booked {
            load: load.into_iter().fold(0, u64::saturating_add),
            meetings,
            users: count.users,
            reserved: reserved.div_ceil(MILLI),
        }
    }

    fn expire(&mut self, now: i64) {
        while self.due.first().is_some_and(|(due, _)| *due <= now) {
            let over = self.due.pop_first();
            if let Some(line) = over.and_then(|(_, id)| self.meetings.get(&id)) {
                self.sum.take(line.line);
            }
        }
    }

    fn line(&self, generation: &Generation, count: Option<Count>, now: i64) -> Line {
        let reserved = i128::from(generation.reserved.max(0));
        let begun = i128::from(generation.created_at.min(now));
        let there = i128::from(count.unwrap_or_default().users) * i128::from(self.lifetime);
        let ends = begun + i128::from(self.lifetime);
        let due = there.checked_div(reserved).map_or(i128::MIN, |early| ends - early);
        Line {
            is_listed: count.is_some(),
            line: Sum { at_zero: reserved * ends - there, users: reserved },
            due: i64::try_from(due).unwrap_or(i64::MIN),
        }
    }
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.at_zero += other.at_zero;
        self.users += other.users;
    }

    fn take(&mut self, other: Self) {
        self.at_zero -= other.at_zero;
        self.users -= other.users;
    }

    fn at(self, now: i64) -> i128 {
        self.at_zero - self.users * i128::from(now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::tests::generation, *};

    const LIFETIME: i64 = 15 * 60_000;

    /// What the sums stand for: each meeting by itself.
    fn told_again(rows: &[(Generation, Option<Count>)], now: i64) -> (u64, u64) {
        let left = |(row, count): &(Generation, Option<Count>)| {
            let age = (now - row.created_at).clamp(0, LIFETIME);
            let users = i64::try_from(count.unwrap_or_default().users).unwrap();
            (row.reserved * (LIFETIME - age) - users * LIFETIME).max(0)
        };
        let milli = rows.iter().map(left).sum::<i64>() * 1000 / LIFETIME;
        (rows.len() as u64, u64::try_from(milli).unwrap().div_ceil(1000))
    }

    fn booked(account: &mut Account, but: Option<&str>, now: i64) -> (u64, u64) {
        let booked = account.booked(Totals::default(), but, &Placement::default(), now);
        (booked.meetings, booked.reserved)
    }

    proptest! {
        /// Meetings come, change and go while time passes: the sums are those of a
        /// fresh look at what is left.
        #[test]
        fn sums_are_what_their_parts_are(
            steps in prop::collection::vec(
                (0_u8..3, 0_usize..12, 0_u32..60, prop::option::of(0_u64..80), 0_i64..240_000),
                1..60,
            ),
        ) {
            let node = "bbb-01".parse().unwrap();
            let mut account = Account::new(&Placement::default());
            let mut rows: Vec<(Generation, Option<Count>)> = Vec::new();
            let mut now = 1_700_000_000_000;
            for (what, which, reserved, users, passed) in steps {
                now += passed;
                let id = which.to_string();
                if what == 0 {
                    account.remove(&id);
                    rows.retain(|(row, _)| row.id != id);
                } else {
                    let known = rows.iter().find(|(row, _)| row.id == id);
                    let created_at = known.map_or(now, |(row, _)| row.created_at);
                    let row = generation(&node, &id, reserved, created_at);
                    let count = users.map(|users| Count { users, ..Count::default() });
                    account.add(&row, count, now);
                    rows.retain(|(row, _)| row.id != id);
                    rows.push((row, count));
                }
                prop_assert_eq!(booked(&mut account, None, now), told_again(&rows, now));
                let but = which.to_string();
                let others: Vec<_> =
                    rows.iter().filter(|(row, _)| row.id != but).cloned().collect();
                prop_assert_eq!(booked(&mut account, Some(&but), now), told_again(&others, now));
            }
            prop_assert_eq!(account.listed, rows.iter().filter(|row| row.1.is_some()).count() as u64);
            // Nothing is left of what is over.
            now += LIFETIME;
            prop_assert_eq!(booked(&mut account, None, now).1, 0);
            prop_assert_eq!((account.sum, account.due.len()), (Sum::default(), 0));
        }
    }

    #[test]
    fn what_a_clock_ahead_of_ours_made_begins_when_it_is_seen() {
        let mut account = Account::new(&Placement::default());
        let row = generation(&"bbb-01".parse().unwrap(), "m", 30, 50 * LIFETIME);
        account.add(&row, None, LIFETIME);
        assert_eq!(booked(&mut account, None, LIFETIME).1, 30);
        assert_eq!(booked(&mut account, None, LIFETIME + LIFETIME / 2).1, 15);
        assert_eq!(booked(&mut account, None, 2 * LIFETIME).1, 0);
    }
}
