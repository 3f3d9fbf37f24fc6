//! Nodes that come and go, are cordoned and weighed, while the scaler runs.

use std::time::Duration;

use bluegate_bbb_api::Outcome;
use bluegate_cluster::{Mount, TenantMeetingId};
use bluegate_scaler::{Bounds, Decision, NodeError, NodeTerms};
use bluegate_testkit::Postgres;

use crate::{
    cluster::{Cluster, eventually, polls, quick, secret},
    fake_node::FakeNode,
};

fn name(index: usize) -> Mount {
    format!("bbb-{:02}", index + 1).parse().unwrap()
}

#[tokio::test]
async fn a_cordoned_node_gets_nothing_new_and_keeps_what_it_has_across_a_restart() {
    let mut cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("default");
    for class in 0..2 {
        frontend.create(&format!("class-{class}")).await;
    }
    cluster.scaler().cordon_node(&name(0), true).await.unwrap();
    for class in 2..6 {
        frontend.create(&format!("class-{class}")).await;
    }
    assert_eq!(cluster.spread(), [1, 5]);
    // Its own meeting is created again where it is, and joined.
    let kept = cluster.nodes[0].meetings()[0].external.clone();
    assert_eq!(frontend.create(&kept).await.key(), "duplicateWarning");
    let join = frontend.get("join", &format!("meetingID={kept}&fullName=x")).await;
    assert!(join.location().contains("bbb-01."), "{join:?}");

    cluster.stop().await;
    cluster.boot().await;
    let frontend = cluster.frontend("default");
    frontend.create("class-6").await;
    assert_eq!(cluster.spread(), [1, 6]);
    cluster.scaler().cordon_node(&name(0), false).await.unwrap();
    frontend.create("class-7").await;
    assert_eq!(cluster.spread(), [2, 6]);
    let unknown = cluster.scaler().cordon_node(&"bbb-99".parse().unwrap(), true).await;
    assert!(matches!(unknown, Err(NodeError::Unknown(_))));
}

