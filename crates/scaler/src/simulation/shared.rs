//! The store that all scalers share, and the create calls that are on their way.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bluegate_cluster::Mount;
use bluegate_store::{Generation, Observer, State};
use rand::{Rng, rngs::StdRng};

use super::{
    STEP,
    count::Count,
    world::{Meeting, World},
};
use crate::meetings::life::{self, Lives, Sign};

/// How long closed rows stay, in ms: longer than any call is on its way.
const KEEP_ENDED: i64 = 120_000;

/// The store, and create calls on their way.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) up: bool,
    pub(super) rows: Vec<Generation>,
    pub(super) losses: BTreeSet<Mount>,
    /// When nodes were taken back.
    pub(super) found_at: BTreeMap<Mount, i64>,
    pub(super) observers: HashMap<usize, Observer>,
    pub(super) calls: Vec<Call>,
    pub(super) count: Count,
    pub(super) ids: u64,
}

/// A create call on its way to a node.
pub(super) struct Call {
    pub(super) replica: usize,
    pub(super) row: Generation,
    pub(super) counted: bool,
    pub(super) arrives_at: i64,
    pub(super) gives_up_at: i64,
}

impl Shared {
    pub(super) fn open(&self, meeting: usize) -> Option<&Generation> {
        let id = format!("m{meeting}");
        self.rows.iter().find(|row| row.meeting_id == id && row.state.is_open())
    }

    /// Closed rows go in time.
    pub(super) fn forget(&mut self, now: i64) {
        self.rows.retain(|row| row.ended_at.is_none_or(|ended| now - ended < KEEP_ENDED));
    }

    pub(super) fn row(&self, id: &str) -> Option<Generation> {
        self.rows.iter().find(|row| row.id == id).cloned()
    }

    pub(super) fn open_of(&self, meeting_id: &str) -> Option<Generation> {
        self.rows.iter().find(|row| row.meeting_id == meeting_id && row.state.is_open()).cloned()
    }

    pub(super) fn new_id(&mut self) -> String {
        self.ids += 1;
        format!("g{}", self.ids)
    }

    /// Writes a row; what may not happen to it is checked against the world.
    pub(super) fn write(&mut self, row: Generation, world: &World) {
        let Some(at) = self.rows.iter().position(|known| known.id == row.id) else {
            assert!(self.open_of(&row.meeting_id).is_none_or(|_| !row.state.is_open()));
            self.rows.push(row);
            return;
        };
        let before = &self.rows[at];
        let there = |row: &Generation| {
            row.internal_meeting_id.as_ref().is_some_and(|id| world.has(&row.node, id))
        };
        if before.state.is_open() && row.state == State::Ended {
            assert!(!there(before), "ended while its node has it: {before:?}");
            self.count.ended += 1;
        }
        if before.state.is_open() && row.state == State::Superseded {
            self.count.superseded += 1;
        }
        if before.state == State::Live && row.state.is_open() {
            assert_eq!(before.node, row.node, "a live meeting was moved");
        }
        if before.state == State::Uncertain && row.state.is_open() {
            assert_eq!(before.node, row.node, "a pinned meeting was moved");
        }
        if before.state == State::Placing && row.state == State::Uncertain {
            self.count.uncertain += 1;
        }
        self.rows[at] = row;
    }

    /// A live row is superseded by a create: only when its node is lost.
    pub(super) fn supersede(&mut self, row: Generation, world: &World, now: i64) {
        // Another scaler may have heard it since this one's last look.
        let just_found = self.found_at.get(&row.node).is_some_and(|found| now - found <= STEP);
        let lost = self.losses.contains(&row.node) || just_found;
        assert!(lost, "superseded, its node not lost: {row:?}");
        self.write(row, world);
    }

    pub(super) fn change(
        &mut self,
        id: &str,
        world: &World,
        change: impl FnOnce(Generation) -> Option<Generation>,
    ) {
        let row = self.row(id).filter(|row| row.state.is_open());
        if let Some(row) = row.and_then(change) {
            self.write(row, world);
        }
    }

    /// Create calls arrive, are answered, or are given up.
    pub(super) fn deliver(&mut self, random: &mut StdRng, world: &mut World, now: i64) {
        let all = std::mem::take(&mut self.calls).into_iter();
        let (due, waiting): (Vec<Call>, _) = all.partition(|call| call.arrives_at <= now);
        self.calls = waiting;
        for call in due {
            let node = world.index(&call.row.node);
            if !world.connects(call.replica, node) {
                // Sent, and the answer never came.
                self.unanswered(&call, world);
                continue;
            }
            // Whoever waits: a node that hangs acts on it one day, too.
            let meeting = world.create(node, &call.row.node_meeting_id);
            let answered = !world.nodes[node].hangs && random.random_bool(0.9);
            if answered && now < call.gives_up_at {
                self.succeeded(&call, &meeting, world, now);
            } else {
                self.unanswered(&call, world);
            }
        }
    }

    pub(super) fn unanswered(&mut self, call: &Call, world: &World) {
        if call.counted && self.up {
            self.change(&call.row.id, world, |row| Some(life::unanswered(row)));
        }
    }

    pub(super) fn succeeded(&mut self, call: &Call, meeting: &Meeting, world: &World, now: i64) {
        if !self.up {
            return;
        }
        let entered = &call.row;
        let current = match self.row(&entered.id) {
            Some(row) if row.state.is_open() => {
                Some(if call.counted { life::left(row, false) } else { row })
            }
            Some(row) if row.internal_meeting_id.as_ref() == Some(&meeting.internal) => return,
            _ => self.open_of(&entered.meeting_id),
        };
        self.count.created += 1;
        let id = self.new_id();
        match current {
            Some(row) if row.node != entered.node => {}
            Some(row) => self.lives(row, sign(meeting), id, world, now),
            None => self.write(life::born(entered, sign(meeting), id, now), world),
        }
    }

    pub(super) fn lives(
        &mut self,
        row: Generation,
        sign: Sign,
        id: String,
        world: &World,
        now: i64,
    ) {
        match life::lives(row, sign, id, now) {
            Lives::This(row) | Lives::Former(row) => self.write(row, world),
            Lives::Next { ended, born } => {
                self.write(*ended, world);
                self.write(*born, world);
            }
        }
    }
}

pub(super) fn sign(meeting: &Meeting) -> Sign {
    Sign {
        internal_meeting_id: meeting.internal.clone(),
        create_time: meeting.create_time,
        voice_bridge: None,
        description: None,
    }
}
