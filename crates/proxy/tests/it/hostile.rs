//! What must reach no node, sent byte by byte.

use http::StatusCode;

use crate::{
    fake_node::{FakeNode, hello},
    front::{Front, HOST, Setup},
};

const PATHS: &[(&str, u16)] = &include!("../data/hostile_paths.rs");

async fn two_mounts() -> (Front, [FakeNode; 2]) {
    let nodes = [hello().await, hello().await];
    let front = Setup::new().mount("bbb-01", &nodes[0]).mount("bbb-10", &nodes[1]).start().await;
    (front, nodes)
}

fn untouched(nodes: &[FakeNode; 2]) -> bool {
    nodes.iter().all(|node| node.connections() == 0)
}

#[tokio::test]
async fn hostile_paths_reach_no_node() {
    let (front, nodes) = two_mounts().await;
    for &(path, wanted) in PATHS {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", front.host());
        assert_eq!(front.raw_status(request).await, Some(wanted), "{path}");
        assert!(untouched(&nodes), "{path}");
    }
}

#[tokio::test]
async fn bytes_no_path_has_reach_no_node() {
    let (front, nodes) = two_mounts().await;
    for path in [
        &b"/bbb-01/html5client/\0"[..],
        b"/bbb-01/html5client/\x01",
        b"/bbb-01/html5client/\x7f",
        b"/bbb-01/html5client/\xff",
        b"/bbb-01/html5client/\xc3\xa4",
        b"/bbb-01/html5client/a\tb",
        b"/bbb-01/html5client/a b",
        b"/bbb-01/html5client/\"<>",
        b"/bbb-01/html5client/{x}",
    ] {
        let mut request = b"GET ".to_vec();
        request.extend_from_slice(path);
        let rest = format!(" HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", front.host());
        request.extend_from_slice(rest.as_bytes());
        let status = front.raw_status(&request).await;
        assert!(matches!(status, None | Some(400)), "{path:?}: {status:?}");
    }
    for (length, wanted) in [(3000, 414), (40_000, 431)] {
        let request = format!(
            "GET /bbb-01/html5client/{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            "a".repeat(length),
            front.host()
        );
        assert_eq!(front.raw_status(request).await, Some(wanted), "{length}");
    }
    assert!(untouched(&nodes));
}

#[tokio::test]
async fn only_our_own_authority_is_answered() {
    let (front, nodes) = two_mounts().await;
    let own = front.host();
    let port = front.address.port();
    let path = "/bbb-01/html5client/";
    // Request line, further header lines, and the status; 200 is the node's.
    let forms = [
        (format!("GET {path} HTTP/1.1"), format!("Host: {own}\r\n"), 200),
        (format!("GET {path} HTTP/1.1"), format!("Host: {}\r\n", own.to_uppercase()), 200),
        (format!("GET http://{own}{path} HTTP/1.1"), format!("Host: {own}\r\n"), 200),
        // RFC 9112, 3.2.2: the target's authority outranks the header.
        (format!("GET http://{own}{path} HTTP/1.1"), "Host: evil.example\r\n".to_owned(), 200),
        (format!("GET {path} HTTP/1.0"), format!("Host: {own}\r\n"), 200),
        (format!("GET {path} HTTP/1.1"), "Host: evil.example\r\n".to_owned(), 421),
        (format!("GET {path} HTTP/1.1"), format!("Host: {HOST}\r\n"), 421),
        (format!("GET {path} HTTP/1.1"), format!("Host: {HOST}:{}\r\n", port - 1), 421),
        (format!("GET {path} HTTP/1.1"), format!("Host: x@{own}\r\n"), 421),
        (format!("GET {path} HTTP/1.1"), format!("Host: {own}, {own}\r\n"), 421),
        (format!("GET {path} HTTP/1.1"), format!("Host: {own}.\r\n"), 421),
        (format!("GET {path} HTTP/1.1"), format!("Host: 127.0.0.1:{port}\r\n"), 421),
        (format!("GET {path} HTTP/1.1"), "Host: bbb-01.test\r\n".to_owned(), 421),
        (format!("GET {path} HTTP/1.1"), "Host: \r\n".to_owned(), 421),
        (format!("GET http://evil.example{path} HTTP/1.1"), format!("Host: {own}\r\n"), 421),
        (format!("GET http://bbb-01.test{path} HTTP/1.1"), format!("Host: {own}\r\n"), 421),
        (format!("GET https://{own}{path} HTTP/1.1"), format!("Host: {own}\r\n"), 421),
        (format!("GET ftp://{own}{path} HTTP/1.1"), format!("Host: {own}\r\n"), 421),
        (format!("GET http://x@{own}{path} HTTP/1.1"), format!("Host: {own}\r\n"), 421),
        (format!("GET http://{own}@evil.example{path} HTTP/1.1"), format!("Host: {own}\r\n"), 421),
        (format!("GET {path} HTTP/1.1"), String::new(), 400),
        (format!("GET {path} HTTP/1.1"), format!("Host: {own}\r\nHost: {own}\r\n"), 400),
        (format!("GET {path} HTTP/1.1"), format!("Host: {own}\r\nHost: evil\r\n"), 400),
        (format!("GET http://{own}{path} HTTP/1.1"), String::new(), 400),
        (format!("GET {path} HTTP/1.0"), String::new(), 400),
        (format!("CONNECT {own} HTTP/1.1"), format!("Host: {own}\r\n"), 405),
        ("CONNECT bbb-01.test:80 HTTP/1.1".to_owned(), format!("Host: {own}\r\n"), 405),
        (format!("CONNECT {} HTTP/1.1", nodes[0].address), format!("Host: {own}\r\n"), 405),
        ("OPTIONS * HTTP/1.1".to_owned(), format!("Host: {own}\r\n"), 400),
        (format!("OPTIONS {path} HTTP/1.1"), format!("Host: {own}\r\n"), 405),
        (format!("TRACE {path} HTTP/1.1"), format!("Host: {own}\r\n"), 405),
        (format!("PROPFIND {path} HTTP/1.1"), format!("Host: {own}\r\n"), 405),
        (format!("PUT {path}x HTTP/1.1"), format!("Host: {own}\r\nContent-Length: 0\r\n"), 405),
    ];
    let mut relayed = 0;
    for (line, headers, wanted) in forms {
        let request = format!("{line}\r\n{headers}Connection: close\r\n\r\n");
        assert_eq!(front.raw_status(&request).await, Some(wanted), "{request}");
        relayed += usize::from(wanted == 200);
        assert_eq!(nodes[0].requests().len(), relayed, "{request}");
    }
    assert!(nodes[0].requests().iter().all(|seen| seen.headers["host"] == "bbb-01.test"));
    assert_eq!(nodes[1].connections(), 0);
}

