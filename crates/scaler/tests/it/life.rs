//! A meeting's life: what ends it, what does not, and what survives.

use std::time::Duration;

use bluegate_scaler::Bounds;

use crate::{
    cluster::{Cluster, eventually, polls, quick},
    fake_node::Manner,
};

#[tokio::test]
async fn a_restart_keeps_meetings_even_before_the_first_poll() {
    let mut cluster = Cluster::start(2).await;
    cluster.frontend("physics").create("class").await;
    cluster.stop().await;
    for node in &cluster.nodes {
        node.next("getMeetings", Manner::Hang);
    }
    cluster.boot().await;
    let frontend = cluster.frontend("physics");
    assert_eq!(frontend.listed().await, ["class"]);
    let join = frontend.get("join", "meetingID=class&fullName=x").await;
    assert!(join.location().contains("meetingID=bg1.physics.class"));
    assert_eq!(frontend.create("class").await.key(), "duplicateWarning");
}

#[tokio::test]
async fn a_lost_store_is_rebuilt_from_the_nodes() {
    let mut cluster = Cluster::start(2).await;
    for tenant in ["default", "physics"] {
        cluster.frontend(tenant).create("class").await;
    }
    let long = "x".repeat(250);
    cluster.frontend("physics").create(&long).await;
    cluster.stop().await;
    cluster.lose_store();
    cluster.boot().await;
    let (plain, physics) = (cluster.frontend("default"), cluster.frontend("physics"));
    eventually("all meetings are back", async || {
        plain.listed().await == ["class"] && physics.listed().await == ["class", long.as_str()]
    })
    .await;
    assert_eq!(physics.create(&long).await.key(), "duplicateWarning");
    assert_eq!(cluster.spread().iter().sum::<usize>(), 3);
}

#[tokio::test]
async fn a_poll_begun_before_a_create_cannot_end_it() {
    let cluster = Cluster::start(1).await;
    let node = &cluster.nodes[0];
    node.next("getMeetings", Manner::HeldBack);
    eventually("a poll is under way", async || node.holding() == 1).await;
    let frontend = cluster.frontend("default");
    let created = frontend.create("class").await;
    node.release();
    polls(node, 3).await;
    assert_eq!(frontend.listed().await, ["class"]);
    assert_eq!(
        frontend.create("class").await.text("internalMeetingID"),
        created.text("internalMeetingID")
    );
    // The stale list did not even raise a doubt.
    assert_eq!(node.count("getMeetingInfo"), 0);
}

#[tokio::test]
async fn a_meeting_its_node_no_longer_has_ends_and_can_live_again_elsewhere() {
    let cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("physics");
    let first = frontend.create("class").await;
    let home = cluster.spread().iter().position(|count| *count == 1).unwrap();
    cluster.nodes[home].forget();
    eventually("it is gone", async || frontend.listed().await.is_empty()).await;
    assert_eq!(
        frontend.get("join", "meetingID=class&fullName=x").await.failure(),
        "meetingForciblyEnded"
    );
    let second = frontend.create("class").await;
    assert_eq!(second.key(), "");
    assert_ne!(first.text("internalMeetingID"), second.text("internalMeetingID"));
}

#[tokio::test]
async fn a_list_that_lies_ends_nothing() {
    let cluster = Cluster::start(1).await;
    let frontend = cluster.frontend("default");
    frontend.create("class").await;
    let node = &cluster.nodes[0];
    // Not listed for a moment, but there when asked for.
    let hidden = node.meetings();
    node.next("getMeetings", Manner::HeldBack);
    node.forget();
    eventually("an empty list is under way", async || node.holding() == 1).await;
    node.restore(hidden);
    node.release();
    eventually("it was asked for", async || node.count("getMeetingInfo") > 0).await;
    polls(node, 2).await;
    assert_eq!(frontend.listed().await, ["class"]);
}

