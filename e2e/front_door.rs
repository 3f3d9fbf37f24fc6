//! The proxy in front of simulated nodes: what passes, what does not, and a
//! node that dies.

use std::time::{Duration, Instant};

use bluegate_testkit::http::Request;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::cluster::Cluster;

#[tokio::test]
async fn the_client_and_the_api_index_pass() {
    let cluster = Cluster::start(&["--nodes", "2"]).await;
    for node in &cluster.ready.nodes {
        let page =
            cluster.get_at_proxy(&format!("/{}/html5client/?sessionToken=x", node.name)).await;
        assert_eq!(page.status, 200);
        assert!(page.text().contains("bundle."), "the client's page");
        assert_eq!(page.header("cache-control"), Some("no-cache"));
        assert_eq!(page.header("set-cookie"), None);

        let bare =
            cluster.get_at_proxy(&format!("/{}/html5client?sessionToken=x", node.name)).await;
        let slash =
            format!("{}/{}/html5client/?sessionToken=x", cluster.ready.proxy_origin, node.name);
        assert_eq!((bare.status, bare.header("location")), (308, Some(slash.as_str())));

        for path in ["bigbluebutton/api", "bigbluebutton/api/"] {
            let request = Request::get(&format!("/{}/{path}", node.name))
                .header("Host", cluster.proxy_authority())
                .header("Content-Type", "application/json");
            let index = request.send(&cluster.proxy_address()).await.unwrap();
            assert_eq!(index.status, 200);
            let index: serde_json::Value = serde_json::from_slice(&index.body).unwrap();
            let graphql = index["response"]["graphqlWebsocketUrl"].as_str().unwrap();
            assert_eq!(graphql, format!("{}/graphql", node.origin.replace("http", "ws")));
        }
    }
}

#[tokio::test]
async fn what_is_not_relayed_reaches_no_node() {
    let cluster = Cluster::start(&["--nodes", "2"]).await;
    let own = cluster.proxy_authority().to_owned();
    let node = cluster.ready.nodes[0].origin.split("://").nth(1).unwrap().to_owned();
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: {own}\r\n\r\n");
    let cases = [
        (get("/bbb-99/html5client/"), 404),
        (get("/bbb-0/html5client/"), 404),
        (get("/bbb-011/html5client/"), 404),
        (get("/bbb-01/../bbb-02/html5client/"), 400),
        (get("/bbb-01/html5client/../../bigbluebutton/api/getMeetings"), 400),
        (get("/bbb-01/html5client/%2e%2e/%2e%2e/bigbluebutton/api"), 400),
        (get("/bbb-01%2Fhtml5client/"), 400),
        (get("/bbb-01/html5client/..%5c..%5c"), 400),
        (get("/bbb-01//html5client/"), 400),
        (get("/bbb-01/bigbluebutton/api/join?meetingID=x"), 404),
        (get("/bbb-01/bigbluebutton/api/getMeetings"), 404),
        (get("/bbb-01/bigbluebutton/presentation/upload"), 404),
        (get("/bbb-01/graphql"), 404),
        (get("/bigbluebutton/api"), 404),
        (get("/_simnode/records"), 404),
        (get(&format!("http://{node}/bbb-01/html5client/")), 421),
        (format!("GET /bbb-01/html5client/ HTTP/1.1\r\nHost: {node}\r\n\r\n"), 421),
        (format!("GET /bbb-01/html5client/ HTTP/1.1\r\nHost: {own}\r\nHost: {node}\r\n\r\n"), 400),
        (format!("CONNECT {node} HTTP/1.1\r\nHost: {node}\r\n\r\n"), 405),
        (
            format!(
                "POST /bbb-01/html5client/ HTTP/1.1\r\nHost: {own}\r\nContent-Length: 0\r\n\r\n"
            ),
            405,
        ),
        (
            format!(
                "GET /bbb-01/html5client/ HTTP/1.1\r\nHost: {own}\r\nConnection: Upgrade\r\n\
                 Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGVzdA==\r\n\r\n"
            ),
            403,
        ),
        (
            format!(
                "GET /bbb-01/html5client/service-worker.js HTTP/1.1\r\nHost: {own}\r\nService-Worker: script\r\n\r\n"
            ),
            403,
        ),
    ];
    for (request, wanted) in &cases {
        let status = status_of(&cluster.proxy_address(), request).await;
        assert_eq!(status, *wanted, "{request}");
    }
    for node in &cluster.ready.nodes {
        let seen = node.records().await;
        // The scaler's own calls come straight to the API and are not the proxy's; what
        // its cache fetches ahead of users is for no client.
        let relayed: Vec<_> = seen
            .iter()
            .filter(|record| record["api_call"].is_null() && record["call"].is_null())
            .filter(|record| !is_fetched_ahead(record, &node.name))
            .collect();
        assert!(relayed.is_empty(), "{relayed:?}");
    }

    let absolute = format!("GET http://{own}/bbb-01/html5client/ HTTP/1.1\r\nHost: {own}\r\n\r\n");
    assert_eq!(status_of(&cluster.proxy_address(), &absolute).await, 200, "our own authority");
}

/// A client file that the proxy's cache asked for on its own behalf.
fn is_fetched_ahead(record: &serde_json::Value, node: &str) -> bool {
    let path = record["path"].as_str().unwrap_or_default();
    record["forwarded"].is_null()
        && !record["x_forwarded_host"].is_null()
        && record["method"] == "GET"
        && path.starts_with(&format!("/{node}/html5client/"))
}

#[tokio::test]
async fn a_node_that_is_switched_off_shows_an_error_page_and_disturbs_nobody() {
    let cluster = Cluster::start(&["--nodes", "3"]).await;
    let [dead, ..] = cluster.ready.nodes.as_slice() else { panic!("three nodes") };
    assert_eq!(cluster.get_at_proxy(&format!("/{}/html5client/", dead.name)).await.status, 200);
    dead.power_off(600_000).await;

    let asked = Instant::now();
    let page = cluster.get_at_proxy(&format!("/{}/html5client/", dead.name)).await;
    assert!([502, 504].contains(&page.status), "{}", page.status);
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert!(page.text().contains("tries again"), "a page for a person");
    assert!(!page.text().contains("127.0.0.1"), "no address of ours");
    let german = Request::get(&format!("/{}/html5client/", dead.name))
        .header("Host", cluster.proxy_authority())
        .header("Accept-Language", "de-AT,de;q=0.9,en;q=0.8");
    let page = german.send(&cluster.proxy_address()).await.unwrap();
    assert_eq!(page.header("content-language"), Some("de"));
    assert!(page.text().contains("Zurzeit nicht erreichbar"), "{}", page.text());
    for node in &cluster.ready.nodes[1..] {
        let page = cluster.get_at_proxy(&format!("/{}/html5client/", node.name)).await;
        assert_eq!(page.status, 200, "{}", node.name);
    }
}

/// The status a raw request is answered with; 0 when the connection is just closed.
async fn status_of(address: &str, request: &str) -> u16 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    let mut buffer = [0; 512];
    while !head.windows(2).any(|pair| pair == b"\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return 0,
            Ok(read) => head.extend_from_slice(&buffer[..read]),
        }
    }
    let text = String::from_utf8_lossy(&head);
    text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}
