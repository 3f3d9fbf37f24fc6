//! Many of them, and several scalers.

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use bluegate_scaler::{CallbackCounters, CallbackDepth, CallbackState};
use bluegate_store::Store;
use bluegate_testkit::Postgres;

use super::{Calling, HOUR};
use crate::{
    cluster::{eventually, within},
    receiver::{Got, claims},
    simulated::Kind,
};

/// How long all of them may take at a step.
const LONG: Duration = Duration::from_secs(100);

/// As many as may wait of one kind for one tenant; the scaler ends and starts anew
/// while they do. Metrics tell of them all the while, and the scaler holds few at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_of_a_node_wait_for_a_receiver_and_arrive_once_each() {
    const ALL: usize = 10_000;
    let mut calling = Calling::prepare(&[Kind::STOCK]).await;
    let bounds = &mut calling.simulated.cluster.callbacks.as_mut().unwrap().bounds;
    assert_eq!(usize::try_from(bounds.queue).unwrap(), ALL);
    bounds.look = Duration::from_secs(1);
    bounds.count = Duration::from_millis(200);
    let bounds = bounds.clone();
    calling.simulated.cluster.boot().await;
    let meeting = calling.create(&calling.simulated.cluster.frontend("physics")).await;
    let url = &meeting.metadata["bbb-recording-ready-url"];
    let (hash, _) = meeting.internal_meeting_id.split_once('-').unwrap();
    calling.receiver.unplug().await;
    for number in 0..ALL {
        calling.node().recording_ready(&meeting.meeting_id, &format!("{hash}-{number}"), url);
    }
    let mut waiting = 0;
    let all = async || {
        let counted = calling.depth().waiting;
        assert!((waiting..=ALL as u64).contains(&counted), "{counted} after {waiting}");
        waiting = counted;
        waiting == ALL as u64 && calling.node().callback_count() == ALL
    };
    within(LONG, "the node told them all, and metrics say so", all).await;
    assert!(calling.node().callbacks().iter().all(|callback| callback.status == Some(200)));
    // One more of a tenant's kind waits at the node.
    calling.publish(&meeting);
    eventually("told", async || calling.node().callback_count() == ALL + 1).await;
    assert_eq!(calling.node().callbacks()[ALL].status, Some(503));
    let counters = calling.counters();
    assert_eq!((counters.refused, counters.delivered, counters.given_up), (1, 0, 0));

    calling.simulated.cluster.stop().await;
    calling.simulated.cluster.boot().await;
    let counted = async || calling.depth().waiting == ALL as u64;
    eventually("the next one counts them too", counted).await;
    calling.receiver.hold_until(bounds.per_place + 1);
    calling.receiver.plug_in();
    calling.pass(HOUR);
    let held = async || calling.receiver.count() == bounds.per_place;
    within(LONG, "as many as may are under way", held).await;
    let leased = calling.leased().await;
    assert!((bounds.per_place..=bounds.taken_per_place).contains(&leased), "{leased} are held");
    // For those that were tried before it listened.
    calling.pass(HOUR);
    calling.receiver.hold_until(0);
    let mut waiting = ALL as u64;
    let arrived = async || {
        let counted = calling.depth().waiting;
        assert!(counted <= waiting, "{counted} after {waiting}");
        waiting = counted;
        waiting == 0
    };
    within(LONG, "they arrived, and metrics say so", arrived).await;
    assert_eq!(calling.receiver.most_at_once(), bounds.per_place);
    let (depth, counters) = (calling.depth(), calling.counters());
    assert_eq!((depth.dead, depth.oldest_seconds), (0, 0));
    assert_eq!((counters.delivered, counters.given_up, counters.refused), (ALL as u64, 0, 0));
    let told =
        |got: Got| claims(got.body.strip_prefix("signed_parameters=").unwrap(), "physics-secret");
    let got = calling.receiver.got();
    assert_eq!(got.len(), ALL);
    let records: BTreeSet<String> =
        got.into_iter().map(|got| told(got)["record_id"].to_string()).collect();
    assert_eq!(records.len(), ALL);
}

impl Calling {
    /// What metrics say of recordings that frontends are to hear of.
    fn depth(&self) -> CallbackDepth {
        self.simulated.cluster.scaler().callback_depths()["recording-ready"]
    }

    fn counters(&self) -> CallbackCounters {
        self.simulated.cluster.scaler().callback_counters().unwrap()
    }

    /// How many callbacks the scaler holds: it leases what it takes.
    async fn leased(&self) -> usize {
        let file = self.simulated.cluster.path("bluegate.db");
        let store = Store::open_to_read(&format!("sqlite://{}", file.display())).await;
        let store = store.unwrap().unwrap();
        let queued = store.callbacks(CallbackState::Queued, None, 20_000).await.unwrap();
        store.close().await;
        let now = self.now.load(Ordering::SeqCst);
        queued.iter().filter(|callback| callback.leased_until > now).count()
    }
}

#[tokio::test]
async fn two_scalers_on_one_database_deliver_each_once() {
    const ALL: usize = 100;
    let postgres = Postgres::start().await.unwrap();
    let mut calling = Calling::prepare(&[Kind::STOCK]).await;
    calling.simulated.cluster.store = Some(postgres.database().unwrap());
    let callbacks = calling.simulated.cluster.callbacks.as_mut().unwrap();
    callbacks.bounds.taken_per_place = 8;
    let at_once = callbacks.bounds.per_place;
    calling.simulated.cluster.boot().await;
    calling.simulated.cluster.add_replica().await;
    let frontend = calling.simulated.cluster.frontends("physics").remove(1);
    let meeting = calling.create(&frontend).await;
    let url = &meeting.metadata["bbb-recording-ready-url"];
    let (hash, _) = meeting.internal_meeting_id.split_once('-').unwrap();
    calling.receiver.unplug().await;
    for number in 0..ALL {
        calling.node().recording_ready(&meeting.meeting_id, &format!("{hash}-{number}"), url);
    }
    // Three more: ended, end, analytics.
    frontend.get("end", "meetingID=class").await.answer();
    assert_eq!(calling.answered(ALL + 3).await, vec![Some(200); ALL + 3]);
    let tried = async || calling.least_attempts().await >= Some(1);
    within(LONG, "they were tried", tried).await;
    calling.receiver.plug_in();
    // More than one of them sends at once.
    calling.receiver.hold_until(at_once + 1);
    calling.pass(60_000);
    within(LONG, "they arrived", async || calling.receiver.count() >= ALL + 3).await;
    let keys = |got: &[Got]| -> BTreeSet<String> {
        let key = |got: &Got| got.headers["idempotency-key"].to_str().unwrap().to_owned();
        got.iter().map(key).collect()
    };
    let got = calling.got(ALL + 3).await;
    assert_eq!(keys(&got).len(), ALL + 3);
    let delivered = || -> Vec<u64> {
        let scalers = calling.simulated.cluster.scalers();
        scalers.map(|scaler| scaler.callback_counters().unwrap().delivered).collect()
    };
    let recorded = async || delivered().iter().sum::<u64>() == (ALL + 3) as u64;
    eventually("recorded", recorded).await;
    assert!(delivered().iter().all(|count| *count > 0), "{:?}", delivered());
    assert_eq!(calling.receiver.got().len(), ALL + 3);
}
