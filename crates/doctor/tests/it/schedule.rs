//! Looking again and again.

use std::time::Duration;

use bluegate_doctor::{Latest, Schedule};
use bluegate_testkit::eventually;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    cluster::{assert_finds, cluster},
    meddler::{Switch, instead},
};

const WITHIN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_node_with_another_client_is_looked_at_at_once() {
    let page = "<!doctype html><div id=\"app\"></div><script src=\"old.js\"></script>bundle.";
    let upgraded = Switch::default();
    let rule = instead("/bbb-01/html5client/ HTTP", "200 OK", "Content-Type: text/html", page);
    let cluster = cluster("3.0.28").nodes(2).at_node(rule.when(&upgraded)).start().await;
    let (sender, mut latest) = watch::channel::<Option<Latest>>(None);
    let stop = CancellationToken::new();
    let schedule = Schedule {
        interval: Duration::from_secs(3_600),
        watch: Duration::from_millis(200),
        settle: Duration::ZERO,
    };
    let config = cluster.config();
    let running = tokio::spawn(schedule.run(move || config.clone(), sender, stop.clone()));
    let first = latest.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert_finds(&first.report, &[]);
    let asked = |number: usize| {
        let records = cluster.nodes[number].records();
        records.iter().filter(|record| record.call.as_deref() == Some("create")).count()
    };
    assert_eq!((asked(0), asked(1)), (1, 1));

    // The schedule must know the old page before there is a new one.
    let looks = || cluster.nodes[0].records().len();
    let before = looks();
    eventually("the page is asked for again", WITHIN, || async {
        (looks() > before + 1).then_some(())
    })
    .await
    .unwrap();
    upgraded.turn_on();
    let missing = |latest: &Option<Latest>| {
        let report = &latest.as_ref().unwrap().report;
        report.findings().any(|(_, finding)| finding.check == "client-files")
    };
    let second = tokio::time::timeout(WITHIN, latest.wait_for(missing)).await.unwrap().unwrap();
    // Both nodes are in the report, and only the one that changed was visited.
    assert_eq!(second.as_ref().unwrap().report.nodes.len(), 2);
    drop(second);
    assert_eq!((asked(0), asked(1)), (2, 1));
    stop.cancel();
    running.await.unwrap();
}
