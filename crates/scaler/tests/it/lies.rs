//! Nodes that lie, answer half, go and return: nobody believes them more than
//! is good.

use std::{sync::Arc, time::Duration};

use bluegate_cluster::Verdict;
use bluegate_scaler::{Bounds, Health};

use crate::{
    cluster::{Cluster, eventually, polls, quick},
    fake_node::Manner,
    lost::{health_is, home, impatient},
};

#[tokio::test]
async fn a_success_without_a_meeting_is_found_out() {
    let cluster = Cluster::start(1).await;
    let (node, frontend) = (&cluster.nodes[0], cluster.frontend("physics"));
    node.next("create", Manner::Lie);
    frontend.create("class").await;
    assert_eq!(node.meetings().len(), 0);
    // The list does not have it, and asked for it the node denies it.
    eventually("it has ended", async || frontend.listed().await.is_empty()).await;
    assert_eq!(frontend.create("class").await.key(), "", "a first create");
    assert_eq!(node.meetings().len(), 1);
    polls(node, 3).await;
    assert_eq!(frontend.listed().await, ["class"]);
}

#[tokio::test]
async fn an_empty_list_ends_nothing() {
    let cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("default");
    for class in 0..4 {
        frontend.create(&format!("class-{class}")).await;
    }
    for node in &cluster.nodes {
        polls(node, 1).await;
        node.always("getMeetings", Manner::Lie);
    }
    for node in &cluster.nodes {
        // One look at the list, and the meetings are asked for one by one.
        polls(node, 5).await;
        assert!(node.count("getMeetingInfo") >= 2);
    }
    assert_eq!(frontend.listed().await.len(), 4);
    for class in 0..4 {
        assert_eq!(frontend.create(&format!("class-{class}")).await.key(), "duplicateWarning");
    }
    assert_eq!(cluster.spread(), [2, 2]);
}

#[tokio::test]
async fn half_a_list_ends_nothing() {
    let cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("default");
    for class in 0..8 {
        frontend.create(&format!("class-{class}")).await;
    }
    let half = &cluster.nodes[0];
    polls(half, 1).await;
    let asked = half.count("getMeetingInfo");
    half.always("getMeetings", Manner::Half);
    health_is(&cluster, 0, Health::Suspect).await;
    polls(half, 3).await;
    assert_eq!(half.count("getMeetingInfo"), asked, "no meeting was missed in it");
    assert_eq!(frontend.listed().await.len(), 8);
    half.behave();
    health_is(&cluster, 0, Health::Healthy).await;
    assert_eq!(frontend.listed().await.len(), 8);
    for class in 0..8 {
        assert_eq!(frontend.create(&format!("class-{class}")).await.key(), "duplicateWarning");
    }
    assert_eq!(cluster.spread(), [4, 4]);
}

#[tokio::test]
async fn a_meeting_of_another_tenant_is_not_shown_whatever_the_node_says() {
    let cluster = Cluster::start(1).await;
    let node = &cluster.nodes[0];
    let (physics, history) = (cluster.frontend("physics"), cluster.frontend("history"));
    history.create("secret-class").await;
    physics.create("class").await;
    polls(node, 2).await;
    // Asked for one it answers with the other.
    node.next("getMeetingInfo", Manner::Lie);
    let info = physics.get("getMeetingInfo", "meetingID=class").await;
    assert!(!info.text.contains("secret-class"), "{}", info.text);
    assert_eq!(info.answer().text("meetingID").as_deref(), Some("class"), "from memory");
    assert_eq!(physics.listed().await, ["class"]);
}

#[tokio::test]
async fn a_node_that_comes_and_goes_keeps_its_meetings() {
    let cluster = Cluster::start_with(3, impatient()).await;
    let frontend = cluster.frontend("default");
    for class in 0..6 {
        frontend.create(&format!("class-{class}")).await;
    }
    let created = cluster.nodes[1].meetings();
    for _ in 0..4 {
        cluster.nodes[1].unplug().await;
        health_is(&cluster, 1, Health::Suspect).await;
        cluster.nodes[1].plug_in().await;
        health_is(&cluster, 1, Health::Healthy).await;
    }
    cluster.nodes[1].unplug().await;
    health_is(&cluster, 1, Health::Lost).await;
    assert_eq!(frontend.listed().await.len(), 4);
    cluster.nodes[1].plug_in().await;
    health_is(&cluster, 1, Health::Healthy).await;
    assert_eq!(frontend.listed().await.len(), 6);
    for meeting in created {
        assert_eq!(home(&cluster, &meeting.external), [1]);
    }
    let report = cluster.scaler().health_report();
    assert_eq!((report.splits_found, report.freezes), (0, 0));
}

