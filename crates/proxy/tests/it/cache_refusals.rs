//! What is never stored, whatever its name.

use bytes::Bytes;
use http::{Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    cache::{HASHED, cached, gzip, quiet},
    fake_node::{FakeNode, full, ok},
    front::{Setup, node_at},
};

#[tokio::test]
async fn answers_for_one_user_are_never_stored() {
    const CASES: [&[(&str, &str)]; 9] = [
        &[("set-cookie", "a=b")],
        &[("cache-control", "no-store")],
        &[("cache-control", "private")],
        &[("cache-control", "max-age=60, private=\"x\"")],
        &[("vary", "*")],
        &[("vary", "Cookie")],
        &[("vary", "accept-encoding, user-agent")],
        &[("content-range", "bytes 0-1/9")],
        &[("content-encoding", "br")],
    ];
    for headers in CASES {
        let node = FakeNode::start(|seen| {
            let own = ("content-type", "text/javascript");
            // What the user's own request gets is not what the cache's got.
            let text = if seen.headers.contains_key("x-user") { "theirs" } else { "nobody's" };
            let all: Vec<_> = headers.iter().copied().chain([own]).collect();
            ok(text, &all)
        })
        .await;
        let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
        for _ in 0..2 {
            let request = front.request("GET", HASHED).header("x-user", "1");
            let answer = front.send(request.body(Bytes::new()).unwrap()).await;
            assert_eq!(answer.body, "theirs", "{headers:?}");
            assert_eq!(answer.header("cache-status"), Some("bluegate; fwd=uri-miss"));
        }
        assert_eq!(front.proxy.cache_report().unwrap().entries, 0, "{headers:?}");
        // Remembered: the second user was relayed without another try.
        assert_eq!(node.requests().len(), 3, "{headers:?}");
    }
}

#[tokio::test]
async fn only_200_is_stored_and_a_404_is_shared_by_those_who_wait() {
    let node = FakeNode::start(|seen| {
        if seen.target.ends_with("locales") {
            let to = "/bbb-01/html5client/locales/";
            return Response::builder().status(301).header("location", to).body(full("")).unwrap();
        }
        Response::builder().status(404).body(full("none")).unwrap()
    })
    .await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    for asked in 1..=2 {
        let answer = front.get("/bbb-01/html5client/none.js?v=1").await;
        assert_eq!((answer.status, &answer.body[..]), (StatusCode::NOT_FOUND, &b"none"[..]));
        assert_eq!(node.requests().len(), asked);
    }
    let moved = front.get("/bbb-01/html5client/locales").await;
    assert_eq!(moved.status.as_u16(), 301);
    let to = format!("{}/bbb-01/html5client/locales/", front.origin);
    assert_eq!(moved.header("location"), Some(to.as_str()));
    assert_eq!(front.proxy.cache_report().unwrap().entries, 0);
}

#[tokio::test]
async fn what_belongs_to_a_session_goes_past_the_cache() {
    let node = FakeNode::start(|_| ok("{}", &[("content-type", "application/json")])).await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    for target in ["check", "sockjs/info?x=1", "service-worker.js"] {
        let target = format!("/bbb-01/html5client/{target}");
        for _ in 0..2 {
            let answer = front.get(&target).await;
            assert_eq!(answer.header("cache-status"), Some("bluegate; fwd=bypass"), "{target}");
        }
    }
    assert_eq!(front.get("/bbb-01/bigbluebutton/api").await.header("cache-status"), None);
    assert_eq!(node.requests().len(), 7);
}

#[tokio::test]
async fn a_page_made_for_one_browser_is_not_anothers() {
    // Meteor answers every name it does not know with its page, by user agent.
    let node = FakeNode::start(|seen| {
        let browser = seen.headers.get("user-agent").map_or("none", |name| name.to_str().unwrap());
        let text = format!("<p>for {browser}");
        Response::builder()
            .header("content-type", "text/html; charset=utf-8")
            .body(full(text))
            .unwrap()
    })
    .await;
    let unknown = node_at("bbb-01", node.address, None);
    let front = cached(Setup::new()).add(unknown).start().await;
    for target in ["/bbb-01/html5client/join", "/bbb-01/html5client/0123456789abcdef0123.js"] {
        for browser in ["old", "new"] {
            let request = front.request("GET", target).header("user-agent", browser);
            let answer = front.send(request.body(Bytes::new()).unwrap()).await;
            assert_eq!(answer.body, format!("<p>for {browser}"));
            assert_eq!(answer.header("cache-control"), Some("no-cache"));
        }
    }
    assert_eq!(front.proxy.cache_report().unwrap().entries, 0);
}

