//! Nodes that cannot be reached, or are elsewhere than they should be.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use bluegate_cluster::Secret;
use bluegate_doctor::{Progress, Severity, examine};
use bluegate_simnode::{Fault, FaultAction};
use tokio_util::sync::CancellationToken;

use crate::cluster::{assert_finds, cluster};

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
    let told = Mutex::new(Vec::new());
    examine(&cluster.config(), &CancellationToken::new(), |progress| {
        told.lock().unwrap().push(progress);
    })
    .await;
    let told = told.into_inner().unwrap();
    let counts: Vec<_> = told.iter().map(|told| (told.done, told.all)).collect();
    assert_eq!(counts, [(0, 3), (1, 3), (2, 3), (3, 3)]);
    let mut order: Vec<_> =
        told.iter().filter_map(|told| told.node.as_ref().map(|node| node.as_str())).collect();
    assert_eq!(order.pop(), Some("bbb-01"));
    order.sort_unstable();
    assert_eq!(order, ["bbb-02", "bbb-03"]);
    let at_work = |told: &Progress| told.at_work.iter().map(ToString::to_string).collect();
    let at_work: Vec<Vec<String>> = told.iter().map(at_work).collect();
    assert_eq!(at_work[0], ["bbb-01", "bbb-02", "bbb-03"]);
    assert_eq!(at_work[2..], [vec!["bbb-01".to_owned()], vec![]]);
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
    cluster.stop_proxy().await;
    let report = cluster.examine().await;
    assert_finds(&report, &["cluster cluster-answers /etc/bluegate/bluegate.toml"]);
}

#[tokio::test]
async fn a_name_that_leads_nowhere() {
    let mut cluster = cluster("3.0.28").start().await;
    let node = &mut cluster.subject.nodes[0].node;
    node.origin = "https://bbb-01.invalid:1".parse().unwrap();
    node.address = None;
    // What leads nowhere is of no site that the cluster could be of here.
    let wanted = ["bbb-01 node-name ", "bbb-01 same-site /etc/bluegate/bluegate.toml"];
    assert_finds(&cluster.examine().await, &wanted);
}

#[tokio::test]
async fn sockets_of_media_that_are_gone() {
    for (path, wanted) in [
        (
            "/bbb-webrtc-sfu",
            "bbb-01 sfu-socket /usr/share/bigbluebutton/nginx/webrtc-sfu.nginx (package file)",
        ),
        ("/ws", "bbb-01 sip-socket /usr/share/bigbluebutton/nginx/sip.nginx (package file)"),
        (
            "/graphql",
            "bbb-01 graphql-socket /usr/share/bigbluebutton/nginx/graphql.nginx (package file)",
        ),
    ] {
        let cluster = cluster("3.0.28").start().await;
        let fault = Fault::on_path(path, 1_000, FaultAction::Error);
        cluster.nodes[0].faults().order(fault).unwrap();
        assert_finds(&cluster.examine().await, &[wanted]);
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
