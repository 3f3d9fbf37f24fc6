//! Which handshakes there are, and that each is counted by how it ends.

use std::{sync::Arc, time::Duration};

use bluegate_net::{HandshakeReport, Limits, Policy, tls as net_tls};
use rustls::{
    ClientConfig, HandshakeKind, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{
    front::{Front, Who, ask_who, tls},
    site::{authority_for_localhost, within},
};

async fn closed(mut stream: TcpStream) {
    // A reset is a way to close, too.
    drop(within(stream.read_to_end(&mut Vec::new())).await);
}

#[tokio::test]
async fn each_handshake_is_counted_as_what_it_came_to() {
    let (server, client) = tls();
    let limits = Limits { tls_handshake: Duration::from_millis(300), ..Limits::default() };
    let policy = Policy::from(limits);
    let counted = Arc::clone(&policy.handshakes);
    let front = Front::serve(Arc::new(Who), policy, Some(server));

    for _ in 0..2 {
        let connector = TlsConnector::from(Arc::clone(&client));
        let stream = front.connect().await;
        let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        let request = "GET / HTTP/1.1\r\nHost: bbb.test\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        // The ticket comes with the answer.
        within(stream.read_to_end(&mut Vec::new())).await.unwrap();
    }
    let made = HandshakeReport { full: 1, resumed: 1, ..HandshakeReport::default() };
    assert_eq!(counted.report(), made);

    // Who trusts another authority says so with an alert.
    let stranger = TlsConnector::from(net_tls::client_config(None).unwrap());
    let stream = front.connect().await;
    assert!(stranger.connect("localhost".try_into().unwrap(), stream).await.is_err());
    let mut plain = front.connect().await;
    plain.write_all(b"GET / HTTP/1.1\r\nHost: bbb.test\r\n\r\n").await.unwrap();
    closed(plain).await;
    closed(front.connect().await).await;
    let mut gone = front.connect().await;
    gone.write_all(&[22, 3, 1]).await.unwrap();
    gone.shutdown().await.unwrap();
    closed(gone).await;

    let wanted = HandshakeReport { refused: 1, invalid: 1, timed_out: 1, closed: 1, ..made };
    within(async {
        while counted.report() != wanted {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_resumed_and_nothing_older() {
    let (ca, certificate, key) = authority_for_localhost();
    let server = net_tls::server_config_from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    let front = Front::serve(Arc::new(Who), Policy::default(), Some(server));
    for version in [&TLS12, &TLS13] {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
        let client = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(client));
        for wanted in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let stream = front.connect().await;
            let mut stream =
                connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
            assert_eq!(ask_who(&mut stream, "").await, "127.0.0.1");
            let session = stream.get_ref().1;
            assert_eq!(session.protocol_version(), Some(version.version));
            assert_eq!(session.handshake_kind(), Some(wanted), "{version:?}");
            // Keys of its own for each connection, and no cipher without a tag.
            let suite = format!("{:?}", session.negotiated_cipher_suite().unwrap().suite());
            let is_modern = suite.starts_with("TLS13_") || suite.starts_with("TLS_ECDHE_");
            let has_tag = ["_GCM_", "_CHACHA20_POLY1305_"].iter().any(|aead| suite.contains(aead));
            assert!(is_modern && has_tag, "{suite}");
        }
    }

    // TLS 1.1 asks for what it has: ECDHE and AES-CBC.
    let mut hello = vec![22, 3, 1, 0, 47, 1, 0, 0, 43, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0, 0, 0]);
    let mut old = front.connect().await;
    old.write_all(&hello).await.unwrap();
    let mut answer = Vec::new();
    drop(within(old.read_to_end(&mut answer)).await);
    // A fatal alert and nothing else (RFC 5246, 7.2).
    assert!(answer.starts_with(&[21]) && answer.len() == 7 && answer[5] == 2, "{answer:?}");
}
