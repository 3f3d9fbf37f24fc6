//! The table that every server passes.

use std::time::Duration;

use bluegate_testkit::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    fake_node::HOSTILE,
    front::{Front, NAME},
    server::Server,
};

const HOSTILE_PATHS: &[(&str, u16)] = &include!("../../../proxy/tests/data/hostile_paths.rs");
const WITHIN: Duration = Duration::from_secs(20);

/// Refused: an answer of the 400s, or none at all.
fn is_refused(status: u16) -> bool {
    status == 0 || (400..500).contains(&status)
}

pub(crate) async fn client_paths_are_relayed(front: &Front) {
    let mut wanted = Vec::new();
    for target in [
        "/bbb-10/html5client/",
        "/bbb-10/html5client/?sessionToken=abc&x=%2f..%2f",
        "/bbb-10/html5client/join",
        "/bbb-10/html5client/bundle.0f3c.js",
        "/bbb-10/html5client/compatibility/sip.js?v=123",
        "/bbb-10/html5client/locales/pt_BR.json?v=1",
        "/bbb-10/html5client/files/a%20b%c3%a4.svg",
        "/bbb-10/html5client/fonts/x~1(2)+3@4,'=&$!*.woff2",
        "/bbb-10/html5client/resources/sounds/a..b.mp3",
    ] {
        let answer = front.client.get(target).await;
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
        assert!(answer.text.contains(&format!("[{target}]")), "{target}: {answer:?}");
        wanted.push(target.to_owned());
    }
    assert_eq!(front.new.targets(), wanted);

    let head = front.client.send("HEAD", "/bbb-01/html5client/join", &[], "").await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(front.old.targets(), ["/bbb-01/html5client/join"]);
}

pub(crate) async fn the_form_without_slash_is_redirected(front: &Front) {
    for (target, location) in [
        ("/bbb-01/html5client", "https://bbb.example.org/bbb-01/html5client/"),
        ("/bbb-10/html5client?a=b&c=%2f", "https://bbb.example.org/bbb-10/html5client/?a=b&c=%2f"),
    ] {
        let answer = front.client.get(target).await;
        assert_eq!(answer.status, 308, "{target}: {answer:?}");
        assert_eq!(answer.header("location").as_deref(), Some(location));
    }
    for target in ["/bbb-1/html5client", "/bbb-off/html5client"] {
        assert_eq!(front.client.get(target).await.status, 404, "{target}");
    }
    assert_eq!(front.reached(), 0);
}

pub(crate) async fn only_the_index_of_the_api_is_relayed(front: &Front) {
    for target in
        ["/bbb-10/bigbluebutton/api", "/bbb-10/bigbluebutton/api/", "/bbb-10/bigbluebutton/api?x=y"]
    {
        let answer = front.client.get(target).await;
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
    }
    assert_eq!(front.new.targets(), vec!["/bigbluebutton/api"; 3]);
    // 2.x clients never ask for it.
    assert_eq!(front.client.get("/bbb-01/bigbluebutton/api").await.status, 404);
    assert_eq!(front.old.connections(), 0);
}

pub(crate) async fn hostile_paths_reach_no_node(front: &Front) {
    let own = [
        // Mounts of this cluster that look like others, and one that is not relayed.
        "/bbb-off/html5client/",
        "/bbb-1/html5client/x.js",
        "/bbb-010/html5client/x.js",
        "/bbb-10x/html5client/",
        "/bbb-10/html5client/a/./b",
        "/bbb-10/html5client/a/%2e%2e/b",
        "/bbb-10/html5client/a%2f..%2f..%2fbigbluebutton/api/join",
        "/bbb-10/bigbluebutton/api/../api/join",
        "/bbb-10/html5client/x\\..\\..\\y",
    ];
    for target in HOSTILE_PATHS.iter().map(|(target, _)| *target).chain(own) {
        if target == "/bbb-01" {
            // Not hostile, only not there.
            assert_eq!(front.client.get(target).await.status, 404);
        }
        let answer = front.client.get(target).await;
        assert!(is_refused(answer.status), "{target}: {answer:?}");
        assert_eq!(front.reached(), 0, "{target}");
    }
}

