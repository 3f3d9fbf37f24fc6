//! A node that hangs, or fails call after call, costs nobody else anything.

use std::time::Duration;

use bluegate_scaler::{Bounds, Health};

use crate::{
    cluster::{Cluster, eventually, polls, quick},
    fake_node::{FakeNode, Manner},
};

/// One meeting per node.
async fn one_each(cluster: &Cluster) {
    for index in 0..cluster.nodes.len() {
        cluster.frontend("default").create(&format!("class-{index}")).await;
    }
    assert!(cluster.spread().iter().all(|count| *count == 1), "{:?}", cluster.spread());
}

fn meeting_on(node: &FakeNode) -> String {
    node.meetings()[0].external.clone()
}

#[tokio::test]
async fn while_calls_to_one_node_hang_all_others_are_answered() {
    // What ends here ends by being answered: no call times out within the test.
    let hour = Duration::from_secs(3600);
    let bounds = Bounds {
        call_timeout: hour,
        poll_timeout: hour,
        poll_patience: hour,
        create_deadline: hour,
        poll_interval: Duration::from_millis(20),
        calls_per_node: 8,
        ..quick()
    };
    let cluster = Cluster::start_with(3, bounds).await;
    one_each(&cluster).await;
    let (hanging, others) = cluster.nodes.split_first().unwrap();
    let stuck = meeting_on(hanging);
    hanging.stall();
    let before = hanging.calls().len();
    let frontend = cluster.frontend("default");
    let pending: Vec<_> = (0..40)
        .map(|call| {
            let (frontend, stuck) = (frontend.clone(), stuck.clone());
            tokio::spawn(async move {
                let query = format!("meetingID={stuck}&call={call}");
                match call % 4 {
                    0 => frontend.get("getMeetingInfo", &query).await,
                    1 => frontend.get("isMeetingRunning", &query).await,
                    2 => frontend.get("end", &query).await,
                    _ => frontend.get("sendChatMessage", &query).await,
                }
            })
        })
        .collect();
    eventually("as many hang as may", async || hanging.calls().len() == before + 8).await;

    // Every other call, for everybody else, from create to end.
    for node in others {
        let id = meeting_on(node);
        let query = format!("meetingID={id}");
        frontend.get("getMeetingInfo", &query).await.answer();
        frontend.get("isMeetingRunning", &query).await.answer();
        frontend.get("sendChatMessage", &format!("{query}&message=x")).await.answer();
        frontend.get("join", &format!("{query}&fullName=x")).await.location();
        polls(node, 2).await;
    }
    assert_eq!(frontend.listed().await.len(), 3);
    assert_eq!(frontend.create(&meeting_on(&others[0])).await.key(), "duplicateWarning");
    frontend.get("end", &format!("meetingID={}", meeting_on(&others[1]))).await.answer();
    assert_eq!(frontend.listed().await.len(), 2);
    // And all that while, the stuck ones were stuck, within their bound.
    assert!(pending.iter().all(|call| !call.is_finished()));
    assert_eq!(hanging.calls().len(), before + 8);
    for call in pending {
        call.abort();
    }
}

#[tokio::test]
async fn a_full_bulkhead_does_not_make_a_node_suspect() {
    let bounds = Bounds { calls_per_node: 1, ..quick() };
    let cluster = Cluster::start_with(1, bounds).await;
    one_each(&cluster).await;
    let node = &cluster.nodes[0];
    node.next("getMeetingInfo", Manner::HeldBack);
    let asking = {
        let frontend = cluster.frontend("default");
        let query = format!("meetingID={}", meeting_on(node));
        tokio::spawn(async move { frontend.get("getMeetingInfo", &query).await })
    };
    eventually("its only place is taken", async || node.holding() == 1).await;
    polls(node, 5).await;
    assert_eq!(cluster.scaler().health()[0].1, Health::Healthy);
    node.release();
    asking.await.unwrap().answer();
}

#[tokio::test]
async fn a_node_that_fails_call_after_call_is_left_alone_and_nothing_is_concluded() {
    let bounds = Bounds {
        breaker_failures: 3,
        breaker_pause: Duration::from_secs(3600),
        lost_after: Duration::from_millis(1),
        ..quick()
    };
    let cluster = Cluster::start_with(3, bounds).await;
    one_each(&cluster).await;
    let (failing, frontend) = (&cluster.nodes[0], cluster.frontend("default"));
    let id = meeting_on(failing);
    let chat = format!("meetingID={id}&message=x");
    for _ in 0..3 {
        failing.next("sendChatMessage", Manner::CutAfter);
        assert_eq!(frontend.get("sendChatMessage", &chat).await.failure(), "internalError");
    }
    // No call reaches it any more, although it would be answered.
    assert_eq!(frontend.get("sendChatMessage", &chat).await.failure(), "internalError");
    let info = frontend.get("getMeetingInfo", &format!("meetingID={id}")).await;
    assert_eq!(info.answer().text("meetingID"), Some(id.clone()), "from memory");
    assert_eq!((failing.count("sendChatMessage"), failing.count("getMeetingInfo")), (3, 0));
    // It gets no new meetings, and keeps its own.
    for class in 0..4 {
        frontend.create(&format!("later-{class}")).await;
    }
    assert_eq!(cluster.spread()[0], 1);
    let to = frontend.get("join", &format!("meetingID={id}&fullName=x")).await;
    assert!(to.location().contains("bbb-01"), "{}", to.location());
    // Polls pass by the breaker, and what they say is what is believed.
    polls(failing, 5).await;
    assert_eq!(cluster.scaler().health()[0].1, Health::Healthy);
    assert_eq!(frontend.listed().await.len(), 7);
}

#[tokio::test]
async fn after_a_pause_one_call_finds_out() {
    let bounds =
        Bounds { breaker_failures: 2, breaker_pause: Duration::from_millis(100), ..quick() };
    let cluster = Cluster::start_with(1, bounds).await;
    one_each(&cluster).await;
    let (node, frontend) = (&cluster.nodes[0], cluster.frontend("default"));
    let chat = format!("meetingID={}&message=x", meeting_on(node));
    for _ in 0..2 {
        node.next("sendChatMessage", Manner::CutAfter);
        frontend.get("sendChatMessage", &chat).await.failure();
    }
    eventually("it is asked again", async || {
        frontend.get("sendChatMessage", &chat).await.text.contains("SUCCESS")
    })
    .await;
    frontend.get("sendChatMessage", &chat).await.answer();
}
