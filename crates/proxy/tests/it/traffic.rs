//! What is counted of what passes.

use bluegate_proxy::{CacheConfig, MountTraffic, RequestClass};

use crate::{
    fake_node::{FakeNode, hello, ok},
    front::{Front, Setup, node_at},
};

fn counted(front: &Front, mount: &str) -> Vec<(RequestClass, &'static str, u64)> {
    front.proxy.traffic_report().mounts.remove(mount).unwrap_or_default().requests
}

fn of(front: &Front, mount: &str) -> MountTraffic {
    front.proxy.traffic_report().mounts.remove(mount).unwrap()
}

#[tokio::test]
async fn requests_are_counted_by_mount_class_and_status() {
    use RequestClass::{Api, Asset, Own, Page};
    let (first, second) = (hello().await, hello().await);
    let front = Setup::new().mount("bbb-01", &first).mount("bbb-02", &second).start().await;
    front.get("/bbb-01/html5client/").await;
    front.get("/bbb-01/html5client/a.js").await;
    front.get("/bbb-01/html5client/b.js").await;
    front.get("/bbb-01/bigbluebutton/api").await;
    front.get("/bbb-99/html5client/").await;
    front.get("/bbb-01/html5client/../").await;
    drop(second);
    front.get("/bbb-02/html5client/").await;

    let wanted = vec![(Page, "2xx", 1), (Asset, "2xx", 2), (Api, "2xx", 1)];
    assert_eq!(counted(&front, "bbb-01"), wanted);
    assert_eq!(counted(&front, "bbb-02"), [(Own, "5xx", 1)]);
    assert_eq!(counted(&front, ""), [(Own, "4xx", 2)]);
    assert_eq!(counted(&front, "bbb-99"), []);

    let first = of(&front, "bbb-01");
    assert_eq!(first.body_bytes, 4 * "hello".len() as u64);
    let node = first.node.unwrap();
    assert_eq!((node.connections, node.requests, node.pending), (1, 0, 0));
    assert_eq!(node.latency.count, 4);
}

#[tokio::test]
async fn a_mount_counts_on_when_its_node_moves_and_is_gone_with_its_route() {
    let (old, new) = (hello().await, hello().await);
    let front = Setup::new().mount("bbb-01", &old).start().await;
    front.get("/bbb-01/html5client/a.js").await;
    front.route([node_at("bbb-01", new.address, Some("3.0"))]);
    front.get("/bbb-01/html5client/a.js").await;
    assert_eq!(counted(&front, "bbb-01"), [(RequestClass::Asset, "2xx", 2)]);
    front.route([]);
    assert!(!front.proxy.traffic_report().mounts.contains_key("bbb-01"));
}

#[tokio::test]
async fn what_the_cache_spares_a_node_is_counted_as_saved() {
    let node =
        FakeNode::start(|_| ok("hello", &[("content-type", "text/javascript"), ("etag", "\"1\"")]));
    let node = node.await;
    let front = Setup::new()
        .with(|config| config.cache = CacheConfig { warm: false, ..CacheConfig::default() })
        .mount("bbb-01", &node)
        .start()
        .await;
    let target = "/bbb-01/html5client/bundle.0123456789abcdef.js";
    for _ in 0..3 {
        assert_eq!(front.get(target).await.body, "hello");
    }
    let traffic = of(&front, "bbb-01");
    assert_eq!(node.requests().len(), 1);
    assert_eq!((traffic.body_bytes, traffic.saved_bytes), (15, 10));
}
