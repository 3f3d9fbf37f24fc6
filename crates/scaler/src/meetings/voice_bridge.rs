//! The dial-in number of a meeting whose creator chose none.
//!
//! Nodes draw their own at random, each for itself. Ours is unique in the
//! cluster and the same each time a meeting ID comes to life: nine digits, the
//! first not 0, so that the digit BBB appends for a breakout room still fits.

use bluegate_cluster::TenantMeetingId;
use sha2::{Digest, Sha256};

/// Numbers tried before the node is left to choose.
const PROBES: u32 = 64;
const SMALLEST: u64 = 100_000_000;
const COUNT: u64 = 900_000_000;

/// The number for a meeting: the first of its own sequence that is not taken.
pub(crate) fn choose(meeting: &TenantMeetingId, taken: impl Fn(&str) -> bool) -> Option<String> {
    (0..PROBES).map(|probe| number(meeting, probe)).find(|number| !taken(number))
}

fn number(meeting: &TenantMeetingId, probe: u32) -> String {
    let digest = Sha256::new()
        .chain_update(b"bluegate voice bridge\0")
        .chain_update(meeting.tenant().as_str())
        .chain_update(b"\0")
        .chain_update(probe.to_be_bytes())
        .chain_update(meeting.id())
        .finalize();
    let (first, _) = digest.as_slice().split_first_chunk().expect("SHA-256 has 32 bytes");
    (SMALLEST + u64::from_be_bytes(*first) % COUNT).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn meeting(tenant: &str, id: &str) -> TenantMeetingId {
        TenantMeetingId::new(&tenant.parse().unwrap(), id)
    }

    #[test]
    fn a_meetings_number_is_its_own_and_stays() {
        let choose = |name: &str, id: &str| choose(&meeting(name, id), |_| false).unwrap();
        assert_eq!(choose("default", "abc"), choose("default", "abc"));
        assert_ne!(choose("default", "abc"), choose("physics", "abc"));
        for id in 0..1000 {
            let number = choose("default", &id.to_string());
            assert!(number.len() == 9 && !number.starts_with('0'), "{number}");
        }
    }

    #[test]
    fn taken_numbers_are_passed_over_until_the_bound() {
        let mut taken = HashSet::new();
        for _ in 0..PROBES {
            let number = choose(&meeting("default", "abc"), |n| taken.contains(n)).unwrap();
            assert!(taken.insert(number));
        }
        assert_eq!(choose(&meeting("default", "abc"), |n| taken.contains(n)), None);
    }
}
