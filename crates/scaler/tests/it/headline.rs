//! A node fails for an hour, by the default bounds: time is moved instead of scaled.
//! What else is true then is in `lost`.

use std::time::Duration;

use bluegate_scaler::{Bounds, Health};

use crate::{
    cluster::{Cluster, Frontend},
    fake_node::FakeNode,
    lost::home,
    moved_clock::{MovedClock, goes_on},
    namespace::{drop_packets, far_node, inside, pass_packets},
};

const NODES: usize = 6;
const CLASSES: usize = 36;
/// The node that fails.
const FAILING: usize = 2;
/// Until its classes can be created and joined elsewhere.
const WITHIN: Duration = Duration::from_secs(120);
/// Until it is back.
const AWAY: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn classes_of_a_node_that_is_off_move_within_two_minutes() {
    an_hour_without(FakeNode::unplug, FakeNode::plug_in).await;
}

#[tokio::test]
async fn classes_of_a_node_that_never_answers_move_within_two_minutes() {
    an_hour_without(async |node| node.stall(), async |node| node.go_on()).await;
}

#[tokio::test]
async fn classes_of_a_node_that_answers_after_50_s_move_within_two_minutes() {
    let late = Duration::from_secs(50);
    an_hour_without(async |node| node.be_late(late), async |node| node.go_on()).await;
}

#[test]
fn classes_of_a_node_whose_packets_are_dropped_move_within_two_minutes() {
    inside("headline::a_node_whose_packets_are_dropped");
}

#[tokio::test]
#[ignore = "run by the test above, in namespaces made for it"]
async fn a_node_whose_packets_are_dropped() {
    let mut cluster = Cluster::prepare(NODES).await;
    cluster.nodes[FAILING] = far_node(FAILING).await;
    an_hour_of(cluster, async |_| drop_packets(), async |_| pass_packets()).await;
}

async fn an_hour_without(fail: impl AsyncFn(&FakeNode), mend: impl AsyncFn(&FakeNode)) {
    an_hour_of(Cluster::prepare(NODES).await, fail, mend).await;
}

async fn an_hour_of(
    mut cluster: Cluster,
    fail: impl AsyncFn(&FakeNode),
    mend: impl AsyncFn(&FakeNode),
) {
    cluster.set_bounds(Bounds::default());
    cluster.boot().await;
    cluster.scaler().has_polled().await;
    let frontend = cluster.frontend("default");
    let mut struck = Vec::new();
    for class in 0..CLASSES {
        let id = format!("class-{class}");
        let time = frontend.create(&id).await.text("createTime").unwrap();
        if home(&cluster, &id) == [FAILING] {
            struck.push((id, time));
        }
    }
    assert_eq!(struck.len(), CLASSES / NODES);
    let bystander = cluster.nodes[FAILING + 1].meetings()[0].external.clone();
    let clock = MovedClock::hold(Duration::from_millis(800));
    let health = || cluster.scaler().health()[FAILING].1;
    let others_notice_nothing =
        async || a_bystander_is_served(&cluster, &frontend, &bystander).await;
    clock.pass(Duration::from_secs(5), others_notice_nothing).await;

    let node = &cluster.nodes[FAILING];
    fail(node).await;
    let is_given_up = async || {
        others_notice_nothing().await;
        health() == Health::Lost
    };
    clock.until(WITHIN, "it is given up", is_given_up).await;
    for (id, old_time) in &struck {
        let created = frontend.create(id).await;
        assert_eq!(created.key(), "", "a first create");
        let new_time = created.text("createTime").unwrap();
        let old_link = format!("meetingID={id}&fullName=x&createTime={old_time}");
        let to = frontend.get("join", &old_link).await.location().to_owned();
        assert!(to.contains(&format!("createTime={new_time}")) && !to.contains("bbb-03"), "{to}");
        let elsewhere = home(&cluster, id).into_iter().find(|index| *index != FAILING).unwrap();
        cluster.nodes[elsewhere].set_users(id, 30);
    }
    clock.pass(AWAY, others_notice_nothing).await;
    assert_eq!(health(), Health::Lost);

    mend(node).await;
    let is_back = async || {
        others_notice_nothing().await;
        health() == Health::Healthy && node.meetings().is_empty()
    };
    clock.until(WITHIN, "it is back, and its copies are ended", is_back).await;
    for (id, _) in &struck {
        assert_eq!(home(&cluster, id).len(), 1);
        let info = frontend.get("getMeetingInfo", &format!("meetingID={id}")).await;
        assert!(info.text.contains("<participantCount>30</participantCount>"), "{}", info.text);
    }
    assert_eq!(frontend.listed().await.len(), CLASSES);
    let losses = cluster.scaler().health_report().nodes.into_values().map(|node| node.losses);
    assert_eq!(losses.sum::<u64>(), 1);
}

/// A user of a class elsewhere calls.
async fn a_bystander_is_served(cluster: &Cluster, frontend: &Frontend, class: &str) {
    let to = frontend.get("join", &format!("meetingID={class}&fullName=x")).await;
    assert!(to.location().contains("bbb-04"), "{to:?}");
    goes_on(cluster).await;
}