pub(crate) async fn a_foreign_host_is_refused(front: &Front) {
    let client = &front.client;
    for host in [
        "evil.example.org",
        "bbb-10.example.org",
        "127.0.0.1",
        "bbb.example.org.evil.org",
        "bbb.example.org:8443",
        "x.bbb.example.org",
        "",
    ] {
        let answer = client.send("GET", "/bbb-10/html5client/", &[("Host", host)], "").await;
        assert!(matches!(answer.status, 0 | 400 | 421), "{host}: {answer:?}");
    }
    let foreign = client.get("http://evil.example.org/bbb-10/html5client/").await;
    assert!(is_refused(foreign.status), "{foreign:?}");
    // An open proxy would do this.
    let foreign = [("Host", "evil.example.org")];
    let answer = client.send("GET", "http://evil.example.org/", &foreign, "").await;
    assert!(is_refused(answer.status), "{answer:?}");
    let node = front.new.address.to_string();
    let answer = client.send("CONNECT", &node, &[("Host", &node)], "").await;
    assert!(is_refused(answer.status), "{answer:?}");
    let twice = format!(
        "GET /bbb-10/html5client/ HTTP/1.1\r\nHost: {NAME}\r\nHost: evil.example.org\r\nConnection: close\r\n\r\n"
    );
    assert!(is_refused(client.raw(twice.as_bytes()).await.status));
    let none = "GET /bbb-10/html5client/ HTTP/1.0\r\n\r\n";
    assert!(is_refused(client.raw(none.as_bytes()).await.status));
    assert_eq!(front.reached(), 0);

    // Our own, in any case, its port written, and in the target (RFC 9112, 3.2.2).
    for host in ["BBB.example.org", "bbb.example.org:443"] {
        let answer = client.send("GET", "/bbb-10/html5client/", &[("Host", host)], "").await;
        assert_eq!(answer.status, 200, "{host}: {answer:?}");
    }
    let answer = client.get("https://bbb.example.org/bbb-10/html5client/").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(front.new.targets(), vec!["/bbb-10/html5client/"; 3]);
}

pub(crate) async fn methods_and_bodies_are_limited(front: &Front) {
    let client = &front.client;
    for (method, target) in [
        ("POST", "/bbb-10/html5client/"),
        ("POST", "/bbb-10/html5client/feedback"),
        ("POST", "/bbb-10/bigbluebutton/api"),
        ("POST", "/bbb-01/html5client/join"),
        ("POST", "/bbb-01/html5client/feedback/x"),
        ("PUT", "/bbb-01/html5client/feedback"),
        ("DELETE", "/bbb-10/html5client/x"),
        ("OPTIONS", "/bbb-10/html5client/x"),
        ("PROPFIND", "/bbb-10/html5client/"),
        ("TRACE", "/bbb-10/html5client/"),
    ] {
        let answer = client.send(method, target, &[("Content-Length", "0")], "").await;
        assert!(is_refused(answer.status), "{method} {target}: {answer:?}");
    }
    let chunked = [("Transfer-Encoding", "chunked")];
    for (method, target) in
        [("POST", "/bbb-01/html5client/feedback"), ("GET", "/bbb-10/html5client/")]
    {
        if front.server == Server::Caddy && method == "GET" {
            // It cannot tell; what it sends on is framed by itself.
            continue;
        }
        let answer = client.send(method, target, &chunked, "3\r\nabc\r\n0\r\n\r\n").await;
        assert!(is_refused(answer.status), "{method}: {answer:?}");
    }
    let answer =
        client.send("GET", "/bbb-10/html5client/", &[("Content-Length", "3")], "abc").await;
    assert!(is_refused(answer.status), "{answer:?}");
    let body = "x".repeat(2_000_000);
    let length = [("Content-Length", "2000000")];
    let answer = client.send("POST", "/bbb-01/html5client/feedback", &length, &body).await;
    assert!(is_refused(answer.status), "{answer:?}");
    assert_eq!(front.reached(), 0);

    let json = [("Content-Type", "application/json"), ("Content-Length", "12")];
    for path in ["feedback", "__meteor__/dynamic-import/fetch"] {
        let target = format!("/bbb-01/html5client/{path}");
        let answer = client.send("POST", &target, &json, "{\"rating\":5}").await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let seen = front.old.requests().pop().unwrap();
        assert_eq!((seen.method.as_str(), &seen.body[..]), ("POST", &b"{\"rating\":5}"[..]));
    }
}

