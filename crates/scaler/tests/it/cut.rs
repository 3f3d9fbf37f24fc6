//! The scaler cut off from all nodes, by the default bounds: time is moved instead
//! of scaled.

use std::time::Duration;

use bluegate_cluster::Mount;
use bluegate_scaler::{Bounds, Health};
use bluegate_store::{Generation, State};
use tokio::task::JoinHandle;

use crate::{
    cluster::{Cluster, Frontend, node_name},
    moved_clock::MovedClock,
    namespace::{far_node, inside, plug_in_the_cable, unplug_the_cable},
};

const NODES: usize = 6;
const CLASSES: usize = 30;
/// Users in each class.
const USERS: u32 = 20;

#[test]
fn ten_seconds_without_any_node_forget_and_split_nothing() {
    inside("cut::ten_seconds_without_any_node");
}

#[tokio::test]
#[ignore = "run by the test above, in namespaces made for it"]
async fn ten_seconds_without_any_node() {
    a_cut_of(Duration::from_secs(10)).await;
}

#[test]
fn ten_minutes_without_any_node_forget_and_split_nothing() {
    inside("cut::ten_minutes_without_any_node");
}

#[tokio::test]
#[ignore = "run by the test above, in namespaces made for it"]
async fn ten_minutes_without_any_node() {
    let freezes = a_cut_of(Duration::from_secs(10 * 60)).await;
    assert_eq!(freezes, 1, "silence of all is taken for our own");
}

/// Says how often the scaler took itself for the one that is cut off.
async fn a_cut_of(time: Duration) -> u64 {
    let mut cluster = Cluster::prepare(NODES).await;
    for index in 0..NODES {
        cluster.nodes[index] = far_node(index).await;
    }
    cluster.set_bounds(Bounds::default());
    cluster.boot().await;
    cluster.scaler().has_polled().await;
    let frontend = cluster.frontend("default");
    let ids: Vec<String> = (0..CLASSES).map(|class| format!("class-{class:02}")).collect();
    for id in &ids {
        frontend.create(id).await;
    }
    for node in &cluster.nodes {
        node.meetings().iter().for_each(|meeting| node.set_users(&meeting.external, USERS));
    }
    let clock = MovedClock::hold(Duration::from_millis(250));
    let is_well = async || {
        nothing_is_forgotten(&cluster, &frontend, &ids).await;
        let report = cluster.scaler().health_report();
        report.nodes.values().all(|node| node.health == Health::Healthy && node.silent.is_none())
    };
    clock
        .pass(Duration::from_secs(5), async || {
            is_well().await;
        })
        .await;
    assert!(is_well().await, "all nodes are polled");
    let before = lives(&cluster).await;
    assert_eq!((before.len(), cluster.spread()), (CLASSES, vec![CLASSES / NODES; NODES]));

    unplug_the_cable();
    clock.pass(time / 2, async || nothing_is_forgotten(&cluster, &frontend, &ids).await).await;
    // Somebody who sees nothing happen presses the button again.
    let insisting = ids.iter().step_by(7).map(|id| {
        let (frontend, query) = (frontend.clone(), format!("name=Class&meetingID={id}"));
        tokio::spawn(async move { frontend.get("create", &query).await })
    });
    let insisting: Vec<_> = insisting.collect();
    clock.pass(time / 2, async || nothing_is_forgotten(&cluster, &frontend, &ids).await).await;
    plug_in_the_cable();

    let are_answered = async || is_well().await && insisting.iter().all(JoinHandle::is_finished);
    clock.until(Duration::from_secs(60), "all is well again", are_answered).await;
    for create in insisting {
        let reply = create.await.unwrap();
        let key = reply.answer().key();
        assert!(["duplicateWarning", "internalError"].contains(&key.as_str()), "{}", reply.text);
    }
    for id in &ids {
        assert_eq!(frontend.create(id).await.key(), "duplicateWarning");
    }
    // What is settled only after a while, or by the next polls.
    clock
        .pass(Duration::from_secs(120), async || {
            is_well().await;
        })
        .await;
    assert_eq!(lives(&cluster).await, before);
    assert_eq!(cluster.spread(), [CLASSES / NODES; NODES]);
    let report = cluster.scaler().health_report();
    assert_eq!(report.nodes.values().map(|node| node.losses + node.boots).sum::<u64>(), 0);
    assert_eq!((report.frozen, report.splits_found), (false, 0));
    report.freezes
}

/// What frontends see at any moment, cut or not.
async fn nothing_is_forgotten(cluster: &Cluster, frontend: &Frontend, ids: &[String]) {
    assert_eq!(frontend.listed().await, ids);
    assert_eq!(cluster.scaler().store().losses().await.unwrap(), []);
    let health = cluster.scaler().health();
    assert!(health.iter().all(|(_, health)| *health != Health::Lost), "{health:?}");
}

/// A life of a meeting that the scaler knows.
#[derive(Debug, PartialEq)]
struct Life {
    id: String,
    node: Mount,
    internal_meeting_id: Option<String>,
    state: State,
    /// Whether its node has it.
    is_there: bool,
}

async fn lives(cluster: &Cluster) -> Vec<Life> {
    let open = cluster.scaler().store().open_generations().await.unwrap();
    let life = |row: Generation| {
        let node = (0..NODES).find(|index| node_name(*index) == row.node.as_str()).unwrap();
        let meetings = cluster.nodes[node].meetings();
        let mut there = meetings.into_iter().map(|meeting| Some(meeting.internal));
        let is_there = there.any(|internal| internal == row.internal_meeting_id);
        let Generation { id, node, internal_meeting_id, state, .. } = row;
        Life { id, node, internal_meeting_id, state, is_there }
    };
    open.into_iter().map(life).collect()
}