#[tokio::test]
async fn once_a_cordon_is_said_no_scaler_places_anything_there() {
    let postgres = Postgres::start().await.unwrap();
    let mut cluster = Cluster::prepare(3).await;
    let slow = Bounds { refresh_interval: Duration::from_secs(3600), ..quick() };
    cluster.set_bounds(slow);
    cluster.store = Some(postgres.database().unwrap());
    cluster.boot().await;
    cluster.add_replica().await;
    cluster.add_replica().await;
    cluster.scaler().cordon_node(&name(2), true).await.unwrap();
    let calls: Vec<_> = (0..30)
        .map(|class| {
            let frontend = cluster.frontends("default")[class % 3].clone();
            tokio::spawn(async move { frontend.create(&format!("class-{class}")).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(cluster.spread(), [15, 15, 0]);
}

#[tokio::test]
async fn a_node_is_added_serves_and_is_removed_and_its_secret_is_not_to_be_read() {
    let mut cluster = Cluster::start(1).await;
    let hidden = "the-secret-of-the-new-node";
    let new = FakeNode::start(&secret(hidden)).await;
    let added = |cluster: &Cluster, terms| {
        let mut config = cluster.config().nodes[0].clone();
        config.node.name = "new".parse().unwrap();
        config.node.origin =
            format!("http://new.cluster.localhost:{}", new.address.port()).parse().unwrap();
        config.node.address = Some(new.address.into());
        config.secrets = vec![secret(hidden)];
        config.terms = terms;
        config
    };
    let terms = NodeTerms { weight: 3.0, ..NodeTerms::default() };
    cluster.scaler().add_node(added(&cluster, terms.clone())).await.unwrap();
    let twice = cluster.scaler().add_node(added(&cluster, terms.clone())).await;
    assert!(matches!(twice, Err(NodeError::Taken(_))), "{twice:?}");
    let frontend = cluster.frontend("default");
    for class in 0..4 {
        frontend.create(&format!("class-{class}")).await;
    }
    assert_eq!((cluster.spread(), new.meetings().len()), (vec![1], 3));

    // It is there after a restart; and what the store holds tells nothing.
    cluster.stop().await;
    for file in std::fs::read_dir(cluster.folder()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(hidden.len()).any(|window| window == hidden.as_bytes()));
    }
    cluster.boot().await;
    let frontend = cluster.frontend("default");
    assert_eq!(frontend.create("class-0").await.key(), "duplicateWarning");
    eventually("both are polled", async || frontend.listed().await.len() == 4).await;

    // The file cannot name it, and the API cannot touch the file's.
    let mut file = cluster.config().nodes;
    file.push(added(&cluster, terms));
    let clash = cluster.scaler().reload_nodes(file).await;
    assert!(matches!(clash, Err(NodeError::InStore(_))), "{clash:?}");
    let in_file = cluster.scaler().remove_node(&name(0), true).await;
    assert!(matches!(in_file, Err(NodeError::InFile(_))), "{in_file:?}");

    let running = cluster.scaler().remove_node(&"new".parse().unwrap(), false).await;
    assert!(matches!(running, Err(NodeError::HasMeetings { meetings: 3, .. })), "{running:?}");
    // A dead one can always be removed, and what was on it is created elsewhere.
    new.unplug().await;
    let gone = async || cluster.scaler().remove_node(&"new".parse().unwrap(), false).await;
    eventually("it is seen to be silent", async || gone().await.is_ok()).await;
    assert_eq!(frontend.listed().await.len(), 1);
    for class in 0..4 {
        let created = frontend.create(&format!("class-{class}")).await;
        assert_eq!(created.outcome(), Outcome::Success);
    }
    assert_eq!(cluster.spread(), [4]);
}

#[tokio::test]
async fn a_reload_adds_removes_and_changes_nodes_and_disturbs_nothing_else() {
    let cluster = Cluster::start(3).await;
    let frontend = cluster.frontend("default");
    for class in 0..3 {
        frontend.create(&format!("class-{class}")).await;
    }
    let whole = cluster.config().nodes;
    let mut without: Vec<_> = whole[1..].to_vec();
    without[0].terms.max_meetings = Some(1);
    cluster.scaler().reload_nodes(without.clone()).await.unwrap();
    assert_eq!(frontend.listed().await.len(), 2, "the node's meeting is left behind");
    let left = cluster.nodes[0].meetings()[0].external.clone();
    frontend.create(&left).await;
    frontend.create("class-3").await;
    assert_eq!(cluster.spread(), [1, 1, 3]);

    let mut bad = without.clone();
    bad[0].secrets.clear();
    assert!(matches!(cluster.scaler().reload_nodes(bad).await, Err(NodeError::NoSecret(_))));
    let mut twice = without.clone();
    twice.push(without[0].clone());
    assert!(matches!(cluster.scaler().reload_nodes(twice).await, Err(NodeError::Twice(_))));
    assert_eq!(cluster.scaler().nodes().len(), 2);

    // A second secret joins the first: stamps of both are believed, nothing moves.
    for node in &mut without {
        node.secrets.insert(0, secret("the-new-one"));
    }
    cluster.scaler().reload_nodes(without).await.unwrap();
    polls(&cluster.nodes[2], 2).await;
    frontend.create("class-4").await;
    assert_eq!(frontend.listed().await.len(), 5);
}

#[tokio::test]
async fn what_a_node_has_and_when_it_will_be_empty_is_told() {
    let cluster = Cluster::start(1).await;
    let frontend = cluster.frontend("default");
    frontend.create("class").await;
    let node = &cluster.nodes[0];
    node.set_users("class", 7);
    polls(node, 2).await;
    node.end("class");
    eventually("it is seen to end", async || frontend.listed().await.is_empty()).await;
    frontend.create("class").await;
    frontend.create("other").await;
    node.add_breakout("class", "room");
    polls(node, 2).await;

    let scaler = cluster.scaler();
    scaler.cordon_node(&name(0), true).await.unwrap();
    let report = scaler.drain_report(&name(0)).await.unwrap();
    assert!(report.cordoned_at.is_some());
    assert_eq!((report.meetings, report.breakout_rooms), (2, 1));
    // The class is known to be short, of the other nothing is known.
    assert!(report.empty_by.is_some());
    assert_eq!(report.unforeseen, 1);

    scaler.weigh_node(&name(0), Some(0.5)).await.unwrap();
    let nodes = scaler.nodes();
    assert_eq!((nodes[0].weight_set, nodes[0].weight), (Some(0.5), 0.5));
    assert_eq!((nodes[0].meetings, nodes[0].breakout_rooms), (2, 1));
    // 7 and 10 users expected, 2 meetings at 2, over half a weight.
    assert!((nodes[0].load - 42.0).abs() < 1.0, "{}", nodes[0].load);
}

#[tokio::test]
async fn a_meeting_says_why_it_is_where_it_is_and_can_be_ended() {
    let cluster = Cluster::start(3).await;
    let frontend = cluster.frontend("physics");
    let scaler = cluster.scaler();
    scaler.cordon_node(&name(1), true).await.unwrap();
    frontend.create("class").await;
    let id = TenantMeetingId::new(&"physics".parse().unwrap(), "class");
    let lives = scaler.meeting(&id).await.unwrap();
    assert_eq!(lives.len(), 1);
    let decision: Decision = serde_json::from_str(lives[0].decision.as_ref().unwrap()).unwrap();
    assert_eq!(decision.node.as_deref(), Some(lives[0].generation.node.as_str()));
    assert_eq!(decision.candidates.len(), 2);
    assert_eq!(decision.excluded[0].node, "bbb-02");
    assert_eq!(decision.excluded[0].reason.as_str(), "cordoned");
    assert_eq!(scaler.meetings().len(), 1);
    let of_another = TenantMeetingId::new(&"history".parse().unwrap(), "class");
    assert!(scaler.meeting(&of_another).await.unwrap().is_empty());
    assert!(scaler.end_meeting(&of_another).await.is_err());

    scaler.end_meeting(&id).await.unwrap();
    assert!(frontend.listed().await.is_empty());
    eventually("the node has ended it", async || scaler.meetings().is_empty()).await;
    assert_eq!(cluster.spread(), [0, 0, 0]);
}
