//! A cluster as it should be gives no finding.

use bluegate_doctor::State;

use crate::cluster::{assert_finds, cluster};

/// The releases that can be played.
const RELEASES: [&str; 2] = ["2.7.17", "3.0.28"];

#[tokio::test]
async fn a_configured_node_of_every_line_gives_no_finding() {
    for release in RELEASES {
        let report = cluster(release).start().await.examine().await;
        assert_finds(&report, &[]);
        assert!(report.summary.passed > 30, "{release}: {report}");
    }
}

#[tokio::test]
async fn a_cluster_file_may_leave_the_release_out() {
    for release in RELEASES {
        let report = cluster(release).untold().start().await.examine().await;
        assert_finds(&report, &[]);
    }
}

#[tokio::test]
async fn without_secrets_no_meeting_is_made_and_that_is_said() {
    let cluster = cluster("3.0.28").without_secrets().start().await;
    let report = cluster.examine().await;
    assert_finds(&report, &[]);
    let shown = report.to_string();
    assert!(shown.contains("No meeting was joined on bbb-01"), "{shown}");
    let open = "Of `sfu-socket`, `sip-socket`, `shared-notes-socket` there: an upgrade answered 401 by \
                nginx's auth_request proves the place, not the daemon behind it";
    assert!(shown.contains(open), "{shown}");
    let calls = cluster.nodes[0].records();
    assert!(calls.iter().all(|record| record.call.as_deref() != Some("create")));
}

#[tokio::test]
async fn a_node_that_is_not_proxied_is_only_asked_what_its_own_users_need() {
    let report = cluster("3.0.28").not_proxied().stock().start().await.examine().await;
    assert_finds(&report, &[]);
    let made = report.nodes[0].checks.iter().filter(|check| check.state == State::Passed);
    let made: Vec<&str> = made.map(|check| check.check).collect();
    assert!(made.contains(&"meeting") && made.contains(&"node-answers"), "{made:?}");
}

#[tokio::test]
async fn the_probe_meeting_is_gone_afterwards() {
    let cluster = cluster("3.0.28").start().await;
    cluster.examine().await;
    assert!(cluster.nodes[0].meetings().is_empty());
}
