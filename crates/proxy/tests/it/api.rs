//! The cluster's API behind the proxy: exactly two prefixes of one origin.

use bytes::Bytes;
use http::{Response, StatusCode};

use crate::{
    fake_node::{FakeNode, full, hello, ok},
    front::{Front, Setup},
};

const PATHS: &[(&str, u16)] = &include!("../data/hostile_paths.rs");

/// A proxy of `bbb-01` and `bbb-10` that passes the API to `api`.
async fn before(api: &FakeNode) -> (Front, [FakeNode; 2]) {
    let nodes = [hello().await, hello().await];
    let origin = format!("http://{}", api.address).parse().unwrap();
    let front = Setup::new()
        .mount("bbb-01", &nodes[0])
        .mount("bbb-10", &nodes[1])
        .with(|config| {
            config.api = Some(origin);
            config.max_api_body = 64;
        })
        .start()
        .await;
    (front, nodes)
}

#[tokio::test]
async fn calls_pass_with_their_query_untouched_and_reach_no_node() {
    let api = FakeNode::start(|_| ok("<response/>", &[("content-type", "text/xml")])).await;
    let (front, nodes) = before(&api).await;
    for target in [
        "/bigbluebutton/api",
        "/bigbluebutton/api/",
        "/bigbluebutton/api/create?name=a+b%20c&meetingID=x&checksum=0123",
        "/bigbluebutton/api/hooks/list?checksum=1",
        "/t/physics/bigbluebutton/api/isMeetingRunning?meetingID=%2F..%2F&checksum=1",
    ] {
        let answer = front.get(target).await;
        assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"<response/>"[..]));
        assert_eq!(answer.header("content-type"), Some("text/xml"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let seen = api.requests().pop().unwrap();
        assert_eq!(seen.target, target);
    }
    assert_eq!(api.requests().len(), 5);
    assert!(nodes.iter().all(|node| node.connections() == 0));
}

#[tokio::test]
async fn the_api_is_told_who_asks_and_gets_nothing_of_our_origin() {
    let api = hello().await;
    let (front, _nodes) = before(&api).await;
    let request = front
        .request("GET", "/bigbluebutton/api/join?checksum=1")
        .header("cookie", "a=b")
        .header("authorization", "Basic eDp5")
        .header("x-forwarded-for", "192.0.2.1")
        .header("forwarded", "for=192.0.2.1")
        .body(Bytes::new())
        .unwrap();
    assert_eq!(front.send(request).await.status, StatusCode::OK);
    let seen = api.only_request();
    assert_eq!(seen.headers["host"], api.address.to_string());
    assert_eq!(seen.headers["x-forwarded-host"], front.host());
    assert_eq!(seen.headers["x-forwarded-proto"], "http");
    assert_eq!(seen.headers["x-forwarded-for"], "127.0.0.1");
    assert!(seen.headers["forwarded"].to_str().unwrap().starts_with("for=127.0.0.1;"));
    assert!(!seen.headers.contains_key("cookie") && !seen.headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_joins_redirect_passes_as_it_is_and_nothing_else_of_it_is_kept() {
    const NODE: &str = "https://bbb-01.example.org/bigbluebutton/api/join?x=1&checksum=2";
    let api = FakeNode::start(|_| {
        Response::builder()
            .status(302)
            .header("location", NODE)
            .header("set-cookie", "JSESSIONID=1; Path=/")
            .header("cache-control", "public, max-age=60")
            .header("etag", "\"1\"")
            .header("strict-transport-security", "max-age=1")
            .header("clear-site-data", "\"*\"")
            .body(full(""))
            .unwrap()
    })
    .await;
    let (front, _nodes) = before(&api).await;
    for _ in 0..2 {
        let answer = front.get("/bigbluebutton/api/join?checksum=1").await;
        assert_eq!(answer.status, StatusCode::FOUND);
        assert_eq!(answer.header("location"), Some(NODE));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        for gone in ["set-cookie", "etag", "strict-transport-security", "clear-site-data"] {
            assert_eq!(answer.header(gone), None, "{gone}");
        }
    }
    assert_eq!(api.requests().len(), 2, "asked each time");
}

#[tokio::test]
async fn bodies_pass_up_to_their_bound_and_are_never_sent_twice() {
    let api = hello().await;
    let (front, _nodes) = before(&api).await;
    let post = |length: usize| {
        let request = front.request("POST", "/bigbluebutton/api/create?checksum=1");
        request
            .header("content-type", "application/xml")
            .header("content-length", length)
            .body(Bytes::from(vec![b'x'; length]))
            .unwrap()
    };
    assert_eq!(front.send(post(64)).await.status, StatusCode::OK);
    assert_eq!(front.send(post(65)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let seen = api.only_request();
    assert_eq!((seen.method.as_str(), seen.body.len()), ("POST", 64));
    assert_eq!(seen.headers["content-type"], "application/xml");

    for (method, wanted) in [("PUT", 405), ("DELETE", 405), ("OPTIONS", 405)] {
        let request = front.request(method, "/bigbluebutton/api/create");
        let request = request.body(Bytes::new()).unwrap();
        assert_eq!(front.send(request).await.status.as_u16(), wanted, "{method}");
    }
    let socket = front
        .request("GET", "/bigbluebutton/api/x")
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    let socket = front.send(socket.body(Bytes::new()).unwrap()).await;
    assert_eq!(socket.status, StatusCode::FORBIDDEN);
    assert_eq!(api.requests().len(), 1);
}

#[tokio::test]
async fn nothing_but_the_two_prefixes_reaches_the_api() {
    /// Of the table: what is the API's, where the proxy passes it.
    const PASSED: [&str; 5] = [
        "/bigbluebutton/api/join",
        "/bigbluebutton/api",
        "/bigbluebutton/api/",
        "/t/physics/bigbluebutton/api/create",
        "/t/",
    ];
    let api = hello().await;
    let (front, nodes) = before(&api).await;
    let mut passed = 0;
    for &(path, wanted) in PATHS {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", front.host());
        let is_api = PASSED.contains(&path);
        passed += usize::from(is_api);
        let wanted = if is_api { 200 } else { wanted };
        assert_eq!(front.raw_status(request).await, Some(wanted), "{path}");
        assert_eq!(api.requests().len(), passed, "{path}");
        assert!(nodes.iter().all(|node| node.connections() == 0), "{path}");
    }
    assert_eq!(passed, PASSED.len());
    // Another host is no way in, either.
    let foreign = "GET /bigbluebutton/api HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n";
    assert_eq!(front.raw_status(foreign).await, Some(421));
    assert_eq!(api.requests().len(), passed);
}

#[tokio::test]
async fn an_api_that_is_gone_is_a_bad_gateway_and_no_mounts_matter() {
    let api = hello().await;
    let (front, _nodes) = before(&api).await;
    drop(api);
    let answer = front.get("/bigbluebutton/api/getMeetings?checksum=1").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(front.get("/bbb-01/html5client/").await.status, StatusCode::OK);
}
