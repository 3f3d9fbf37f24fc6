//! Where meetings go: tags, limits, what former meetings tell.

use std::time::Duration;

use bluegate_scaler::{Health, NodeTerms, Placement};

use crate::{
    cluster::{Cluster, Frontend, eventually, polls},
    lost::health_is,
};

fn tagged(tags: &[&str]) -> NodeTerms {
    let tags = tags.iter().map(|tag| tag.parse().unwrap()).collect();
    NodeTerms { tags, ..NodeTerms::default() }
}

async fn create(frontend: &Frontend, meeting_id: &str, more: &str) -> String {
    let reply = frontend.get("create", &format!("name=Class&meetingID={meeting_id}{more}")).await;
    let answer = reply.answer();
    let says = |name: &str| answer.text(name).unwrap_or_default();
    if says("returncode") == "SUCCESS" {
        "SUCCESS".to_owned()
    } else {
        format!("{}: {}", says("messageKey"), says("message"))
    }
}

#[tokio::test]
async fn tags_decide_which_nodes_may_have_a_meeting() {
    let mut cluster = Cluster::prepare(3).await;
    cluster.terms = vec![tagged(&[]), tagged(&["gpu"]), tagged(&["gpu", "lab"])];
    cluster.boot().await;
    let frontend = cluster.frontend("default");
    for (meeting_id, asked, at) in [
        ("c1", "", 0),
        ("c2", "&meta_server-tag=!", 0),
        ("c3", "&meta_server-tag=lab", 2),
        ("c4", "&meta_server-tag=tape", 0),
        ("c5", "&meta_server-tag=tape;lab!", 2),
        ("c6", "&meta_bluegate-required-tags=gpu&meta_bluegate-avoided-tags=lab", 1),
        ("c7", "&meta_bluegate-required-tags=gpu;lab", 2),
    ] {
        assert_eq!(create(&frontend, meeting_id, asked).await, "SUCCESS", "{asked}");
        let there = cluster.nodes[at].meetings();
        let found = there.iter().find(|meeting| meeting.external == meeting_id);
        let found = found.unwrap_or_else(|| panic!("{meeting_id} is not on node {at}"));
        let ours = found.parameters.keys().filter(|name| name.contains("bluegate-"));
        assert_eq!(ours.collect::<Vec<_>>(), ["meta_bluegate-stamp", "meta_bluegate-store"]);
    }
    let refused = create(&frontend, "c8", "&meta_server-tag=tape;film!").await;
    let wanted =
        "serverTagUnavailable: There is no available server with the required tag=tape;film.";
    assert_eq!(refused, wanted);
    let refused = create(&frontend, "c8", "&meta_bluegate-version=newest").await;
    assert!(refused.starts_with("validationError: meta_bluegate-version `newest`"), "{refused}");
    assert_eq!(frontend.listed().await.len(), 7);
}