#[tokio::test]
async fn a_bomb_is_not_unpacked_into_memory() {
    let bomb = gzip(&vec![0; 20 << 20]);
    let small = bomb.len();
    let node = FakeNode::start(move |_| {
        Response::builder()
            .header("content-type", "text/javascript")
            .header("content-encoding", "gzip")
            .body(full(bomb.clone()))
            .unwrap()
    })
    .await;
    let front = Setup::new()
        .with(|config| {
            config.cache = bluegate_proxy::CacheConfig { max_object: 1 << 20, ..quiet() }
        })
        .mount("bbb-01", &node)
        .start()
        .await;
    let answer = front.get(HASHED).await;
    // It passes as it is, for the browser to judge.
    assert_eq!((answer.header("content-encoding"), answer.body.len()), (Some("gzip"), small));
    let report = front.proxy.cache_report().unwrap();
    assert_eq!((report.entries, report.bytes), (0, 0));
}

#[tokio::test]
async fn bytes_that_are_not_what_they_say_are_not_stored() {
    let node = FakeNode::start(|_| {
        ok("not gzip", &[("content-type", "text/css"), ("content-encoding", "gzip")])
    })
    .await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    assert_eq!(front.get(HASHED).await.body, "not gzip");
    assert_eq!(front.proxy.cache_report().unwrap().entries, 0);
}

#[tokio::test]
async fn a_body_whose_end_nobody_stated_is_not_stored() {
    let node = FakeNode::script(|mut stream, _| async move {
        let mut buffer = [0; 4096];
        drop(stream.read(&mut buffer).await);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\n\r\nperhaps half";
        drop(stream.write_all(answer).await);
    })
    .await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    let answer = front.get(HASHED).await;
    assert_eq!(answer.body, "perhaps half");
    assert_eq!(answer.header("cache-status"), Some("bluegate; fwd=uri-miss"));
    assert_eq!(front.proxy.cache_report().unwrap().entries, 0);
}

#[tokio::test]
async fn headers_of_a_hostile_node_do_not_come_back_from_memory() {
    let node = FakeNode::start(|_| {
        ok(
            "x",
            &[
                ("content-type", "text/javascript"),
                ("service-worker-allowed", "/"),
                ("clear-site-data", "\"*\""),
                ("strict-transport-security", "max-age=1"),
                ("use-as-dictionary", "match=\"/*\""),
                ("link", "<https://evil.example>; rel=preload"),
                ("cache-control", "max-age=31536000, immutable"),
                ("alt-svc", "h3=\":443\""),
            ],
        )
    })
    .await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    front.get(HASHED).await;
    let hit = front.get(HASHED).await;
    assert!(hit.header("cache-status").unwrap().starts_with("bluegate; hit; ttl="));
    for name in [
        "service-worker-allowed",
        "clear-site-data",
        "strict-transport-security",
        "link",
        "alt-svc",
        "use-as-dictionary",
    ] {
        assert_eq!(hit.header(name), None, "{name}");
    }
    // No promise of a node's is for ever.
    let control = "max-age=3600, stale-while-revalidate=604800";
    assert_eq!(hit.header("cache-control"), Some(control));
}

#[tokio::test]
async fn names_that_nobody_has_do_not_fill_the_memory() {
    let node = FakeNode::start(|_| ok("x", &[("content-type", "text/css")])).await;
    let front = Setup::new()
        .with(|config| {
            config.cache = bluegate_proxy::CacheConfig { max_entries: 32, ..quiet() };
        })
        .mount("bbb-01", &node)
        .start()
        .await;
    for number in 0..100 {
        front.get(&format!("/bbb-01/html5client/a.css?v={number}")).await;
    }
    let report = front.proxy.cache_report().unwrap();
    assert!(report.entries <= 32, "{report:?}");
    assert_eq!((report.contents, report.bytes), (1, 1), "one content under all names");
}

#[tokio::test]
async fn a_node_that_hangs_holds_up_its_own_questions_only() {
    let hanging = FakeNode::script(|stream, _| async move {
        // Takes the request and says nothing, ever.
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let good = FakeNode::start(|_| ok("x", &[("content-type", "text/css")])).await;
    let front = cached(Setup::new())
        .with(|config| {
            config.max_cache_questions = 1;
            config.response_timeout = std::time::Duration::from_millis(300);
        })
        .mount("bbb-01", &hanging)
        .mount("bbb-02", &good)
        .start()
        .await;
    let asking = ["a", "b", "c"].map(|name| {
        let request = front.request("GET", &format!("/bbb-01/html5client/{name}.js?v=1"));
        front.send(request.body(Bytes::new()).unwrap())
    });
    let [first, second, third] = asking;
    let other = front.get("/bbb-02/html5client/a.css");
    let (first, second, third, other) = tokio::join!(first, second, third, other);
    assert_eq!(other.status, StatusCode::OK);
    for answer in [first, second, third] {
        assert!([503, 504].contains(&answer.status.as_u16()), "{}", answer.status);
    }
    assert!(hanging.connections() <= 3, "one question at a time");
}
