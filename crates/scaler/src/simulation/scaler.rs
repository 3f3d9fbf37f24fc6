//! Scalers that carry the real decisions out, over one store.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
    time::Duration,
};

use bluegate_cluster::Mount;
use bluegate_store::{Generation, Observer, State};
use rand::{Rng, rngs::StdRng};
use tokio::time::Instant;

use super::{
    LOST_AFTER, STEP,
    shared::{Call, Shared, sign},
    world::{Meeting, World},
};
use crate::{
    health::{
        Health, Record, boot,
        observers::Observers,
        outlook::{Outlook, Seen, Terms},
    },
    meetings::{
        life::{self, Entering, Listed, Patience, Standing, Verdict},
        sample,
        twin::TwinWatch,
        twins::{self, Own, Resolution},
    },
};

const PATIENCE: Patience = Patience {
    create: Duration::from_secs(10),
    settle: Duration::from_secs(4),
    end: Duration::from_secs(20),
};
const TERMS: Terms = Terms { lost_after: Duration::from_millis(LOST_AFTER as u64) };
/// How long users may take to come to a copy that was made anew, in ms.
const TWIN_PATIENCE: i64 = 20_000;
/// How long another scaler's word holds.
const OBSERVER_PATIENCE: Duration = Duration::from_secs(10);

/// The moment that simulated times are counted from.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

fn instant(now: i64) -> Instant {
    *BEGINNING + Duration::from_millis(u64::try_from(now).unwrap())
}

/// What a node said in its last answered poll.
#[derive(Clone, Default)]
struct Snapshot {
    begun: i64,
    meetings: Vec<Meeting>,
}

/// A scaler.
pub(super) struct Replica {
    pub(super) index: usize,
    pub(super) records: Vec<Record>,
    pub(super) frozen: bool,
    outlook: Outlook,
    observers: Observers,
    beat: i64,
    snapshots: Vec<Snapshot>,
    /// What a poll brought that is not concluded yet.
    pending: Vec<Option<Snapshot>>,
    booted_at: Vec<i64>,
    watches: Vec<TwinWatch>,
    answered_at: Vec<i64>,
}

impl Replica {
    pub(super) fn new(index: usize, nodes: usize) -> Self {
        Self {
            index,
            records: vec![Record::default(); nodes],
            frozen: false,
            outlook: Outlook::default(),
            observers: Observers::default(),
            beat: 0,
            snapshots: vec![Snapshot::default(); nodes],
            pending: vec![None; nodes],
            booted_at: vec![0; nodes],
            watches: (0..nodes).map(|_| TwinWatch::default()).collect(),
            answered_at: vec![0; nodes],
        }
    }

    /// A new process in its place; it reads from the store which nodes are lost.
    pub(super) fn restarted(index: usize, nodes: usize, shared: &Shared, now: i64) -> Self {
        let mut replica = Self::new(index, nodes);
        for (node, record) in replica.records.iter_mut().enumerate() {
            if shared.losses.iter().any(|name| name.as_str() == format!("bbb-{node:02}")) {
                *record = record.given_up();
            }
        }
        replica.answered_at.fill(now);
        replica
    }

    fn hears(&self, node: usize) -> bool {
        self.snapshots[node].begun > 0 && self.records[node].silent_since().is_none()
    }

    /// Polls all nodes; some answers take until the next step.
    pub(super) fn poll(
        &mut self,
        random: &mut StdRng,
        world: &mut World,
        shared: &mut Shared,
        now: i64,
    ) {
        for node in 0..world.nodes.len() {
            let late = self.pending[node].take();
            if let Some(snapshot) = late {
                self.conclude(node, &snapshot, world, shared, now);
                continue;
            }
            if !world.answers(self.index, node) || (world.loses_packets && random.random_bool(0.01))
            {
                self.records[node] = self.records[node].failed(instant(now));
                continue;
            }
            let listed = if world.nodes[node].lies { &[][..] } else { &world.nodes[node].meetings };
            let snapshot = Snapshot { begun: now, meetings: listed.to_vec() };
            if random.random_bool(0.2) {
                self.pending[node] = Some(snapshot);
            } else {
                self.conclude(node, &snapshot, world, shared, now);
            }
        }
    }

