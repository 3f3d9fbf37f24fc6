//! Browsers without dictionaries: large leaves at addresses that all mounts
//! share.

use aws_lc_rs::digest::{SHA256, digest};
use bluegate_cache::hex;
use bluegate_proxy::CacheConfig;
use bytes::Bytes;
use http::{Response, StatusCode};

use crate::{
    cache::{HASHED, ask_as, cached, quiet, script, static_file},
    cache_shared::{BROWSER, OTHER, node_with, packing, until},
    fake_node::{FakeNode, full},
    front::{Answer, Front, Setup, node_at},
};

const FIREFOX: [(&str, &str); 3] = [
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("sec-fetch-dest", "script"),
    ("sec-fetch-mode", "no-cors"),
];

/// More than a round trip carries, packed too.
fn large() -> Vec<u8> {
    script(20_000)
}

fn address(bytes: &[u8], rest: &str) -> String {
    format!("/_client/{}/{rest}", hex(digest(&SHA256, bytes).as_ref()))
}

fn rest(target: &str) -> &str {
    target.splitn(4, '/').nth(3).unwrap()
}

async fn as_firefox(front: &Front, target: &str) -> Answer {
    ask_as(front, "GET", target, &FIREFOX).await
}

#[tokio::test]
async fn two_mounts_lead_to_one_address_that_never_changes() {
    let (first, second) = (node_with(large()).await, node_with(large()).await);
    let front = cached(Setup::new()).mount("bbb-01", &first).mount("bbb-02", &second).start().await;
    let shared = address(&large(), rest(HASHED));
    for target in [HASHED, OTHER] {
        let moved = as_firefox(&front, target).await;
        assert_eq!((moved.status.as_u16(), moved.body.len()), (307, 0), "{target}");
        assert_eq!(moved.header("location"), Some(shared.as_str()));
        // Not for longer than the file itself would be fresh.
        let control = moved.header("cache-control").unwrap().strip_prefix("max-age=").unwrap();
        assert!((1..=600).contains(&control.parse::<u32>().unwrap()), "{control}");
        assert_eq!(moved.header("use-as-dictionary"), None);
    }
    let answer = as_firefox(&front, &shared).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(bluegate_pack::gunzip(&answer.body, 1 << 24).unwrap(), large());
    let control = Some("public, max-age=31536000, immutable");
    assert_eq!(answer.header("cache-control"), control);
    assert_eq!(answer.header("content-type"), Some("text/javascript"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("cache-status").unwrap().starts_with("bluegate; hit"));

    // All that a file can be asked for.
    let head = ask_as(&front, "HEAD", &shared, &[]).await;
    assert_eq!(head.header("content-length"), Some(large().len().to_string().as_str()));
    let part = ask_as(&front, "GET", &shared, &[("range", "bytes=3-6")]).await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &large()[3..7]));
    let tag = answer.header("etag").unwrap();
    let known = ask_as(&front, "GET", &shared, &[("if-none-match", tag)]).await;
    assert_eq!((known.status.as_u16(), known.header("cache-control")), (304, control));
    assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
    assert_eq!(front.proxy.cache_report().unwrap().moved, 2);
}

#[tokio::test]
async fn only_those_who_gain_by_it_are_sent_on() {
    let node = node_with(large()).await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    let tag = front.get(HASHED).await.header("etag").unwrap().to_owned();
    for (more, status) in [
        (vec![("accept-encoding", BROWSER)], 200),
        (vec![("sec-ch-ua", "\"Chromium\";v=\"141\"")], 200),
        (vec![("sec-fetch-dest", "worker")], 200),
        (vec![("sec-fetch-mode", "cors")], 200),
        (vec![("if-none-match", tag.as_str())], 304),
        (vec![], 307),
    ] {
        let mut headers = FIREFOX.to_vec();
        headers.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        headers.extend(&more);
        let answer = ask_as(&front, "GET", HASHED, &headers).await;
        assert_eq!(answer.status.as_u16(), status, "{more:?}");
    }
    assert_eq!(front.get(HASHED).await.status, StatusCode::OK, "who says nothing gets the file");
}