#[tokio::test]
async fn a_tenants_meetings_go_where_its_tags_say() {
    let mut cluster = Cluster::prepare(3).await;
    cluster.terms = vec![tagged(&[]), tagged(&["gpu"]), tagged(&["lab"])];
    cluster.set_tenant("physics", r#"{"tags": {"required": ["gpu"]}}"#);
    cluster.set_tenant("history", r#"{"tags": {"preferred": ["lab"]}}"#);
    cluster.boot().await;
    for class in 0..3 {
        let id = format!("class-{class}");
        assert_eq!(create(&cluster.frontend("physics"), &id, "").await, "SUCCESS");
        assert_eq!(create(&cluster.frontend("history"), &id, "").await, "SUCCESS");
        assert_eq!(create(&cluster.frontend("default"), &id, "").await, "SUCCESS");
    }
    let has = |index: usize, tenant: &str| {
        let meetings = cluster.nodes[index].meetings();
        meetings.iter().filter(|meeting| meeting.external.contains(tenant)).count()
    };
    assert_eq!((cluster.spread(), has(1, "physics"), has(2, "history")), (vec![3; 3], 3, 3));
}

#[tokio::test]
async fn what_counts_is_as_configured() {
    let placement = Placement { slow_start: Duration::ZERO, ..Placement::default() };
    for (name, placement, wanted) in [
        ("users before meetings", placement.clone(), (1, 3)),
        ("meetings alone", Placement { user_weight: 0.0, ..placement.clone() }, (2, 2)),
        ("meetings before users", Placement { meeting_weight: 100.0, ..placement }, (2, 2)),
    ] {
        let mut cluster = Cluster::prepare(2).await;
        cluster.placement = placement;
        cluster.boot().await;
        let frontend = cluster.frontend("default");
        frontend.create("lecture").await;
        let home = cluster.spread().iter().position(|count| *count == 1).unwrap();
        cluster.nodes[home].set_users("lecture", 60);
        polls(&cluster.nodes[home], 2).await;
        for class in 0..3 {
            frontend.create(&format!("class-{class}")).await;
        }
        let spread = cluster.spread();
        assert_eq!((spread[home], spread[1 - home]), wanted, "{name}");
    }
}

#[tokio::test]
async fn a_node_that_returns_takes_less_than_its_share_at_first() {
    let mut cluster = Cluster::prepare(2).await;
    cluster.placement.slow_start = Placement::default().slow_start;
    cluster.boot().await;
    cluster.scaler().has_polled().await;
    let frontend = cluster.frontend("default");
    cluster.nodes[0].unplug().await;
    health_is(&cluster, 0, Health::Suspect).await;
    cluster.nodes[0].plug_in().await;
    health_is(&cluster, 0, Health::Healthy).await;
    for class in 0..10 {
        frontend.create(&format!("class-{class}")).await;
    }
    let spread = cluster.spread();
    assert!(spread[0] <= 2, "{spread:?}");
}

#[tokio::test]
async fn a_node_that_is_full_gets_nothing_more() {
    let mut cluster = Cluster::prepare(2).await;
    let limited = NodeTerms { max_meetings: Some(2), ..NodeTerms::default() };
    let small = NodeTerms { max_users: Some(25), ..NodeTerms::default() };
    cluster.terms = vec![limited, small];
    cluster.boot().await;
    let frontend = cluster.frontend("default");
    for class in 0..4 {
        assert_eq!(create(&frontend, &format!("class-{class}"), "").await, "SUCCESS");
    }
    assert_eq!(cluster.spread(), [2, 2]);
    let refused = create(&frontend, "one-more", "").await;
    assert_eq!(refused, "internalError: No server can take a new meeting at the moment.");
    // A meeting that is there is nobody's new one.
    assert_eq!(create(&frontend, "class-0", "").await, "SUCCESS");
    cluster.nodes[0].end("class-0");
    cluster.nodes[0].end("class-1");
    cluster.nodes[0].end("class-2");
    eventually("room is made", async || create(&frontend, "one-more", "").await == "SUCCESS").await;
}

#[tokio::test]
async fn a_meeting_reserves_what_its_former_ones_had() {
    let cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("physics");
    frontend.create("lecture").await;
    let home = cluster.spread().iter().position(|count| *count == 1).unwrap();
    let node = &cluster.nodes[home];
    let external = node.meetings()[0].external.clone();
    node.set_users(&external, 80);
    polls(node, 2).await;
    node.set_users(&external, 3);
    polls(node, 2).await;
    node.end(&external);
    eventually("it is seen to end", async || frontend.listed().await.is_empty()).await;

    frontend.create("lecture").await;
    let home = cluster.spread().iter().position(|count| *count == 1).unwrap();
    // 82 for the lecture, 12 for each class: six fit beside it.
    for class in 0..6 {
        frontend.create(&format!("class-{class}")).await;
    }
    assert_eq!(cluster.spread()[home], 1, "{:?}", cluster.spread());
    // Another tenant's meeting of that ID has no such past.
    let other = cluster.frontend("history");
    other.create("lecture").await;
    assert_eq!(cluster.spread()[home], 1, "{:?}", cluster.spread());
}

/// The doctor's, by its mark; another's that nobody placed weighs as what it is.
#[tokio::test]
async fn a_probe_is_nobodys_meeting_and_nobodys_load() {
    for (mark, is_probe) in [("meta_bluegate-probe", true), ("meta_somebody", false)] {
        let cluster = Cluster::start(2).await;
        let frontend = cluster.frontend("default");
        frontend.create("class").await;
        let home = cluster.spread().iter().position(|count| *count == 1).unwrap();
        let other = 1 - home;
        let mut stranger = cluster.nodes[home].meetings()[0].clone();
        stranger.external = "bluegate-doctor-1".to_owned();
        stranger.internal = "0123456789012345678901234567890123456789-1".to_owned();
        stranger.parameters = [(mark.to_owned(), "doctor".to_owned())].into();
        stranger.users = 500;
        cluster.nodes[other].restore(vec![stranger]);
        polls(&cluster.nodes[other], 2).await;

        frontend.create("next").await;
        let there = cluster.nodes[other].meetings();
        assert_eq!(there.iter().any(|meeting| meeting.external == "next"), is_probe, "{mark}");
        assert_eq!(frontend.listed().await, ["class", "next"], "{mark}");
    }
}
