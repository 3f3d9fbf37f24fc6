//! The client's files as nginx serves them.

use crate::node::{Setup, eventually};

fn quoted<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let at = text.find(start).unwrap();
    text[at..].split(end).next().unwrap()
}

#[tokio::test]
async fn served_at_the_stock_place_and_at_the_mount_with_equal_bytes() {
    let node = Setup::clustered().start().await;
    let stock = node.get("/html5client/").await;
    let mounted = node.get("/bbb-01/html5client/").await;
    assert_eq!((stock.status, mounted.status), (200, 200));
    assert_eq!(stock.body, mounted.body);
    assert_eq!(stock.header("etag"), mounted.header("etag"));
    assert_eq!(mounted.header("content-type"), Some("text/html"));
    assert_eq!(mounted.header("cache-control"), None);
    assert_eq!(mounted.header("accept-ranges"), Some("bytes"));
    let text = mounted.text();
    assert!(text.contains("id=\"app\"") && text.contains("bundle."));
    let bundle = quoted(&text, "bundle.", "\"");
    let script = node.get(&format!("/bbb-01/html5client/{bundle}")).await;
    assert_eq!(
        (script.status, script.header("content-type")),
        (200, Some("application/javascript"))
    );
    assert_eq!(node.get("/bbb-010/html5client/").await.status, 404);
    assert_eq!(node.get("/bbb-01/html5client/nothing.js").await.status, 404);
    assert_eq!(node.get("/bbb-01/html5client/..%2f..%2fetc/passwd").await.status, 404);
    assert_eq!(node.send("POST", "/bbb-01/html5client/", &[], b"").await.status, 405);
    eventually("the requests are recorded", || node.sim.records().len() >= 7).await;
}

#[tokio::test]
async fn a_folder_without_slash_redirects_to_the_host_that_was_sent() {
    let node = Setup::clustered().start().await;
    for (path, target) in [
        ("/html5client?sessionToken=x", "/html5client/?sessionToken=x"),
        ("/bbb-01/html5client?sessionToken=x", "/bbb-01/html5client/?sessionToken=x"),
        ("/bbb-01/html5client", "/bbb-01/html5client/"),
        ("/bbb-01/html5client/locales", "/bbb-01/html5client/locales/"),
    ] {
        let answer = node.get_with(path, &[("Host", "example.test:81")]).await;
        assert_eq!(answer.status, 301, "{path}");
        assert_eq!(
            answer.header("location"),
            Some(format!("http://example.test:81{target}").as_str())
        );
    }
}

#[tokio::test]
async fn validators_ranges_and_head() {
    let node = Setup::stock().start().await;
    let path = "/html5client/resources/sounds/userJoin.mp3";
    let whole = node.get(path).await;
    let (etag, modified) = (whole.header("etag").unwrap(), whole.header("last-modified").unwrap());
    assert_eq!(whole.header("content-type"), Some("audio/mpeg"));
    assert!(etag.ends_with(&format!("-{:x}\"", whole.body.len())), "{etag}");
    for header in
        [("If-None-Match", etag), ("If-None-Match", "\"x\", *"), ("If-Modified-Since", modified)]
    {
        let answer = node.get_with(path, &[header]).await;
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{header:?}");
        assert_eq!(answer.header("etag"), Some(etag));
    }
    for header in
        [("If-None-Match", "\"x\""), ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")]
    {
        assert_eq!(node.get_with(path, &[header]).await.status, 200, "{header:?}");
    }
    let part = node.get_with(path, &[("Range", "bytes=4-9")]).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &whole.body[4..10]));
    assert_eq!(
        part.header("content-range"),
        Some(format!("bytes 4-9/{}", whole.body.len()).as_str())
    );
    let stale = node.get_with(path, &[("Range", "bytes=4-9"), ("If-Range", "\"x\"")]).await;
    assert_eq!((stale.status, stale.body.len()), (200, whole.body.len()));
    assert_eq!(node.get_with(path, &[("Range", "bytes=999999-")]).await.status, 416);
    let head = node.send("HEAD", path, &[], b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(whole.body.len().to_string().as_str()));
}

#[tokio::test]
async fn gz_siblings_for_those_who_ask_directly() {
    let node = Setup::stock().start().await;
    let path = "/html5client/stylesheets/modals.css";
    let plain = node.get(path).await;
    assert_eq!(plain.header("content-encoding"), None);
    let packed = node.get_with(path, &[("Accept-Encoding", "br, gzip")]).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.header("vary"), None);
    assert_ne!(packed.header("etag"), plain.header("etag"));
    assert_eq!(&packed.body[..2], &[0x1f, 0x8b]);
    for headers in [
        vec![("Accept-Encoding", "gzip"), ("Via", "1.1 proxy")],
        vec![("Accept-Encoding", "gzip;q=0")],
        vec![("Accept-Encoding", "br")],
    ] {
        assert_eq!(node.get_with(path, &headers).await.body, plain.body, "{headers:?}");
    }
    let html = node.get_with("/html5client/index.html", &[("Accept-Encoding", "gzip")]).await;
    assert_eq!(html.header("content-encoding"), None);
}

#[tokio::test]
async fn locales_are_listed_and_wasm_has_its_type_where_configured() {
    let node = Setup::clustered().start().await;
    let listing = node.get("/bbb-01/html5client/locales/").await;
    assert_eq!(listing.header("content-type"), Some("application/json"));
    assert_eq!((listing.header("etag"), listing.header("last-modified")), (None, None));
    let entries = listing.json();
    let english =
        entries.as_array().unwrap().iter().find(|entry| entry["name"] == "en.json").unwrap();
    assert_eq!(english["type"], "file");
    let words = node.get("/bbb-01/html5client/locales/en.json?v=1").await;
    assert_eq!(english["size"], words.body.len());
    assert_eq!(words.json()["joinAudio"], "Join audio");
    let wasm = node.get("/bbb-01/html5client/wasm/noise-suppression.wasm").await;
    assert_eq!(wasm.header("content-type"), Some("application/wasm"));

    let forgotten = Setup::stock()
        .file(
            "etc/bigbluebutton/nginx/bbb-cluster.nginx",
            "location ^~ /m/html5client/ { alias /usr/share/bigbluebutton/html5-client/; }",
        )
        .start()
        .await;
    let wasm = forgotten.get("/m/html5client/wasm/noise-suppression.wasm").await;
    assert_eq!(wasm.header("content-type"), Some("application/octet-stream"));
    assert_eq!(forgotten.get("/m/html5client/locales/").await.status, 403);
}