pub(crate) async fn service_workers_are_refused(front: &Front) {
    for value in ["script", "0", "x"] {
        let worker = [("Service-Worker", value)];
        let answer = front.client.send("GET", "/bbb-10/html5client/sw.js", &worker, "").await;
        assert_eq!(answer.status, 403, "{value}: {answer:?}");
    }
    assert_eq!(front.reached(), 0);
}

pub(crate) async fn a_node_sees_no_cookies_and_its_own_name(front: &Front) {
    let headers = [
        ("Cookie", "a=1"),
        ("Authorization", "Basic eDp5"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("Forwarded", "for=198.51.100.7"),
        ("Via", "1.1 client"),
        ("X-Forwarded-For", "198.51.100.7"),
        ("X-Forwarded-Host", "evil.example.org"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Forwarded-Prefix", "/x"),
        ("X-Real-IP", "198.51.100.7"),
        ("X-Original-URL", "/admin"),
        ("X-Rewrite-URL", "/admin"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("Accept-Language", "de"),
        ("If-None-Match", "\"9\""),
    ];
    let answer = front.client.send("GET", "/bbb-10/html5client/", &headers, "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = front.new.requests().pop().unwrap();
    let value = |name: &str| {
        let values: Vec<_> =
            seen.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    assert_eq!(value("host"), Some(front.new_origin.authority()));
    assert_eq!(value("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(value("x-forwarded-proto").as_deref(), Some("https"));
    assert_eq!(value("x-forwarded-host").as_deref(), Some(NAME));
    assert_eq!(value("accept-language").as_deref(), Some("de"));
    assert_eq!(value("if-none-match").as_deref(), Some("\"9\""));
    for name in [
        "cookie",
        "authorization",
        "proxy-authorization",
        "forwarded",
        "via",
        "x-forwarded-prefix",
        "x-real-ip",
        "x-original-url",
        "x-rewrite-url",
        "x-http-method-override",
        "upgrade",
    ] {
        assert_eq!(value(name), None, "{name}");
    }
    assert_eq!(front.new.server_names(), [Some(front.new_origin.host().to_owned())]);
}

pub(crate) async fn an_answer_keeps_only_what_is_its_own(front: &Front) {
    for target in ["/bbb-10/html5client/", "/bbb-10/html5client/x.js", "/bbb-10/bigbluebutton/api"]
    {
        let answer = front.client.get(target).await;
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
        for (name, value) in HOSTILE {
            // A cache may state an age of its own, HAProxy and Caddy their own `Server`.
            let kept = answer.header(name);
            assert!(
                !kept.clone().is_some_and(|kept| kept.contains(value)),
                "{target}: {name} {kept:?}"
            );
        }
        for name in ["set-cookie", "service-worker-allowed", "clear-site-data", "alt-svc"] {
            assert_eq!(answer.header(name), None, "{target}");
        }
        assert!(!answer.header("server").is_some_and(|server| server.contains("node-server")));
        assert_eq!(answer.header("etag").as_deref(), Some("\"1\""));
        assert_eq!(
            answer.header("last-modified").as_deref(),
            Some("Mon, 23 Nov 2026 12:00:00 GMT")
        );
        assert_eq!(answer.header("x-frame-options").as_deref(), Some("SAMEORIGIN"));
        assert_eq!(answer.header("content-language").as_deref(), Some("en"));
        assert_eq!(answer.header("x-content-type-options").as_deref(), Some("nosniff"));
    }
    for (target, rule) in [
        ("/bbb-10/html5client/", Some("no-cache")),
        ("/bbb-10/html5client/join?sessionToken=x", Some("no-cache")),
        ("/bbb-10/html5client/locales/", Some("no-cache")),
        ("/bbb-10/html5client/stated.html", Some("max-age=7")),
        ("/bbb-10/bigbluebutton/api", Some("no-cache")),
        ("/bbb-10/html5client/x.js", None),
    ] {
        let answer = front.client.get(target).await;
        assert_eq!(answer.header("cache-control").as_deref(), rule, "{target}: {answer:?}");
    }
}

pub(crate) async fn redirects_of_a_node_stay_in_its_client(front: &Front) {
    let own = "https://bbb.example.org/bbb-01/html5client/";
    for (name, location) in [("locales", "locales/"), ("relative", "x")] {
        let answer = front.client.get(&format!("/bbb-01/html5client/{name}")).await;
        assert_eq!(answer.status, 302, "{name}: {answer:?}");
        let absolute = format!("{own}{location}");
        assert_eq!(answer.header("location"), Some(absolute), "{name}");
    }
    for name in ["away", "beside", "marked", "double"] {
        let answer = front.client.get(&format!("/bbb-01/html5client/{name}")).await;
        let location = answer.header("location").unwrap_or_default();
        assert_eq!(location, "", "{name}: {answer:?}");
    }
}

pub(crate) async fn connections_to_a_node_are_kept(front: &Front) {
    for number in 0..20 {
        let answer = front.client.get(&format!("/bbb-10/html5client/?n={number}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(front.new.requests().len(), 20);
    assert!(front.new.connections() <= 3, "{}", front.new.connections());
}

pub(crate) async fn nodes_that_fail_do_so_alone(front: &Front) {
    for mount in ["bbb-dead", "bbb-lost", "bbb-fake"] {
        let answer = front.client.get(&format!("/{mount}/html5client/")).await;
        let is_failure = match (front.server, mount) {
            // The only one that takes these for its own fault.
            (Server::Apache, "bbb-lost" | "bbb-fake") => answer.status == 500,
            _ => matches!(answer.status, 502..=504),
        };
        assert!(is_failure, "{mount}: {answer:?}");
        for inside in ["127.0.0.1", "localhost", "invalid", "example.org"] {
            assert!(!answer.text.contains(inside), "{mount}: {answer:?}");
        }
        let answer = front.client.get("/bbb-10/html5client/").await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    // A node that cannot prove its name is sent nothing.
    assert_eq!(front.fake.requests().len(), 0);
    assert!(front.fake.connections() > 0);
}

pub(crate) async fn web_sockets_open_where_a_node_has_them(front: &Front) {
    let upgrade = |target: &str, protocol: &str| {
        format!(
            "GET {target} HTTP/1.1\r\nHost: {NAME}\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    };
    for (target, protocol) in [
        ("/bbb-10/html5client/sockjs/1/x/websocket", "websocket"),
        ("/bbb-01/html5client/join", "websocket"),
        ("/bbb-01/html5client/sockjs/1/x/websocket", "h2c"),
    ] {
        let text =
            upgrade(target, protocol).replace("Connection: Upgrade", "Connection: Upgrade, close");
        let answer = front.client.raw(text.as_bytes()).await;
        assert_eq!(answer.status, 403, "{target} {protocol}: {answer:?}");
    }
    assert_eq!(front.reached(), 0);

    let exchange = async {
        let mut stream = front.client.connect().await;
        let text = upgrade("/bbb-01/html5client/sockjs/1/x/websocket", "websocket");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a whole head"));
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.to_ascii_lowercase().contains("sec-websocket-accept: s3p"), "{head}");
        let mut echo = [0; 5];
        stream.write_all(b"hello").await.unwrap();
        stream.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, b"hello");
    };
    tokio::time::timeout(WITHIN, exchange).await.expect("an echo");
}

pub(crate) async fn http2_is_relayed_alike(front: &Front) {
    for (target, wanted) in [
        ("/bbb-10/html5client/x.js?v=1", 200),
        ("/bbb-10/html5client/", 200),
        ("/bbb-10/bigbluebutton/api", 200),
        ("/bbb-10/html5client", 308),
        ("/bbb-1/html5client/", 404),
        ("/bbb-10/html5client/%2e%2e/x", 404),
        ("/", 404),
    ] {
        let answer = front.client.get_http2(NAME, target).await;
        let status = answer.map(|answer| answer.status().as_u16()).unwrap_or(0);
        let refused = wanted == 404 && is_refused(status);
        assert!(status == wanted || refused, "{target}: {status}");
    }
    let foreign = front.client.get_http2("evil.example.org", "/bbb-10/html5client/").await;
    assert!(foreign.is_none_or(|answer| is_refused(answer.status().as_u16())));
    let relayed = ["/bbb-10/html5client/x.js?v=1", "/bbb-10/html5client/", "/bigbluebutton/api"];
    assert_eq!(front.new.targets(), relayed);
    for seen in front.new.requests() {
        assert_eq!(seen.headers["host"].to_str().unwrap(), front.new_origin.authority());
    }
}

pub(crate) async fn logs_hold_no_query(front: &Front) {
    for mount in ["bbb-10", "bbb-dead", "bbb-fake"] {
        let target = format!("/{mount}/html5client/{mount}.js?sessionToken=s3cret");
        drop(front.client.send("GET", &target, &[("Referer", "https://x/?s3cret")], "").await);
    }
    let logged = eventually("the requests are in the log", WITHIN, || {
        let logs = front.logs();
        let all = ["bbb-10", "bbb-dead", "bbb-fake"]
            .iter()
            .all(|mount| logs.contains(&format!("/{mount}/html5client/{mount}.js")));
        async move { all.then_some(logs) }
    });
    let logs = logged.await.unwrap_or_default();
    assert!(!logs.is_empty(), "not all requests are logged: {}", front.logs());
    assert!(!logs.contains("s3cret"), "{logs}");
    assert!(!logs.contains("127.0.0.1\""), "the client's whole address: {logs}");
    assert!(logs.contains("127.0.0.0"), "the client's network: {logs}");
}

pub(crate) async fn assets_are_asked_for_once_per_mount(front: &Front) {
    // A cache may store an answer a moment after it was sent.
    let asset = "/bbb-10/html5client/bundle.0f3c.js";
    let kept = eventually("the asset is answered without the node", WITHIN, || async {
        let before = front.new.requests().len();
        let answer = front.client.get(asset).await;
        assert_eq!((answer.status, answer.text.contains(asset)), (200, true), "{answer:?}");
        assert_eq!(answer.header("set-cookie"), None);
        (front.new.requests().len() == before).then_some(())
    });
    kept.await.unwrap();

    // Another mount has a copy of its own, a page none, and a session token is in no key.
    let other = front.client.get("/bbb-01/html5client/bundle.0f3c.js").await;
    assert!(other.text.contains("[/bbb-01/"), "{other:?}");
    for target in [
        "/bbb-10/html5client/",
        "/bbb-10/html5client/x.js?sessionToken=a",
        "/bbb-10/html5client/service-worker.js",
    ] {
        let before = front.new.requests().len();
        for _ in 0..2 {
            assert_eq!(front.client.get(target).await.status, 200, "{target}");
        }
        assert_eq!(front.new.requests().len(), before + 2, "{target}");
    }
    if front.server != Server::Haproxy {
        // Still there for those who revalidate.
        let known = [("If-None-Match", "\"1\"")];
        let answer = front.client.send("GET", asset, &known, "").await;
        assert_eq!(answer.status, 304, "{answer:?}");
    }
}

/// However many browsers miss at once. Of these servers only nginx holds the others back.
pub(crate) async fn one_request_fetches_for_all(front: &Front) {
    let mut browsers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let client = front.client.clone();
        browsers
            .spawn(async move { client.get("/bbb-10/html5client/styles.css?v=7").await.status });
    }
    assert_eq!(browsers.join_all().await, vec![200; 20]);
    assert_eq!(front.new.requests().len(), 1);
}
