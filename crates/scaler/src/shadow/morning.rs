//! What is where, as far as calls tell: once as we would have placed it, once as
//! the other balancer did.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use bluegate_cluster::{Mount, TenantName};
use bluegate_store::{Generation, State};

use crate::placement::{Count, Polled, Totals};

/// How long an empty meeting goes on.
const EMPTY: i64 = 5 * 60 * 1000;
/// A minute.
const MINUTE: i64 = 60 * 1000;

/// A meeting, by tenant and ID.
pub(super) type Key = (TenantName, String);

/// Where we would have placed a meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On this node.
    At(Mount),
    /// On none.
    Nowhere,
    /// It was there before the first call.
    Unseen,
}

/// A meeting that goes on.
#[derive(Debug)]
struct Meeting {
    begun: i64,
    ours: Place,
    theirs: Option<Mount>,
    reserved: u32,
    joined: Vec<User>,
}

/// A user who came.
#[derive(Clone, Copy, Debug)]
struct User {
    at: i64,
    /// Whether we would have let them in.
    comes: bool,
}

impl Meeting {
    fn our_users(&self) -> u64 {
        self.joined.iter().filter(|user| user.comes).count() as u64
    }
}

/// A placement whose other side is known.
#[derive(Clone, Debug)]
pub(super) struct Compared {
    pub(super) at: i64,
    pub(super) key: Key,
    pub(super) ours: Mount,
    pub(super) theirs: Mount,
}

/// Users and meetings on one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) users: u64,
    pub(super) meetings: u64,
}

/// The loads of one minute, ours and theirs, by node.
#[derive(Clone, Debug, Default)]
pub(super) struct Minute {
    pub(super) at: i64,
    pub(super) users: u64,
    pub(super) ours: BTreeMap<Mount, Load>,
    pub(super) theirs: BTreeMap<Mount, Load>,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Morning {
    nodes: Vec<Mount>,
    stay: i64,
    open: HashMap<Key, Meeting>,
    placed: u64,
    pub(super) first: Option<i64>,
    pub(super) last: i64,
    pub(super) unseen: u64,
    /// Whether it was ever told where a user was sent.
    pub(super) compares: bool,
    pub(super) same: u64,
    pub(super) differing: Vec<Compared>,
    /// The minute with most users.
    pub(super) busiest: Minute,
    /// The widest gap between two nodes in any minute, ours and theirs.
    pub(super) gap: (u64, u64),
}

impl Morning {
    pub(super) fn new(nodes: Vec<Mount>, stay: Duration) -> Self {
        Self {
            nodes,
            stay: i64::try_from(stay.as_millis()).unwrap_or(i64::MAX),
            open: HashMap::new(),
            placed: 0,
            first: None,
            last: 0,
            unseen: 0,
            compares: false,
            same: 0,
            differing: Vec::new(),
            busiest: Minute::default(),
            gap: (0, 0),
        }
    }

    /// Time goes on to `at`: what is over goes, and full minutes are counted.
    pub(super) fn pass(&mut self, at: i64) {
        self.first.get_or_insert(at);
        let mut minute = self.last / MINUTE + 1;
        // A night without calls is one step.
        if self.last == 0 || at / MINUTE - minute > 24 * 60 {
            minute = at / MINUTE;
        }
        while minute * MINUTE <= at {
            self.leave(minute * MINUTE);
            self.count(minute * MINUTE);
            minute += 1;
        }
        self.last = self.last.max(at);
    }

    /// Nothing more comes: the minute that is not full is counted as it stands.
    pub(super) fn close(&mut self) {
        self.count(self.last);
    }

    fn leave(&mut self, now: i64) {
        let stay = self.stay;
        self.open.retain(|_, meeting| {
            let left = meeting.joined.last().map_or(meeting.begun, |last| last.at + stay);
            meeting.joined.retain(|user| user.at + stay > now);
            !meeting.joined.is_empty() || now - left < EMPTY
        });
    }

    fn count(&mut self, now: i64) {
        let empty = || self.nodes.iter().map(|node| (node.clone(), Load::default())).collect();
        let mut minute = Minute { at: now, users: 0, ours: empty(), theirs: empty() };
        for meeting in self.open.values() {
            let Place::At(ours) = &meeting.ours else { continue };
            // What is known of both is compared; where nothing is known of the
            // other balancer, we are shown alone.
            if meeting.theirs.is_none() && self.compares {
                continue;
            }
            let (users, our_users) = (meeting.joined.len() as u64, meeting.our_users());
            minute.users += users;
            let theirs = meeting.theirs.as_ref();
            let ours = std::iter::once((minute.ours.get_mut(ours), our_users));
            let theirs = theirs.map(|node| (minute.theirs.get_mut(node), users));
            for (load, users) in ours.chain(theirs) {
                if let Some(load) = load {
                    load.users += users;
                    load.meetings += 1;
                }
            }
        }
        let gap = |loads: &BTreeMap<Mount, Load>| {
            let users = || loads.values().map(|load| load.users);
            users().max().unwrap_or(0) - users().min().unwrap_or(0)
        };
        self.gap = (self.gap.0.max(gap(&minute.ours)), self.gap.1.max(gap(&minute.theirs)));
        if minute.users > self.busiest.users {
            self.busiest = minute;
        }
    }

