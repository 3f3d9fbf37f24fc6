//! What is taken off and put on, in both directions.

use bytes::Bytes;
use http::{Response, StatusCode};

use crate::{
    fake_node::{FakeNode, full, hello, ok, says},
    front::Setup,
};

#[tokio::test]
async fn a_node_learns_the_client_from_us_alone() {
    let node = hello().await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    let own = front.host();
    let request = format!(
        "GET /bbb-01/html5client/?sessionToken=abc HTTP/1.1\r\n\
         Host: {own}\r\n\
         Accept: text/html\r\n\
         Accept-Encoding: gzip\r\n\
         User-Agent: test\r\n\
         Sec-Fetch-Mode: navigate\r\n\
         Cookie: JSESSIONID=1\r\n\
         Cookie: other=2\r\n\
         Authorization: Bearer x\r\n\
         Proxy-Authorization: Basic x\r\n\
         Forwarded: for=6.6.6.6\r\n\
         X-Forwarded-For: 6.6.6.6\r\n\
         X-Forwarded-Host: evil.example\r\n\
         X-Forwarded-Proto: https\r\n\
         X-Forwarded-Port: 1\r\n\
         X-Real-IP: 6.6.6.6\r\n\
         True-Client-IP: 6.6.6.6\r\n\
         X-Original-URL: /bigbluebutton/api/join\r\n\
         Via: 1.1 somewhere\r\n\
         TE: trailers\r\n\
         Trailer: x\r\n\
         Keep-Alive: timeout=5\r\n\
         Proxy-Connection: keep-alive\r\n\
         X-Hop: mine\r\n\
         X-Far: yours\r\n\
         Connection: close, X-Hop, x-forwarded-for, host\r\n\r\n"
    );
    assert!(front.raw(request).await.starts_with("HTTP/1.1 200"));

    let seen = node.only_request().headers;
    let mut names: Vec<_> = seen.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    let wanted = [
        "accept",
        "accept-encoding",
        "forwarded",
        "host",
        "sec-fetch-mode",
        "user-agent",
        "x-far",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-request-id",
    ];
    assert_eq!(names, wanted);
    assert_eq!(seen["host"], "bbb-01.test");
    assert_eq!(seen["x-forwarded-for"], "127.0.0.1");
    assert_eq!(seen["x-forwarded-host"], own);
    assert_eq!(seen["x-forwarded-proto"], "http");
    assert_eq!(seen["forwarded"], format!("for=127.0.0.1;proto=http;host=\"{own}\""));
}

