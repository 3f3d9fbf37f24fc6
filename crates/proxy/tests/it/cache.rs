//! Answers from memory: who is asked, how often, and what browsers get.

use std::{
    io::{Read, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use bluegate_proxy::CacheConfig;
use bytes::Bytes;
use http::{Response, StatusCode};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc, time::timeout};

use crate::{
    fake_node::{FakeNode, NodeBody, Seen, full, ok, streamed},
    front::{Answer, Front, PATIENCE, Setup, eventually, node_at},
};

pub(crate) const MODIFIED: &str = "Mon, 02 Nov 2026 10:00:00 GMT";

/// A cache without background work, so that every question has its cause in
/// the test.
pub(crate) fn quiet() -> CacheConfig {
    CacheConfig { precompress: false, warm: false, ..CacheConfig::default() }
}

/// Turns the quiet cache on.
pub(crate) fn cached(setup: Setup) -> Setup {
    setup.with(|config| config.cache = quiet())
}

/// A file as nginx serves it: validators, and the sibling packed by gzip to
/// those who take it.
pub(crate) fn static_file(seen: &Seen, kind: &str, bytes: &[u8]) -> Response<NodeBody> {
    let tag = format!("\"{:x}-{:x}\"", bytes.len(), bytes.first().copied().unwrap_or(0));
    if seen.headers.get("if-none-match").is_some_and(|given| given == tag.as_str()) {
        return Response::builder().status(304).header("etag", tag).body(full("")).unwrap();
    }
    let builder = Response::builder()
        .header("content-type", kind)
        .header("last-modified", MODIFIED)
        .header("etag", tag);
    let packs = seen.headers.get("accept-encoding").is_some_and(|given| given == "gzip");
    if packs && bytes.len() > 20 {
        builder.header("content-encoding", "gzip").body(full(gzip(bytes))).unwrap()
    } else {
        builder.body(full(Bytes::copy_from_slice(bytes))).unwrap()
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// Text that packs well and has no period.
pub(crate) fn script(lines: u32) -> Vec<u8> {
    (0..lines).flat_map(|i| format!("call({i}, {});\n", i * 7919 % 1009).into_bytes()).collect()
}

pub(crate) const HASHED: &str = "/bbb-01/html5client/bundle.0123456789abcdef0123.js";
pub(crate) const PAGE: &str = "/bbb-01/html5client/";

async fn ask(front: &Front, target: &str, headers: &[(&str, &str)]) -> Answer {
    ask_as(front, "GET", target, headers).await
}

pub(crate) async fn ask_as(
    front: &Front,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let request = headers.iter().fold(front.request(method, target), |request, (name, value)| {
        request.header(*name, *value)
    });
    front.send(request.body(Bytes::new()).unwrap()).await
}

#[tokio::test]
async fn a_thousand_first_requests_are_one_question() {
    let (go, answers) = mpsc::channel(1);
    let answers = Mutex::new(Some(answers));
    let node = FakeNode::start(move |_| {
        let body = streamed(answers.lock().unwrap().take().expect("one question"));
        Response::builder().header("content-type", "text/javascript").body(body).unwrap()
    })
    .await;
    let front = Arc::new(cached(Setup::new()).mount("bbb-01", &node).start().await);
    let mut asking = Vec::new();
    for user in 0..1000 {
        let front = Arc::clone(&front);
        let target = format!("{HASHED}?sessionToken=user{user}");
        asking.push(tokio::spawn(async move { front.get(&target).await }));
    }
    eventually(|| node.requests().len() == 1).await;
    go.send(Bytes::from(script(100))).await.unwrap();
    drop(go);
    for asking in asking {
        let answer = asking.await.unwrap();
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.body == script(100));
    }
    let seen = node.only_request();
    assert_eq!(seen.target, HASHED, "no session token leaves");
    let hit = front.get(HASHED).await;
    assert!(hit.header("cache-status").unwrap().starts_with("bluegate; hit; ttl="));
    assert_eq!(front.proxy.cache_report().unwrap().fetches, 1);
}

#[tokio::test]
async fn what_the_node_sees_is_no_users() {
    let node = FakeNode::start(|seen| static_file(seen, "text/javascript", b"x")).await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    let headers = [
        ("user-agent", "secret"),
        ("cookie", "secret"),
        ("accept-language", "secret"),
        ("range", "bytes=0-0"),
        ("if-none-match", "\"secret\""),
        ("x-anything", "secret"),
        ("accept-encoding", "br, secret"),
    ];
    ask(&front, &format!("{HASHED}?a=1&sessionToken=secret"), &headers).await;
    let seen = node.only_request();
    assert_eq!(seen.target, format!("{HASHED}?a=1"));
    let mut names: Vec<_> = seen.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    let wanted = ["accept", "accept-encoding", "host", "x-forwarded-host", "x-forwarded-proto"];
    assert_eq!(names, wanted);
    assert_eq!(seen.headers["accept-encoding"], "gzip");
    assert_eq!(seen.headers["host"], "bbb-01.test");
}

#[tokio::test]
async fn a_stored_file_is_presented_as_its_node_did_but_for_what_is_ours() {
    let script = script(200);
    let served = script.clone();
    let node =
        FakeNode::start(move |seen| static_file(seen, "application/javascript", &served)).await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;

    let first = ask(&front, HASHED, &[]).await;
    assert!(first.body == script);
    assert_eq!(first.header("cache-status"), Some("bluegate; fwd=uri-miss; stored"));
    assert_eq!(first.header("content-type"), Some("application/javascript"));
    assert_eq!(first.header("content-encoding"), None);
    assert_eq!(first.header("last-modified"), Some(MODIFIED));
    assert_eq!(first.header("accept-ranges"), Some("bytes"));
    assert_eq!(first.header("x-content-type-options"), Some("nosniff"));
    let control = "max-age=600, stale-while-revalidate=604800";
    assert_eq!(first.header("cache-control"), Some(control));
    assert_eq!(first.header("vary"), Some("accept-encoding, available-dictionary"));
    assert_eq!(first.header("content-length"), Some(script.len().to_string().as_str()));

    // The node's own gzip goes to those who take it, under a tag of its own.
    let packed = ask(&front, HASHED, &[("accept-encoding", "gzip, deflate, br, zstd")]).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_ne!(packed.header("etag"), first.header("etag"));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == script);
    assert!(packed.header("etag").unwrap().starts_with('"'), "a strong tag");
    assert_eq!(node.requests().len(), 1);
}

#[tokio::test]
async fn heads_conditions_and_ranges_are_answered_from_memory() {
    let node = FakeNode::start(|seen| static_file(seen, "audio/mpeg", b"0123456789")).await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    let target = "/bbb-01/html5client/resources/sounds/notify.mp3?v=1";
    let first = ask(&front, target, &[]).await;
    let tag = first.header("etag").unwrap().to_owned();

    let head = ask_as(&front, "HEAD", target, &[]).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some("10"));

    for (headers, status, body, range) in [
        (vec![("range", "bytes=2-4")], 206, "234", Some("bytes 2-4/10")),
        (vec![("range", "bytes=-3")], 206, "789", Some("bytes 7-9/10")),
        (vec![("range", "bytes=7-")], 206, "789", Some("bytes 7-9/10")),
        (vec![("range", "bytes=0-0"), ("if-range", tag.as_str())], 206, "0", Some("bytes 0-0/10")),
        (vec![("range", "bytes=0-0"), ("if-range", "\"other\"")], 200, "0123456789", None),
        (vec![("range", "bytes=10-")], 416, "", Some("bytes */10")),
        (vec![("range", "bytes=1-2,4-5")], 200, "0123456789", None),
        (
            vec![("range", "bytes=2-4"), ("accept-encoding", "gzip")],
            206,
            "234",
            Some("bytes 2-4/10"),
        ),
        (vec![("if-none-match", tag.as_str())], 304, "", None),
        (vec![("if-none-match", "\"other\"")], 200, "0123456789", None),
        (vec![("if-modified-since", MODIFIED)], 304, "", None),
        (vec![("if-modified-since", "Sun, 01 Nov 2026 10:00:00 GMT")], 200, "0123456789", None),
    ] {
        let answer = ask(&front, target, &headers).await;
        let got = (answer.status.as_u16(), &answer.body[..], answer.header("content-range"));
        assert_eq!(got, (status, body.as_bytes(), range), "{headers:?}");
        let length = if status == 304 { None } else { Some(body.len().to_string()) };
        assert_eq!(answer.header("content-length"), length.as_deref(), "{headers:?}");
        assert!(answer.header("etag").is_some() && answer.header("vary").is_some());
    }
    // The tag of another coding names the same content.
    let other = format!("{}-br\"", tag.trim_end_matches('"'));
    let known = ask(&front, target, &[("if-none-match", &other)]).await;
    assert_eq!((known.status.as_u16(), known.header("etag")), (304, Some(other.as_str())));
    let seen = node.only_request();
    assert_eq!(seen.headers.get("range"), None);
}

