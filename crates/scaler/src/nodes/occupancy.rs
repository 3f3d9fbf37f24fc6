//! What is on each node, counted once and kept until something changes there.
//!
//! Counting goes through every meeting of a node, and metrics ask for all nodes at
//! once. So each poll counts after itself, and whoever asks later counts only the
//! nodes whose rows have changed since.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use bluegate_cluster::TenantName;
use bluegate_store::{Generation, State};

use super::{NodeHandle, Snapshot};
use crate::{clock, context::Context, placement::Booked};

/// The longest a count is kept: reservations shrink with time. A node is polled
/// more often than this, unless it does not answer.
const AGE: Duration = Duration::from_secs(5);

/// What is on a node.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Occupancy {
    /// When the poll began that it was counted with; 0 before the first.
    pub(crate) begun: i64,
    /// Its load, as placement sees it.
    pub(crate) booked: Booked,
    /// Its breakout rooms.
    pub(crate) rooms: u64,
    /// What each tenant has there.
    pub(crate) tenants: HashMap<TenantName, Share>,
}

/// What a tenant has on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// Meetings that live and are not about to end, without breakout rooms that have
    /// no row.
    pub(crate) meetings: u64,
    /// Users in its meetings, as the last poll counted them.
    pub(crate) users: u64,
}

impl Occupancy {
    /// What this tenant has there.
    pub(crate) fn share(&self, tenant: &TenantName) -> Share {
        self.tenants.get(tenant).copied().unwrap_or_default()
    }
}

/// A count, and what it was counted from.
#[derive(Debug)]
pub(crate) struct Kept {
    basis: Basis,
    occupancy: Arc<Occupancy>,
}

/// What is counted, and when.
#[derive(Clone, Debug)]
struct Basis {
    /// The directory's revision of the node's rows.
    revision: u64,
    snapshot: Arc<Snapshot>,
    now: Instant,
}

/// What is on a node now.
pub(crate) fn of(context: &Context, node: &NodeHandle) -> Arc<Occupancy> {
    let (directory, name) = (context.ledger.directory(), &node.node.name);
    // The revision before the rows: what changes in between is counted once more.
    let revision = directory.revision_of(name);
    let basis = Basis { revision, snapshot: node.snapshot(), now: Instant::now() };
    let snapshot = Arc::clone(&basis.snapshot);
    kept_or(&node.occupancy, basis, || {
        let of_node = std::iter::once((name, snapshot.as_ref()));
        let booked = directory.booked(of_node, None, clock::now()).pop().unwrap_or_default();
        count(booked, &snapshot, &directory.on_node(name))
    })
}

/// What is kept, if it still holds; else what is counted, which is then kept.
fn kept_or(
    kept: &ArcSwapOption<Kept>,
    basis: Basis,
    count: impl FnOnce() -> Occupancy,
) -> Arc<Occupancy> {
    if let Some(kept) = &*kept.load()
        && kept.basis.holds(&basis)
    {
        return Arc::clone(&kept.occupancy);
    }
    let occupancy = Arc::new(count());
    kept.store(Some(Arc::new(Kept { basis, occupancy: Arc::clone(&occupancy) })));
    occupancy
}

impl Basis {
    fn holds(&self, now: &Self) -> bool {
        self.revision == now.revision
            && Arc::ptr_eq(&self.snapshot, &now.snapshot)
            && now.now.saturating_duration_since(self.now) < AGE
    }
}

fn count(booked: Booked, snapshot: &Snapshot, rows: &[Arc<Generation>]) -> Occupancy {
    let mut tenants: HashMap<TenantName, Share> = HashMap::new();
    for row in rows {
        let here = Share { meetings: is_there(row).into(), users: users_by_row(snapshot, row) };
        match tenants.get_mut(&row.tenant) {
            Some(share) => {
                share.meetings += here.meetings;
                share.users += here.users;
            }
            None if here == Share::default() => {}
            None => drop(tenants.insert(row.tenant.clone(), here)),
        }
    }
    for (tenant, users) in snapshot.users_by_stamp() {
        tenants.entry(tenant.clone()).or_default().users += users;
    }
    Occupancy { begun: snapshot.begun, booked, rooms: snapshot.rooms(), tenants }
}

