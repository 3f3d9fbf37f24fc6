//! Nodes that fail, and that they fail alone.

use std::{future::Future, pin::Pin, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::{Instant, timeout},
};

use crate::{
    fake_node::{FakeNode, download, hello, says},
    front::{Front, PATIENCE, Setup, node_at, whole},
};

const SICK: &str = "/sick/html5client/a.js";
const WELL: &str = "/well/html5client/a.js";

/// A node that takes connections and requests and never says a word.
async fn silent() -> FakeNode {
    FakeNode::script(|mut stream, _| async move {
        let mut buffer = [0; 4096];
        while matches!(stream.read(&mut buffer).await, Ok(count) if count > 0) {}
    })
    .await
}

#[tokio::test]
async fn a_dead_node_gives_a_page_that_tries_again() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let well = hello().await;
    let front =
        Setup::new().add(node_at("sick", address, Some("3.0"))).mount("well", &well).start().await;

    let page = front.get(SICK).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert_eq!(page.header("retry-after"), Some("10"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(text.contains("http-equiv=\"refresh\""), "{text}");
    for inside in ["sick", "127.0.0.1", &address.port().to_string(), "onnect"] {
        assert!(!text.contains(inside), "{inside} in {text}");
    }
    assert_eq!(front.get(WELL).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_node_that_comes_back_is_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let front = Setup::new().add(node_at("sick", address, Some("3.0"))).start().await;
    assert_eq!(front.get(SICK).await.status, StatusCode::BAD_GATEWAY);

    let listener = TcpListener::bind(address).await.unwrap();
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 4096];
        drop(stream.read(&mut buffer).await);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    });
    assert_eq!(front.get(SICK).await.status, StatusCode::OK);
    answering.await.unwrap();
}

#[tokio::test]
async fn a_silent_node_is_given_up_and_delays_nobody_else() {
    let (sick, well) = (silent().await, hello().await);
    let front = Setup::new()
        .mount("sick", &sick)
        .mount("well", &well)
        .with(|config| config.response_timeout = Duration::from_millis(600))
        .start()
        .await;
    let began = Instant::now();
    let waits = front.get(SICK);
    let others = async {
        for _ in 0..20 {
            assert_eq!(front.get(WELL).await.status, StatusCode::OK);
        }
        began.elapsed()
    };
    let (given_up, others) = tokio::join!(waits, others);
    assert_eq!(given_up.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(began.elapsed() >= Duration::from_millis(600));
    assert!(others < began.elapsed(), "the well node waited for the sick one");
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_given_up() {
    let sick = silent().await;
    let mut node = node_at("sick", sick.address, Some("3.0"));
    node.origin = "https://sick.test".parse().unwrap();
    let front = Setup::new()
        .add(node)
        .with(|config| config.connect_timeout = Duration::from_millis(200))
        .start()
        .await;
    assert_eq!(front.get(SICK).await.status, StatusCode::GATEWAY_TIMEOUT);
}

/// A front whose `sick` node has one place and one waiting for it.
async fn narrow(sick: &FakeNode, well: &FakeNode, connect_timeout: Duration) -> Front {
    Setup::new()
        .mount("sick", sick)
        .mount("well", well)
        .with(|config| {
            config.max_concurrent = 1;
            config.max_pending = 1;
            config.connect_timeout = connect_timeout;
            config.response_timeout = PATIENCE;
        })
        .start()
        .await
}

/// Asks the sick node, until the request has its place there.
async fn take_the_place<'a>(
    front: &'a Front,
    sick: &FakeNode,
) -> Pin<Box<dyn Future<Output = Response<Incoming>> + 'a>> {
    let mut asking: Pin<Box<dyn Future<Output = _>>> = Box::pin(front.open(ask_sick(front)));
    while sick.connections() == 0 {
        assert!(timeout(Duration::from_millis(5), &mut asking).await.is_err());
    }
    asking
}

