//! One copy for all mounts: contents by digest, variants, dictionaries.

use std::{
    io::Read,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bluegate_proxy::CacheConfig;
use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    cache::{HASHED, ask_as, cached, quiet, script, static_file},
    fake_node::{FakeNode, full},
    front::{Answer, Front, PATIENCE, Setup, eventually, node_at},
};

pub(crate) const BROWSER: &str = "gzip, deflate, br, zstd, dcb, dcz";
pub(crate) const OTHER: &str = "/bbb-02/html5client/bundle.0123456789abcdef0123.js";

pub(crate) async fn node_with(bytes: Vec<u8>) -> FakeNode {
    FakeNode::start(move |seen| static_file(seen, "text/javascript", &bytes)).await
}

fn named(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    format!(":{}:", STANDARD.encode(digest.as_ref()))
}

pub(crate) async fn with_dictionary(
    front: &Front,
    target: &str,
    dictionary: &[u8],
    codings: &str,
) -> Answer {
    let named = named(dictionary);
    let headers = [("accept-encoding", codings), ("available-dictionary", named.as_str())];
    ask_as(front, "GET", target, &headers).await
}

/// A cache that packs from the start and fetches nothing ahead.
pub(crate) fn packing() -> CacheConfig {
    CacheConfig { precompress: true, precompress_after: Duration::ZERO, ..quiet() }
}

/// What a browser does with a `dcz` answer.
pub(crate) fn undelta(body: &[u8], dictionary: &[u8]) -> Vec<u8> {
    assert_eq!(body[..8], [0x5e, 0x2a, 0x4d, 0x18, 0x20, 0, 0, 0]);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, dictionary);
    assert_eq!(&body[8..40], digest.as_ref());
    let mut bytes = Vec::new();
    zstd::stream::read::Decoder::with_ref_prefix(&body[40..], dictionary)
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

pub(crate) async fn until(
    front: &Front,
    target: &str,
    headers: &[(&str, &str)],
    coding: &str,
) -> Answer {
    let asking = async {
        loop {
            let answer = ask_as(front, "GET", target, headers).await;
            if answer.header("content-encoding") == Some(coding) {
                return answer;
            }
        }
    };
    timeout(PATIENCE, asking).await.expect("the coding in the end")
}

#[tokio::test]
async fn two_mounts_share_one_content() {
    let (first, second) = (node_with(script(3000)).await, node_with(script(3000)).await);
    let front = cached(Setup::new()).mount("bbb-01", &first).mount("bbb-02", &second).start().await;
    let one = front.get(HASHED).await;
    let alone = front.proxy.cache_report().unwrap().bytes;
    let two = front.get(OTHER).await;
    assert!(one.body == two.body && one.header("etag") == two.header("etag"));
    let report = front.proxy.cache_report().unwrap();
    assert_eq!((report.entries, report.contents, report.bytes), (2, 1, alone));
    assert_eq!(report.mounts["bbb-02"].bytes, script(3000).len() as u64);
    // Each node was asked for its own bytes before they were taken for the same.
    assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
}

#[tokio::test]
async fn the_same_name_on_another_node_is_not_the_same_content() {
    let (first, second) = (node_with(script(100)).await, node_with(script(101)).await);
    let front = cached(Setup::new()).mount("bbb-01", &first).mount("bbb-02", &second).start().await;
    assert!(front.get(HASHED).await.body == script(100));
    assert!(front.get(OTHER).await.body == script(101));
}

#[tokio::test]
async fn a_browser_that_has_the_file_from_one_node_gets_a_few_bytes_from_another() {
    let script = script(50_000);
    let (first, second) = (node_with(script.clone()).await, node_with(script.clone()).await);
    let front = cached(Setup::new()).mount("bbb-01", &first).mount("bbb-02", &second).start().await;
    let one = ask_as(&front, "GET", HASHED, &[("accept-encoding", BROWSER)]).await;
    let pattern = "match=\"/*/html5client/bundle.*.js\"";
    assert_eq!(one.header("use-as-dictionary"), Some(pattern));
    assert_eq!(one.header("vary"), Some("accept-encoding, available-dictionary"));

    let two = with_dictionary(&front, OTHER, &script, BROWSER).await;
    assert_eq!(two.header("content-encoding"), Some("dcz"));
    assert_eq!(two.header("content-length"), Some(two.body.len().to_string().as_str()));
    assert!(two.body.len() < 200, "{} for {}", two.body.len(), script.len());
    assert!(undelta(&two.body, &script) == script);
    assert_ne!(two.header("etag"), one.header("etag"));
    assert_eq!(two.header("use-as-dictionary"), Some(pattern));
    assert_eq!(front.proxy.cache_report().unwrap().deltas, 1);

    // Not without being asked for, and not against what nobody here knows.
    let plain = with_dictionary(&front, OTHER, &script, "gzip, br").await;
    assert_eq!(plain.header("content-encoding"), Some("gzip"));
    let unknown = with_dictionary(&front, OTHER, b"something else", BROWSER).await;
    assert_eq!(unknown.header("content-encoding"), Some("gzip"));
    // A range of a delta means nothing.
    let digest = named(&script);
    let range = [
        ("accept-encoding", BROWSER),
        ("available-dictionary", digest.as_str()),
        ("range", "bytes=0-9"),
    ];
    let part = ask_as(&front, "GET", OTHER, &range).await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &script[..10]));
    assert_eq!(part.header("content-encoding"), None);
}