#[tokio::test]
async fn a_hostile_node_acts_on_its_own_answer_only() {
    const HOSTILE: &[(&str, &str)] = &[
        ("set-cookie", "x=1; Path=/"),
        ("set-cookie2", "x=1"),
        ("service-worker-allowed", "/"),
        ("clear-site-data", "\"*\""),
        ("strict-transport-security", "max-age=31536000"),
        ("alt-svc", "h3=\":443\""),
        ("refresh", "0; url=https://evil.example"),
        ("link", "<https://evil.example>; rel=preload"),
        ("www-authenticate", "Basic"),
        ("access-control-allow-origin", "*"),
        ("use-as-dictionary", "match=\"/*\""),
        ("report-to", "{}"),
        ("reporting-endpoints", "x=\"https://evil.example\""),
        ("nel", "{}"),
        ("origin-agent-cluster", "?1"),
        ("accept-ch", "dpr"),
        ("public-key-pins", "x"),
        ("speculation-rules", "\"/x\""),
        ("content-location", "/elsewhere"),
        ("location", "https://evil.example"),
        ("server", "nginx/1.18"),
        ("x-powered-by", "x"),
        ("via", "1.1 x"),
        ("x-anything", "x"),
        ("keep-alive", "timeout=5"),
        ("proxy-authenticate", "Basic"),
    ];
    const GOOD: &[(&str, &str)] = &[
        ("content-type", "text/css"),
        ("content-language", "de"),
        ("etag", "\"1-2\""),
        ("last-modified", "Mon, 02 Nov 2026 10:00:00 GMT"),
        ("accept-ranges", "bytes"),
        ("cache-control", "public, max-age=5"),
        ("expires", "Mon, 02 Nov 2026 10:00:00 GMT"),
        ("vary", "Accept-Encoding"),
        ("date", "Mon, 02 Nov 2026 10:00:00 GMT"),
        ("content-security-policy", "frame-ancestors 'self'"),
        ("x-frame-options", "SAMEORIGIN"),
        ("permissions-policy", "camera=(self)"),
    ];
    let node = FakeNode::start(|_| {
        let all: Vec<_> = HOSTILE.iter().chain(GOOD).copied().collect();
        ok("x", &all)
    })
    .await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    let answer = front.get("/bbb-01/html5client/a.css").await;

    assert_eq!(answer.status, StatusCode::OK);
    for (name, value) in GOOD {
        assert_eq!(answer.header(name), Some(*value), "{name}");
    }
    let mut others: Vec<_> = answer.headers.keys().map(http::HeaderName::as_str).collect();
    others.retain(|name| !GOOD.iter().any(|(good, _)| good == name));
    others.sort_unstable();
    assert_eq!(others, ["content-length", "x-content-type-options", "x-request-id"]);
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn what_names_other_files_is_revalidated() {
    let node = FakeNode::start(|seen| match seen.target.as_str() {
        "/bbb-01/html5client/given/" => ok("x", &[("cache-control", "max-age=9")]),
        "/bbb-01/html5client/page" => ok("x", &[("content-type", "Text/HTML; charset=utf-8")]),
        "/bbb-01/html5client/locales/" => ok("[]", &[("content-type", "application/json")]),
        _ => ok("x", &[("content-type", "application/octet-stream")]),
    })
    .await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    for (target, wanted) in [
        ("/bbb-01/html5client/", Some("no-cache")),
        ("/bbb-01/html5client/?sessionToken=x", Some("no-cache")),
        ("/bbb-01/html5client/index.html", Some("no-cache")),
        ("/bbb-01/html5client/join", Some("no-cache")),
        ("/bbb-01/html5client/page", Some("no-cache")),
        ("/bbb-01/html5client/locales/", Some("no-cache")),
        ("/bbb-01/html5client/private/config/settings.yml", Some("no-cache")),
        ("/bbb-01/bigbluebutton/api", Some("no-cache")),
        ("/bbb-01/html5client/given/", Some("max-age=9")),
        ("/bbb-01/html5client/bundle.0f.js", None),
        ("/bbb-01/html5client/locales/de.json?v=1", None),
    ] {
        assert_eq!(front.get(target).await.header("cache-control"), wanted, "{target}");
    }
}

#[tokio::test]
async fn redirects_stay_on_the_mount_or_do_not_pass() {
    let node = FakeNode::start(|seen| {
        let to = seen.headers["x-to"].clone();
        Response::builder().status(301).header("location", to).body(full("moved")).unwrap()
    })
    .await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    let ask = |target: &str, to: &str| {
        let request = front.request("GET", target).header("x-to", to);
        front.send(request.body(Bytes::new()).unwrap())
    };

    // What nginx answers for a folder.
    let folder = "/bbb-01/html5client/locales";
    let moved = ask(folder, "http://bbb-01.test/bbb-01/html5client/locales/").await;
    assert_eq!((moved.status.as_u16(), &moved.body[..]), (301, &b"moved"[..]));
    let wanted = format!("{}{folder}/", front.origin);
    assert_eq!(moved.header("location"), Some(wanted.as_str()));

    for (target, to) in [
        (folder, "https://evil.example/bbb-01/html5client/"),
        (folder, "//evil.example/"),
        (folder, "http://bbb-01.test/bigbluebutton/api/join"),
        (folder, "/bbb-02/html5client/"),
        (folder, "javascript:alert(1)"),
        ("/bbb-01/bigbluebutton/api", "/bigbluebutton/api/"),
    ] {
        let refused = ask(target, to).await;
        assert_eq!(refused.status, StatusCode::BAD_GATEWAY, "{to}");
        assert_eq!(refused.header("location"), None, "{to}");
    }
    // Seven questions, and no redirect was followed.
    assert_eq!(node.requests().len(), 7);
}

#[tokio::test]
async fn statuses_that_speak_to_a_proxy_do_not_pass() {
    let node = FakeNode::start(|seen| {
        let status = seen.headers["x-status"].to_str().unwrap();
        Response::builder().status(status).body(full("inside")).unwrap()
    })
    .await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    for (status, wanted) in [("404", 404), ("401", 401), ("500", 500), ("407", 502), ("421", 502)] {
        let request = front.request("GET", "/bbb-01/html5client/x").header("x-status", status);
        let answer = front.send(request.body(Bytes::new()).unwrap()).await;
        assert_eq!(answer.status.as_u16(), wanted, "{status}");
        assert_eq!(answer.header("www-authenticate"), None);
    }
}

#[tokio::test]
async fn a_length_without_a_body_does_not_pass() {
    let node = says(b"HTTP/1.1 304 Not Modified\r\netag: \"e\"\r\ncontent-length: 9\r\n\r\n").await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    let answer = front.get("/bbb-01/html5client/a.js").await;
    assert_eq!((answer.status.as_u16(), answer.header("etag")), (304, Some("\"e\"")));
    assert_eq!(answer.header("content-length"), None);
}