#[tokio::test]
async fn a_class_on_two_nodes_is_reported_until_it_is_one() {
    let cluster = Cluster::start_with(3, impatient()).await;
    let frontend = cluster.frontend("physics");
    frontend.create("class").await;
    let at = home(&cluster, "bg1.physics.class")[0];
    cluster.nodes[at].set_users("bg1.physics.class", 3);
    cluster.nodes[at].unplug().await;
    health_is(&cluster, at, Health::Lost).await;
    frontend.create("class").await;
    let all = home(&cluster, "bg1.physics.class");
    let elsewhere = *all.iter().find(|node| **node != at).unwrap();
    cluster.nodes[elsewhere].set_users("bg1.physics.class", 20);
    polls(&cluster.nodes[elsewhere], 2).await;
    cluster.nodes[at].plug_in().await;
    let report = || cluster.scaler().health_report();
    eventually("it is reported", async || !report().splits.is_empty()).await;
    let split = report().splits.remove(0);
    assert_eq!((split.tenant.as_str(), split.meeting_id.as_str()), ("physics", "class"));
    assert_eq!((split.node, split.other), {
        let health = cluster.scaler().health();
        (health[elsewhere].0.clone(), health[at].0.clone())
    });
    assert_eq!(split.other_users, 3);
    cluster.nodes[at].set_users("bg1.physics.class", 0);
    eventually("it is one again", async || report().splits.is_empty()).await;
    assert_eq!(home(&cluster, "bg1.physics.class"), [elsewhere]);
    assert_eq!(report().splits_found, 1);
}

#[tokio::test]
async fn a_node_found_broken_gets_no_new_meetings_and_keeps_its_own() {
    let cluster = Cluster::start(4).await;
    let frontend = cluster.frontend("default");
    for class in 0..4 {
        frontend.create(&format!("class-{class}")).await;
    }
    let verdict = |node: &str| Verdict {
        node: node.parse().unwrap(),
        problems: vec!["audio".to_owned()],
        alone: true,
    };
    cluster.scaler().hold_back(&[verdict("bbb-02"), verdict("bbb-03")]);
    for class in 4..10 {
        frontend.create(&format!("class-{class}")).await;
    }
    assert_eq!(cluster.spread(), [3, 1, 3, 3], "one of four, no more");
    let kept = cluster.nodes[1].meetings()[0].external.clone();
    let to = frontend.get("join", &format!("meetingID={kept}&fullName=x")).await;
    assert!(to.location().contains("bbb-02"), "{}", to.location());
    // Where nobody else can take a meeting, the gate is open.
    for node in [0, 2, 3] {
        cluster.nodes[node].unplug().await;
        health_is(&cluster, node, Health::Suspect).await;
    }
    frontend.create("class-10").await;
    assert_eq!(cluster.spread()[1], 2);
    cluster.scaler().hold_back(&[]);
    assert!(cluster.scaler().health_report().nodes.values().all(|node| !node.held_back));
}

#[tokio::test]
async fn a_create_that_hangs_makes_its_node_suspect_not_lost() {
    let bounds = Bounds {
        call_timeout: Duration::from_millis(200),
        create_attempts: 1,
        poll_interval: Duration::from_millis(300),
        lost_after: Duration::from_millis(1),
        ..quick()
    };
    let cluster = Arc::new(Cluster::start_with(3, bounds).await);
    let frontend = cluster.frontend("default");
    for node in &cluster.nodes {
        polls(node, 1).await;
        node.next("create", Manner::Hang);
    }
    frontend.get("create", "name=x&meetingID=class").await.failure();
    let health = cluster.scaler().health();
    assert_eq!(health.iter().filter(|(_, health)| *health == Health::Suspect).count(), 1);
    assert!(health.iter().all(|(_, health)| *health != Health::Lost));
}
