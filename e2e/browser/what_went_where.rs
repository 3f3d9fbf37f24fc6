//! Which requests of a whole visit passed the proxy, and which went to the
//! node: told by the browser, by the proxy's access log, by the nodes.

use anyhow::{Context as _, Result};
use bluegate_testkit::{Page, browser::NetworkRequest, eventually};
use serde_json::Value;

use super::{
    picture,
    visit::{CAMERA, Desk, MICROPHONE, WITHIN, row},
};
use crate::cluster::ReadyNode;

/// Uploads a presentation by the client's button.
async fn upload(page: &Page) -> Result<()> {
    page.wait_for("!document.querySelector('#upload').disabled", WITHIN).await?;
    page.click("#upload").await?;
    page.wait_for(&format!("{}.dataset.state === 'ok'", row("upload")), WITHIN).await
}

/// Method, path, whether the cookie has to be there, whether it is a socket.
type Own = (&'static str, &'static str, bool, bool);

/// What the client of a release line asks of whom.
struct Line {
    arguments: &'static [&'static str],
    /// What it asks of the proxy on every visit, below the mount.
    through_proxy: &'static str,
    /// What it asks of the node itself.
    own: &'static [Own],
}

const V3_0: Line = Line {
    arguments: &["--nodes", "2"],
    through_proxy: "/bigbluebutton/api",
    own: &[
        ("GET", "/api/rest/meetingStaticData", true, false),
        ("OPTIONS", "/api/rest/meetingStaticData", false, false),
        ("GET", "/graphql", true, true),
        ("GET", "/bigbluebutton/api/stuns", true, false),
        ("GET", "/bigbluebutton/presentation/*/svg/1", true, false),
        ("GET", "/bigbluebutton/rtt-check", false, false),
        ("OPTIONS", "/bigbluebutton/presentation/*/upload", false, false),
        ("POST", "/bigbluebutton/presentation/*/upload", false, false),
        ("GET", "/bbb-webrtc-sfu", true, true),
    ],
};

const V2_7: Line = Line {
    arguments: &["--nodes", "2", "--bbb", "2.7"],
    through_proxy: "/html5client/join",
    own: &[
        ("GET", "/bigbluebutton/api/enter", true, false),
        ("GET", "/*/html5client/sockjs/info", false, false),
        ("GET", "/*/websocket", false, true),
        ("GET", "/bigbluebutton/api/stuns", true, false),
        ("GET", "/bigbluebutton/presentation/*/svg/1", false, false),
        ("OPTIONS", "/bigbluebutton/presentation/*/upload", false, false),
        ("POST", "/bigbluebutton/presentation/*/upload", false, false),
        ("GET", "/bbb-webrtc-sfu", true, true),
    ],
};

#[tokio::test]
async fn only_client_paths_and_the_api_index_pass_the_proxy() {
    only_client_paths_pass(&V3_0).await.unwrap();
}

#[tokio::test]
async fn only_client_paths_of_2_7_pass_the_proxy() {
    only_client_paths_pass(&V2_7).await.unwrap();
}

async fn only_client_paths_pass(line: &Line) -> Result<()> {
    let desk = Desk::set_up(line.arguments).await?;
    let page = desk.browser.first_page()?;
    let meetings = desk.two_meetings().await?;
    for (number, (meeting, _)) in meetings.iter().enumerate() {
        desk.join(&page, meeting).await?;
        upload(&page).await?;
        for (device, name) in [(MICROPHONE, "where-microphone"), (CAMERA, "where-camera")] {
            match number {
                0 => desk.open_with_prompt(&page, device, name).await?,
                _ => desk.open_without_prompt(&page, device, name).await?,
            }
        }
    }
    page.save_screenshot(&picture("where-all-steps.png")).await?;
    let origin = &desk.cluster.ready.proxy_origin;
    let nodes: Vec<&ReadyNode> = meetings.iter().map(|(_, node)| node).collect();

    check_browser(&page.requests(), &desk.cluster.ready.api_base, origin, &nodes);
    check_access_log(&desk, line, &nodes).await?;
    for node in nodes {
        check_node(node, line, origin).await?;
    }
    desk.browser.close().await
}

/// The texts of the learning dashboard, a page of the node.
const DASHBOARD_TEXTS: &str = "/html5client/locales/en.json";

/// Whether a path is the client's below a node's mount.
fn is_client_path(path: &str, node: &str) -> bool {
    path.starts_with(&format!("/{node}/html5client/"))
}

/// Whether a path is the API index below a node's mount.
fn is_api_index(path: &str, node: &str) -> bool {
    path == format!("/{node}/bigbluebutton/api") || path == format!("/{node}/bigbluebutton/api/")
}