fn ask_sick(front: &Front) -> Request<Bytes> {
    front.request("GET", SICK).body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn a_full_node_refuses_at_once_and_alone() {
    let (sick, well) = (silent().await, hello().await);
    let front = narrow(&sick, &well, PATIENCE).await;
    let _placed = take_the_place(&front, &sick).await;

    // One of these two waits; for the other there is no room to wait.
    let mut second = Box::pin(front.open(ask_sick(&front)));
    let mut third = Box::pin(front.open(ask_sick(&front)));
    let (refused, waiting) = tokio::select! {
        refused = &mut second => (refused, third),
        refused = &mut third => (refused, second),
    };
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(timeout(Duration::from_millis(100), waiting).await.is_err());
    assert_eq!(front.get(WELL).await.status, StatusCode::OK);
    assert_eq!(sick.connections(), 1);
}

#[tokio::test]
async fn nobody_waits_for_a_place_for_ever() {
    let (sick, well) = (silent().await, hello().await);
    let front = narrow(&sick, &well, Duration::from_millis(200)).await;
    let _placed = take_the_place(&front, &sick).await;
    assert_eq!(front.get(SICK).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_place_is_free_again_when_its_client_goes_away() {
    let sick = silent().await;
    let front = Setup::new()
        .mount("sick", &sick)
        .with(|config| {
            config.max_concurrent = 1;
            config.max_pending = 1;
        })
        .start()
        .await;
    let request = || front.request("GET", SICK).body(Bytes::new()).unwrap();
    for round in 1..=3 {
        let mut asking = Box::pin(front.open(request()));
        while sick.connections() < round {
            assert!(timeout(Duration::from_millis(5), &mut asking).await.is_err());
        }
    }
}

#[tokio::test]
async fn half_a_body_is_never_taken_for_a_whole_one() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhalf\r\n0\r\n\r\n",
    ] {
        let sick = says(answer).await;
        let front = Setup::new().mount("sick", &sick).start().await;
        let request = front.request("GET", SICK).body(Bytes::new()).unwrap();
        let taken = match front.try_open(request).await {
            Ok(response) => whole(response).await,
            Err(error) => Err(error),
        };
        assert!(taken.is_err(), "{}", String::from_utf8_lossy(answer));
    }
}

#[tokio::test]
async fn a_node_that_stops_in_the_middle_is_broken_off() {
    let (sick, pieces) = download().await;
    let front = Setup::new()
        .mount("sick", &sick)
        .with(|config| config.body_timeout = Duration::from_millis(200))
        .start()
        .await;
    let request = front.request("GET", SICK).body(Bytes::new()).unwrap();
    pieces.send(Bytes::from_static(b"half")).await.unwrap();
    let response = front.open(request).await;
    assert!(whole(response).await.is_err());
    // The connection to the node is gone as well.
    timeout(PATIENCE, pieces.closed()).await.unwrap();
}

#[tokio::test]
async fn a_slow_node_is_not_a_silent_one() {
    let (node, pieces) = download().await;
    let front = Setup::new()
        .mount("sick", &node)
        .with(|config| config.body_timeout = Duration::from_millis(300))
        .start()
        .await;
    let request = ask_sick(&front);
    pieces.send(Bytes::from_static(b"x")).await.unwrap();
    let mut reading = Box::pin(whole(front.open(request).await));
    // Longer in all than a silent node is waited for.
    for _ in 0..9 {
        assert!(timeout(Duration::from_millis(60), &mut reading).await.is_err());
        pieces.send(Bytes::from_static(b"x")).await.unwrap();
    }
    drop(pieces);
    assert_eq!(reading.await.unwrap().body, "xxxxxxxxxx");
}

#[tokio::test]
async fn what_is_not_an_answer_does_not_pass() {
    for answer in [
        &b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nxx",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"<html>",
        b"",
    ] {
        let sick = says(answer).await;
        let front = Setup::new().mount("sick", &sick).start().await;
        let status = front.get(SICK).await.status;
        assert_eq!(status, StatusCode::BAD_GATEWAY, "{}", String::from_utf8_lossy(answer));
    }
}

#[tokio::test]
async fn an_endless_answer_head_does_not_pass() {
    let sick = FakeNode::script(|mut stream, _| async move {
        let mut buffer = [0; 4096];
        drop(stream.read(&mut buffer).await);
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\n").await);
        let line = format!("x-more: {}\r\n", "x".repeat(1000));
        while stream.write_all(line.as_bytes()).await.is_ok() {}
    })
    .await;
    let front = Setup::new().mount("sick", &sick).start().await;
    assert_eq!(front.get(SICK).await.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn early_hints_of_a_node_end_here() {
    let node = says(
        b"HTTP/1.1 103 Early Hints\r\nlink: <https://evil.example>; rel=preload\r\n\r\n\
          HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    )
    .await;
    let front = Setup::new().mount("sick", &node).start().await;
    let request =
        format!("GET {SICK} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", front.host());
    let answer = front.raw(request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(!answer.contains("evil"), "{answer}");
}

#[tokio::test]
async fn a_length_beside_chunks_is_not_believed() {
    let node = says(
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n\
          5\r\nwhole\r\n0\r\n\r\n",
    )
    .await;
    let front = Setup::new().mount("sick", &node).start().await;
    let answer = front.get(SICK).await;
    assert_eq!((&answer.body[..], answer.header("content-length")), (&b"whole"[..], None));
}

#[tokio::test]
async fn a_node_may_be_reached_by_a_name() {
    let node = hello().await;
    let mut named = node_at("well", node.address, Some("3.0"));
    named.address = Some(format!("localhost:{}", node.address.port()).parse().unwrap());
    let front = Setup::new().add(named).start().await;
    let asked = tokio::join!(front.get(WELL), front.get(WELL), front.get(WELL));
    for answer in [asked.0, asked.1, asked.2] {
        assert_eq!(answer.status, StatusCode::OK);
    }
}