#[tokio::test]
async fn a_page_is_asked_for_each_time_but_sent_by_the_node_once() {
    let node =
        FakeNode::start(|seen| static_file(seen, "text/html", b"<p>a page of some length")).await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    for (query, status) in [
        ("?sessionToken=a", "bluegate; fwd=uri-miss; stored"),
        ("?sessionToken=b", "bluegate; fwd=stale; fwd-status=304"),
        ("", "bluegate; fwd=stale; fwd-status=304"),
    ] {
        let answer = front.get(&format!("{PAGE}{query}")).await;
        assert_eq!(answer.body, "<p>a page of some length");
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert_eq!(answer.header("cache-status"), Some(status), "{query}");
        assert_eq!(answer.header("use-as-dictionary"), None);
    }
    let seen = node.requests();
    assert!(seen.iter().all(|seen| seen.target == PAGE));
    let conditions: Vec<_> =
        seen.iter().map(|seen| seen.headers.contains_key("if-none-match")).collect();
    assert_eq!(conditions, [false, true, true]);
    assert_eq!(seen[1].headers["if-modified-since"], MODIFIED);
}

#[tokio::test]
async fn however_many_ask_for_a_page_the_node_is_asked_once_per_moment() {
    let (go, gate) = mpsc::channel::<Bytes>(1);
    let gate = Mutex::new(Some(gate));
    let count = AtomicUsize::new(0);
    let node = FakeNode::start(move |seen| match count.fetch_add(1, SeqCst) {
        0 => static_file(seen, "text/html", b"<p>a page of some length"),
        _ => {
            let body = gate.lock().unwrap().take().map_or(full("new"), streamed);
            Response::builder().header("content-type", "text/html").body(body).unwrap()
        }
    })
    .await;
    let front = Arc::new(cached(Setup::new()).mount("bbb-01", &node).start().await);
    front.get(PAGE).await;
    let asking: Vec<_> = (0..200)
        .map(|_| {
            let front = Arc::clone(&front);
            tokio::spawn(async move { front.get(PAGE).await })
        })
        .collect();
    eventually(|| node.requests().len() == 2).await;
    go.send(Bytes::from_static(b"new")).await.unwrap();
    drop(go);
    for asking in asking {
        assert_eq!(asking.await.unwrap().body, "new");
    }
    // Those who came late may have asked once more, not each for themselves.
    assert!(node.requests().len() < 20, "{}", node.requests().len());
}

