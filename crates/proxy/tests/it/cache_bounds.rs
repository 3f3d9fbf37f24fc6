//! What the cache may take, and how it is emptied.

use std::time::{Duration, Instant};

use bluegate_proxy::CacheConfig;
use http::Response;

use crate::{
    cache::{HASHED, cached, quiet, static_file},
    fake_node::{FakeNode, full},
    front::Setup,
};

#[tokio::test]
async fn what_is_purged_is_asked_for_anew() {
    let node = FakeNode::start(|seen| static_file(seen, "text/javascript", b"x")).await;
    let front = cached(Setup::new()).mount("bbb-01", &node).mount("bbb-02", &node).start().await;
    let other = HASHED.replace("bbb-01", "bbb-02");
    for target in [HASHED, &other, HASHED, &other] {
        front.get(target).await;
    }
    assert_eq!(node.requests().len(), 2);
    assert_eq!(front.proxy.purge(Some("bbb-0")), 0);
    assert_eq!(front.proxy.purge(Some("bbb-01")), 1);
    let report = front.proxy.cache_report().unwrap();
    assert_eq!((report.entries, report.hits, report.stored), (1, 2, 2));
    front.get(HASHED).await;
    front.get(&other).await;
    assert_eq!(node.requests().len(), 3);
    assert_eq!(front.proxy.purge(None), 2);
    let report = front.proxy.cache_report().unwrap();
    assert_eq!((report.entries, report.contents, report.bytes), (0, 0, 0));
}

#[tokio::test]
async fn turned_off_there_is_no_cache() {
    for config in [CacheConfig { memory: 0, ..CacheConfig::default() }, CacheConfig::off()] {
        let node = FakeNode::start(|seen| static_file(seen, "text/javascript", b"x")).await;
        let front = Setup::new()
            .with(|settings| settings.cache = config)
            .mount("bbb-01", &node)
            .start()
            .await;
        front.get(HASHED).await;
        let answer = front.get(HASHED).await;
        assert_eq!(answer.header("cache-status"), None);
        assert_eq!(node.requests().len(), 2);
        assert_eq!(front.proxy.cache_report(), None);
        assert_eq!(front.proxy.purge(None), 0);
    }
}

#[tokio::test]
async fn the_bound_on_memory_holds_and_the_oldest_goes() {
    let node = FakeNode::start(|seen| {
        let bytes = seen.target.repeat(1000);
        Response::builder()
            .header("content-type", "application/octet-stream")
            .body(full(bytes))
            .unwrap()
    })
    .await;
    let front = Setup::new()
        .with(|config| config.cache = CacheConfig { memory: 140_000, ..quiet() })
        .mount("bbb-01", &node)
        .start()
        .await;
    let target = |name: char| format!("/bbb-01/html5client/{name}.bin?v={name}");
    for name in 'a'..='h' {
        front.get(&target(name)).await;
        // Recency counts in milliseconds, so each use is made sure to be later.
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(3) {
            front.get(&target('a')).await;
        }
    }
    let report = front.proxy.cache_report().unwrap();
    assert!(report.bytes <= 140_000, "{report:?}");
    assert!(report.evicted > 0 && report.entries < 8, "{report:?}");
    let before = node.requests().len();
    front.get(&target('a')).await;
    assert_eq!(node.requests().len(), before, "what is used stays");
    front.get(&target('b')).await;
    assert_eq!(node.requests().len(), before + 1, "what is not goes");
}

#[tokio::test]
async fn a_stream_that_is_too_large_passes_as_it_comes() {
    let node = FakeNode::start(|_| {
        Response::builder()
            .header("content-type", "audio/mpeg")
            .body(full(vec![7; 100_000]))
            .unwrap()
    })
    .await;
    let front = Setup::new()
        .with(|config| config.cache = CacheConfig { max_object: 50_000, ..quiet() })
        .mount("bbb-01", &node)
        .start()
        .await;
    for _ in 0..2 {
        let answer = front.get("/bbb-01/html5client/long.mp3").await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 100_000));
        assert_eq!(answer.header("cache-status"), Some("bluegate; fwd=uri-miss"));
    }
    // Asked once for the cache, then for each client.
    assert_eq!(node.requests().len(), 3);
    assert_eq!(front.proxy.cache_report().unwrap().entries, 0);
}
