//! Proxies that are not ours, and what they get wrong.

use crate::{
    cluster::{assert_finds, cluster},
    meddler::{Rule, instead},
};

const CLIENT: &str = "<!doctype html><div id=\"app\"></div><script>x='bundle.00ff.js'</script>";
const FILE: &str = "/etc/bluegate/bluegate.toml";

async fn breaks(rule: Rule, wanted: &str) {
    let report = cluster("3.0.28").at_proxy(rule).start().await.examine().await;
    assert_finds(&report, &[&format!("bbb-01 {wanted}")]);
}

#[tokio::test]
async fn a_proxy_that_does_not_know_the_mount() {
    let rule = instead("/bbb-01/", "404 Not Found", "Content-Type: text/html", "<h1>404</h1>");
    breaks(rule, &format!("client-through-proxy {FILE}")).await;
}

#[tokio::test]
async fn a_proxy_that_does_not_reach_the_node() {
    let rule = instead("/bbb-01/", "502 Bad Gateway", "Content-Type: text/html", "<h1>502</h1>");
    breaks(rule, &format!("client-through-proxy {FILE}")).await;
}

#[tokio::test]
async fn a_proxy_with_an_old_client() {
    let rule =
        instead("GET /bbb-01/html5client/ HTTP", "200 OK", "Content-Type: text/html", CLIENT);
    // That the old page names a bundle which is gone is of the same cause.
    breaks(rule, "client-identical the proxy's cache, or its route for this mount").await;
}

#[tokio::test]
async fn a_proxy_that_does_not_add_the_slash() {
    let rule = instead("/bbb-01/html5client?", "404 Not Found", "", "");
    breaks(rule, "client-slash the proxy's configuration").await;
}

#[tokio::test]
async fn a_proxy_that_drops_the_query_of_the_redirect() {
    let rule = instead(
        "/bbb-01/html5client?",
        "301 Moved Permanently",
        "Location: /bbb-01/html5client/",
        "",
    );
    breaks(rule, "client-slash the proxy's configuration").await;
}

#[tokio::test]
async fn a_missing_slash_behind_such_a_proxy_hurts() {
    let report = cluster("3.0.28")
        .breaking(|root| {
            let file = "/etc/bigbluebutton/bbb-web.properties";
            root.replace(file, "/html5client/", "/html5client");
        })
        .at_proxy(instead("/bbb-01/html5client?", "200 OK", "Content-Type: text/html", "x"))
        .start()
        .await
        .examine()
        .await;
    assert_finds(
        &report,
        &[
            "bbb-01 client-slash the proxy's configuration",
            "bbb-01 client-url /etc/bigbluebutton/bbb-web.properties",
        ],
    );
    assert_eq!(report.summary.problems, 1, "{report}");
}

#[tokio::test]
async fn files_of_the_page_that_are_missing() {
    let rule = instead("/bbb-01/html5client/bundle.", "404 Not Found", "", "");
    breaks(rule, "client-files /etc/bigbluebutton/nginx/bbb-cluster.nginx").await;
}

#[tokio::test]
async fn files_of_the_page_that_do_not_come() {
    let rule = instead("/bbb-01/html5client/bundle.", "504 Gateway Timeout", "", "");
    let report = cluster("3.0.28").at_proxy(rule).start().await.examine().await;
    // Nothing says that a file of the node is wrong.
    assert_finds(&report, &["bbb-01 client-files "]);
    assert_eq!((report.summary.problems, report.summary.warnings), (0, 1), "{report}");
}

#[tokio::test]
async fn a_proxy_that_relays_too_much() {
    let api = instead(
        "/bbb-01/bigbluebutton/api/isMeetingRunning",
        "200 OK",
        "Content-Type: text/xml",
        "<response><returncode>FAILED</returncode></response>",
    );
    let socket = instead("/bbb-01/bbb-webrtc-sfu", "401 Unauthorized", "", "");
    let slide = instead(
        "/bbb-01/bigbluebutton/presentation/",
        "404 Not Found",
        "Access-Control-Allow-Origin: *",
        "",
    );
    for rule in [api, socket, slide] {
        breaks(rule, "proxy-exposes the proxy's configuration").await;
    }
}

#[tokio::test]
async fn a_proxy_that_matches_prefixes() {
    let rule = instead("/bbb-01-/", "200 OK", "Content-Type: text/html", CLIENT);
    breaks(rule, "mount-exact the proxy's configuration").await;
}

#[tokio::test]
async fn a_proxy_without_the_index() {
    for (status, body) in [("404 Not Found", ""), ("200 OK", "<response/>")] {
        let rule = instead("/bbb-01/bigbluebutton/api HTTP", status, "", body);
        breaks(rule, "api-index the proxy's configuration").await;
    }
}

#[tokio::test]
async fn a_join_that_ends_elsewhere() {
    let rule = instead(
        "/bbb-01/html5client/?sessionToken",
        "302 Found",
        "Location: https://elsewhere.invalid/",
        "",
    );
    breaks(rule, "join-reaches-client ").await;
}
