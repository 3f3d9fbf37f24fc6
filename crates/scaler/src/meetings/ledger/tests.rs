//! Two scalers and a command that write to one store, in any order: what each
//! has in memory while it decides is what the store has.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bluegate_bbb_api::MeetingFacts;
use bluegate_testkit::Postgres;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::*;
use crate::{
    meetings::sample,
    nodes::{Listing, PolledMeeting, Snapshot},
    placement::{self, Candidate, NodeTerms, Polled},
};

const NODES: usize = 3;
const MEETINGS: usize = 6;

/// Something that happens: what, by which ledger, to which meeting, on which node.
type Step = (u8, usize, usize, usize);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0_u8..11, 0_usize..2, 0_usize..MEETINGS, 0_usize..NODES), 1..40)
}

fn node(index: usize) -> Mount {
    format!("bbb-{index:02}").parse().unwrap()
}

fn nodes() -> Vec<Mount> {
    (0..NODES).map(node).collect()
}

fn terms() -> Terms {
    let long = std::time::Duration::from_secs(3600);
    let patience = Patience { create: long, settle: long, end: long };
    Terms { patience, placement: Placement::default() }
}

async fn ledger(url: &str) -> Ledger {
    let store = Store::open(url).await.unwrap();
    let known: HashSet<Mount> = nodes().into_iter().collect();
    Ledger::load(store, &known, terms()).await.unwrap()
}

fn meeting(index: usize) -> TenantMeetingId {
    TenantMeetingId::new(&"default".parse().unwrap(), &format!("m{index}"))
}

async fn enter(
    ledger: &Ledger,
    meeting: &TenantMeetingId,
    polls: &BTreeMap<Mount, Arc<Snapshot>>,
) -> Entered {
    let wanted = Wanted {
        meeting,
        node_meeting_id: meeting.id().to_owned(),
        voice_bridge: None,
        quota: Quota::default(),
        wishes: Wishes::default(),
        is_room: false,
    };
    let (terms, names) = (NodeTerms::default(), nodes());
    let candidate = |node| Candidate {
        node,
        release: None,
        terms: &terms,
        bar: None,
        found_broken: false,
        weight: None,
        returned_at: None,
    };
    let candidates = names.iter().map(candidate).collect();
    let polled = |node: &Mount| Arc::clone(&polls[node]);
    ledger.enter(&wanted, candidates, polled, |_| false, 0).await.unwrap()
}

/// A row that a command writes.
fn imported(index: usize, node: &Mount) -> Generation {
    Generation {
        voice_bridge: Some(format!("70000{index}")),
        reserved: 20,
        created_at: clock::now(),
        ..sample::generation(node, &format!("imported-{index}"), State::Uncertain)
    }
}

/// A node's list with these meetings, and users in each.
fn poll(open: &[Generation], node: &Mount, users: u32) -> Arc<Snapshot> {
    let listed = open.iter().filter(|row| row.node == *node).map(|row| PolledMeeting {
        facts: MeetingFacts {
            external_id: row.node_meeting_id.clone(),
            internal_id: row.internal_meeting_id.clone().unwrap_or_default(),
            create_time: 1,
            users,
            audio: 0,
            video: 0,
            running: true,
            is_breakout: false,
            parent: None,
            is_probe: false,
            stamp: None,
            store: None,
            voice_bridge: None,
        },
        stamp: None,
        shown: String::new(),
    });
    let listing = Listing::new(listed.map(Arc::new).collect());
    Arc::new(Snapshot::new(clock::now(), Arc::new(listing)))
}

/// Two ledgers and a bare store.
struct Story {
    ledgers: [Ledger; 2],
    command: Store,
    polls: BTreeMap<Mount, Arc<Snapshot>>,
}

impl Story {
    async fn begin(url: &str) -> Self {
        let ledgers = [ledger(url).await, ledger(url).await];
        let polls = nodes().into_iter().map(|node| (node, Arc::default())).collect();
        Self { ledgers, command: Store::open(url).await.unwrap(), polls }
    }