    pub(super) fn is_open(&self, key: &Key) -> bool {
        self.open.contains_key(key)
    }

    /// Whether we refused it.
    pub(super) fn is_nowhere(&self, key: &Key) -> bool {
        self.open.get(key).is_some_and(|meeting| meeting.ours == Place::Nowhere)
    }

    /// What a tenant would have here now.
    pub(super) fn held_by(&self, tenant: &TenantName) -> Load {
        let its = self
            .open
            .iter()
            .filter(|((whose, _), meeting)| whose == tenant && meeting.ours != Place::Nowhere);
        its.fold(Load::default(), |load, (_, meeting)| Load {
            users: load.users + meeting.our_users(),
            meetings: load.meetings + 1,
        })
    }

    /// Meetings that we placed.
    pub(super) fn placed(&self) -> u64 {
        self.placed
    }

    pub(super) fn begin(&mut self, at: i64, key: Key, ours: Place, reserved: u32) {
        self.placed += u64::from(matches!(ours, Place::At(_)));
        let meeting = Meeting { begun: at, ours, theirs: None, reserved, joined: Vec::new() };
        self.open.insert(key, meeting);
    }

    /// Somebody came, and was sent to this node; we would have let them in if
    /// `comes`.
    pub(super) fn join(&mut self, at: i64, key: Key, theirs: Option<Mount>, comes: bool) {
        self.compares |= theirs.is_some();
        if !self.is_open(&key) {
            self.unseen += 1;
            self.begin(at, key.clone(), Place::Unseen, 0);
        }
        let Some(meeting) = self.open.get_mut(&key) else { return };
        meeting.joined.push(User { at, comes });
        let (None, Some(theirs)) = (&meeting.theirs, theirs) else { return };
        meeting.theirs = Some(theirs.clone());
        match &meeting.ours {
            Place::At(ours) if *ours == theirs => self.same += 1,
            Place::At(ours) => {
                let (at, ours) = (meeting.begun, ours.clone());
                self.differing.push(Compared { at, key, ours, theirs });
            }
            // Where it was before, it is for both.
            Place::Unseen => meeting.ours = Place::At(theirs),
            Place::Nowhere => {}
        }
    }

    pub(super) fn end(&mut self, key: &Key) {
        self.open.remove(key);
    }

    /// Meetings whose other side was never told: nobody's `Location` was logged.
    pub(super) fn uncompared(&self) -> u64 {
        self.placed.saturating_sub(self.same + self.differing.len() as u64)
    }

    /// The nodes as polls would show them, in their order, and our open rows.
    pub(super) fn polls(&self, now: i64) -> (Vec<Poll>, Vec<Generation>) {
        let mut polls: Vec<Poll> = self.nodes.iter().map(|_| Poll::default()).collect();
        let mut open = Vec::new();
        for ((tenant, id), meeting) in &self.open {
            let Place::At(node) = &meeting.ours else { continue };
            let index = self.nodes.iter().position(|known| known == node);
            let Some(poll) = index.and_then(|index| polls.get_mut(index)) else { continue };
            let staying =
                meeting.joined.iter().filter(|user| user.comes && user.at + self.stay > now);
            let count = Count { users: staying.count() as u64, ..Count::default() };
            let row = row(tenant, id, node, meeting);
            poll.totals.count.users += count.users;
            poll.totals.meetings += 1;
            poll.meetings.insert(row.id.clone(), count);
            open.push(row);
        }
        (polls, open)
    }
}

/// A node's list, reckoned.
#[derive(Debug, Default)]
pub(super) struct Poll {
    meetings: HashMap<String, Count>,
    totals: Totals,
}

impl Polled for Poll {
    fn of(&self, generation: &Generation) -> Option<Count> {
        self.meetings.get(&generation.id).copied()
    }

    fn totals(&self) -> Totals {
        self.totals
    }
}

fn row(tenant: &TenantName, id: &str, node: &Mount, meeting: &Meeting) -> Generation {
    Generation {
        id: format!("{tenant}/{id}"),
        tenant: tenant.clone(),
        meeting_id: id.to_owned(),
        node: node.clone(),
        node_meeting_id: id.to_owned(),
        state: State::Live,
        internal_meeting_id: None,
        create_time: None,
        voice_bridge: None,
        in_flight: 0,
        attempted_at: meeting.begun,
        first_answered: true,
        reserved: meeting.reserved.into(),
        description: None,
        created_at: meeting.begun,
        live_at: Some(meeting.begun),
        end_requested_at: None,
        ended_at: None,
    }
}
