//! What operators see of nodes and tenants: kept between polls, and never behind
//! what this scaler knows.

use std::time::{Duration, Instant};

use bluegate_scaler::{Bounds, NodeReport, TenantReport};

use crate::cluster::{Cluster, eventually, polls, quick};

fn node(cluster: &Cluster) -> NodeReport {
    cluster.scaler().nodes().remove(0)
}

fn tenant(cluster: &Cluster, name: &str) -> TenantReport {
    let tenants = cluster.scaler().tenants();
    tenants.into_iter().find(|tenant| tenant.name.as_str() == name).unwrap()
}

#[tokio::test]
async fn an_answer_that_is_the_same_as_before_counts_as_a_poll() {
    let cluster = Cluster::start(1).await;
    cluster.frontend("physics").create("class").await;
    polls(&cluster.nodes[0], 2).await;
    let began = Instant::now();
    // The last of them begins after the one before has been taken in.
    polls(&cluster.nodes[0], 3).await;
    let health = cluster.scaler().health_report();
    let age = health.nodes.values().next().unwrap().snapshot_age.unwrap();
    assert!(age < began.elapsed(), "{age:?} of {:?}", began.elapsed());

    cluster.nodes[0].set_users("bg1.physics.class", 5);
    eventually("the users are counted", async || node(&cluster).users == 5).await;
    eventually("for their tenant too", async || tenant(&cluster, "physics").users == 5).await;
    // As many digits, and nothing else is different.
    cluster.nodes[0].set_users("bg1.physics.class", 7);
    eventually("one changed digit is noticed", async || node(&cluster).users == 7).await;
}

#[tokio::test]
async fn what_this_scaler_changed_shows_before_the_next_poll() {
    let seldom = Bounds { poll_interval: Duration::from_secs(3600), ..quick() };
    let cluster = Cluster::start_with(1, seldom).await;
    cluster.scaler().has_polled().await;
    let seen = || (node(&cluster).meetings, tenant(&cluster, "physics").meetings);
    assert_eq!(seen(), (0, 0));
    let frontend = cluster.frontend("physics");
    frontend.create("one").await;
    assert_eq!(seen(), (1, 1));
    assert!(node(&cluster).reserved_users > 0);
    frontend.create("two").await;
    assert_eq!(seen(), (2, 2));
    let password = frontend.create("two").await.text("moderatorPW").unwrap();
    frontend.get("end", &format!("meetingID=two&password={password}")).await;
    assert_eq!(seen().1, 1, "one that is to end is gone for its tenant");
    assert_eq!(tenant(&cluster, "history").meetings, 0);
}
