use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use bluegate_store::{Generation, State};
use proptest::prelude::*;

use super::*;
use crate::meetings::sample;

/// What polls saw, by meeting ID, and in meetings that are not ours.
#[derive(Clone, Default)]
pub(super) struct Seen {
    pub(super) meetings: HashMap<String, Count>,
    pub(super) strangers: Totals,
}

impl Polled for Seen {
    fn of(&self, generation: &Generation) -> Option<Count> {
        self.meetings.get(&generation.meeting_id).copied()
    }

    fn totals(&self) -> Totals {
        let mut totals = self.strangers;
        for count in self.meetings.values() {
            totals.count.users += count.users;
            totals.count.audio += count.audio;
            totals.count.video += count.video;
            totals.meetings += 1;
        }
        totals
    }
}

/// A node of a test.
#[derive(Clone)]
pub(super) struct TestNode {
    pub(super) name: Mount,
    pub(super) terms: NodeTerms,
    pub(super) seen: Seen,
    pub(super) bar: Option<Bar>,
    pub(super) returned_at: Option<i64>,
}

impl TestNode {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.parse().unwrap(),
            terms: NodeTerms::default(),
            seen: Seen::default(),
            bar: None,
            returned_at: None,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// So many users, that can speak, and cameras in one meeting.
    fn seeing(self, meeting_id: &str, users: u64, audio: u64, video: u64) -> Self {
        let count = Count { users, audio, video };
        self.with(|node| {
            node.seen.meetings.insert(meeting_id.to_owned(), count);
        })
    }

    fn strangers(self, users: u64) -> Self {
        let count = Count { users, ..Count::default() };
        self.with(|node| node.seen.strangers = Totals { count, meetings: 1 })
    }
}

pub(super) fn generation(
    node: &Mount,
    meeting_id: &str,
    reserved: u32,
    created_at: i64,
) -> Generation {
    Generation {
        attempted_at: created_at,
        reserved: reserved.into(),
        created_at,
        live_at: Some(created_at),
        ..sample::generation(node, meeting_id, State::Live)
    }
}

pub(super) fn decide_among(
    nodes: &[TestNode],
    generations: &[Generation],
    wishes: &Wishes,
    expected: u32,
    now: i64,
    seed: u64,
) -> Decision {
    let candidates: Vec<Candidate<'_>> = nodes
        .iter()
        .map(|node| Candidate {
            node: &node.name,
            release: None,
            terms: &node.terms,
            bar: node.bar,
            weight: None,
            found_broken: false,
            returned_at: node.returned_at,
        })
        .collect();
    let expected = Expected { users: expected, source: Source::Default, capped: false };
    let question = Question { wishes, is_room: false, expected, now, seed };
    let polls: Vec<_> = nodes.iter().map(|node| (&node.name, &node.seen as &dyn Polled)).collect();
    let terms = Placement::default();
    decide(&question, &candidates, book(&polls, generations, &terms, now), &terms)
}

fn chosen(nodes: &[TestNode], generations: &[Generation], now: i64, seed: u64) -> Option<String> {
    decide_among(nodes, generations, &Wishes::default(), 10, now, seed).node
}

fn on(node: &str, meeting_id: &str, reserved: u32, created_at: i64) -> Generation {
    generation(&node.parse().unwrap(), meeting_id, reserved, created_at)
}