/// What a body that is taken for a request would ask for.
const HIDDEN: &str = "GET /bbb-10/html5client/hidden HTTP/1.1\r\nHost: x\r\n\r\n";

/// The same as a chunked body.
const CHUNK: &str = "34\r\nGET /bbb-10/html5client/hidden HTTP/1.1\r\nHost: x\r\n\r\n\r\n0\r\n\r\n";

/// Messages that two readers could read in two ways: method, fields, body.
pub(crate) const TWO_WAYS: &[(&str, &str, &str)] = &[
    ("GET", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", CHUNK),
    ("GET", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", CHUNK),
    ("POST", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", CHUNK),
    ("GET", "Transfer-Encoding: chunked\r\n", CHUNK),
    ("GET", "Transfer-Encoding: xchunked\r\n", CHUNK),
    ("GET", "Transfer-Encoding: chunked, identity\r\n", CHUNK),
    ("GET", "Transfer-Encoding: gzip, chunked\r\n", CHUNK),
    ("GET", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", CHUNK),
    ("GET", "Transfer-Encoding:\x0bchunked\r\n", CHUNK),
    ("GET", "Transfer-Encoding : chunked\r\n", CHUNK),
    ("GET", " Transfer-Encoding: chunked\r\n", CHUNK),
    ("GET", "X: y\r\n Transfer-Encoding: chunked\r\n", CHUNK),
    ("GET", "X: y\n\x0bTransfer-Encoding: chunked\r\n", CHUNK),
    ("GET", "Content-Length: 3\r\nContent-Length: 50\r\n", HIDDEN),
    ("GET", "Content-Length: 3, 50\r\n", HIDDEN),
    ("GET", "Content-Length: 0x10\r\n", HIDDEN),
    ("GET", "Content-Length: +5\r\n", HIDDEN),
    ("GET", "Content-Length: -5\r\n", HIDDEN),
    ("GET", "Content-Length: 99999999999999999999\r\n", HIDDEN),
    ("GET", "Content-Length: 52\r\n", HIDDEN),
    ("HEAD", "Content-Length: 52\r\n", HIDDEN),
    ("GET", "X\0Y: z\r\n", ""),
    ("GET", "X: a\0b\r\n", ""),
];

#[test]
fn the_hidden_request_is_one_chunk() {
    assert_eq!(CHUNK, format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len()));
}

#[tokio::test]
async fn messages_that_can_be_read_in_two_ways_are_refused() {
    let (front, nodes) = two_mounts().await;
    for (method, framing, body) in TWO_WAYS {
        let request = format!(
            "{method} /bbb-01/html5client/ HTTP/1.1\r\nHost: {}\r\n{framing}\r\n{body}",
            front.host()
        );
        let answer = front.raw(&request).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{framing:?}: {}",
            answer.lines().next().unwrap_or_default()
        );
        assert_eq!(answer.matches("HTTP/1.1 ").count().max(1), 1, "{framing:?}: {answer}");
        assert!(untouched(&nodes), "{framing:?}");
    }
}

#[tokio::test]
async fn request_lines_that_are_none_reach_no_node() {
    let (front, nodes) = two_mounts().await;
    let host = front.host();
    for request in [
        format!("GET /bbb-01/html5client/\r\nHost: {host}\r\n\r\n"),
        format!("GET /bbb-01/html5client/ HTTP/1.1 x\r\nHost: {host}\r\n\r\n"),
        format!("GET  /bbb-01/html5client/ HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET /bbb-01/html5client/ HTTP/2.0\r\nHost: {host}\r\n\r\n"),
        format!("GET /bbb-01/html5client/ http/1.1\r\nHost: {host}\r\n\r\n"),
        format!("G\rET /bbb-01/html5client/ HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET bbb-01/html5client/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03".to_owned() + &"\0".repeat(64) + "\r\n\r\n",
    ] {
        let status = front.raw_status(&request).await;
        assert!(matches!(status, None | Some(400..=499)), "{request:?}: {status:?}");
        assert!(untouched(&nodes), "{request:?}");
    }
}

#[tokio::test]
async fn service_workers_are_refused() {
    let (front, nodes) = two_mounts().await;
    let request = front
        .request("GET", "/bbb-01/html5client/service-worker.js")
        .header("service-worker", "script");
    let answer = front.send(request.body(bytes::Bytes::new()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(untouched(&nodes));
}
