//! Two scalers with a store each, over the same nodes and for the same tenants.

use std::time::Duration;

use bluegate_scaler::Bounds;

use crate::{
    cluster::{Cluster, eventually, node_name, polls, quick},
    lost::home,
};

/// Classes that are created until one is made twice.
const ATTEMPTS: usize = 20;

#[tokio::test]
async fn two_scalers_with_a_store_each_end_nothing_of_each_other_and_say_so() {
    // Time for both to place before either looks.
    let bounds = Bounds {
        poll_interval: Duration::from_millis(400),
        twin_patience: Duration::from_millis(50),
        ..quick()
    };
    let mut cluster = Cluster::start_with(2, bounds).await;
    let other = cluster.folder().join("other.db");
    cluster.store = Some(format!("sqlite://{}", other.display()));
    cluster.add_replica().await;
    let [one, two] = [0, 1].map(|index| cluster.scalers().nth(index).unwrap().clone());
    for (scaler, not) in [(&one, 1), (&two, 0)] {
        scaler.has_polled().await;
        scaler.cordon_node(&node_name(not).parse().unwrap(), true).await.unwrap();
    }
    let found = || [&one, &two].map(|scaler| scaler.health_report().foreign_stores);
    assert_eq!(found(), [0, 0]);
    let frontends = cluster.frontends("physics");
    let mut twice = None;
    for class in 0..ATTEMPTS {
        let id = format!("class-{class}");
        tokio::join!(frontends[0].create(&id), frontends[1].create(&id));
        let on_node = format!("bg1.physics.{id}");
        if home(&cluster, &on_node) == [0, 1] {
            twice = Some(on_node);
            break;
        }
    }
    let class = twice.expect("a class that both have made");
    eventually("both have found it out", async || found() == [1, 1]).await;
    for node in &cluster.nodes {
        polls(node, 6).await;
    }
    assert_eq!(home(&cluster, &class), [0, 1], "both copies go on");
    for scaler in [&one, &two] {
        let splits = scaler.health_report().splits;
        assert!(splits.iter().any(|split| class.ends_with(&split.meeting_id)), "{splits:?}");
    }

    // It is known after a restart, before anything new is seen.
    cluster.store = None;
    cluster.stop().await;
    cluster.boot().await;
    assert_eq!(cluster.scaler().health_report().foreign_stores, 1);
    for node in &cluster.nodes {
        polls(node, 6).await;
    }
    assert_eq!(home(&cluster, &class), [0, 1]);
}

#[tokio::test]
async fn what_a_lost_store_left_on_the_nodes_is_our_own() {
    let mut cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("physics");
    for class in 0..4 {
        frontend.create(&format!("class-{class}")).await;
    }
    cluster.stop().await;
    cluster.lose_store();
    cluster.boot().await;
    let frontend = cluster.frontend("physics");
    eventually("they are adopted", async || frontend.listed().await.len() == 4).await;
    frontend.create("class-4").await;
    for node in &cluster.nodes {
        polls(node, 3).await;
    }
    assert_eq!(cluster.scaler().health_report().foreign_stores, 0);
}
