//! Days of clusters, made up from seeds: what must hold whatever happens.
//!
//! Meetings begin, fill, empty and end; nodes fail, return, are cordoned and let
//! in again, have limits, weights and tags. A failure prints its seed.

use std::collections::BTreeMap;

use bluegate_store::Generation;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{
    tests::{TestNode, decide_among, generation},
    *,
};

const SEEDS: u64 = 2_000;
const STEPS: usize = 60;
const TAGS: [&str; 3] = ["gpu", "eu", "lab"];

/// A cluster and its open meetings.
struct World {
    random: StdRng,
    nodes: Vec<TestNode>,
    open: Vec<Generation>,
    now: i64,
    begun: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let count = random.random_range(1..12);
        let nodes = (0..count).map(|n| node(&mut random, &format!("n{n}"))).collect();
        Self { random, nodes, open: Vec::new(), now: 0, begun: 0 }
    }

    fn step(&mut self) {
        self.now += self.random.random_range(0..120_000);
        match self.random.random_range(0..10) {
            0..=4 => self.begin(),
            5 | 6 => self.fill(),
            7 => self.end(),
            8 => self.strike(),
            _ => self.cordon(),
        }
    }

    /// A create call, and what must hold of where it went.
    fn begin(&mut self) {
        let wishes = wishes(&mut self.random);
        let expected = self.random.random_range(1..60);
        let seed = self.random.random();
        let decision = decide_among(&self.nodes, &self.open, &wishes, expected, self.now, seed);
        let Some(chosen) = &decision.node else {
            self.nobody_could(&wishes, expected);
            return;
        };
        let node = self.nodes.iter().find(|node| node.name.as_str() == chosen).unwrap();
        assert_eq!(node.bar, None, "placed on a node that is out of the question");
        self.within_limits(node, expected);
        honours(&wishes, &node.terms.tags);
        self.begun += 1;
        let row = generation(&node.name, &self.begun.to_string(), expected, self.now);
        self.open.push(row);
    }

    /// What is booked on a node by rules that are told again here.
    fn booked(&self, node: &TestNode) -> (u64, u64) {
        let lifetime =
            i64::try_from(Placement::default().reservation_lifetime.as_millis()).unwrap();
        let on_it = self.open.iter().filter(|row| row.node == node.name);
        let (mut meetings, mut milli) = (0, 0);
        for row in on_it {
            let users = node.seen.meetings.get(&row.meeting_id).map_or(0, |count| count.users);
            let left = (lifetime - (self.now - row.created_at)).max(0);
            let reserved = u64::try_from(row.reserved * 1000 * left / lifetime).unwrap();
            meetings += 1;
            milli += reserved.max(users * 1000);
        }
        (meetings, milli.div_ceil(1000))
    }

    fn within_limits(&self, node: &TestNode, expected: u32) {
        let (meetings, users) = self.booked(node);
        let terms = &node.terms;
        let within = |limit: Option<u32>, value: u64| limit.is_none_or(|most| value <= most.into());
        assert!(within(terms.max_meetings, meetings + 1), "{meetings} meetings on {terms:?}");
        assert!(within(terms.max_users, users + u64::from(expected)), "{users} on {terms:?}");
        assert!(within(terms.max_meeting_users, expected.into()), "{expected} on {terms:?}");
    }

    /// A meeting is refused only when each node has a reason.
    fn nobody_could(&self, wishes: &Wishes, expected: u32) {
        for node in &self.nodes {
            let (meetings, users) = self.booked(node);
            let terms = &node.terms;
            let full =
                |limit: Option<u32>, value: u64| limit.is_some_and(|most| value > most.into());
            let reason = node.bar.is_some()
                || wishes.bar(&terms.tags, None).is_some()
                || full(terms.max_meetings, meetings + 1)
                || full(terms.max_users, users + u64::from(expected))
                || full(terms.max_meeting_users, expected.into());
            assert!(reason, "{} could have taken {wishes:?}", node.name);
        }
    }

    fn fill(&mut self) {
        let Some(row) = self.open.choose(&mut self.random).cloned() else { return };
        let users = self.random.random_range(0..80);
        let count = Count { users, audio: users / 2, video: users / 4 };
        let node = self.nodes.iter_mut().find(|node| node.name == row.node).unwrap();
        node.seen.meetings.insert(row.meeting_id, count);
    }

    fn end(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let row = self.open.swap_remove(self.random.random_range(0..self.open.len()));
        let node = self.nodes.iter_mut().find(|node| node.name == row.node).unwrap();
        node.seen.meetings.remove(&row.meeting_id);
    }

    fn strike(&mut self) {
        let now = self.now;
        let index = self.random.random_range(0..self.nodes.len());
        let node = &mut self.nodes[index];
        match node.bar {
            None => node.bar = Some(Bar::Suspect),
            Some(Bar::Suspect) if self.random.random() => node.bar = Some(Bar::Lost),
            Some(_) => {
                node.bar = None;
                node.returned_at = Some(now);
            }
        }
    }

    fn cordon(&mut self) {
        let now = self.now;
        let index = self.random.random_range(0..self.nodes.len());
        let node = &mut self.nodes[index];
        if node.bar == Some(Bar::Cordoned) {
            node.bar = None;
            node.returned_at = Some(now);
        } else {
            node.bar = Some(Bar::Cordoned);
        }
    }
}