    fn conclude(
        &mut self,
        node: usize,
        snapshot: &Snapshot,
        world: &mut World,
        shared: &mut Shared,
        now: i64,
    ) {
        let name = world.nodes[node].name.clone();
        self.answered_at[node] = now;
        if self.records[node].is_silent() && shared.up {
            let rows = shared.rows.iter();
            let live = rows.filter(|row| row.node == name && row.state == State::Live);
            let before: Vec<&str> =
                live.filter_map(|row| row.internal_meeting_id.as_deref()).collect();
            let now_there = snapshot.meetings.iter().map(|meeting| meeting.internal.as_str());
            if boot::is_new(before, now_there) {
                self.booted_at[node] = snapshot.begun;
                shared.count.boots += 1;
            }
        }
        self.records[node] = self.records[node].answered();
        self.snapshots[node] = snapshot.clone();
        if shared.up {
            self.judge(node, &name, snapshot, world, shared, now);
            self.strangers(node, &name, snapshot, world, shared, now);
        }
    }

    fn judge(
        &self,
        node: usize,
        name: &Mount,
        snapshot: &Snapshot,
        world: &World,
        shared: &mut Shared,
        now: i64,
    ) {
        let rows = shared.rows.iter().filter(|row| row.node == *name && row.state.is_open());
        for row in rows.cloned().collect::<Vec<_>>() {
            let listed = snapshot.meetings.iter().find(|meeting| match &row.internal_meeting_id {
                Some(internal) => meeting.internal == *internal,
                None => meeting.external == row.node_meeting_id,
            });
            let is_listed = if listed.is_some() { Listed::Yes } else { Listed::No };
            match life::judge(&row, is_listed, snapshot.begun, PATIENCE, now) {
                Verdict::Nothing | Verdict::Unhide => {}
                Verdict::Lives => {
                    if let Some(meeting) = listed {
                        let id = shared.new_id();
                        shared.lives(row, sign(meeting), id, world, now);
                    }
                }
                Verdict::Doubt => shared.change(&row.id, world, |mut row| {
                    row.state = State::Uncertain;
                    row.in_flight = 0;
                    Some(row)
                }),
                verdict @ (Verdict::AskLife | Verdict::AskMeeting) => {
                    // The lie ends where it is asked for a meeting by its ID.
                    if !world.answers(self.index, node) {
                        continue;
                    }
                    let meetings = &world.nodes[node].meetings;
                    let found = meetings.iter().find(|meeting| match &row.internal_meeting_id {
                        Some(internal) => meeting.internal == *internal,
                        None => meeting.external == row.node_meeting_id,
                    });
                    match found {
                        Some(meeting) if verdict == Verdict::AskMeeting => {
                            let id = shared.new_id();
                            shared.lives(row, sign(meeting), id, world, now);
                        }
                        Some(_) => {}
                        None => {
                            let booted_at = self.booted_at[node];
                            shared.change(&row.id, world, |row| {
                                let may_end = life::may_end(&row, now, PATIENCE, now);
                                may_end.then(|| life::gone(row, booted_at, now))
                            });
                        }
                    }
                }
            }
        }
    }

