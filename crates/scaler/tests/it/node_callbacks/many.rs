//! Many of them, and several scalers.

use std::{collections::BTreeSet, time::Duration};

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
/// while they do.
#[tokio::test]
async fn ten_thousand_of_a_node_wait_for_a_receiver_and_arrive_once_each() {
    const ALL: usize = 10_000;
    let mut calling = Calling::prepare(&[Kind::STOCK]).await;
    let bounds = &mut calling.simulated.cluster.callbacks.as_mut().unwrap().bounds;
    assert_eq!(usize::try_from(bounds.queue).unwrap(), ALL);
    bounds.look = Duration::from_secs(1);
    calling.simulated.cluster.boot().await;
    let meeting = calling.create(&calling.simulated.cluster.frontend("physics")).await;
    let url = &meeting.metadata["bbb-recording-ready-url"];
    let (hash, _) = meeting.internal_meeting_id.split_once('-').unwrap();
    calling.receiver.unplug().await;
    for number in 0..ALL {
        calling.node().recording_ready(&meeting.meeting_id, &format!("{hash}-{number}"), url);
    }
    let all = async || calling.node().callback_count() == ALL;
    within(LONG, "the node told them all", all).await;
    assert!(calling.node().callbacks().iter().all(|callback| callback.status == Some(200)));
    // One more of a tenant's kind waits at the node.
    calling.publish(&meeting);
    eventually("told", async || calling.node().callback_count() == ALL + 1).await;
    assert_eq!(calling.node().callbacks()[ALL].status, Some(503));

    calling.simulated.cluster.stop().await;
    calling.simulated.cluster.boot().await;
    calling.receiver.plug_in();
    calling.pass(HOUR);
    within(LONG, "they arrived", async || calling.receiver.count() >= ALL).await;
    let told =
        |got: Got| claims(got.body.strip_prefix("signed_parameters=").unwrap(), "physics-secret");
    let got = calling.receiver.got();
    assert_eq!(got.len(), ALL);
    let records: BTreeSet<String> =
        got.into_iter().map(|got| told(got)["record_id"].to_string()).collect();
    assert_eq!(records.len(), ALL);
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