fn node(random: &mut StdRng, name: &str) -> TestNode {
    let mut node = TestNode::new(name);
    let limit = |random: &mut StdRng, most: u32| {
        let limit = random.random_range(1..most);
        random.random_bool(0.3).then_some(limit)
    };
    node.terms.weight = [0.5, 1.0, 1.0, 1.0, 2.0, 4.0][random.random_range(0..6)];
    node.terms.max_meetings = limit(random, 12);
    node.terms.max_users = limit(random, 300);
    node.terms.max_meeting_users = limit(random, 80);
    if random.random_bool(0.3) {
        node.terms.tags = some_tags(random).iter().map(|tag| tag.parse().unwrap()).collect();
    }
    node
}

fn some_tags(random: &mut StdRng) -> Vec<String> {
    let tags = TAGS.iter().filter(|_| random.random_bool(0.5));
    tags.map(|tag| (*tag).to_owned()).collect()
}

fn wishes(random: &mut StdRng) -> Wishes {
    let mut query = String::new();
    if random.random_bool(0.2) {
        let must = if random.random() { "!" } else { "" };
        let none = if random.random_bool(0.2) { ";none" } else { "" };
        query += &format!("&meta_server-tag={}{none}{must}", some_tags(random).join(";"));
    }
    for kind in ["required", "preferred", "avoided"] {
        if random.random_bool(0.15) {
            query += &format!("&meta_bluegate-{kind}-tags={}", some_tags(random).join(";"));
        }
    }
    Wishes::read(&bluegate_bbb_api::Parameters::of_query(query.trim_start_matches('&'))).unwrap()
}

/// Required tags are there, and a node's tags were asked for.
fn honours(wishes: &Wishes, tags: &[Tag]) {
    let has = |asked: &String| tags.iter().any(|tag| tag.as_str() == asked);
    assert!(wishes.required.iter().all(has), "{wishes:?} on {tags:?}");
    if wishes.server_tag.is_none() && wishes.required.is_empty() && wishes.preferred.is_empty() {
        assert!(tags.is_empty(), "{wishes:?} on {tags:?}");
    }
}

#[test]
fn what_must_hold_holds_for_thousands_of_days() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        let day = std::panic::AssertUnwindSafe(|| {
            for _ in 0..STEPS {
                world.step();
            }
        });
        if let Err(failure) = std::panic::catch_unwind(day) {
            println!("seed {seed}");
            std::panic::resume_unwind(failure);
        }
    }
}

/// Classes of any size, on nodes of any weight: after each, no node could give
/// its last one to another and both be better off.
#[test]
fn loads_over_weights_stay_within_one_meeting_of_each_other() {
    for seed in 0..300 {
        let mut random = StdRng::seed_from_u64(seed);
        let nodes: Vec<TestNode> = (0..random.random_range(2..10))
            .map(|n| {
                let mut node = TestNode::new(&format!("n{n}"));
                node.terms.weight = f64::from(random.random_range(1..5));
                node
            })
            .collect();
        let mut open = Vec::new();
        let mut loads: BTreeMap<&str, f64> =
            nodes.iter().map(|node| (node.name.as_str(), 0.0)).collect();
        for meeting in 0..80 {
            let expected = random.random_range(1..100);
            let decision =
                decide_among(&nodes, &open, &Wishes::default(), expected, 0, random.random());
            let chosen = decision.node.unwrap();
            let node = nodes.iter().find(|node| node.name.as_str() == chosen).unwrap();
            let added = f64::from(expected) + Placement::default().meeting_weight;
            let after = |node: &TestNode| (loads[node.name.as_str()] + added) / node.terms.weight;
            let best = nodes.iter().map(after).fold(f64::INFINITY, f64::min);
            assert!(after(node) <= best + 0.01, "seed {seed}: {chosen} is not the best");
            *loads.get_mut(node.name.as_str()).unwrap() += added;
            open.push(generation(&node.name, &meeting.to_string(), expected, 0));
        }
    }
}