    /// Adopts what no row stands for, and resolves twins.
    fn strangers(
        &mut self,
        node: usize,
        name: &Mount,
        snapshot: &Snapshot,
        world: &mut World,
        shared: &mut Shared,
        now: i64,
    ) {
        for meeting in &snapshot.meetings {
            let known =
                |row: &Generation| row.internal_meeting_id.as_ref() == Some(&meeting.internal);
            if shared.rows.iter().any(|row| row.state.is_open() && known(row)) {
                continue;
            }
            let Some(open) = shared.open_of(&meeting.external) else {
                let ended_since = shared
                    .rows
                    .iter()
                    .any(|row| known(row) && row.ended_at.is_none_or(|at| at >= snapshot.begun));
                if !ended_since {
                    let id = shared.new_id();
                    let fresh = row(&id, &meeting.external, name, now);
                    shared.write(life::born(&fresh, sign(meeting), id, now), world);
                }
                continue;
            };
            if open.node == *name {
                continue;
            }
            let own_node = world.index(&open.node);
            let own = &self.snapshots[own_node];
            let live_at = open.live_at.unwrap_or(now);
            let current = open.state == State::Live
                && self.records[own_node].health() == Health::Healthy
                && own.begun > live_at;
            let copy = own
                .meetings
                .iter()
                .find(|m| Some(&m.internal) == open.internal_meeting_id.as_ref());
            let users = copy.filter(|_| current).map(|copy| copy.users);
            let own = Own { users, settled: now - live_at >= TWIN_PATIENCE };
            let resolution = twins::resolve(own, meeting.users);
            let seen = self.watches[node].see(&meeting.internal, resolution);
            if !seen.is_sure || !world.answers(self.index, node) {
                continue;
            }
            match resolution {
                Resolution::KeepBoth => {}
                Resolution::EndOther => {
                    let really = world.nodes[node].meetings.iter();
                    let users = really.filter(|m| m.internal == meeting.internal).map(|m| m.users);
                    assert_eq!(
                        users.sum::<u32>(),
                        0,
                        "users are thrown out of {meeting:?}",
                        meeting = meeting.internal
                    );
                    world.end(node, &meeting.internal);
                    shared.count.twins_ended += 1;
                }
                Resolution::KeepOther => {
                    assert_eq!(users, Some(0), "the other copy is kept although ours has users");
                    let superseded = life::superseded(open.clone(), now);
                    let id = shared.new_id();
                    let mut kept = life::born(&superseded, sign(meeting), id, now);
                    kept.node = name.clone();
                    shared.write(superseded, world);
                    shared.write(kept, world);
                    shared.count.kept_other += 1;
                    if world.answers(self.index, own_node) {
                        world.end(own_node, open.internal_meeting_id.as_ref().unwrap());
                    }
                }
            }
        }
    }

    /// The overseer's look.
    pub(super) fn look(&mut self, world: &World, shared: &mut Shared, now: i64) {
        if shared.up {
            self.exchange(world, shared, now);
        }
        let seen: Vec<Seen> = self
            .records
            .iter()
            .zip(&world.nodes)
            .map(|(record, node)| Seen {
                record: *record,
                heard_elsewhere: self.observers.hear(&node.name),
            })
            .collect();
        let judgement = self.outlook.look(&seen, TERMS, instant(now));
        shared.count.freezes += usize::from(judgement.frozen && !self.frozen);
        self.frozen = judgement.frozen;
        for node in judgement.lost {
            self.check_loss(node, now);
            if shared.up {
                shared.losses.insert(world.nodes[node].name.clone());
                shared.count.losses += 1;
                self.records[node] = self.records[node].lost(instant(now));
            }
        }
    }

    fn exchange(&mut self, world: &World, shared: &mut Shared, now: i64) {
        self.beat += 1;
        let heard = (0..world.nodes.len()).filter(|node| self.hears(*node));
        let hears = heard.map(|node| world.nodes[node].name.clone()).collect();
        let own = Observer { id: self.index.to_string(), beat: self.beat, hears };
        shared.observers.insert(self.index, own);
        let others = shared.observers.iter().filter(|(index, _)| **index != self.index);
        let said = others.map(|(_, observer)| observer.clone()).collect();
        self.observers.update(said, OBSERVER_PATIENCE, instant(now));
        for (node, real) in world.nodes.iter().enumerate() {
            let lost = shared.losses.contains(&real.name);
            match (self.records[node].health(), lost) {
                (Health::Lost, false) => {
                    self.records[node] = self.records[node].heard_by_another();
                }
                (Health::Healthy | Health::Suspect, true) if self.hears(node) => {
                    shared.losses.remove(&real.name);
                    shared.found_at.insert(real.name.clone(), now);
                }
                (Health::Healthy | Health::Suspect, true) => {
                    self.records[node] = self.records[node].lost(instant(now));
                }
                _ => {}
            }
        }
    }