#[test]
fn the_least_loaded_node_is_chosen() {
    let minute = 60_000;
    let (x, y) = (TestNode::new("x"), TestNode::new("y"));
    for (name, nodes, generations, wanted) in [
        (
            "a reservation counts before anybody came",
            [x.clone(), y.clone()],
            vec![on("x", "m", 10, 0)],
            "y",
        ),
        (
            "users beyond the reservation count",
            [x.clone().seeing("m", 30, 0, 0), y.clone()],
            vec![on("x", "m", 10, 0), on("y", "n", 10, 0), on("y", "o", 10, 0)],
            "y",
        ),
        (
            "users within the reservation do not count twice",
            [x.clone().seeing("m", 9, 0, 0), y.clone().seeing("n", 11, 0, 0)],
            vec![on("x", "m", 10, minute), on("y", "n", 10, minute)],
            "x",
        ),
        (
            "meetings that are not ours count by their users",
            [x.clone().strangers(3), y.clone()],
            vec![],
            "y",
        ),
        (
            "an old reservation counts less",
            [x.clone(), y.clone()],
            vec![on("x", "m", 10, minute), on("y", "n", 10, 0)],
            "y",
        ),
        (
            "an empty meeting counts too",
            [x.clone(), y.clone()],
            vec![on("x", "m", 0, 0), on("x", "n", 0, 0), on("y", "o", 0, 0)],
            "y",
        ),
        (
            "those who speak count more",
            [x.clone().seeing("m", 20, 20, 0), y.clone().seeing("n", 21, 0, 0)],
            vec![on("x", "m", 0, 0), on("y", "n", 0, 0)],
            "y",
        ),
        (
            "cameras count more",
            [x.clone().seeing("m", 20, 0, 4), y.clone().seeing("n", 23, 0, 0)],
            vec![on("x", "m", 0, 0), on("y", "n", 0, 0)],
            "y",
        ),
        (
            "a node of twice the weight takes twice as much",
            [x.clone().with(|x| x.terms.weight = 2.0), y.clone()],
            vec![on("x", "m", 20, minute), on("y", "n", 11, minute)],
            "x",
        ),
        (
            "meetings of a node that is not a candidate do not matter",
            [x.clone(), y.clone()],
            vec![on("z", "m", 10, 0), on("x", "n", 10, 0)],
            "y",
        ),
    ] {
        assert_eq!(chosen(&nodes, &generations, minute, 0).as_deref(), Some(wanted), "{name}");
    }
}

#[test]
fn equal_nodes_take_turns_by_the_seed() {
    let nodes = ["x", "y", "z"].map(TestNode::new);
    let turns: Vec<_> = (0..4).map(|seed| chosen(&nodes, &[], 0, seed).unwrap()).collect();
    assert_eq!(turns, ["x", "y", "z", "x"]);
    assert_eq!(chosen(&[], &[], 0, 7), None);
}

#[test]
fn what_a_node_may_not_have_it_does_not_get() {
    let wishes = Wishes::default();
    let node = TestNode::new("x").seeing("m", 30, 0, 0);
    let generations = [on("x", "m", 10, 0), on("x", "n", 20, 0)];
    let limits = |meetings, users, meeting_users| {
        node.clone().with(|node| {
            node.terms.max_meetings = meetings;
            node.terms.max_users = users;
            node.terms.max_meeting_users = meeting_users;
        })
    };
    for (node, expected, wanted) in [
        (limits(Some(3), None, None), 10, None),
        (limits(Some(2), None, None), 10, Some(Bar::MaxMeetings)),
        (limits(None, Some(60), None), 10, None),
        (limits(None, Some(59), None), 10, Some(Bar::MaxUsers)),
        (limits(None, None, Some(10)), 10, None),
        (limits(None, None, Some(10)), 11, Some(Bar::MeetingTooLarge)),
        (limits(None, None, None).with(|n| n.bar = Some(Bar::Suspect)), 10, Some(Bar::Suspect)),
        (
            limits(None, None, None).with(|n| n.terms.tags = vec!["a".parse().unwrap()]),
            10,
            Some(Bar::TagNotAsked),
        ),
    ] {
        let decision = decide_among(&[node], &generations, &wishes, expected, 0, 0);
        let reason = decision.excluded.first().map(|excluded| excluded.reason);
        assert_eq!((reason, decision.node.is_none()), (wanted, wanted.is_some()), "{wanted:?}");
    }
}

#[test]
fn a_node_that_returns_takes_little_at_first() {
    let minute = 60_000;
    let returning = TestNode::new("x").with(|x| x.returned_at = Some(0));
    let nodes = [returning, TestNode::new("y")];
    for (minutes, wanted) in [(0, "y"), (1, "y"), (2, "y"), (3, "x"), (60, "x")] {
        let now = minutes * minute;
        let generations = [on("y", "m", 9, now)];
        let decision = decide_among(&nodes, &generations, &Wishes::default(), 10, now, 0);
        assert_eq!(decision.node.as_deref(), Some(wanted), "after {minutes} min: {decision:?}");
    }
    // Nor is it left out.
    let busy = [on("y", "m", 500, 0)];
    assert_eq!(chosen(&nodes, &busy, 0, 0).as_deref(), Some("x"));
}

