//! What a tenant did and does, counted: for its limits, and to be looked at.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use bluegate_cluster::Mount;

use crate::{front::outcome::Outcome, tenants::bucket::Bucket};

/// Between two warnings about the same soft limit, in ms.
const QUIET: i64 = 60_000;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitKind {
    /// New meetings, because the tenant may have none.
    Disabled,
    /// Meetings at the same time.
    Meetings,
    /// Users at the same time.
    Users,
    /// Requests per second.
    Requests,
    /// Recordings that are kept.
    Recordings,
}

impl LimitKind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Disabled, Self::Meetings, Self::Users, Self::Requests, Self::Recordings];

    /// Its word in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Meetings => "meetings",
            Self::Users => "users",
            Self::Requests => "requests",
            Self::Recordings => "recordings",
        }
    }
}

/// What one tenant did.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// Requests by call and outcome; both are words of ours.
    requests: Mutex<BTreeMap<(&'static str, Outcome), u64>>,
    refused: [AtomicU64; LimitKind::ALL.len()],
    exceeded: [AtomicU64; LimitKind::ALL.len()],
    warned: [Mutex<Option<i64>>; LimitKind::ALL.len()],
    /// Requests that the soft and the hard limit still leave.
    pub(crate) soft_bucket: Bucket,
    pub(crate) hard_bucket: Bucket,
    users: Mutex<Users>,
}

/// A tenant's users.
#[derive(Debug, Default)]
struct Users {
    /// By which look at the nodes they were counted; absent before the first count.
    counted_at: Option<u64>,
    /// Those whom the last polls counted.
    polled: u64,
    /// Users sent to a node whose poll has not yet had time to count them, and when.
    arrivals: VecDeque<(Mount, i64)>,
}

/// What the last polls of all nodes told of a tenant's users.
#[derive(Debug, Default)]
pub(crate) struct Polled<'a> {
    /// How many they counted.
    pub(crate) users: u64,
    /// When each node's last answered poll began.
    pub(crate) begun: HashMap<&'a Mount, i64>,
}

impl Usage {
    /// Counts an answered request.
    pub(crate) fn answered(&self, call: &'static str, outcome: Outcome) {
        *lock(&self.requests).entry((call, outcome)).or_default() += 1;
    }

    /// Requests answered so far.
    pub(crate) fn requests(&self) -> BTreeMap<(&'static str, Outcome), u64> {
        lock(&self.requests).clone()
    }

    /// Counts a refusal at a hard limit.
    pub(crate) fn refused(&self, limit: LimitKind) {
        count(&self.refused, limit);
    }

    /// Counts what a soft limit would have refused, and says whether it is time
    /// to tell again.
    pub(crate) fn exceeded(&self, limit: LimitKind, now: i64) -> bool {
        count(&self.exceeded, limit);
        let Some(warned) = self.warned.get(limit as usize) else { return false };
        let mut warned = lock(warned);
        let due = warned.is_none_or(|last| now.saturating_sub(last) >= QUIET);
        if due {
            *warned = Some(now);
        }
        due
    }

    /// Refusals at the hard limits, and what went above the soft ones.
    pub(crate) fn limited(&self) -> Vec<(LimitKind, u64, u64)> {
        let of = |counters: &[AtomicU64], limit: LimitKind| {
            counters.get(limit as usize).map_or(0, |counter| counter.load(Relaxed))
        };
        let both = |limit| (limit, of(&self.refused, limit), of(&self.exceeded, limit));
        LimitKind::ALL.into_iter().map(both).collect()
    }

    /// Notes that a user was sent to `node`; at most `bound` are remembered.
    pub(crate) fn arrives(&self, node: &Mount, now: i64, bound: usize) {
        let arrivals = &mut lock(&self.users).arrivals;
        while arrivals.len() >= bound {
            arrivals.pop_front();
        }
        arrivals.push_back((node.clone(), now));
    }

    /// Users now: those whom the last polls counted, and those sent to a node since
    /// its poll began. All nodes are gone through once for each of their `looks`, not
    /// for each user.
    pub(crate) fn users<'a>(&self, looks: u64, polled: impl FnOnce() -> Polled<'a>) -> u64 {
        let mut users = lock(&self.users);
        if users.counted_at != Some(looks) {
            let polled = polled();
            let is_on_its_way = |(node, sent): &(Mount, i64)| {
                polled.begun.get(node).is_some_and(|begun| sent >= begun)
            };
            users.arrivals.retain(is_on_its_way);
            (users.counted_at, users.polled) = (Some(looks), polled.users);
        }
        users.polled + users.arrivals.len() as u64
    }
}

fn count(counters: &[AtomicU64], limit: LimitKind) {
    if let Some(counter) = counters.get(limit as usize) {
        counter.fetch_add(1, Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soft_limit_is_told_once_a_minute_and_counted_each_time() {
        let usage = Usage::default();
        let told: Vec<bool> = [0, 1, QUIET - 1, QUIET, QUIET + 1]
            .into_iter()
            .map(|now| usage.exceeded(LimitKind::Users, now))
            .collect();
        assert_eq!(told, [true, false, false, true, false]);
        usage.refused(LimitKind::Meetings);
        let limited: Vec<_> = usage.limited().into_iter().map(|(_, r, e)| (r, e)).collect();
        assert_eq!(limited, [(0, 0), (1, 0), (0, 5), (0, 0), (0, 0)]);
    }

    fn polled<'a>(users: u64, begun: impl IntoIterator<Item = (&'a Mount, i64)>) -> Polled<'a> {
        Polled { users, begun: begun.into_iter().collect() }
    }

    #[test]
    fn users_are_on_their_way_until_a_poll_could_count_them() {
        let usage = Usage::default();
        let (a, b): (Mount, Mount) = ("a1".parse().unwrap(), "b1".parse().unwrap());
        for (node, now) in [(&a, 10), (&a, 20), (&b, 20)] {
            usage.arrives(node, now, 100);
        }
        assert_eq!(usage.users(1, || polled(0, [(&a, 0), (&b, 0)])), 3);
        assert_eq!(usage.users(2, || polled(1, [(&a, 15), (&b, 0)])), 3);
        usage.arrives(&a, 25, 100);
        assert_eq!(usage.users(2, || panic!("counted again")), 4);
        assert_eq!(usage.users(3, || polled(1, [(&a, 15)])), 3, "`b1` is gone");
        for now in 30..40 {
            usage.arrives(&a, now, 4);
        }
        assert_eq!(usage.users(3, || panic!("counted again")), 5);
    }
}