    /// What must be true of a loss, by what really was answered.
    fn check_loss(&self, node: usize, now: i64) {
        let silent = now - self.answered_at[node];
        assert!(silent >= LOST_AFTER, "node {node} lost after {silent} ms");
        let others = (0..self.records.len())
            .filter(|other| *other != node && self.records[*other].health() != Health::Lost);
        let others: Vec<usize> = others.collect();
        // An answer that takes until the next step is still one.
        let fresh = |other: &&usize| now - self.answered_at[**other] <= 2 * STEP;
        let answer = others.iter().filter(fresh).count();
        assert!(
            answer * 2 > others.len(),
            "node {node} lost by one who is cut off: {answer} of {others:?}"
        );
    }

    /// A frontend's create, as far as the call being sent.
    pub(super) fn create(
        &mut self,
        random: &mut StdRng,
        world: &World,
        shared: &mut Shared,
        meeting: usize,
        now: i64,
    ) {
        if !shared.up {
            return;
        }
        let meeting_id = format!("m{meeting}");
        let open = shared.open_of(&meeting_id);
        let health: HashMap<&Mount, Health> =
            world.nodes.iter().zip(&self.records).map(|(n, r)| (&n.name, r.health())).collect();
        let usable: HashSet<&Mount> =
            health.iter().filter(|(_, h)| **h == Health::Healthy).map(|(n, _)| *n).collect();
        let choose = |random: &mut StdRng| {
            let mut all: Vec<&Mount> = usable.iter().copied().collect();
            all.sort();
            (!all.is_empty()).then(|| all[random.random_range(0..all.len())].clone())
        };
        let standing = |node: &Mount| match health[node] {
            Health::Lost => Standing::Lost,
            Health::Healthy => Standing::Usable,
            Health::Suspect => Standing::Unusable,
        };
        let (row, counted) = match life::entering(open, standing, PATIENCE, now) {
            Entering::Live(row) => (row, false),
            Entering::Wait => return,
            Entering::Join(row) => (row, true),
            Entering::Move(mut row) => {
                let Some(node) = choose(random) else { return };
                row.node = node;
                (row, true)
            }
            Entering::Replace(superseded) => {
                let Some(node) = choose(random) else { return };
                shared.supersede(superseded, world, now);
                let id = shared.new_id();
                (row(&id, &meeting_id, &node, now), true)
            }
            Entering::Place => {
                let Some(node) = choose(random) else { return };
                let id = shared.new_id();
                (row(&id, &meeting_id, &node, now), true)
            }
        };
        if counted {
            shared.write(row.clone(), world);
        }
        let node = world.index(&row.node);
        if !world.connects(self.index, node) {
            // Not sent: the node certainly did not see it.
            self.records[node] = self.records[node].refused();
            if counted {
                shared.change(&row.id, world, |row| Some(life::left(row, false)));
            }
            return;
        }
        let arrives_at = now + STEP * random.random_range(0..3);
        let gives_up_at = now + 10_000;
        shared.calls.push(Call { replica: self.index, row, counted, arrives_at, gives_up_at });
    }
}

fn row(id: &str, meeting_id: &str, node: &Mount, now: i64) -> Generation {
    Generation {
        id: id.to_owned(),
        in_flight: 1,
        attempted_at: now,
        first_answered: false,
        created_at: now,
        ..sample::generation(node, meeting_id, State::Placing)
    }
}
