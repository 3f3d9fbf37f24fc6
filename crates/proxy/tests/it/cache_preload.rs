//! Which pages come with a `Link` to the bundle that they insert.

use bluegate_proxy::CacheConfig;
use bytes::Bytes;
use http::Response;

use crate::{
    cache::{HASHED, PAGE, ask_as, cached, quiet, script, static_file},
    fake_node::{FakeNode, full},
    front::{Answer, Front, Setup},
};

const CHROMIUM: (&str, &str) = ("sec-ch-ua", "\"Not;A=Brand\";v=\"8\", \"Chromium\";v=\"141\"");
const LINK: &str = "</bbb-01/html5client/bundle.0123456789abcdef0123.js>; rel=preload; as=script";
const INSERTS: &str = r#"<script>s.src = "bundle.0123456789abcdef0123.js";</script>"#;

/// Gives this page, with a `Link` of its own, and scripts.
async fn node_with(page: &'static str) -> FakeNode {
    FakeNode::start(move |seen| {
        if seen.target.ends_with(".js") {
            return static_file(seen, "text/javascript", &script(100));
        }
        let mut answer = static_file(seen, "text/html", page.as_bytes());
        answer.headers_mut().insert("link", "</evil.js>; rel=preload; as=script".parse().unwrap());
        answer
    })
    .await
}

async fn page(front: &Front, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    ask_as(front, method, target, headers).await
}

#[tokio::test]
async fn chromium_is_told_of_the_bundle_once_it_is_here() {
    for share_builds in [true, false] {
        let node = node_with(INSERTS).await;
        let setup = Setup::new()
            .with(|config| config.cache = CacheConfig { share_builds, ..quiet() })
            .mount("bbb-01", &node);
        let front = setup.start().await;
        let first = page(&front, "GET", PAGE, &[CHROMIUM]).await;
        assert_eq!((first.status.as_u16(), first.header("link")), (200, None), "not here yet");
        assert_eq!(first.header("vary"), Some("accept-encoding, sec-ch-ua"));
        front.get(HASHED).await;

        let with_token = format!("{PAGE}?sessionToken=secret");
        let index = format!("{PAGE}index.html");
        for target in [PAGE, &with_token, &index] {
            let answer = page(&front, "GET", target, &[CHROMIUM]).await;
            assert_eq!(answer.header("link"), Some(LINK), "{target}");
        }
        assert_eq!(page(&front, "HEAD", PAGE, &[CHROMIUM]).await.header("link"), Some(LINK));
        let other = page(&front, "GET", PAGE, &[("sec-ch-ua", "\"Safari\"")]).await;
        assert_eq!(other.header("link"), None);
        assert_eq!(page(&front, "GET", PAGE, &[]).await.header("link"), None);
        let tag = first.header("etag").unwrap();
        let known = page(&front, "GET", PAGE, &[CHROMIUM, ("if-none-match", tag)]).await;
        assert_eq!((known.status.as_u16(), known.header("link")), (304, None));
        let part = page(&front, "GET", PAGE, &[CHROMIUM, ("range", "bytes=0-3")]).await;
        assert_eq!((part.status.as_u16(), part.header("link")), (206, None));
        let deeper = page(&front, "GET", &format!("{PAGE}private/a.html"), &[CHROMIUM]).await;
        assert_eq!((deeper.status.as_u16(), deeper.header("link")), (200, None));

        front.proxy.purge(Some("bbb-01"));
        assert_eq!(page(&front, "GET", PAGE, &[CHROMIUM]).await.header("link"), None);
    }
}

#[tokio::test]
async fn a_page_points_nowhere_but_to_the_one_bundle_of_its_own_mount() {
    let two =
        r#"<script>a("bundle.0123456789abcdef0123.js", "bundle.ffffffffffffffffffff.js")</script>"#;
    let other = r#"<script>a("/bbb-02/html5client/bundle.0123456789abcdef0123.js")</script>"#;
    let above = r#"<script>a("../../bbb-02/html5client/bundle.0123456789abcdef0123.js")</script>"#;
    let away = r#"<script>a("//example.org/bundle.0123456789abcdef0123.js")</script>"#;
    let tag = r#"<script src="bundle.0123456789abcdef0123.js"></script>"#;
    let injected = r#"<script>a("bundle.0123456789abcdef0123.js>; rel=preload, </x.js")</script>"#;
    for (hostile, link) in [
        (INSERTS, Some(LINK)),
        (two, None),
        (other, None),
        (above, None),
        (away, None),
        (tag, None),
        // The characters that end a target end a name.
        (injected, Some(LINK)),
    ] {
        let (first, second) = (node_with(hostile).await, node_with(INSERTS).await);
        let setup = Setup::new().mount("bbb-01", &first).mount("bbb-02", &second);
        let front = cached(setup).start().await;
        for name in ["0123456789abcdef0123", "ffffffffffffffffffff"] {
            front.get(&format!("{PAGE}bundle.{name}.js")).await;
        }
        front.get("/bbb-02/html5client/bundle.0123456789abcdef0123.js").await;
        let answer = page(&front, "GET", PAGE, &[CHROMIUM]).await;
        assert_eq!((answer.status.as_u16(), answer.header("link")), (200, link), "{hostile}");
    }
}

/// Another mount's copy does not vouch for this node's, nor does a page under
/// the bundle's name.
#[tokio::test]
async fn only_a_script_that_this_node_gave_is_known() {
    let (first, second) = (node_with(INSERTS).await, node_with(INSERTS).await);
    let setup = Setup::new().mount("bbb-01", &first).mount("bbb-02", &second);
    let front = cached(setup).start().await;
    front.get("/bbb-02/html5client/bundle.0123456789abcdef0123.js").await;
    assert_eq!(page(&front, "GET", PAGE, &[CHROMIUM]).await.header("link"), None);

    let pages_only = FakeNode::start(|seen| {
        if seen.target.ends_with(".js") {
            let script = Response::builder().header("content-type", "text/plain");
            return script.body(full(Bytes::from_static(b"x"))).unwrap();
        }
        static_file(seen, "text/html", INSERTS.as_bytes())
    })
    .await;
    let front = cached(Setup::new()).mount("bbb-01", &pages_only).start().await;
    front.get(HASHED).await;
    assert_eq!(page(&front, "GET", PAGE, &[CHROMIUM]).await.header("link"), None);
}