    async fn step(&mut self, (what, by, which, on): Step) {
        let ledger = &self.ledgers[by];
        let meeting = meeting(which);
        let open = self.command.open_generation(&meeting).await.unwrap();
        match (what, open) {
            (0..=2, _) => drop(enter(ledger, &meeting, &self.polls).await),
            (3, Some(open)) => {
                let sign = Sign {
                    internal_meeting_id: format!("{which}-{}", open.id),
                    create_time: 1,
                    voice_bridge: open.voice_bridge.clone(),
                    description: Some("<meeting/>".to_owned()),
                };
                let (plain, may_claim_first) = (true, false);
                let entered = &open;
                let success = Success { entered, counted: true, sign, plain, may_claim_first };
                ledger.succeeded(success).await.unwrap();
            }
            (4, Some(open)) => {
                let end = |row| Some(life::gone(row, 0, clock::now()));
                ledger.change(&open.id, end).await.unwrap();
            }
            (5, Some(open)) => ledger.leave(&open.id, true).await.unwrap(),
            (6, _) => self.command(imported(which, &node(on))).await,
            (7, Some(mut open)) => {
                open.node = node(on);
                self.command(open).await;
            }
            (8, Some(mut open)) => {
                // Its writer dies before the commit.
                open.reserved += 1000;
                let mut turn = ledger.begin().await.unwrap();
                turn.put(open).await.unwrap();
            }
            (9, _) => ledger.refresh().await.unwrap(),
            (10, _) => {
                let open = self.command.open_generations().await.unwrap();
                let users = u32::try_from(which).unwrap() * 3;
                self.polls.insert(node(on), poll(&open, &node(on), users));
            }
            _ => {}
        }
    }

    async fn command(&self, row: Generation) {
        let mut write = self.command.write().await.unwrap();
        write.put(&row).await.unwrap();
        write.commit().await.unwrap();
    }

    /// Each has in memory what is in the store, with the sums of it.
    async fn check(&self) {
        for ledger in &self.ledgers {
            let _turn = ledger.begin().await.unwrap();
            let directory = ledger.directory();
            let open = self.command.open_generations().await.unwrap();
            let known: Vec<Generation> =
                directory.all().into_iter().map(Arc::unwrap_or_clone).collect();
            assert_eq!(known, open);
            let now = clock::now();
            let polls: Vec<(&Mount, &dyn Polled)> = self
                .polls
                .iter()
                .map(|(node, poll)| (node, poll.listing().as_ref() as _))
                .collect();
            let fresh = placement::book(&polls, &open, ledger.placement(), now);
            let polls = self.polls.iter().map(|(node, poll)| (node, poll.as_ref()));
            assert_eq!(directory.booked(polls, None, now), fresh);
            for row in &open {
                let number = row.voice_bridge.as_deref().unwrap();
                assert!(directory.has_voice_bridge(number, None));
                assert!(!directory.has_voice_bridge(number, Some(&row.id)), "{number} twice");
                assert!(directory.meeting(&row.meeting()).is_some_and(|found| *found == *row));
            }
        }
    }
}

async fn tell(url: &str, steps: Vec<Step>) {
    let mut story = Story::begin(url).await;
    for step in steps {
        story.step(step).await;
        story.check().await;
    }
}

#[test]
fn memory_is_the_store_whoever_writes_to_a_file() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 32, ..Config::default() });
    runner
        .run(&steps(), |steps| {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}", folder.path().join("store.db").display());
            runtime.block_on(tell(&url, steps));
            Ok(())
        })
        .unwrap();
}

#[test]
fn memory_is_the_store_whoever_writes_to_a_server() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let postgres = runtime.block_on(Postgres::start()).unwrap();
    let mut runner = TestRunner::new(Config { cases: 8, ..Config::default() });
    runner
        .run(&steps(), |steps| {
            runtime.block_on(tell(&postgres.database().unwrap(), steps));
            Ok(())
        })
        .unwrap();
}

/// Nothing is refreshed here: a create sees it in its own turn.
#[tokio::test]
async fn what_a_command_brings_counts_for_the_very_next_create() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("store.db").display());
    let story = Story::begin(&url).await;
    for index in 0..10 {
        story.command(imported(index, &node(0))).await;
        story.command(imported(10 + index, &node(2))).await;
    }
    for index in 0..MEETINGS {
        let entered = enter(&story.ledgers[0], &meeting(index), &story.polls).await;
        let Entered::At { generation, .. } = entered else { panic!("{entered:?}") };
        assert_eq!(generation.node, node(1));
    }
}

/// Both place at once from their own memory.
#[tokio::test]
async fn two_that_take_turns_spread_as_one_would() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("store.db").display());
    let story = Story::begin(&url).await;
    let mut on = BTreeMap::new();
    let mut numbers = BTreeSet::new();
    for index in 0..30 {
        let entered = enter(&story.ledgers[index % 2], &meeting(index), &story.polls).await;
        let Entered::At { generation, .. } = entered else { panic!("{entered:?}") };
        *on.entry(generation.node.clone()).or_insert(0) += 1;
        numbers.insert(generation.voice_bridge.clone().unwrap());
    }
    assert_eq!(on.into_values().collect::<Vec<_>>(), [10; NODES]);
    assert_eq!(numbers.len(), 30);
}
