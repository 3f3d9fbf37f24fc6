//! What passes, passes unchanged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Response, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    time::timeout,
};

use crate::{
    fake_node::{FakeNode, full, hello, ok, streamed},
    front::{PATIENCE, Setup, node_at, whole},
};

#[tokio::test]
async fn a_client_path_reaches_its_node_unchanged_and_no_other() {
    let (first, second) = (hello().await, hello().await);
    let front = Setup::new().mount("bbb-1", &first).mount("bbb-10", &second).start().await;

    let target = "/bbb-10/html5client/locales/de.json?v=3&sessionToken=abc%20d";
    let answer = front.get(target).await;

    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"hello"[..]));
    let seen = second.only_request();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", target));
    assert_eq!(seen.headers["host"], "bbb-10.test");
    assert_eq!(first.connections(), 0);
}

#[tokio::test]
async fn the_api_index_is_asked_at_the_nodes_own_path_without_query() {
    let node = hello().await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    for target in [
        "/bbb-01/bigbluebutton/api",
        "/bbb-01/bigbluebutton/api/",
        "/bbb-01/bigbluebutton/api?sessionToken=abc",
    ] {
        assert_eq!(front.get(target).await.status, StatusCode::OK, "{target}");
    }
    let request = front
        .request("GET", "/bbb-01/bigbluebutton/api")
        .header("content-type", "application/json");
    front.send(request.body(Bytes::new()).unwrap()).await;

    let requests = node.requests();
    assert!(requests.iter().all(|seen| seen.target == "/bigbluebutton/api"), "{requests:?}");
    // By this header the node chooses JSON.
    assert_eq!(requests[3].headers["content-type"], "application/json");
}

#[tokio::test]
async fn the_api_index_is_there_for_3x_only() {
    let (old, unknown) = (hello().await, hello().await);
    let front = Setup::new()
        .mount_2x("old", &old)
        .add(node_at("unknown", unknown.address, None))
        .start()
        .await;
    assert_eq!(front.get("/old/bigbluebutton/api").await.status, StatusCode::NOT_FOUND);
    assert_eq!(front.get("/unknown/bigbluebutton/api").await.status, StatusCode::OK);
    assert_eq!(old.connections(), 0);
}

#[tokio::test]
async fn ranges_conditions_and_heads_are_the_nodes_to_answer() {
    let node = FakeNode::start(|seen| {
        let asked = |name| seen.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        if asked("if-none-match").as_deref() == Some("\"5-9\"") {
            return Response::builder()
                .status(304)
                .header("etag", "\"5-9\"")
                .body(full(""))
                .unwrap();
        }
        if asked("range").as_deref() == Some("bytes=2-4") {
            return Response::builder()
                .status(206)
                .header("content-range", "bytes 2-4/9")
                .body(full("234"))
                .unwrap();
        }
        ok("012345678", &[("etag", "\"5-9\""), ("accept-ranges", "bytes")])
    })
    .await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    let ask = |method: &str, name: &str, value: &str| {
        let request = front.request(method, "/bbb-01/html5client/resources/sounds/a.mp3");
        front.send(request.header(name, value).body(Bytes::new()).unwrap())
    };

    let part = ask("GET", "range", "bytes=2-4").await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &b"234"[..]));
    assert_eq!(part.header("content-range"), Some("bytes 2-4/9"));

    let unchanged = ask("GET", "if-none-match", "\"5-9\"").await;
    assert_eq!((unchanged.status.as_u16(), unchanged.body.len()), (304, 0));
    assert_eq!(unchanged.header("etag"), Some("\"5-9\""));
    assert_eq!(unchanged.header("content-length"), None);

    let head = ask("HEAD", "accept", "*/*").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some("9"));
    assert_eq!(head.header("accept-ranges"), Some("bytes"));
    assert_eq!(node.requests()[2].method, "HEAD");
}

#[tokio::test]
async fn compressed_bodies_pass_as_they_are() {
    // Not gzip at all: whoever tried to unpack it would fail.
    const PACKED: &[u8] = b"\x1f\x8b\x08 but only to look at \x00\xff";
    let node = FakeNode::start(|_| {
        Response::builder()
            .header("content-type", "application/wasm")
            .header("content-encoding", "gzip")
            .body(full(PACKED))
            .unwrap()
    })
    .await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    let request = front
        .request("GET", "/bbb-01/html5client/wasm/x.wasm")
        .header("accept-encoding", "gzip, br");
    let answer = front.send(request.body(Bytes::new()).unwrap()).await;
    assert_eq!(&answer.body[..], PACKED);
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert_eq!(answer.header("content-type"), Some("application/wasm"));
    assert_eq!(node.only_request().headers["accept-encoding"], "gzip, br");
}

#[tokio::test]
async fn a_body_is_held_back_while_nobody_reads_it() {
    const PIECE: usize = 64 * 1024;
    const PIECES: usize = 1024;
    let sent = Arc::new(AtomicUsize::new(0));
    let progress = Arc::clone(&sent);
    let (finished, mut all_sent) = mpsc::channel::<()>(1);
    let node = FakeNode::start(move |_| {
        let (pieces, body) = mpsc::channel(1);
        let (progress, finished) = (Arc::clone(&progress), finished.clone());
        tokio::spawn(async move {
            for _ in 0..PIECES {
                if pieces.send(Bytes::from_static(&[7; PIECE])).await.is_err() {
                    return;
                }
                progress.fetch_add(1, SeqCst);
            }
            drop(finished);
        });
        Response::new(streamed(body))
    })
    .await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    let request = front.request("GET", "/bbb-01/html5client/big").body(Bytes::new()).unwrap();
    let response = front.open(request).await;

    // What fits into the sockets' buffers on the way moves; 64 MiB do not.
    assert!(timeout(Duration::from_millis(500), all_sent.recv()).await.is_err());
    assert!(sent.load(SeqCst) < PIECES / 2, "{} pieces went out unread", sent.load(SeqCst));

    let answer = whole(response).await.unwrap();
    assert_eq!(answer.body.len(), PIECE * PIECES);
    assert!(answer.body.iter().all(|&byte| byte == 7));
}