#[tokio::test]
async fn a_node_that_moved_is_asked_anew() {
    let old = FakeNode::start(|seen| static_file(seen, "text/javascript", b"old")).await;
    let new = FakeNode::start(|seen| static_file(seen, "text/javascript", b"new")).await;
    let front = cached(Setup::new()).mount("bbb-01", &old).start().await;
    assert_eq!(front.get(HASHED).await.body, "old");
    front.route([node_at("bbb-01", new.address, Some("3.0"))]);
    assert_eq!(front.get(HASHED).await.body, "new");
    assert_eq!(new.only_request().headers.get("if-none-match"), None);
}

#[tokio::test]
async fn a_dead_node_leaves_its_files_and_not_its_page() {
    let node = FakeNode::start(|seen| match seen.target.as_str() {
        PAGE => ok("page", &[("content-type", "text/html"), ("connection", "close")]),
        // Stale at once, and not to be shown while it is asked for anew.
        _ => ok(
            "asset",
            &[
                ("content-type", "text/css"),
                ("cache-control", "max-age=0, stale-while-revalidate=0"),
                ("connection", "close"),
            ],
        ),
    })
    .await;
    let target = "/bbb-01/html5client/stylesheets/a.css?v=1";
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    front.get(PAGE).await;
    front.get(target).await;
    let address = node.address;
    drop(node);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }

    let asset = front.get(target).await;
    assert_eq!((asset.status, &asset.body[..]), (StatusCode::OK, &b"asset"[..]));
    assert_eq!(asset.header("cache-status"), Some("bluegate; hit; ttl=-1"));
    let page = front.get(PAGE).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert_eq!(page.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_stale_file_is_sent_at_once_and_refreshed_behind_it() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let node = FakeNode::start(move |_| {
        let body = ["first", "second", "second"][counted.fetch_add(1, SeqCst).min(2)];
        ok(
            body,
            &[
                ("content-type", "text/css"),
                ("cache-control", "max-age=0, stale-while-revalidate=60"),
            ],
        )
    })
    .await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    let target = "/bbb-01/html5client/a.css";
    assert_eq!(front.get(target).await.body, "first");
    let stale = front.get(target).await;
    assert_eq!(
        (&stale.body[..], stale.header("cache-status")),
        (&b"first"[..], Some("bluegate; hit; ttl=-1"))
    );
    eventually(|| count.load(SeqCst) >= 2).await;
    eventually_is(&front, target, "second").await;
}

