//! Behind another balancer: whom requests are believed to come from.

use std::sync::Arc;

use bluegate_net::{Connection, Policy, RequestBody, Service, Trust};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsConnector;

use crate::front::{Front, ask_who, behind_a_balancer, read_to_end, tls};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
const VERSION_1: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";
const VERSION_2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb";
const HEALTH_CHECK: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

#[tokio::test]
async fn a_header_before_the_request_names_the_client() {
    let front = Front::start(behind_a_balancer(true), None);
    for (header, wanted) in [
        (VERSION_1, "<192.0.2.1>"),
        (VERSION_2, "<192.0.2.7>"),
        (HEALTH_CHECK, "<127.0.0.1>"),
        (b"PROXY UNKNOWN\r\n", "<127.0.0.1>"),
        (b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "<2001:db8::1>"),
        (b"PROXY TCP6 ::ffff:192.0.2.9 ::1 1 2\r\n", "<192.0.2.9>"),
    ] {
        let answer = front.tell(&[header, GET].concat()).await;
        assert!(answer.ends_with(wanted), "{}: {answer}", header.escape_ascii());
    }
}

#[tokio::test]
async fn a_header_in_pieces_before_tls_names_the_client() {
    let (server, client) = tls();
    let front = Front::start(behind_a_balancer(true), Some(server));
    for (header, wanted) in [(VERSION_1, "192.0.2.1"), (VERSION_2, "192.0.2.7")] {
        let mut stream = front.connect().await;
        stream.set_nodelay(true).unwrap();
        for byte in header {
            stream.write_all(&[*byte]).await.unwrap();
        }
        let connector = TlsConnector::from(client.clone());
        let name = "localhost".try_into().unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        assert_eq!(ask_who(&mut stream, "").await, wanted);
    }
}

#[tokio::test]
async fn a_balancer_that_does_not_say_for_whom_is_closed() {
    let front = Front::start(behind_a_balancer(true), None);
    assert_eq!(front.tell(GET).await, "");
    assert_eq!(front.tell(b"PROXY TCP4 192.0.2.1").await, "", "half a header");
    assert_eq!(front.tell(b"").await, "", "nothing at all");
}

#[tokio::test]
async fn a_header_of_anyone_else_is_no_header() {
    let networks = vec!["198.51.100.0/24".parse().unwrap()];
    let trust = Trust { networks, proxy_protocol: true };
    let front = Front::start(Policy { trust, ..Policy::default() }, None);
    for header in [VERSION_1, VERSION_2] {
        let answer = front.tell(&[header, GET].concat()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    // And none is needed.
    assert!(front.tell(GET).await.ends_with("<127.0.0.1>"));
    let mut stream = front.connect().await;
    assert_eq!(ask_who(&mut stream, "X-Forwarded-For: 192.0.2.1\r\n").await, "127.0.0.1");
}

#[tokio::test]
async fn each_request_of_a_balancer_says_for_whom_it_is() {
    let front = Front::start(behind_a_balancer(false), None);
    let mut stream = front.connect().await;
    for (headers, wanted) in [
        ("X-Forwarded-For: 1.1.1.1, 192.0.2.1\r\n", "192.0.2.1"),
        ("Forwarded: for=1.1.1.1, for=\"[2001:db8::1]:80\"\r\n", "2001:db8::1"),
        ("", "127.0.0.1"),
        ("X-Forwarded-For: unknown\r\n", "127.0.0.1"),
        ("X-Forwarded-For: 192.0.2.2\r\n", "192.0.2.2"),
    ] {
        assert_eq!(ask_who(&mut stream, headers).await, wanted, "{headers}");
    }
    drop(stream);

    // A header in front of the connection is the last word.
    let front = Front::start(behind_a_balancer(true), None);
    let mut stream = front.connect().await;
    stream.write_all(VERSION_1).await.unwrap();
    assert_eq!(ask_who(&mut stream, "X-Forwarded-For: 10.0.0.1\r\n").await, "192.0.2.1");
    stream.write_all(b"PROXY UNKNOWN\r\n").await.unwrap();
    assert!(read_to_end(&mut stream).await.starts_with("HTTP/1.1 400 "));
}

/// Answers with the IDs of the request as a role sees them, and with one that a
/// node might have given.
struct Named;

impl Service for Named {
    type Body = Full<Bytes>;

    async fn call(
        self: Arc<Self>,
        request: Request<RequestBody>,
        _: Arc<Connection>,
    ) -> Response<Self::Body> {
        let ids = request.headers().get_all("x-request-id").iter();
        let ids: Vec<&str> = ids.map(|id| id.to_str().unwrap()).collect();
        let response = Response::builder().header("X-Request-Id", "of-the-node");
        response.body(Full::from(format!("<{}>", ids.join(",")))).unwrap()
    }
}

#[tokio::test]
async fn every_request_has_an_id_and_only_a_balancer_may_give_it() {
    let twice = "trace-0001\r\nX-Request-Id: trace-0002";
    for (policy, before, given, kept) in [
        (behind_a_balancer(false), &b""[..], "trace-0001", true),
        (behind_a_balancer(false), b"", "short", false),
        (behind_a_balancer(false), b"", "trace 0001", false),
        (behind_a_balancer(false), b"", twice, false),
        (behind_a_balancer(true), VERSION_1, "trace-0001", false),
        (Policy::default(), b"", "trace-0001", false),
    ] {
        let front = Front::serve(Arc::new(Named), policy, None);
        let request = format!(
            "GET / HTTP/1.1\r\nHost: a.test\r\nX-Request-Id: {given}\r\nConnection: close\r\n\r\n"
        );
        let answer = front.tell(&[before, request.as_bytes()].concat()).await;
        let seen = answer.rsplit_once('<').unwrap().1.trim_end_matches('>');
        let told: Vec<&str> =
            answer.lines().filter_map(|line| line.strip_prefix("x-request-id: ")).collect();
        assert_eq!(told, [seen], "{given}: {answer}");
        assert_eq!(seen == given, kept, "{given}: {seen}");
        assert!(kept || seen.len() == 32, "{seen}");
    }
}
