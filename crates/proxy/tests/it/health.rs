//! Nodes that fail are left alone, tried again, and used when they are back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bluegate_cluster::Node;
use bluegate_proxy::{CacheConfig, FailureKind, HealthState, NodeHealthReport};
use bytes::Bytes;
use http::{Response, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::Instant,
};

use crate::{
    fake_node::{FakeNode, full, hello, ok},
    front::{Front, PATIENCE, Setup, eventually, node_at},
};

const SICK: &str = "/sick/html5client/a.js";
const WELL: &str = "/well/html5client/a.js";

/// As often as a node fails before it is left alone.
const ENOUGH: usize = 3;

fn health(front: &Front, mount: &str) -> NodeHealthReport {
    front.proxy.health_report().nodes.remove(mount).expect("a mount")
}

/// A node whose address takes no connections.
async fn refusing(name: &str) -> Node {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    node_at(name, gone.local_addr().unwrap(), Some("3.0"))
}

/// A node that takes requests and says nothing while `well` is false.
async fn moody(well: &Arc<AtomicBool>, asked: &Arc<AtomicUsize>) -> FakeNode {
    let (well, asked) = (Arc::clone(well), Arc::clone(asked));
    FakeNode::script(move |mut stream, _| {
        let (well, asked) = (Arc::clone(&well), Arc::clone(&asked));
        async move {
            let mut buffer = [0; 4096];
            while matches!(stream.read(&mut buffer).await, Ok(count) if count > 0) {
                asked.fetch_add(1, SeqCst);
                if well.load(SeqCst) {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                    drop(stream.write_all(answer).await);
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_node_that_hangs_costs_three_users_a_wait_and_nobody_after_them() {
    let (alive, asked) = (Arc::default(), Arc::default());
    let (sick, well) = (moody(&alive, &asked).await, hello().await);
    let wait = Duration::from_millis(400);
    let front = Setup::new()
        .mount("sick", &sick)
        .mount("well", &well)
        .with(|config| config.response_timeout = wait)
        .start()
        .await;
    for _ in 0..ENOUGH {
        assert_eq!(front.get(SICK).await.status, StatusCode::GATEWAY_TIMEOUT);
    }
    let report = health(&front, "sick");
    assert_eq!(report.state, HealthState::Suspect);
    assert_eq!(report.last_failure, Some(FailureKind::ResponseTimeout));
    assert_eq!((report.ejections, report.failures_in_a_row), (1, 3));

    let began = Instant::now();
    let page = front.get(SICK).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert_eq!(page.header("retry-after"), Some("10"));
    assert!(began.elapsed() < wait, "it waited for a node that is left alone");
    assert_eq!(asked.load(SeqCst), ENOUGH);
    assert_eq!(health(&front, "sick").refused, 1);
    // The other mount knows nothing of it.
    assert_eq!(front.get(WELL).await.status, StatusCode::OK);
    assert_eq!(health(&front, "well").state, HealthState::Healthy);

    // Back after its pause: the first who is let through finds out.
    alive.store(true, SeqCst);
    let back = async {
        while front.get(SICK).await.status != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, back).await.expect("the node to be used again");
    assert_eq!(asked.load(SeqCst), ENOUGH + 1, "one trial");
    assert_eq!(health(&front, "sick").state, HealthState::Healthy);
}

#[tokio::test]
async fn only_one_of_many_is_the_trial() {
    let (alive, asked) = (Arc::default(), Arc::default());
    let sick = moody(&alive, &asked).await;
    let front = Arc::new(
        Setup::new()
            .mount("sick", &sick)
            .with(|config| config.response_timeout = Duration::from_millis(300))
            .start()
            .await,
    );
    for _ in 0..ENOUGH {
        front.get(SICK).await;
    }
    // For the length of the first back-off and its jitter, and a trial.
    let asking = (0..8).map(|_| {
        let front = Arc::clone(&front);
        let asked = Arc::clone(&asked);
        tokio::spawn(async move {
            while asked.load(SeqCst) == ENOUGH {
                front.get(SICK).await;
            }
        })
    });
    for asking in asking.collect::<Vec<_>>() {
        asking.await.unwrap();
    }
    assert_eq!(asked.load(SeqCst), ENOUGH + 1);
}

#[tokio::test]
async fn a_node_that_refuses_and_one_that_answers_502_are_left_alone() {
    let broken = FakeNode::start(|_| {
        let mut response = Response::new(full("broken"));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    })
    .await;
    let front = Setup::new().add(refusing("gone").await).mount("sick", &broken).start().await;
    for (path, mount, kind) in [
        ("/gone/html5client/a.js", "gone", FailureKind::Connect),
        (SICK, "sick", FailureKind::GatewayStatus),
    ] {
        for _ in 0..ENOUGH {
            assert_eq!(front.get(path).await.status, StatusCode::BAD_GATEWAY);
            assert!(health(&front, mount).ejections == 0 || broken.requests().len() <= ENOUGH);
        }
        front.get(path).await;
        let report = health(&front, mount);
        assert_eq!((report.state, report.refused), (HealthState::Suspect, 1), "{mount}");
        assert_eq!(report.last_failure, Some(kind));
    }
    assert_eq!(broken.requests().len(), ENOUGH);
}

#[tokio::test]
async fn statuses_that_are_answers_count_as_answers() {
    let node = FakeNode::start(|seen| {
        let status = seen.target.rsplit('/').next().unwrap_or_default().parse().unwrap_or(200);
        let mut response = Response::new(full(""));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    })
    .await;
    let front = Setup::new().mount("sick", &node).start().await;
    for status in [500, 404, 403, 501, 429, 421, 500, 500, 500] {
        front.get(&format!("/sick/html5client/{status}")).await;
    }
    assert_eq!(health(&front, "sick").failures_in_a_row, 0);
    assert_eq!(node.requests().len(), 9);
}

#[tokio::test]
async fn a_cut_off_proxy_asks_everybody() {
    let mut setup = Setup::new();
    for name in ["one", "two", "three"] {
        setup = setup.add(refusing(name).await);
    }
    let front = setup.start().await;
    for name in ["one", "two"] {
        assert!(!front.proxy.health_report().panicking);
        for _ in 0..ENOUGH {
            front.get(&format!("/{name}/html5client/a.js")).await;
        }
    }
    assert!(front.proxy.health_report().panicking);
    let before = health(&front, "one");
    front.get("/one/html5client/a.js").await;
    assert_eq!(health(&front, "one").refused, before.refused, "it was not asked");

    // New routes are a new beginning.
    front.route([refusing("one").await]);
    assert!(!front.proxy.health_report().panicking);
    assert_eq!(health(&front, "one").state, HealthState::Healthy);
}

#[tokio::test]
async fn what_is_cached_outlives_its_node() {
    let (sick, well) =
        (FakeNode::start(|_| ok("kept", &[("connection", "close")])).await, hello().await);
    let front = Setup::new()
        .mount("sick", &sick)
        .mount("well", &well)
        .with(|config| config.cache = CacheConfig { warm: false, ..CacheConfig::default() })
        .start()
        .await;
    let hashed = "/sick/html5client/bundle.0123456789abcdef.js";
    assert_eq!(front.get(hashed).await.body, "kept");
    drop(sick);
    for number in 0..=ENOUGH {
        front.get(&format!("/sick/html5client/other{number}.js")).await;
    }
    eventually(|| health(&front, "sick").state == HealthState::Suspect).await;
    assert_eq!(front.get(hashed).await.body, "kept");
}

#[tokio::test]
async fn probes_find_a_dead_node_and_its_return_before_any_user() {
    let (alive, asked) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let sick = moody(&alive, &asked).await;
    let front = Setup::new()
        .mount("sick", &sick)
        .with(|config| {
            config.health_interval = Duration::from_millis(50);
            config.health_timeout = Duration::from_millis(100);
        })
        .start()
        .await;
    eventually(|| health(&front, "sick").state == HealthState::Suspect).await;
    let report = health(&front, "sick");
    assert!(report.failed_probes >= 3 && report.refused == 0, "{report:?}");
    alive.store(true, SeqCst);
    eventually(|| health(&front, "sick").state == HealthState::Healthy).await;
    assert_eq!(front.get(SICK).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_probe_asks_for_the_head_of_the_page_and_follows_the_routes() {
    let (first, second) = (hello().await, hello().await);
    let front = Setup::new()
        .mount("first", &first)
        .with(|config| config.health_interval = Duration::from_millis(20))
        .start()
        .await;
    eventually(|| first.requests().len() > 2).await;
    let probe = first.requests().remove(0);
    assert_eq!((probe.method.as_str(), probe.target.as_str()), ("HEAD", "/first/html5client/"));
    assert_eq!(probe.headers["host"], "first.test");
    assert_eq!(probe.body, Bytes::new());
    assert_eq!(first.connections(), 1, "its connection is kept");

    front.route([node_at("second", second.address, Some("3.0"))]);
    eventually(|| second.requests().len() > 2).await;
    let probes = first.requests().len();
    eventually(|| second.requests().len() > 8).await;
    assert!(first.requests().len() <= probes + 1, "a node that is gone is probed");
}
