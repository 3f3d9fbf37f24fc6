//! Nodes that cannot be reached, or are elsewhere than they should be.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use bluegate_cluster::{Origin, Scheme, Secret};
use bluegate_doctor::{Severity, examine};
use bluegate_simnode::{Fault, FaultAction};
use tokio_util::sync::CancellationToken;

use crate::cluster::{assert_finds, cluster, findings};

#[tokio::test]
async fn a_dead_node_is_one_finding_and_delays_nobody() {
    let cluster = cluster("3.0.28").nodes(3).start().await;
    cluster.nodes[1].power_off();
    let report = cluster.examine().await;
    assert_finds(&report, &["bbb-02 node-answers the file that `nginx -t` names on the node"]);
    assert_eq!(report.nodes.len(), 3);
}

#[tokio::test]
async fn what_is_wrong_with_one_node_is_its_own_and_what_is_wrong_everywhere_is_not() {
    let cluster = cluster("3.0.28").nodes(3).start().await;
    cluster.nodes[1].power_off();
    let verdicts = cluster.examine().await.verdicts();
    let wanted = [(true, false), (false, true), (true, false)];
    let found: Vec<_> = verdicts.iter().map(|v| (v.is_well(), v.alone)).collect();
    assert_eq!(found, wanted);
    assert_eq!(verdicts[1].problems, ["node-answers"]);
    for node in &cluster.nodes {
        node.power_off();
    }
    let verdicts = cluster.examine().await.verdicts();
    assert!(verdicts.iter().all(|verdict| !verdict.is_well() && !verdict.alone), "{verdicts:?}");
}

#[tokio::test]
async fn a_node_that_hangs_is_bounded() {
    let cluster = cluster("3.0.28").nodes(2).start().await;
    for _ in 0..3 {
        cluster.nodes[0].faults().order(Fault::on_path("/", 1_000, FaultAction::Hang)).unwrap();
    }
    let begun = Instant::now();
    let report = cluster.examine().await;
    // The bound of one request, and as much again for a busy machine.
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_finds(&report, &["bbb-01 node-answers "]);
}

#[tokio::test]
async fn a_node_that_hangs_is_reported_after_the_others() {
    let cluster = cluster("3.0.28").nodes(3).start().await;
    cluster.nodes[0].faults().order(Fault::on_path("/", 1_000, FaultAction::Hang)).unwrap();
    let order = Mutex::new(Vec::new());
    examine(&cluster.config(), &CancellationToken::new(), |progress| {
        order.lock().unwrap().push(progress.node.to_string());
    })
    .await;
    let mut order = order.into_inner().unwrap();
    assert_eq!(order.pop().as_deref(), Some("bbb-01"));
    order.sort();
    assert_eq!(order, ["bbb-02", "bbb-03"]);
}

#[tokio::test]
async fn nodes_of_another_site_are_one_finding() {
    let report = cluster("3.0.28").nodes_under("other.localhost").start().await.examine().await;
    assert_finds(&report, &["bbb-01 same-site /etc/bluegate/bluegate.toml"]);
}

#[tokio::test]
async fn the_wrong_secret() {
    let mut cluster = cluster("3.0.28").start().await;
    cluster.subject.nodes[0].secrets = vec![Secret::new("not the secret").unwrap()];
    let report = cluster.examine().await;
    assert_finds(&report, &["bbb-01 api-secret the `secret_file` of [[node]] `bbb-01`"]);
}

#[tokio::test]
async fn the_wrong_release_in_the_file() {
    let mut cluster = cluster("2.7.17").start().await;
    cluster.subject.nodes[0].node.bbb = Some("2.6".parse().unwrap());
    let report = cluster.examine().await;
    assert_finds(&report, &["bbb-01 release-in-file /etc/bluegate/bluegate.toml"]);
}

#[tokio::test]
async fn the_cluster_where_nothing_listens() {
    let mut cluster = cluster("3.0.28").start().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let host = cluster.subject.origin.host().to_owned();
    cluster.subject.origin = Origin::new(Scheme::Http, &host, Some(free)).unwrap();
    let report = cluster.examine().await;
    // Whatever else is wrong then is wrong with nodes that know another origin.
    assert!(
        findings(&report).contains(&"cluster cluster-answers /etc/bluegate/bluegate.toml".into())
    );
    assert!(!report.to_string().contains("client-through-proxy)"), "{report}");
}

#[tokio::test]
async fn a_name_that_leads_nowhere() {
    let mut cluster = cluster("3.0.28").start().await;
    let node = &mut cluster.subject.nodes[0].node;
    node.origin = "http://bbb-01.invalid:1".parse().unwrap();
    node.address = None;
    let report = cluster.examine().await;
    let names = findings(&report);
    assert_eq!(names.first().map(String::as_str), Some("bbb-01 node-name "), "{report}");
    assert!(names.iter().all(|name| !name.contains("client")), "{report}");
}

#[tokio::test]
async fn sockets_of_media_that_are_gone() {
    for (path, check) in
        [("/bbb-webrtc-sfu", "sfu-socket"), ("/ws", "sip-socket"), ("/graphql", "graphql-socket")]
    {
        let cluster = cluster("3.0.28").start().await;
        let fault = Fault::on_path(path, 1_000, FaultAction::Error);
        cluster.nodes[0].faults().order(fault).unwrap();
        let report = cluster.examine().await;
        let names = findings(&report);
        assert_eq!(names.len(), 1, "{report}");
        assert!(names[0].starts_with(&format!("bbb-01 {check} ")), "{report}");
    }
}

#[tokio::test]
async fn a_stop_in_the_middle_ends_the_probe_meeting() {
    let cluster = cluster("3.0.28").start().await;
    // Long enough to be in the middle for sure: the stop ends the wait.
    let slow = Fault::delay_call("join", 10, Duration::from_secs(60));
    cluster.nodes[0].faults().order(slow).unwrap();
    let stop = CancellationToken::new();
    let nodes = cluster.nodes.clone();
    let config = cluster.config();
    let examination = tokio::spawn({
        let stop = stop.clone();
        async move { examine(&config, &stop, |_| {}).await }
    });
    let has_meeting = || async { (!nodes[0].meetings().is_empty()).then_some(()) };
    bluegate_testkit::eventually("a probe meeting", Duration::from_secs(10), has_meeting)
        .await
        .unwrap();
    stop.cancel();
    let report = examination.await.unwrap();
    assert!(cluster.nodes[0].meetings().is_empty());
    let problems = report.findings().filter(|(_, f)| f.severity == Severity::Problem);
    assert_eq!(problems.count(), 0, "{report}");
}
