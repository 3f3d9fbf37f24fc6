//! Answers that can be read in two ways: whatever becomes of them, nothing of
//! them is ever taken for the answer to another request.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    fake_node::FakeNode,
    front::{Front, Setup, eventually, whole},
};

const TARGET: &str = "/sick/html5client/a.js";

/// Each is followed by what must not be taken for the next answer.
const ANSWERS: &[&str] = &[
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst",
    "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nfirst",
    "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n5\r\nfirst\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 9\r\n\r\nfirst",
    "HTTP/1.1 200 OK\r\ncontent-length: 5, 9\r\n\r\nfirst",
    "HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nfirst",
    "HTTP/1.1 200 OK\r\ncontent-length: 5 \r\n\r\nfirst",
    "HTTP/1.1 200 OK\r\ncontent-length: 0x5\r\n\r\nfirst",
    "HTTP/1.1 200 OK\r\ncontent-length : 5\r\n\r\nfirst",
    "HTTP/1.1 200 OK\r\nx: y\r\n content-length: 5\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;a=\"\r\n\"\r\nfirst\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nfirst\r\n0\r\n\r\n",
    "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst",
    "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\nto the end",
];

const POISON: &str = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison";

const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood";

/// Waits for a request's head; false when there is none any more.
async fn asked(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 4096];
    matches!(stream.read(&mut buffer).await, Ok(count) if count > 0)
}

/// Its first connection begins with `answer`; all others are proper.
async fn begins_with(answer: String) -> FakeNode {
    let answer = Arc::new(answer);
    FakeNode::script(move |mut stream, connection| {
        let answer = Arc::clone(&answer);
        async move {
            if connection == 1 && asked(&mut stream).await {
                drop(stream.write_all(answer.as_bytes()).await);
                // Whoever asks here again has been answered before.
                while asked(&mut stream).await {}
            } else {
                while asked(&mut stream).await {
                    drop(stream.write_all(GOOD).await);
                }
            }
        }
    })
    .await
}

/// The answer, or as much as came of it.
async fn take(front: &Front, method: &str) -> Option<Bytes> {
    let request = front.request(method, TARGET).body(Bytes::new()).unwrap();
    let response = front.try_open(request).await.ok()?;
    whole(response).await.ok().map(|answer| answer.body)
}

#[tokio::test]
async fn what_follows_an_answer_is_never_the_next_ones() {
    for method in ["GET", "HEAD"] {
        for answer in ANSWERS {
            // What ends with its connection has no end here: it is given up.
            let node = begins_with(format!("{answer}{POISON}")).await;
            let front = Setup::new()
                .mount("sick", &node)
                .with(|config| {
                    config.body_timeout = Duration::from_millis(150);
                    config.response_timeout = Duration::from_secs(5);
                })
                .start()
                .await;
            take(&front, method).await;
            for _ in 0..3 {
                assert_eq!(take(&front, "GET").await.as_deref(), Some(&b"good"[..]), "{answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_kept_connection_on_which_something_comes_unasked_is_closed() {
    let (poisoned, closed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (poison, ended) = (Arc::clone(&poisoned), Arc::clone(&closed));
    let node = FakeNode::script(move |mut stream, connection| {
        let (poison, ended) = (Arc::clone(&poison), Arc::clone(&ended));
        async move {
            while asked(&mut stream).await {
                drop(stream.write_all(GOOD).await);
                if connection == 1 {
                    eventually(|| poison.load(SeqCst)).await;
                    drop(stream.write_all(POISON.as_bytes()).await);
                }
            }
            ended.store(true, SeqCst);
        }
    })
    .await;
    let front = Setup::new().mount("sick", &node).start().await;
    assert_eq!(take(&front, "GET").await.as_deref(), Some(&b"good"[..]));
    // The answer is out and the connection kept.
    poisoned.store(true, SeqCst);
    eventually(|| closed.load(SeqCst)).await;
    assert_eq!(take(&front, "GET").await.as_deref(), Some(&b"good"[..]));
    assert_eq!(node.connections(), 2);
}

#[tokio::test]
async fn interim_answers_without_end_are_given_up() {
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let node = FakeNode::script(move |mut stream, connection| {
        let count = Arc::clone(&count);
        async move {
            while asked(&mut stream).await {
                if connection > 1 {
                    drop(stream.write_all(GOOD).await);
                    continue;
                }
                while stream.write_all(b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n").await.is_ok() {
                    count.fetch_add(1, SeqCst);
                    tokio::task::yield_now().await;
                }
            }
        }
    })
    .await;
    let front = Setup::new()
        .mount("sick", &node)
        .with(|config| config.response_timeout = Duration::from_millis(300))
        .start()
        .await;
    let answer = front.get(TARGET).await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(written.load(SeqCst) > 10);
    assert_eq!(take(&front, "GET").await.as_deref(), Some(&b"good"[..]));
}

/// Where every connection ends after its first answer: without a word, or in
/// the middle of a head.
#[tokio::test]
async fn a_dead_kept_connection_costs_a_second_try_but_never_for_a_post() {
    for last_words in ["", "HTTP/1.1 200 OK\r\ncont"] {
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let node = FakeNode::script(move |mut stream, _| {
            let count = Arc::clone(&count);
            async move {
                for answer in [GOOD, last_words.as_bytes()] {
                    if !asked(&mut stream).await {
                        return;
                    }
                    count.fetch_add(1, SeqCst);
                    drop(stream.write_all(answer).await);
                }
            }
        })
        .await;
        let front = Setup::new().mount_2x("sick", &node).start().await;
        for number in 0..3 {
            // The first has a fresh connection, the others a dead one and then
            // a fresh one.
            assert_eq!(take(&front, "GET").await.as_deref(), Some(&b"good"[..]), "{last_words}");
            assert_eq!(requests.load(SeqCst), 1 + 2 * number);
        }
        let before = requests.load(SeqCst);
        let post = front.request("POST", "/sick/html5client/feedback").body(Bytes::from("x"));
        assert_eq!(front.send(post.unwrap()).await.body, "good");
        assert_eq!(requests.load(SeqCst), before + 1, "a POST has a connection of its own");
    }
}

#[tokio::test]
async fn a_post_that_fails_is_never_sent_again() {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let node = FakeNode::script(move |mut stream, _| {
        let count = Arc::clone(&count);
        async move {
            if asked(&mut stream).await {
                count.fetch_add(1, SeqCst);
            }
        }
    })
    .await;
    let front = Setup::new().mount_2x("sick", &node).start().await;
    let post = front.request("POST", "/sick/html5client/feedback").body(Bytes::from("x"));
    assert_eq!(front.send(post.unwrap()).await.status, StatusCode::BAD_GATEWAY);
    assert_eq!((requests.load(SeqCst), node.connections()), (1, 1));
}