#[tokio::test]
async fn connections_to_a_node_are_kept() {
    let node = hello().await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    for _ in 0..20 {
        front.get("/bbb-01/html5client/a.js").await;
    }
    let head = front.request("HEAD", "/bbb-01/html5client/a.js").body(Bytes::new()).unwrap();
    front.send(head).await;
    front.get("/bbb-01/html5client/a.js").await;
    assert_eq!((node.requests().len(), node.connections()), (22, 1));
}

#[tokio::test]
async fn a_kept_connection_that_died_is_replaced_once() {
    // The first connection answers once, then ends on the next request.
    let node = FakeNode::script(|mut stream, connection| async move {
        let mut buffer = [0; 4096];
        drop(stream.read(&mut buffer).await);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await.unwrap();
        drop(stream.read(&mut buffer).await);
        if connection > 1 {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nho").await.unwrap();
        }
    })
    .await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    let target = "/bbb-01/html5client/a.js";
    assert_eq!(front.get(target).await.body, "hi");
    let again = front.get(target).await;
    assert_eq!((again.status, &again.body[..]), (StatusCode::OK, &b"hi"[..]));
    assert_eq!(node.connections(), 2);
}

#[tokio::test]
async fn a_fresh_connection_that_dies_is_not_tried_again() {
    let node = FakeNode::script(|mut stream, _| async move {
        let mut buffer = [0; 4096];
        drop(stream.read(&mut buffer).await);
    })
    .await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    assert_eq!(front.get("/bbb-01/html5client/").await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(node.connections(), 1);
}

#[tokio::test]
async fn the_two_posts_of_the_2x_client_pass_and_no_others() {
    let (old, new) = (hello().await, hello().await);
    let front = Setup::new().mount_2x("old", &old).mount("new", &new).start().await;
    let post = |target: &str| {
        let body = Bytes::from_static(b"{\"rating\":5}");
        let request = front.request("POST", target).header("content-length", body.len());
        front.send(request.body(body).unwrap())
    };

    assert_eq!(post("/old/html5client/feedback").await.status, StatusCode::OK);
    let seen = old.only_request();
    assert_eq!((seen.method.as_str(), &seen.body[..]), ("POST", &b"{\"rating\":5}"[..]));
    let fetch = post("/old/html5client/__meteor__/dynamic-import/fetch").await;
    assert_eq!(fetch.status, StatusCode::OK);

    for (target, allow) in [
        ("/old/html5client/", "GET, HEAD"),
        ("/old/html5client/feedback/x", "GET, HEAD"),
        ("/old/html5client/sockjs/1/abc/xhr", "GET, HEAD"),
        ("/new/html5client/feedback", "GET, HEAD"),
        ("/new/bigbluebutton/api", "GET, HEAD"),
    ] {
        let refused = post(target).await;
        assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED, "{target}");
        assert_eq!(refused.header("allow"), Some(allow), "{target}");
    }
    assert_eq!((old.requests().len(), new.connections()), (2, 0));
}

#[tokio::test]
async fn a_post_over_the_bound_never_starts() {
    let node = hello().await;
    let front =
        Setup::new().mount_2x("old", &node).with(|config| config.max_body = 8).start().await;
    let head = |length: &str| {
        format!("POST /old/html5client/feedback HTTP/1.1\r\nHost: {}\r\n{length}\r\n", front.host())
    };
    let over = format!("{}123456789", head("Content-Length: 9\r\n"));
    assert_eq!(front.raw_status(over).await, Some(413));
    assert_eq!(front.raw_status(head("Connection: close\r\n")).await, Some(411));
    assert_eq!(node.connections(), 0);
}

#[tokio::test]
async fn the_form_without_slash_is_redirected_with_its_query() {
    let node = hello().await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    for (query, wanted) in [("", ""), ("?sessionToken=abc%20d&x", "?sessionToken=abc%20d&x")] {
        let answer = front.get(&format!("/bbb-01/html5client{query}")).await;
        assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT);
        let wanted = format!("{}/bbb-01/html5client/{wanted}", front.origin);
        assert_eq!(answer.header("location"), Some(wanted.as_str()));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(front.get("/bbb-99/html5client").await.status, StatusCode::NOT_FOUND);
    assert_eq!(node.connections(), 0);
}

#[tokio::test]
async fn our_own_pages_say_nothing_about_the_inside() {
    let node = hello().await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    let page = front.get("/bbb-99/html5client/").await;
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(text.starts_with("<!doctype html>"), "{text}");
    for inside in ["bbb-", "127.0.0.1", "http://", "https://", "nginx", "hyper", "Bluegate"] {
        assert!(!text.contains(inside), "{inside} in {text}");
    }
    assert_eq!(page.header("server"), None);

    let request = front.request("HEAD", "/bbb-99/html5client/").body(Bytes::new()).unwrap();
    let head = front.send(request).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::NOT_FOUND, 0));
    assert_eq!(head.header("content-length"), page.header("content-length"));
    assert_eq!(timeout(PATIENCE, async { node.connections() }).await.unwrap(), 0);
}