#[tokio::test]
async fn the_next_build_costs_what_changed() {
    let old = script(20_000);
    let mut new = old.clone();
    new.splice(5000..5000, *b"/* something new */");
    let shown = Arc::new(Mutex::new(old.clone()));
    let served = Arc::clone(&shown);
    let node = FakeNode::start(move |seen| {
        static_file(seen, "text/javascript", &served.lock().unwrap().clone())
    })
    .await;
    let front =
        Setup::new().with(|config| config.cache = packing()).mount("bbb-01", &node).start().await;
    front.get(HASHED).await;
    *shown.lock().unwrap() = new.clone();
    let next = "/bbb-01/html5client/bundle.fedcba98765432100123.js";
    front.get(next).await;
    let named = named(&old);
    let headers = [("accept-encoding", BROWSER), ("available-dictionary", named.as_str())];
    let delta = until(&front, next, &headers, "dcz").await;
    assert!(delta.body.len() < 300, "{}", delta.body.len());
    assert!(undelta(&delta.body, &old) == new);
}

#[tokio::test]
async fn turned_off_no_mount_hears_of_another() {
    let script = script(5000);
    let (first, second) = (node_with(script.clone()).await, node_with(script.clone()).await);
    let front = Setup::new()
        .with(|config| config.cache = CacheConfig { share_builds: false, ..quiet() })
        .mount("bbb-01", &first)
        .mount("bbb-02", &second)
        .start()
        .await;
    let one = ask_as(&front, "GET", HASHED, &[("accept-encoding", BROWSER)]).await;
    assert_eq!(one.header("use-as-dictionary"), None);
    assert_eq!(one.header("vary"), Some("accept-encoding"));
    let two = with_dictionary(&front, OTHER, &script, BROWSER).await;
    assert_eq!(two.header("content-encoding"), Some("gzip"));
}

#[tokio::test]
async fn variants_are_made_once_and_chosen_by_what_the_browser_takes() {
    let script = script(5000);
    let (first, second) = (node_with(script.clone()).await, node_with(script.clone()).await);
    let front = Setup::new()
        .with(|config| config.cache = packing())
        .mount("bbb-01", &first)
        .mount("bbb-02", &second)
        .start()
        .await;
    front.get(HASHED).await;
    let brotli = until(&front, HASHED, &[("accept-encoding", "br")], "br").await;
    let mut bytes = Vec::new();
    brotli::Decompressor::new(&brotli.body[..], 4096).read_to_end(&mut bytes).unwrap();
    assert!(bytes == script);
    let zstd = until(&front, HASHED, &[("accept-encoding", "zstd")], "zstd").await;
    assert!(zstd::stream::decode_all(&zstd.body[..]).unwrap() == script);
    // The other mount's file has them from the start.
    let other = ask_as(&front, "GET", OTHER, &[("accept-encoding", BROWSER)]).await;
    let smallest = if brotli.body.len() <= zstd.body.len() { "br" } else { "zstd" };
    assert_eq!(other.header("content-encoding"), Some(smallest));
    for (codings, wanted) in [
        ("gzip", Some("gzip")),
        ("identity", None),
        ("br;q=0, gzip", Some("gzip")),
        ("*;q=0, gzip", Some("gzip")),
        ("", None),
    ] {
        let answer = ask_as(&front, "GET", HASHED, &[("accept-encoding", codings)]).await;
        assert_eq!(answer.header("content-encoding"), wanted, "{codings}");
    }
}

#[tokio::test]
async fn pictures_are_left_as_they_are() {
    let bytes = Bytes::from(script(1000));
    let shown = bytes.clone();
    let node = FakeNode::start(move |_| {
        http::Response::builder()
            .header("content-type", "image/png")
            .body(full(shown.clone()))
            .unwrap()
    })
    .await;
    let script = node_with(script(1001)).await;
    let front = Setup::new()
        .with(|config| config.cache = packing())
        .mount("bbb-01", &node)
        .mount("bbb-02", &script)
        .start()
        .await;
    let target = "/bbb-01/html5client/a.png";
    front.get(target).await;
    // One at a time: when the script that came later is done, the picture would be.
    front.get(OTHER).await;
    until(&front, OTHER, &[("accept-encoding", "zstd")], "zstd").await;
    let answer = ask_as(&front, "GET", target, &[("accept-encoding", BROWSER)]).await;
    assert_eq!(answer.header("content-encoding"), None);
    assert!(answer.body == bytes);
}