/// The browser asked the proxy for client paths and indices, the scaler for
/// joins, and the nodes for everything else.
fn check_browser(requests: &[NetworkRequest], api_base: &str, proxy: &str, nodes: &[&ReadyNode]) {
    let mut from_proxy = 0;
    for request in requests {
        let url = request.url.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
        if !["http", "ws"].contains(&scheme) {
            assert!(url.starts_with("data:") || url.starts_with("blob:"), "{url}");
            continue;
        }
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let origin = format!("http://{host}");
        if url.starts_with(&format!("{api_base}/")) {
            assert_eq!(url, format!("{api_base}/join"));
        } else if origin == proxy {
            from_proxy += 1;
            assert_eq!(scheme, "http", "no socket passes the proxy: {url}");
            let passes = |node: &&ReadyNode| {
                is_client_path(path, &node.name) || is_api_index(path, &node.name)
            };
            assert!(nodes.iter().any(passes), "{url} was asked of the proxy");
        } else {
            assert!(nodes.iter().any(|node| node.origin == origin), "{url} is of neither");
            // The dashboard is a page of the node and has its texts from there.
            let dashboards = path == DASHBOARD_TEXTS;
            assert!(dashboards || !path.starts_with("/html5client"), "{url} was asked of the node");
        }
        // What is still under way when its page is left is aborted.
        let failure = request.failure.as_deref().filter(|why| *why != "net::ERR_ABORTED");
        assert_eq!(failure, None, "{url}");
        assert!(request.status.is_none_or(|status| status < 400), "{url}: {:?}", request.status);
    }
    assert!(from_proxy > 20, "only {from_proxy} requests to the proxy were seen");
}

/// The proxy asked nodes, or its cache, for client paths and indices only.
async fn check_access_log(desk: &Desk, line: &Line, nodes: &[&ReadyNode]) -> Result<()> {
    let log = &desk.cluster.ready.access_log;
    let lines = eventually("the access log has both visits", WITHIN, || async {
        let text = std::fs::read_to_string(log).ok()?;
        // The last line may still be on its way.
        let whole = text.get(..=text.rfind('\n')?)?;
        let lines: Vec<Value> =
            whole.lines().map(serde_json::from_str).collect::<Result<_, _>>().ok()?;
        let visited = |node: &&ReadyNode| {
            let wanted = format!("/{}{}", node.name, line.through_proxy);
            lines.iter().any(|line| line["path"] == wanted)
        };
        nodes.iter().all(visited).then_some(lines)
    })
    .await?;
    assert!(!std::fs::read_to_string(log)?.contains("sessionToken"), "no token is logged");
    let mut asked = 0;
    for line in &lines {
        let path = line["path"].as_str().context("a path")?;
        if line["asked_node"] == true || !line["cache"].is_null() {
            asked += 1;
            let mount = line["mount"].as_str().context("a mount")?;
            assert!(is_client_path(path, mount) || is_api_index(path, mount), "{line}");
            assert!(["GET", "HEAD"].contains(&line["method"].as_str().unwrap_or("")), "{line}");
        }
        assert!(line["status"].as_u64().is_some_and(|status| status < 400), "{line}");
    }
    assert!(asked > 20, "only {asked} requests of the log were for a node");
    Ok(())
}

/// What a node saw of the visit to its meeting.
async fn check_node(node: &ReadyNode, line: &Line, proxy: &str) -> Result<()> {
    let authority = node.origin.split("://").nth(1).context("an authority")?;
    let records = node.records().await;
    let path = |record: &Value| record["path"].as_str().unwrap_or_default().to_owned();

    let (through_proxy, direct): (Vec<&Value>, Vec<&Value>) =
        records.iter().partition(|record| !record["x_forwarded_host"].is_null());
    assert!(through_proxy.len() > 10, "{}: {}", node.name, through_proxy.len());
    for record in through_proxy {
        let of_client = is_client_path(&path(record), &node.name);
        assert!(of_client || record["call"] == "index", "{record}");
        assert_eq!((&record["has_cookie"], &record["via"]), (&Value::Bool(false), &Value::Null));
        assert_eq!(record["host"], authority, "{record}");
        assert_eq!(record["x_forwarded_host"], proxy.split("://").nth(1).context("a host")?);
    }

    for &(method, pattern, with_cookie, is_socket) in line.own {
        let (start, end) = pattern.split_once('*').unwrap_or((pattern, ""));
        let found: Vec<_> = direct
            .iter()
            .filter(|record| {
                let path = path(record);
                let same = if end.is_empty() { path == start } else { path.starts_with(start) };
                same && path.ends_with(end) && record["method"] == method
            })
            .collect();
        assert!(!found.is_empty(), "{}: no {method} {pattern} in {direct:#?}", node.name);
        for record in found {
            assert_eq!(record["host"], authority, "{record}");
            assert_eq!(record["origin"], proxy, "{record}");
            assert_eq!(record["cors_accepted"], true, "{record}");
            assert_eq!(record["upgrade"] == "websocket", is_socket, "{record}");
            if with_cookie {
                assert_eq!(record["has_session_cookie"], true, "{record}");
            }
        }
    }
    let of_client = direct.iter().find(|record| {
        let path = path(record);
        path.contains("/html5client")
            && !path.contains("/html5client/sockjs/")
            && path != DASHBOARD_TEXTS
    });
    assert!(of_client.is_none(), "a client path went around the proxy: {of_client:?}");
    Ok(())
}
