//! TLS on both sides.

use std::{net::SocketAddr, sync::Arc};

use bluegate_cluster::Node;
use bytes::Bytes;
use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    fake_node::{FakeNode, Seen, download, hello, ok},
    front::{Front, HOST, PATIENCE, Setup, authority, node_at},
};

/// A BBB 3.0 node whose origin is `https`.
fn secure_node(name: &str, host: &str, at: SocketAddr) -> Node {
    let mut node = node_at(name, at, Some("3.0"));
    node.origin = format!("https://{host}").parse().unwrap();
    node
}

/// A browser's TLS connection to the proxy.
async fn connect(front: &Front, protocol: &str) -> TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority().pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(front.address).await.unwrap();
    let name = ServerName::try_from(HOST).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn browsers_speak_http2_or_http1_by_choice() {
    let node = FakeNode::start(|_| ok("hello", &[("x-inside", "1"), ("etag", "\"e\"")])).await;
    let mut setup = Setup::new().mount("bbb-01", &node);
    setup.tls = Some(authority().server(HOST));
    let front = setup.start().await;
    let url = format!("{}/bbb-01/html5client/a.js?v=1", front.origin);

    let stream = TokioIo::new(connect(&front, "h2").await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    for method in ["GET", "HEAD"] {
        let request = Request::builder().method(method).uri(&url);
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_2));
        assert_eq!(response.headers()["etag"], "\"e\"");
        assert!(!response.headers().contains_key("x-inside"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, if method == "GET" { "hello" } else { "" });
    }
    // Our own answers, with and without a body.
    for method in ["GET", "HEAD"] {
        let url = format!("{}/bbb-99/html5client/", front.origin);
        let request = Request::builder().method(method).uri(url);
        let response =
            sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.is_empty(), method == "HEAD");
    }
    // An authority that is not ours, and one beside a `Host` that is not.
    let foreign = Request::builder().uri("https://evil.example/bbb-01/html5client/");
    let mixed = Request::builder().uri(&url).header("host", "evil.example");
    for request in [foreign, mixed] {
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST);
    }

    let stream = TokioIo::new(connect(&front, "http/1.1").await);
    let (mut sender, connection) = http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder().uri("/bbb-01/html5client/a.js").header("host", front.host());
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_11));

    let seen = node.requests();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|seen| seen.headers["x-forwarded-proto"] == "https"));
    assert!(seen.iter().all(|seen| seen.headers["host"] == "bbb-01.test"));
    assert_eq!(seen[0].target, "/bbb-01/html5client/a.js?v=1");
}

#[tokio::test]
async fn a_node_is_verified_by_the_name_of_its_origin() {
    let answer = |_: &Seen| ok("hello", &[]);
    let good = FakeNode::start_tls(answer, authority().server("good.test")).await;
    let wrong = FakeNode::start_tls(answer, authority().server("other.test")).await;
    let front = Setup::new()
        .add(secure_node("good", "good.test", good.address))
        .add(secure_node("wrong", "wrong.test", wrong.address))
        .start()
        .await;

    for _ in 0..3 {
        assert_eq!(front.get("/good/html5client/a.js").await.body, "hello");
    }
    assert_eq!(good.server_names(), [Some("good.test".to_owned())]);
    assert_eq!(good.connections(), 1);

    assert_eq!(front.get("/wrong/html5client/a.js").await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(wrong.requests().len(), 0);
}

#[tokio::test]
async fn a_node_of_an_unknown_authority_is_not_spoken_to() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["node.test".to_owned()]).unwrap();
    let config = bluegate_net::tls::server_config_from_pem(
        cert.pem().as_bytes(),
        signing_key.serialize_pem().as_bytes(),
    )
    .unwrap();
    let node = FakeNode::start_tls(|_| ok("hello", &[]), config).await;
    let plain = hello().await;
    let front = Setup::new()
        .add(secure_node("self", "node.test", node.address))
        .add(secure_node("plain", "plain.test", plain.address))
        .start()
        .await;
    assert_eq!(front.get("/self/html5client/a.js").await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(front.get("/plain/html5client/a.js").await.status, StatusCode::BAD_GATEWAY);
    assert_eq!((node.requests().len(), plain.requests().len()), (0, 0));
}

#[tokio::test]
async fn a_drain_lets_http2_downloads_finish() {
    let (node, pieces) = download().await;
    let mut setup = Setup::new().mount("bbb-01", &node);
    setup.tls = Some(authority().server(HOST));
    let front = setup.start().await;
    let stream = TokioIo::new(connect(&front, "h2").await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::builder().uri(format!("{}/bbb-01/html5client/big", front.origin));
    pieces.send(Bytes::from_static(b"first ")).await.unwrap();
    let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();

    front.shutdown.cancel();
    pieces.send(Bytes::from_static(b"last")).await.unwrap();
    drop(pieces);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "first last");
    timeout(PATIENCE, connection).await.expect("the connection's end").unwrap().unwrap();
    assert_eq!(front.drained().await.cut, 0);
}