/// Users in a meeting that no stamp counts for its tenant: another balancer made it.
/// Those in breakout rooms are counted in their parent.
fn users_by_row(snapshot: &Snapshot, row: &Generation) -> u64 {
    let meeting = row.internal_meeting_id.as_ref().and_then(|id| snapshot.internal(id));
    let meeting = meeting.filter(|polled| polled.stamp.is_none() && !polled.facts.is_breakout);
    meeting.map_or(0, |polled| polled.facts.users.into())
}

/// Whether a meeting lives and is not about to end.
fn is_there(row: &Generation) -> bool {
    row.state == State::Live && row.end_requested_at.is_none()
}

#[cfg(test)]
mod tests {
    use bluegate_bbb_api::{MeetingFacts, stamp::Stamp};

    use super::*;
    use crate::{
        meetings::sample,
        nodes::{Listing, PolledMeeting},
    };

    #[test]
    fn a_count_is_kept_until_rows_poll_or_time_are_others() {
        let (kept, began) = (ArcSwapOption::empty(), Instant::now());
        let [first, second] = [1, 2].map(|begun| Arc::new(Snapshot::new(begun, Arc::default())));
        let mut counted = 0;
        for (revision, snapshot, after, wanted) in [
            (1, &first, Duration::ZERO, 1),
            (1, &first, AGE / 2, 1),
            (2, &first, AGE / 2, 2),
            (2, &second, AGE / 2, 3),
            (2, &second, AGE, 3),
            (2, &second, AGE * 3 / 2, 4),
        ] {
            let basis = Basis { revision, snapshot: Arc::clone(snapshot), now: began + after };
            let of = kept_or(&kept, basis, || {
                counted += 1;
                Occupancy { rooms: counted, ..Occupancy::default() }
            });
            assert_eq!((counted, of.rooms), (wanted, wanted), "{revision} {after:?}");
        }
    }

    #[test]
    fn meetings_are_counted_for_their_tenants_until_they_are_to_end() {
        let row = |id: &str, tenant: &str, state, ending: bool| {
            Arc::new(Generation {
                tenant: tenant.parse().unwrap(),
                internal_meeting_id: Some(format!("{id}-1")),
                end_requested_at: ending.then_some(1),
                ..sample::generation(&"bbb-01".parse().unwrap(), id, state)
            })
        };
        let rows = [
            row("a", "physics", State::Live, false),
            row("b", "physics", State::Live, true),
            row("c", "physics", State::Placing, false),
            row("d", "history", State::Live, false),
            // Another balancer made it: it has no stamp.
            row("e", "history", State::Live, false),
        ];
        let meetings = [
            (Some("physics"), "a", 7, false),
            (Some("physics"), "b", 2, false),
            (Some("physics"), "r", 5, true),
            (None, "e", 4, false),
            (None, "nobody-s", 30, false),
        ];
        let polled = meetings.map(|(tenant, id, users, is_breakout)| {
            Arc::new(polled(tenant, id, users, is_breakout))
        });
        let snapshot = Snapshot::new(1, Arc::new(Listing::new(polled.to_vec())));
        let counted = count(Booked::default(), &snapshot, &rows);
        let share = |tenant: &str| counted.tenants[&tenant.parse().unwrap()];
        assert_eq!(share("physics"), Share { meetings: 1, users: 9 });
        assert_eq!(share("history"), Share { meetings: 2, users: 4 });
        assert_eq!((counted.rooms, counted.begun), (1, 1));
    }

    fn polled(tenant: Option<&str>, id: &str, users: u32, is_breakout: bool) -> PolledMeeting {
        let of =
            |tenant: &str| Stamp { tenant: tenant.parse().unwrap(), meeting_id: id.to_owned() };
        let facts = MeetingFacts {
            external_id: id.to_owned(),
            internal_id: format!("{id}-1"),
            create_time: 1,
            users,
            audio: 0,
            video: 0,
            running: users > 0,
            is_breakout,
            parent: None,
            is_probe: false,
            stamp: None,
            store: None,
            voice_bridge: None,
        };
        PolledMeeting { facts, stamp: tenant.map(of), shown: String::new() }
    }
}
