//! What one client may cost in the long run, by class: a bucket of tokens for
//! each, kept as the moment at which it is full again.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Something that costs us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// A TLS handshake that is not a resumption.
    Handshake,
    /// A request that goes on to a node.
    Upstream,
    /// A request, whoever answers it; from the cache, mostly.
    Request,
}

/// How much of one class a client may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Per second in the long run; at least 1.
    pub rate: u32,
    /// At once, before `rate` holds; at least 1.
    pub burst: u32,
}

/// A client has had what it may have; it may come back after this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overdrawn {
    /// How long until there is one token.
    pub retry_after: Duration,
}

/// One client's buckets. Times are in nanoseconds since its table began.
#[derive(Debug, Default)]
pub(super) struct Costs {
    full_at: [AtomicU64; 3],
}

impl Costs {
    pub(super) fn take(&self, cost: Cost, bucket: Bucket, now: Duration) -> Result<(), Overdrawn> {
        let now = nanoseconds(now);
        let step = bucket.step();
        let most = step.saturating_mul(bucket.burst.max(1).into());
        // The generic cell rate algorithm: each token moves the moment at which
        // the bucket is full again, which may be at most a burst away.
        let next = |full_at: u64| full_at.max(now).saturating_add(step);
        let fits = |full_at: u64| Some(next(full_at)).filter(|next| next - now <= most);
        match self.of(cost).fetch_update(Relaxed, Relaxed, fits) {
            Ok(_) => Ok(()),
            Err(full_at) => {
                let wait = next(full_at).saturating_sub(now).saturating_sub(most);
                Err(Overdrawn { retry_after: Duration::from_nanos(wait) })
            }
        }
    }

    /// For what was taken and turned out to be cheaper than it looked.
    pub(super) fn give_back(&self, cost: Cost, bucket: Bucket) {
        // Earlier than now is as good as now.
        self.of(cost).fetch_sub(bucket.step(), Relaxed);
    }

    /// Whether nothing is owed, so that it may be forgotten.
    pub(super) fn are_full(&self, now: Duration) -> bool {
        let now = nanoseconds(now);
        self.full_at.iter().all(|full_at| full_at.load(Relaxed) <= now)
    }

    fn of(&self, cost: Cost) -> &AtomicU64 {
        let [handshake, upstream, request] = &self.full_at;
        match cost {
            Cost::Handshake => handshake,
            Cost::Upstream => upstream,
            Cost::Request => request,
        }
    }
}

impl Bucket {
    /// Time that one token takes to come back.
    fn step(self) -> u64 {
        1_000_000_000 / u64::from(self.rate.max(1))
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClientLimits;

    const CLASSES: [Cost; 3] = [Cost::Handshake, Cost::Upstream, Cost::Request];

    fn bucket_of(cost: Cost) -> Bucket {
        ClientLimits::default().bucket(cost)
    }

    /// What one user's browser costs to load the client: six connections of
    /// HTTP/1.1, 110 requests, and ten of them on to a node.
    fn loads(costs: &Costs, now: Duration) -> Result<(), Overdrawn> {
        for (cost, count) in [(Cost::Handshake, 6), (Cost::Upstream, 10), (Cost::Request, 110)] {
            for _ in 0..count {
                costs.take(cost, bucket_of(cost), now)?;
            }
        }
        Ok(())
    }

    #[test]
    fn a_school_behind_one_address_passes_untouched() {
        let school = Costs::default();
        for user in 0..1_000 {
            let now = Duration::from_millis(user * 120);
            assert_eq!(loads(&school, now), Ok(()), "user {user}");
        }
        // And all of them in the same second.
        let school = Costs::default();
        for user in 0..1_000 {
            assert_eq!(loads(&school, Duration::ZERO), Ok(()), "user {user}");
        }
    }

    #[test]
    fn an_attacker_is_held_to_the_rate_of_each_class() {
        for cost in CLASSES {
            let (attacker, bucket) = (Costs::default(), bucket_of(cost));
            let passed = (0..600_000_u64)
                .filter(|try_| {
                    // Ten thousand a second for a minute.
                    let now = Duration::from_micros(try_ * 100);
                    attacker.take(cost, bucket, now).is_ok()
                })
                .count();
            let most = bucket.burst + 60 * bucket.rate;
            assert!(passed <= most as usize + 1, "{cost:?}: {passed} of {most}");
            assert!(passed >= most as usize - 1, "{cost:?}: {passed} of {most}");
        }
    }

    #[test]
    fn who_waits_as_told_gets_one_and_classes_do_not_mix() {
        let bucket = Bucket { rate: 2, burst: 3 };
        let costs = Costs::default();
        let now = Duration::from_secs(5);
        for _ in 0..3 {
            costs.take(Cost::Upstream, bucket, now).unwrap();
        }
        let over = costs.take(Cost::Upstream, bucket, now).unwrap_err();
        assert_eq!(over.retry_after, Duration::from_millis(500));
        costs.take(Cost::Request, bucket, now).unwrap();
        costs.take(Cost::Upstream, bucket, now + over.retry_after).unwrap();
        costs.take(Cost::Upstream, bucket, now + over.retry_after).unwrap_err();
        costs.give_back(Cost::Upstream, bucket);
        costs.take(Cost::Upstream, bucket, now + over.retry_after).unwrap();
        assert!(!costs.are_full(now) && costs.are_full(now + Duration::from_secs(3)));
    }
}