async fn eventually_is(front: &Front, target: &str, wanted: &str) {
    let asking = async { while front.get(target).await.body != wanted {} };
    timeout(PATIENCE, asking).await.expect("the new one");
}

#[tokio::test]
async fn a_client_that_is_gone_or_slow_does_not_hold_up_the_question() {
    let (pieces, body) = mpsc::channel(1);
    let body = Mutex::new(Some(body));
    let node = FakeNode::start(move |_| {
        let body = streamed(body.lock().unwrap().take().expect("one question"));
        Response::builder().header("content-type", "text/javascript").body(body).unwrap()
    })
    .await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    // One asks and goes away, one asks and never reads.
    let head = format!("GET {HASHED} HTTP/1.1\r\nHost: {}\r\n\r\n", front.host());
    let mut gone = TcpStream::connect(front.address).await.unwrap();
    gone.write_all(head.as_bytes()).await.unwrap();
    eventually(|| node.requests().len() == 1).await;
    let mut slow = TcpStream::connect(front.address).await.unwrap();
    slow.write_all(head.as_bytes()).await.unwrap();
    drop(gone);

    let large = script(100_000);
    for piece in large.chunks(64 << 10) {
        pieces.send(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    drop(pieces);
    let answer = front.get(HASHED).await;
    assert!(answer.body == large);
    assert_eq!(node.requests().len(), 1);
    // The node's connection is free, whatever the slow one does.
    assert_eq!(node.connections(), 1);
    drop(slow);
}

#[tokio::test]
async fn a_node_that_dies_in_the_middle_leaves_nothing() {
    let node = FakeNode::script(|mut stream, connection| async move {
        let mut buffer = [0; 4096];
        drop(tokio::io::AsyncReadExt::read(&mut stream, &mut buffer).await);
        let body = if connection == 1 { "half" } else { "the whole." };
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nContent-Length: 10\r\n\r\n";
        drop(stream.write_all(format!("{head}{body}").as_bytes()).await);
    })
    .await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    assert_eq!(front.get(HASHED).await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(front.proxy.cache_report().unwrap().entries, 0);
    assert_eq!(front.get(HASHED).await.body, "the whole.");
}
