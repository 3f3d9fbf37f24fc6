//! A real browser joins too.

use std::sync::Arc;

use bluegate_doctor::{Browser, BrowserSeat, State, examine};
use tokio_util::sync::CancellationToken;

use crate::{
    cluster::{Plan, cluster, findings},
    meddler::{Rule, instead},
};

async fn look(plan: Plan) -> bluegate_doctor::Report {
    let cluster = plan.start().await;
    let mut config = cluster.config();
    config.browser = Some(Arc::new(BrowserSeat::new(Browser::find().unwrap())));
    examine(&config, &CancellationToken::new(), |_| {}).await
}

#[tokio::test]
async fn a_browser_joins_and_has_nothing_to_complain_of() {
    for release in ["2.7.17", "3.0.28"] {
        let report = look(cluster(release)).await;
        assert_eq!(findings(&report), [""; 0], "{release}\n{report}");
        for id in ["browser-page", "browser-console", "browser-origins"] {
            let check = report.nodes[0].checks.iter().find(|check| check.check == id).unwrap();
            assert_eq!(check.state, State::Passed, "{check:?}");
        }
    }
}

#[tokio::test]
async fn a_browser_complains_of_what_is_missing() {
    // A setting that nothing but the browser's own page asks for.
    let report = look(cluster("3.0.28").breaking(|root| {
        let file = "/etc/bigbluebutton/bbb-html5.yml";
        root.replace(file, "/bigbluebutton/api/stuns", "/bigbluebutton/api/stunz");
    }))
    .await;
    let found = findings(&report);
    assert!(found.iter().any(|found| found.contains(" client-settings ")), "{report}");
    assert!(found.iter().any(|found| found.contains(" browser-console ")), "{report}");
}

/// A client's page with this in it, for users who join.
fn page_with(html: &str) -> Rule {
    let page = format!(
        "<!doctype html><link rel=icon href=data:,><div id=\"app\"></div><!-- bundle. -->{html}"
    );
    instead("/bbb-01/html5client/?sessionToken", "200 OK", "Content-Type: text/html", &page)
}

#[tokio::test]
async fn a_browser_that_is_led_away() {
    let rule = page_with("<script>location.href = 'http://elsewhere.localhost:1/'</script>");
    let report = look(cluster("3.0.28").at_proxy(rule)).await;
    assert!(findings(&report).contains(&"bbb-01 browser-page ".to_owned()), "{report}");
}

#[tokio::test]
async fn a_browser_that_asks_others() {
    let rule = page_with("<img src='http://elsewhere.localhost:1/x.png'>");
    let report = look(cluster("3.0.28").at_proxy(rule)).await;
    assert!(findings(&report).contains(&"bbb-01 browser-origins ".to_owned()), "{report}");
}