#[test]
fn a_decision_says_why() {
    let nodes = [
        TestNode::new("bbb-01").seeing("m", 30, 4, 2),
        TestNode::new("bbb-02").with(|node| node.terms.weight = 2.0),
        TestNode::new("bbb-03").with(|node| node.bar = Some(Bar::Cordoned)),
        TestNode::new("bbb-04").with(|node| node.terms.tags = vec!["gpu".parse().unwrap()]),
    ];
    let generations = [on("bbb-01", "m", 40, 0), on("bbb-02", "n", 10, 0)];
    let decision = decide_among(&nodes, &generations, &Wishes::default(), 10, 0, 0);
    insta::assert_snapshot!(serde_json::to_string_pretty(&decision).unwrap(), @r#"
    {
      "at": 0,
      "node": "bbb-02",
      "expected": {
        "users": 10,
        "source": "default",
        "capped": false
      },
      "asked": null,
      "candidates": [
        {
          "node": "bbb-02",
          "load": 6.0,
          "load_after": 12.0,
          "weight": 2.0,
          "meetings": 1,
          "users": 0,
          "reserved_users": 10,
          "wishes_missed": 0
        },
        {
          "node": "bbb-01",
          "load": 46.0,
          "load_after": 58.0,
          "weight": 1.0,
          "meetings": 1,
          "users": 30,
          "reserved_users": 10,
          "wishes_missed": 0
        }
      ],
      "more_candidates": 0,
      "excluded": [
        {
          "node": "bbb-03",
          "reason": "cordoned"
        },
        {
          "node": "bbb-04",
          "reason": "tag_not_asked"
        }
      ],
      "more_excluded": 0
    }
    "#);
    assert_eq!(decision.describe_excluded(), "1 cordoned, 1 kept for those who ask for its tags");

    let many: Vec<TestNode> = (0..100)
        .map(|n| TestNode::new(&format!("n{n}")).with(|x| x.bar = (n < 50).then_some(Bar::Lost)))
        .collect();
    let decision = decide_among(&many, &[], &Wishes::default(), 10, 0, 0);
    let kept = (decision.candidates.len(), decision.more_candidates);
    assert_eq!(kept, (8, 42));
    assert_eq!((decision.excluded.len(), decision.more_excluded), (24, 26));
    assert!(decision.to_json().len() < 4096, "{}", decision.to_json().len());
}

proptest! {
    #[test]
    fn equal_meetings_spread_evenly_over_equal_nodes(
        count in 1_usize..8,
        steps in proptest::collection::vec((0_i64..50, any::<u64>()), 1..60),
    ) {
        let nodes: Vec<TestNode> = (0..count).map(|n| TestNode::new(&format!("n{n}"))).collect();
        let mut generations = Vec::new();
        let mut now = 0;
        for (index, (step, seed)) in steps.iter().enumerate() {
            now += step;
            let node = chosen(&nodes, &generations, now, *seed).unwrap();
            generations.push(on(&node, &index.to_string(), 10, now));
        }
        let mut meetings: BTreeMap<&Mount, usize> =
            nodes.iter().map(|node| (&node.name, 0)).collect();
        for generation in &generations {
            *meetings.get_mut(&generation.node).unwrap() += 1;
        }
        let most = meetings.values().max().unwrap();
        let least = meetings.values().min().unwrap();
        prop_assert!(most - least <= 1, "{meetings:?}");
    }
}

/// The best of some decisions among so many nodes with 20 meetings each.
fn takes(count: usize) -> Duration {
    let nodes: Vec<TestNode> = (0..count).map(|n| TestNode::new(&format!("n{n}"))).collect();
    let meetings = 0..count * 20;
    let generations: Vec<Generation> =
        meetings.map(|m| on(&format!("n{}", m % count), &m.to_string(), 10, 0)).collect();
    let decisions = (0..10).map(|seed| {
        let begun = std::time::Instant::now();
        assert!(chosen(&nodes, &generations, 0, seed).is_some());
        begun.elapsed()
    });
    decisions.min().unwrap()
}

#[test]
fn a_decision_among_500_nodes_with_10_000_meetings_takes_no_more_than_its_share() {
    let (few, many) = (takes(50), takes(500));
    // Ten times as long, and a hundred times if anything were squared.
    assert!(many < few * 40, "{few:?} {many:?}");
}