/// A node with a client of a few files, whose build can change.
async fn client_node(build: Arc<Mutex<&'static str>>) -> FakeNode {
    FakeNode::start(move |seen| {
        let build = *build.lock().unwrap();
        let path = seen.target.split_once("/html5client/").map_or("", |(_, rest)| rest);
        let bundle = format!("bundle.{build}.js");
        match path {
            "" => {
                let page = format!(
                    "<link href=\"stylesheets/a.css?v=7\"><script src='compatibility/sip.js?v=7'></script>\
                     <script>s.src = \"{bundle}\"</script>"
                );
                static_file(seen, "text/html", page.as_bytes())
            }
            "locales/" => static_file(seen, "application/json", b"[{\"name\":\"de.json\",\"type\":\"file\"}]"),
            "stylesheets/a.css?v=7" | "compatibility/sip.js?v=7" | "locales/de.json?v=7" => {
                static_file(seen, "text/plain", path.as_bytes())
            }
            path if path == bundle => static_file(seen, "text/javascript", path.as_bytes()),
            _ => http::Response::builder().status(404).body(full("none")).unwrap(),
        }
    })
    .await
}

#[tokio::test]
async fn a_client_is_there_before_its_users() {
    let build = Arc::new(Mutex::new("0123456789abcdef0123"));
    let node = client_node(Arc::clone(&build)).await;
    let front = Setup::new()
        .with(|config| config.cache = CacheConfig { warm: true, ..quiet() })
        .mount("bbb-01", &node)
        .start()
        .await;
    // Nobody asked for anything.
    eventually(|| front.proxy.cache_report().unwrap().entries == 6).await;
    let mut asked: Vec<_> = node.requests().into_iter().map(|seen| seen.target).collect();
    asked.sort_unstable();
    let wanted = [
        "",
        "bundle.0123456789abcdef0123.js",
        "compatibility/sip.js?v=7",
        "locales/",
        "locales/de.json?v=7",
        "stylesheets/a.css?v=7",
    ];
    asked.dedup();
    assert_eq!(asked, wanted.map(|rest| format!("/bbb-01/html5client/{rest}")));
    let first = front.get("/bbb-01/html5client/locales/de.json?v=7").await;
    assert!(first.header("cache-status").unwrap().starts_with("bluegate; hit; ttl="));

    // One user sees the new page; its bundle comes ahead of the others.
    *build.lock().unwrap() = "ffffffffffffffffffff00";
    front.get("/bbb-01/html5client/").await;
    eventually(|| front.proxy.cache_report().unwrap().entries == 7).await;
    let next = front.get("/bbb-01/html5client/bundle.ffffffffffffffffffff00.js").await;
    assert!(next.header("cache-status").unwrap().starts_with("bluegate; hit; ttl="));

    // A node that comes later is warmed when it comes.
    let other = client_node(build).await;
    front.route([
        node_at("bbb-01", node.address, Some("3.0")),
        node_at("bbb-02", other.address, Some("3.0")),
    ]);
    eventually(|| other.requests().len() >= 6).await;
}

#[tokio::test]
async fn nodes_that_hang_do_not_hold_up_the_warming_of_others() {
    let build = "0123456789abcdef0123";
    let well = client_node(Arc::new(Mutex::new(build))).await;
    // Their page comes, and names files that never do.
    let hangs = || {
        FakeNode::script(move |mut stream, _| async move {
            let mut asked = [0; 4096];
            while let Ok(read) = stream.read(&mut asked).await {
                let is_page = asked[..read].starts_with(b"GET /sick-")
                    && asked[..read].windows(13).any(|part| part == b"html5client/ ");
                if !is_page {
                    return std::future::pending().await;
                }
                let page = format!("<script src='bundle.{build}.js'></script>");
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\netag: \"1\"";
                let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{page}", page.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        })
    };
    let sick = [hangs().await, hangs().await, hangs().await];
    let front = Setup::new()
        .with(|config| config.cache = CacheConfig { warm: true, ..quiet() })
        .mount("sick-1", &sick[0])
        .mount("sick-2", &sick[1])
        .mount("sick-3", &sick[2])
        .start()
        .await;
    let entries = || {
        let mounts = front.proxy.cache_report().unwrap().mounts;
        mounts.into_iter().map(|(mount, held)| (mount, held.entries)).collect::<Vec<_>>()
    };
    eventually(|| entries().len() == 3).await;
    // It comes when all of these hang.
    let mut nodes: Vec<_> =
        (1..).zip(&sick).map(|(number, node)| (format!("sick-{number}"), node)).collect();
    nodes.push(("well".to_owned(), &well));
    front.route(nodes.iter().map(|(name, node)| node_at(name, node.address, Some("3.0"))));
    // Nobody gives a hanging one up before that: `response_timeout`.
    let patience = Duration::from_secs(15);
    let warming = async {
        while !entries().contains(&("well".to_owned(), 6)) {
            tokio::task::yield_now().await;
        }
    };
    timeout(patience, warming).await.expect("the well node's client");
    let held = ["sick-1", "sick-2", "sick-3"].map(|mount| (mount.to_owned(), 1));
    assert_eq!(entries()[..3], held, "they still hang");
}
