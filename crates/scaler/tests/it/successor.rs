//! A process and its successor on one SQLite file: what the one does the other
//! knows, and no class is split.

use std::{collections::BTreeSet, time::Duration};

use bluegate_scaler::Bounds;
use tokio_util::sync::CancellationToken;

use crate::cluster::{Cluster, eventually, quick};

/// Two scalers that know of each other until the token says otherwise. They do
/// not poll again within a test, so that what they know they know by the store.
async fn two(nodes: usize) -> (Cluster, CancellationToken) {
    let bounds = Bounds { poll_interval: Duration::from_secs(60), ..quick() };
    let mut cluster = Cluster::start_with(nodes, bounds).await;
    cluster.add_replica().await;
    let alone = CancellationToken::new();
    for scaler in cluster.scalers() {
        scaler.has_polled().await;
        tokio::spawn(scaler.accompanied(alone.clone().cancelled_owned()));
    }
    (cluster, alone)
}

#[tokio::test]
async fn what_either_creates_the_other_joins_lists_and_ends() {
    let (cluster, _alone) = two(2).await;
    let frontends = cluster.frontends("physics");
    for (creator, other) in [(0, 1), (1, 0)] {
        let class = format!("class-{creator}");
        frontends[creator].create(&class).await;
        let join = format!("meetingID={class}&fullName=x");
        let reply = frontends[other].get("join", &join).await;
        assert!(reply.location().contains(&class), "{}", reply.location());
        eventually("it is listed", async || frontends[other].listed().await.contains(&class)).await;
        assert_eq!(frontends[other].create(&class).await.key(), "duplicateWarning");
    }
}

#[tokio::test]
async fn a_class_created_at_both_in_one_moment_is_one() {
    let (cluster, _alone) = two(5).await;
    let frontends = cluster.frontends("physics");
    let calls: Vec<_> = (0..40)
        .map(|call| {
            let frontend = frontends[call % 2].clone();
            tokio::spawn(async move { frontend.create("class").await })
        })
        .collect();
    let mut internal = BTreeSet::new();
    for call in calls {
        internal.insert(call.await.unwrap().text("internalMeetingID").unwrap());
    }
    assert_eq!(internal.len(), 1);
    assert_eq!(cluster.spread().iter().sum::<usize>(), 1);
}

#[tokio::test]
async fn alone_again_it_has_all_that_the_other_left() {
    let (cluster, alone) = two(2).await;
    let frontends = cluster.frontends("default");
    frontends[0].create("last").await;
    alone.cancel();
    eventually("it is in memory", async || frontends[1].listed().await == ["last"]).await;
    let reply = frontends[1].get("join", "meetingID=last&fullName=x").await;
    assert!(reply.location().contains("meetingID=last"), "{}", reply.location());
}
