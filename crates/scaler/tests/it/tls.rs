//! Nodes behind TLS: verified, by the name of their origin.

use std::sync::Arc;

use bluegate_cluster::Node;
use bluegate_scaler::{Health, NodeConfig, NodeTerms};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::{
    cluster::{Cluster, eventually, node_secret},
    fake_node::FakeNode,
};

/// A node with a certificate for `name`, and that certificate.
async fn node(name: &str) -> (FakeNode, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let tls = TlsAcceptor::from(Arc::new(config));
    (FakeNode::start_with(&node_secret(0), Some(tls)).await, certificate)
}

fn configured(node: &FakeNode) -> NodeConfig {
    NodeConfig {
        node: Node {
            name: "bbb-01".parse().unwrap(),
            origin: "https://bbb-01.example.org".parse().unwrap(),
            address: Some(node.address.into()),
            bbb: None,
            proxied: true,
        },
        secrets: vec![node_secret(0)],
        terms: NodeTerms::default(),
    }
}

#[tokio::test]
async fn a_node_is_called_by_its_origins_name_at_its_address() {
    let (node, certificate) = node("bbb-01.example.org").await;
    let mut cluster = Cluster::prepare(0).await;
    cluster.trust(certificate);
    cluster.add(configured(&node));
    cluster.boot().await;
    let frontend = cluster.frontend("default");
    frontend.create("class").await;
    assert!(node.names().iter().all(|name| name == "bbb-01.example.org"), "{:?}", node.names());
    let join = frontend.get("join", "meetingID=class&fullName=x").await;
    assert!(join.location().starts_with("https://bbb-01.example.org/bigbluebutton/api/join?"));
}

#[tokio::test]
async fn a_certificate_that_does_not_verify_gets_no_call() {
    for (name, trusted) in [("bbb-01.example.org", false), ("bbb-02.example.org", true)] {
        let (node, certificate) = node(name).await;
        let mut cluster = Cluster::prepare(0).await;
        if trusted {
            cluster.trust(certificate);
        }
        cluster.add(configured(&node));
        cluster.boot().await;
        let suspect = async || cluster.scaler().health()[0].1 == Health::Suspect;
        eventually("it is suspect", suspect).await;
        let reply = cluster.frontend("default").get("create", "name=Class&meetingID=abc").await;
        assert_eq!(reply.failure(), "internalError");
        assert_eq!(node.calls(), Vec::<String>::new());
        assert_eq!(node.count("getMeetings"), 0);
    }
}
