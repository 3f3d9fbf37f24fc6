//! How many callbacks may be queued before those that wait are counted again.
//! Without I/O.
//!
//! A count goes through all that wait. So each count allows for a part of the room
//! it found, which is used up without another: near the bound every callback is
//! counted for, far from it one in thousands.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use bluegate_cluster::TenantName;

/// As many processes may share a store and each use up what it allows itself, and
/// the bound still holds.
const PROCESSES: i64 = 4;

/// What is allowed, by tenant and kind.
#[derive(Debug, Default)]
pub(crate) struct Room(Mutex<HashMap<(TenantName, String), i64>>);

impl Room {
    /// Whether so many of a kind may be queued without a count; they are taken off.
    pub(crate) fn take(&self, tenant: &TenantName, kind: &str, number: i64) -> bool {
        let mut allowed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant.clone(), kind.to_owned());
        match allowed.get_mut(&key) {
            Some(left) if *left > number => *left -= number,
            Some(left) if *left == number => drop(allowed.remove(&key)),
            Some(_) | None => return false,
        }
        true
    }

    /// So many were counted before `number` more are queued, of at most `bound`.
    pub(crate) fn counted(
        &self,
        tenant: &TenantName,
        kind: &str,
        (waiting, number): (i64, i64),
        bound: i64,
    ) {
        let allowed = bound.saturating_sub(waiting) / PROCESSES - number;
        let key = (tenant.clone(), kind.to_owned());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if allowed > 0 {
            all.insert(key, allowed);
        } else {
            all.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_share_a_queue_stay_within_its_bound_and_count_seldom() {
        const BOUND: i64 = 10_000;
        let tenant = "physics".parse().unwrap();
        let processes: Vec<Room> = (0..PROCESSES).map(|_| Room::default()).collect();
        let (mut waiting, mut counts, mut refused) = (0, 0, 0);
        for room in processes.iter().cycle().take(11_000) {
            if !room.take(&tenant, "ready", 1) {
                counts += 1;
                if waiting >= BOUND {
                    refused += 1;
                    continue;
                }
                room.counted(&tenant, "ready", (waiting, 1), BOUND);
            }
            waiting += 1;
        }
        assert_eq!((waiting, refused), (BOUND, 1_000));
        assert!(counts - refused < 200, "{counts}");
        assert!(!processes[0].take(&tenant, "ready", 1), "all that was allowed is used up");
        processes[0].counted(&tenant, "ready", (0, 1), BOUND);
        assert!(!processes[0].take(&tenant, "ended", 1), "each kind has room of its own");
        assert!(!processes[0].take(&"chemistry".parse().unwrap(), "ready", 1));
        assert!(processes[0].take(&tenant, "ready", 2_000));
        assert!(!processes[0].take(&tenant, "ready", 500));
        assert!(processes[0].take(&tenant, "ready", 499));
    }
}