#[tokio::test]
async fn pages_styles_and_small_files_stay_where_they_are() {
    let node = FakeNode::start(|seen| {
        let (kind, bytes) = match seen.target.rsplit(['.', '/']).next().unwrap() {
            "css?v=1" => ("text/css", large()),
            "js?v=1" => ("text/javascript", script(100)),
            // What a node calls a page is none of these, whatever its name.
            _ => ("text/html", large()),
        };
        static_file(seen, kind, &bytes)
    })
    .await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    for rest in ["", "a.css?v=1", "a.js?v=1", "a.json?v=1"] {
        let answer = as_firefox(&front, &format!("/bbb-01/html5client/{rest}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{rest}");
    }
}

#[tokio::test]
async fn turned_off_there_are_no_such_addresses() {
    let node = node_with(large()).await;
    for cache in [CacheConfig { share_builds: false, ..quiet() }, CacheConfig::off()] {
        let front =
            Setup::new().with(|config| config.cache = cache).mount("bbb-01", &node).start().await;
        assert_eq!(as_firefox(&front, HASHED).await.status, StatusCode::OK);
        let before = node.requests().len();
        let shared = address(&large(), rest(HASHED));
        assert_eq!(as_firefox(&front, &shared).await.status, StatusCode::NOT_FOUND);
        assert_eq!(node.requests().len(), before);
    }
}

#[tokio::test]
async fn what_is_not_known_is_fetched_from_the_node_whose_page_asks_and_proved() {
    let (first, second) = (node_with(script(9)).await, node_with(large()).await);
    let front = cached(Setup::new()).mount("bbb-01", &first).mount("bbb-02", &second).start().await;
    let shared = address(&large(), &format!("{}?v=7", rest(HASHED)));
    let page = format!("{}/bbb-02/html5client/?sessionToken=x", front.origin);
    let asked = [("referer", page.as_str())];
    let answer = ask_as(&front, "GET", &shared, &asked).await;
    assert!(answer.status == StatusCode::OK && answer.body == large());
    let seen = second.only_request();
    assert_eq!(seen.target, format!("{OTHER}?v=7"));
    assert_eq!(first.requests().len(), 0);
}

#[tokio::test]
async fn bytes_that_are_not_the_content_are_refused_and_that_is_remembered() {
    let nodes: Vec<FakeNode> = nodes_with_another(6).await;
    let mut setup = cached(Setup::new());
    for (index, node) in nodes.iter().enumerate() {
        setup = setup.add(node_at(&format!("bbb-0{index}"), node.address, Some("3.0")));
    }
    let front = setup.start().await;
    let asked = || nodes.iter().map(|node| node.requests().len()).sum::<usize>();
    let shared = address(&large(), rest(HASHED));
    let refused = ask_as(&front, "GET", &shared, &[]).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    assert_eq!(asked(), 4, "a bounded number of nodes is asked");
    assert_eq!(ask_as(&front, "GET", &shared, &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(asked(), 4);
}

/// Nodes that all have another file under the name.
async fn nodes_with_another(count: usize) -> Vec<FakeNode> {
    let mut nodes = Vec::new();
    for _ in 0..count {
        nodes.push(node_with(script(9)).await);
    }
    nodes
}

#[tokio::test]
async fn nothing_else_is_behind_these_addresses() {
    let node = FakeNode::start(|_| {
        let bytes = Bytes::from(large());
        Response::builder().header("content-type", "text/html").body(full(bytes)).unwrap()
    })
    .await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    front.get("/bbb-01/html5client/").await;
    let before = node.requests().len();
    let digest = hex(digest(&SHA256, &large()).as_ref());
    for (target, status) in [
        // A page is in the cache, and is not given out as one from here.
        (format!("/_client/{digest}/index.html"), 404),
        (format!("/_client/{digest}/"), 404),
        (format!("/_client/{digest}"), 404),
        (format!("/_client/{digest}/a.css"), 404),
        (format!("/_client/{digest}/service-worker.js"), 404),
        (format!("/_client/{digest}/private/a.js"), 404),
        (format!("/_client/{}/a.js", digest.to_uppercase()), 404),
        (format!("/_client/{digest}0/a.js"), 404),
        (format!("/_client/x/{digest}/a.js"), 404),
        ("/_client/html5client/a.js".to_owned(), 404),
        ("/_client/html5client/".to_owned(), 404),
        ("/_client/bigbluebutton/api".to_owned(), 404),
        (format!("/_client/{digest}/../a.js"), 400),
        (format!("/_client/{digest}//a.js"), 400),
        (format!("/_client/{digest}/a%2fb.js"), 400),
    ] {
        let answer = front.get(&target).await;
        assert_eq!(answer.status.as_u16(), status, "{target}");
    }
    let shared = format!("/_client/{digest}/a.js");
    for (method, headers, status) in [
        ("POST", vec![("content-length", "0")], 405),
        ("GET", vec![("service-worker", "script")], 403),
        ("GET", vec![("upgrade", "websocket"), ("connection", "upgrade")], 403),
    ] {
        assert_eq!(ask_as(&front, method, &shared, &headers).await.status.as_u16(), status);
    }
    assert_eq!(node.requests().len(), before);
}

#[tokio::test]
async fn variants_serve_these_addresses_too() {
    let node = node_with(large()).await;
    let front =
        Setup::new().with(|config| config.cache = packing()).mount("bbb-01", &node).start().await;
    front.get(HASHED).await;
    let shared = address(&large(), rest(HASHED));
    until(&front, &shared, &[("accept-encoding", "br")], "br").await;
}
