//! Years of chance for a meeting's life and the nodes' health, in one thread and
//! without a clock: nodes that die, reboot, lie, are cut off; scalers that restart;
//! a store that is away; frontends that create whatever is not there.
//!
//! The decisions are the real ones (`health`, `outlook`, `observers`, `boot`,
//! `life`, `twins`); what carries them out here is `simulation/scaler.rs`. After
//! every change of a row the world itself is looked at: what the design says must
//! always hold has to be true of it.

mod count;
mod scaler;
mod shared;
mod world;

use std::collections::BTreeSet;

use bluegate_store::State;
use rand::{Rng, SeedableRng, rngs::StdRng};

use self::{count::Count, scaler::Replica, shared::Shared, world::World};
use crate::health::Health;

/// One step, in ms: the time between two polls.
const STEP: i64 = 2_000;
/// Silence, in ms, after which a node is lost.
const LOST_AFTER: i64 = 20_000;
/// Meetings that frontends know of.
const MEETINGS: usize = 5;

/// A whole story.
struct Simulation {
    random: StdRng,
    world: World,
    shared: Shared,
    replicas: Vec<Replica>,
    now: i64,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let (nodes, replicas) = (random.random_range(1..8), random.random_range(1..4));
        let world = World::new(nodes, replicas);
        let replicas = (0..replicas).map(|index| Replica::new(index, nodes)).collect();
        let shared = Shared { up: true, ..Shared::default() };
        Self { random, world, shared, replicas, now: 1_000_000 }
    }

    /// Lets time pass; trouble comes with this probability per step.
    fn pass(&mut self, steps: usize, trouble: f64) {
        for _ in 0..steps {
            self.now += STEP;
            let troubled = trouble > 0.0;
            self.world.users_come_and_go(&mut self.random, &self.shared, troubled);
            self.world.loses_packets = troubled;
            self.shared.forget(self.now);
            if self.random.random_bool(trouble) {
                self.strike();
            }
            let Self { random, world, shared, replicas, now } = self;
            shared.deliver(random, world, *now);
            for replica in replicas.iter_mut() {
                replica.poll(random, world, shared, *now);
                replica.look(world, shared, *now);
            }
            for _ in 0..random.random_range(0..3) {
                let meeting = random.random_range(0..MEETINGS);
                let replica = random.random_range(0..replicas.len());
                replicas[replica].create(random, world, shared, meeting, *now);
            }
            self.check();
        }
    }

    /// Something happens.
    fn strike(&mut self) {
        let Self { random, world, shared, replicas, now } = self;
        let (node, replica) =
            (random.random_range(0..world.nodes.len()), random.random_range(0..replicas.len()));
        match random.random_range(0..12) {
            0 | 1 => world.power_off(node),
            2 | 3 => world.nodes[node].up = true,
            4 => world.nodes[node].hangs ^= true,
            5 => world.nodes[node].lies ^= true,
            6 => world.cut[replica][node] ^= true,
            7 => world.cut[replica].fill(true),
            8 => world.cut[replica].fill(false),
            9 => shared.up ^= true,
            10 if shared.up => {
                let restarted = Replica::restarted(replica, world.nodes.len(), shared, *now);
                replicas[replica] = restarted;
            }
            _ => world.mend(),
        }
    }

    /// What must hold between any two steps.
    fn check(&self) {
        let mut open = BTreeSet::new();
        for row in self.shared.rows.iter().filter(|row| row.state.is_open()) {
            assert!(open.insert(&row.meeting_id), "two open generations of {}", row.meeting_id);
        }
    }

    /// All is well again, for long: nothing is left of the trouble.
    fn settle(&mut self) {
        self.world.mend();
        self.shared.up = true;
        self.pass(120, 0.0);
        for replica in &self.replicas {
            assert!(!replica.frozen, "frozen although all nodes answer");
            for (node, record) in replica.records.iter().enumerate() {
                assert_eq!(record.health(), Health::Healthy, "node {node} of {}", replica.index);
            }
        }
        assert!(self.shared.losses.is_empty());
        for row in self.shared.rows.iter().filter(|row| row.state.is_open()) {
            assert!(
                row.state == State::Live || self.now - row.attempted_at < 120_000,
                "a row is stuck: {row:?}"
            );
            if let Some(internal) = &row.internal_meeting_id {
                let there = self.world.has(&row.node, internal);
                assert!(there || self.now - row.live_at.unwrap() < 30_000, "it is gone: {row:?}");
            }
        }
        let mut copies = BTreeSet::new();
        for meeting in self.world.nodes.iter().flat_map(|node| &node.meetings) {
            let twin = !copies.insert(&meeting.external);
            assert!(!twin, "{} still lives twice, {} users", meeting.external, meeting.users);
        }
    }
}

/// Stories per test; the tests run beside one another.
const STORIES: u64 = 500;

fn run(part: u64) {
    for seed in part * STORIES..(part + 1) * STORIES {
        // An assertion that fails names the seed that leads there.
        let story = std::panic::catch_unwind(|| {
            let mut simulation = Simulation::new(seed);
            simulation.pass(150, 0.12);
            simulation.settle();
            simulation.shared.count
        });
        let Ok(_) = story else { panic!("seed {seed}") };
    }
}

#[test]
fn two_thousand_stories_keep_every_meeting_in_one_place_1() {
    run(0);
}

#[test]
fn two_thousand_stories_keep_every_meeting_in_one_place_2() {
    run(1);
}

#[test]
fn two_thousand_stories_keep_every_meeting_in_one_place_3() {
    run(2);
}

#[test]
fn two_thousand_stories_keep_every_meeting_in_one_place_4() {
    run(3);
}

/// A simulation in which nothing happens proves nothing.
#[test]
fn the_stories_are_eventful() {
    let mut all = Count::default();
    for seed in 0..200 {
        let mut simulation = Simulation::new(seed);
        simulation.pass(150, 0.12);
        simulation.settle();
        all.add(simulation.shared.count);
    }
    assert!(all.is_eventful(), "{all:?}");
}
