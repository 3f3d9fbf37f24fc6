//! Cross-origin, session and cookie rules: each once kept and once broken.

use crate::node::{Browser, Node, PROXY, Setup};

const EVIL: &str = "https://evil.example";

async fn clustered() -> (Node, Browser) {
    let node = Setup::clustered().start().await;
    let browser = node.browser("room", "MODERATOR").await;
    (node, browser)
}

fn allow_origin(answer: &crate::node::Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[tokio::test]
async fn stuns_under_grails_cors() {
    let (node, browser) = clustered().await;
    let path = format!("/bigbluebutton/api/stuns?sessionToken={}", browser.token);
    let ask = |origin: &str, cookie: &str| {
        let headers =
            [("Origin".to_owned(), origin.to_owned()), ("Cookie".to_owned(), cookie.to_owned())];
        let (node, path) = (&node, &path);
        async move {
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            node.get_with(path, &headers).await
        }
    };
    let kept = ask(PROXY, &browser.cookie).await;
    assert_eq!((kept.status, allow_origin(&kept)), (200, Some(PROXY)));
    assert_eq!(kept.header("access-control-allow-credentials"), Some("true"));
    assert!(kept.json()["stunServers"].is_array());
    // Its own origin is foreign to bbb-web behind nginx, and listed for that.
    let own = ask(&node.origin, &browser.cookie).await;
    assert_eq!((own.status, allow_origin(&own)), (200, Some(node.origin.as_str())));
    let foreign = ask(EVIL, &browser.cookie).await;
    assert_eq!((foreign.status, allow_origin(&foreign)), (403, None));
    let without_cookie = ask(PROXY, "other=1").await;
    assert_eq!(without_cookie.json()["message"], "Could not find conference.");
}

#[tokio::test]
async fn a_stock_node_sends_no_cors_headers_for_its_api() {
    let node = Setup::stock().start().await;
    let browser = node.browser("room", "MODERATOR").await;
    let path = format!("/bigbluebutton/api/stuns?sessionToken={}", browser.token);
    let answer = node.get_with(&path, &[("Origin", PROXY), ("Cookie", &browser.cookie)]).await;
    assert_eq!((answer.status, allow_origin(&answer)), (200, None));
    let same_origin = node.get_with(&path, &[("Cookie", &browser.cookie)]).await;
    assert!(same_origin.json()["stunServers"].is_array());
}

#[tokio::test]
async fn preflight_of_the_api() {
    let (node, _) = clustered().await;
    let path = "/bigbluebutton/api/stuns";
    let kept = node
        .send("OPTIONS", path, &[("Origin", PROXY), ("Access-Control-Request-Method", "GET")], b"")
        .await;
    assert_eq!((kept.status, allow_origin(&kept)), (200, Some(PROXY)));
    let foreign = node
        .send("OPTIONS", path, &[("Origin", EVIL), ("Access-Control-Request-Method", "GET")], b"")
        .await;
    assert_eq!((foreign.status, allow_origin(&foreign)), (403, None));
}

#[tokio::test]
async fn requests_without_session_where_the_node_allows_them() {
    let node = Setup::stock().properties("allowRequestsWithoutSession=true").start().await;
    let browser = node.browser("room", "MODERATOR").await;
    let path = format!("/bigbluebutton/api/stuns?sessionToken={}", browser.token);
    assert!(node.get(&path).await.json()["stunServers"].is_array());
}

#[tokio::test]
async fn static_data_needs_cookie_and_token() {
    let (node, browser) = clustered().await;
    let path = "/api/rest/meetingStaticData";
    let (cookie, token) = (browser.cookie.as_str(), browser.token.as_str());
    let kept = node
        .get_with(path, &[("Origin", PROXY), ("Cookie", cookie), ("x-session-token", token)])
        .await;
    assert_eq!((kept.status, allow_origin(&kept)), (200, Some(PROXY)));
    assert_eq!(kept.header("access-control-allow-credentials"), Some("true"));
    let settings = &kept.json()["meeting"][0]["clientSettings"]["clientSettingsJson"];
    assert_eq!(settings["public"]["app"]["basename"], "/bbb-01/html5client");
    assert_eq!(settings["public"]["app"]["learningDashboardBase"], "/learning-analytics-dashboard");
    assert!(settings.get("private").is_none());
    // nginx's 401 says nothing about origins: browsers call that a CORS error.
    for headers in [
        vec![("Origin", PROXY), ("Cookie", cookie)],
        vec![("Origin", PROXY), ("x-session-token", token)],
    ] {
        let broken = node.get_with(path, &headers).await;
        assert_eq!((broken.status, allow_origin(&broken)), (401, None));
    }
    let foreign = node
        .get_with(path, &[("Origin", EVIL), ("Cookie", cookie), ("x-session-token", token)])
        .await;
    assert_eq!((foreign.status, allow_origin(&foreign)), (200, None));
    let metadata = node
        .get_with("/api/rest/userMetadata", &[("Cookie", cookie), ("x-session-token", token)])
        .await;
    assert_eq!(metadata.json(), serde_json::json!({"user_metadata": []}));
}

#[tokio::test]
async fn preflight_of_static_data() {
    let (node, _) = clustered().await;
    let ask = ("Access-Control-Request-Headers", "x-session-token");
    let path = "/api/rest/meetingStaticData";
    let kept = node.send("OPTIONS", path, &[("Origin", PROXY), ask], b"").await;
    assert_eq!((kept.status, allow_origin(&kept)), (204, Some(PROXY)));
    assert_eq!(kept.header("access-control-allow-headers"), Some("x-session-token"));
    let foreign = node.send("OPTIONS", path, &[("Origin", EVIL), ask], b"").await;
    assert_eq!((foreign.status, allow_origin(&foreign)), (204, None));
}

fn slide(node: &Node) -> String {
    let meeting = &node.sim.meetings()[0].internal_meeting_id;
    format!("/bigbluebutton/presentation/{meeting}/{meeting}")
}

#[tokio::test]
async fn slides_since_the_origin_variable() {
    let (node, browser) = clustered().await;
    let base = slide(&node);
    let session = format!("?sessionToken={}", browser.token);
    let headers = [("Origin", PROXY), ("Cookie", browser.cookie.as_str())];
    // The presentation's id is known to members only: a wrong one is a 404.
    let unknown = node.get_with(&format!("{base}/unknown/svg/1{session}"), &headers).await;
    assert_eq!((unknown.status, allow_origin(&unknown)), (404, Some(PROXY)));
    assert_eq!(unknown.header("access-control-allow-credentials"), Some("true"));
    for (path, headers) in [
        (format!("{base}/unknown/svg/1"), &headers[..]),
        (format!("{base}/unknown/svg/1{session}"), &headers[..1]),
        (format!("/bigbluebutton/presentation/aaaa/aaaa/bbbb/svg/1{session}"), &headers[..]),
    ] {
        let refused = node.get_with(&path, headers).await;
        assert_eq!((refused.status, allow_origin(&refused)), (401, Some(PROXY)), "{path}");
    }
}

#[tokio::test]
async fn slides_by_release() {
    // release, status without session, allowed origin, credentials
    let table = [
        ("3.0.26", 404, "*", None),
        ("3.0.27", 401, "*", None),
        ("3.0.28", 401, "*", Some("true")),
    ];
    for (release, status, origin, credentials) in table {
        let node = Setup::stock().release(release).start().await;
        let path = "/bigbluebutton/presentation/aaaa/aaaa/bbbb/svg/1";
        let answer = node.get_with(path, &[("Origin", PROXY)]).await;
        assert_eq!((answer.status, allow_origin(&answer)), (status, Some(origin)), "{release}");
        assert_eq!(answer.header("access-control-allow-credentials"), credentials, "{release}");
    }
}

#[tokio::test]
async fn round_trips_plugins_notes_and_pads() {
    let (node, browser) = clustered().await;
    let rtt = node.get_with("/bigbluebutton/rtt-check", &[("Origin", EVIL)]).await;
    assert_eq!((rtt.status, allow_origin(&rtt)), (200, Some("*")));
    assert!(rtt.header("access-control-expose-headers").unwrap().contains("X-Server-Epoch-Msec"));
    assert!(rtt.header("x-server-epoch-msec").unwrap().parse::<u64>().unwrap() > 1_700_000_000_000);
    let plugin = node.send("OPTIONS", "/plugins/x", &[("Origin", EVIL)], b"").await;
    assert_eq!((plugin.status, allow_origin(&plugin)), (204, Some("*")));
    let notes = node.send("OPTIONS", "/hocuspocus/api/x", &[("Origin", PROXY)], b"").await;
    assert_eq!((notes.status, allow_origin(&notes)), (204, Some(PROXY)));
    assert_eq!(node.get("/hocuspocus/api/x").await.status, 401);
    assert_eq!(node.get("/pad/p/x").await.status, 401);
    let export = format!("/pad/p/x/export/txt?sessionToken={}", browser.token);
    for (origin, allowed) in [(PROXY, Some(PROXY)), (EVIL, None)] {
        let answer =
            node.get_with(&export, &[("Origin", origin), ("Cookie", &browser.cookie)]).await;
        assert_eq!((answer.status, allow_origin(&answer)), (200, allowed), "{origin}");
    }
    assert_eq!(node.get("/learning-analytics-dashboard/").await.status, 200);
    for path in ["/nothing", "/v1/graphql", "/bbb-02/html5client/", "/api/rest/nonsense"] {
        let answer = node.get(path).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (404, Some("text/html")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_upload_needs_a_token_before_its_origin_counts() {
    let (node, _) = clustered().await;
    let path = "/bigbluebutton/presentation/bogus/upload";
    for method in ["OPTIONS", "POST"] {
        let answer = node
            .send(
                method,
                path,
                &[("Origin", PROXY), ("Access-Control-Request-Method", "POST")],
                b"",
            )
            .await;
        assert_eq!((answer.status, allow_origin(&answer)), (403, None), "{method}");
    }
}

#[tokio::test]
async fn records_tell_what_came_and_what_a_browser_would_have_said() {
    let (node, browser) = clustered().await;
    let path = format!("/bigbluebutton/api/stuns?sessionToken={}", browser.token);
    let headers = [
        ("Origin", PROXY),
        ("Cookie", browser.cookie.as_str()),
        ("User-Agent", "x"),
        ("Via", "1.1 p"),
        ("Forwarded", "for=_x"),
    ];
    node.get_with(&path, &headers).await;
    node.get_with(&path, &[("Origin", EVIL)]).await;
    let records = node.sim.records();
    let [.., accepted, refused] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(
        (accepted.path.as_str(), accepted.call.as_deref(), accepted.status),
        ("/bigbluebutton/api/stuns", Some("stuns"), 200)
    );
    assert_eq!(
        (accepted.cors_accepted, accepted.has_session_cookie, accepted.has_user_agent),
        (Some(true), true, true)
    );
    assert_eq!(
        (accepted.via.as_deref(), accepted.forwarded.as_deref()),
        (Some("1.1 p"), Some("for=_x"))
    );
    assert_eq!(accepted.host, Some(node.host()));
    assert_eq!(
        (refused.cors_accepted, refused.has_session_cookie, refused.status),
        (Some(false), false, 403)
    );
    let shown = node.get("/_simnode/records").await;
    assert_eq!(shown.json()["records"].as_array().unwrap().len(), records.len());
    assert!(!shown.text().contains(&browser.token) && !shown.text().contains(&browser.cookie));
    assert_eq!(node.get_with("/_simnode/records", &[("Origin", EVIL)]).await.status, 403);
}
