//! A node that serves TLS.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{PrivateKeyDer, ServerName},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::node::Setup;

const NAME: &str = "bbb-01.cluster.localhost";

#[tokio::test]
async fn the_index_over_tls() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let provider = Arc::new(default_provider());
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let node = Setup::stock().start_with(Some(Arc::new(server)), "https").await;

    let stream = TcpStream::connect(node.address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(client));
    let mut stream = connector.connect(ServerName::try_from(NAME).unwrap(), stream).await.unwrap();
    let request = format!(
        "GET /bigbluebutton/api HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        node.host()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // Whether the node also says good-bye in TLS does not matter here.
    drop(stream.read_to_string(&mut answer).await);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let socket = format!("<graphqlWebsocketUrl>wss://{}/graphql", node.host());
    assert!(answer.contains(&socket), "{answer}");
    // Whoever speaks HTTP in the clear to this port gets nothing.
    assert!(node.try_send("GET", "/bigbluebutton/api", &[], b"").await.is_none());
}
