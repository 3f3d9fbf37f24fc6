//! How many callbacks may be queued before those that wait are counted again.
//! Without I/O.
//!
//! A count goes through all that wait. Where nobody else queues callbacks, what
//! waits only grows by what is queued here: the room that a count found is used up
//! before the next one. Where several processes do, each callback is counted for.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use bluegate_cluster::TenantName;

/// What a count left room for, by tenant and kind.
#[derive(Debug, Default)]
pub(crate) struct Room(Mutex<HashMap<(TenantName, String), i64>>);

impl Room {
    /// Whether so many of a kind may be queued without a count; they are taken off.
    pub(crate) fn take(&self, tenant: &TenantName, kind: &str, number: i64) -> bool {
        let mut room = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left) = room.get_mut(&(tenant.clone(), kind.to_owned())) else { return false };
        let is_enough = *left >= number;
        if is_enough {
            *left -= number;
        }
        is_enough
    }

    /// A count, made before `number` more of a kind are queued, left this room.
    pub(crate) fn found(&self, tenant: &TenantName, kind: &str, room: i64, number: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert((tenant.clone(), kind.to_owned()), room.saturating_sub(number).max(0));
    }

    /// Something else may have been queued, or nobody asks any more.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever comes and goes, no more wait than may, but for the last ones
        /// that came together.
        #[test]
        fn the_bound_holds(steps in proptest::collection::vec((1_i64..4, 0_i64..4), 0..200)) {
            const BOUND: i64 = 20;
            let (tenant, room) = ("physics".parse().unwrap(), Room::default());
            let mut waiting = 0;
            for (come, gone) in steps {
                if room.take(&tenant, "ready", come) {
                    prop_assert!(waiting + come <= BOUND);
                    waiting += come;
                } else if waiting < BOUND {
                    room.found(&tenant, "ready", BOUND - waiting, come);
                    waiting += come;
                }
                prop_assert!(waiting < BOUND + 4);
                waiting = (waiting - gone).max(0);
            }
        }
    }

    #[test]
    fn it_is_counted_once_for_as_many_as_there_was_room() {
        let (physics, chemistry) = ("physics".parse().unwrap(), "chemistry".parse().unwrap());
        let room = Room::default();
        assert!(!room.take(&physics, "ready", 1));
        room.found(&physics, "ready", 10_000, 1);
        assert!((0..9_999).all(|_| room.take(&physics, "ready", 1)));
        assert!(!room.take(&physics, "ready", 1), "used up");
        room.found(&physics, "ready", 3, 1);
        assert!(!room.take(&physics, "ended", 1), "each kind has its own");
        assert!(!room.take(&chemistry, "ready", 1), "and each tenant");
        assert!(!room.take(&physics, "ready", 3));
        assert!(room.take(&physics, "ready", 2));
    }
}