#[tokio::test]
async fn a_create_that_finds_a_new_life_ends_the_old_one() {
    let cluster =
        Cluster::start_with(1, Bounds { poll_interval: Duration::from_secs(60), ..quick() }).await;
    let frontend = cluster.frontend("default");
    let first = frontend.create("class").await;
    cluster.nodes[0].end("class");
    let second = frontend.create("class").await;
    assert_eq!(second.key(), "");
    assert_ne!(first.text("internalMeetingID"), second.text("internalMeetingID"));
    let meetings = frontend.get("getMeetings", "").await;
    let internal = second.text("internalMeetingID").unwrap();
    assert_eq!(meetings.text.matches("<meeting>").count(), 1);
    assert!(meetings.text.contains(&internal), "{}", meetings.text);
}

#[tokio::test]
async fn an_ended_meeting_is_hidden_at_once_and_gone_when_the_node_says_so() {
    let cluster =
        Cluster::start_with(1, Bounds { poll_interval: Duration::from_secs(60), ..quick() }).await;
    let frontend = cluster.frontend("physics");
    frontend.create("class").await;
    let reply = frontend.get("end", "meetingID=class&password=x").await;
    assert_eq!(reply.answer().key(), "sentEndMeetingRequest");
    assert_eq!(frontend.listed().await, Vec::<String>::new());
    assert_eq!(frontend.get("getMeetingInfo", "meetingID=class").await.failure(), "notFound");
    assert_eq!(frontend.get("end", "meetingID=class").await.failure(), "notFound");
}

#[tokio::test]
async fn a_meeting_that_did_not_end_is_shown_again() {
    let bounds = Bounds { end_time: Duration::from_millis(50), ..quick() };
    let cluster = Cluster::start_with(1, bounds).await;
    let frontend = cluster.frontend("default");
    frontend.create("class").await;
    let node = &cluster.nodes[0];
    let kept = node.meetings();
    frontend.get("end", "meetingID=class").await.answer();
    node.restore(kept);
    assert_eq!(frontend.listed().await, Vec::<String>::new());
    eventually("it is shown again", async || frontend.listed().await == ["class"]).await;
}

#[tokio::test]
async fn a_node_that_was_taken_out_of_the_configuration_holds_nobody() {
    let mut cluster = Cluster::start(2).await;
    cluster.frontend("default").create("class").await;
    let home = cluster.spread().iter().position(|count| *count == 1).unwrap();
    let time = cluster.nodes[home].meetings()[0].create_time;
    cluster.stop().await;
    if home == 0 {
        // Names go by position: the node that stays must keep its own.
        cluster.without_first();
    } else {
        cluster.nodes.truncate(1);
    }
    cluster.boot().await;
    let frontend = cluster.frontend("default");
    assert_eq!(frontend.listed().await, Vec::<String>::new());
    let created = frontend.create("class").await;
    assert_eq!(created.key(), "");
    // An old join link goes to the new life.
    let join = frontend.get("join", &format!("meetingID=class&fullName=x&createTime={time}")).await;
    let current = created.text("createTime").unwrap();
    assert!(join.location().contains(&format!("createTime={current}&")), "{}", join.location());
    // A createTime that never was ours is the node's to judge.
    let join = frontend.get("join", "meetingID=class&fullName=x&createTime=77").await;
    assert!(join.location().contains("createTime=77&"), "{}", join.location());
}

#[tokio::test]
async fn while_the_store_is_down_known_meetings_go_on() {
    let mut cluster = Cluster::start(1).await;
    let frontend = cluster.frontend("physics");
    frontend.create("class").await;
    cluster.close_store().await;
    let join = frontend.get("join", "meetingID=class&fullName=x&createTime=7").await;
    assert!(join.location().contains("createTime=7&"), "{}", join.location());
    assert_eq!(frontend.create("class").await.key(), "duplicateWarning");
    assert_eq!(frontend.listed().await, ["class"]);
    let new = frontend.get("create", "name=Class&meetingID=another").await;
    assert_eq!(new.failure(), "internalError");
    assert_eq!(cluster.spread(), [1]);
}
