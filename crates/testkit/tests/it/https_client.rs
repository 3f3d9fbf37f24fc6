//! The HTTP client over TLS trusts the authority that it is told, and the name that it asked for.

use std::sync::Arc;

use anyhow::Result;
use bluegate_testkit::certificates::Authority;
use bluegate_testkit::http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A server that answers every connection alike, with a certificate for `node.cluster.localhost`.
async fn server(authority: &Authority) -> Result<String> {
    let issued = authority.issue(&["node.cluster.localhost"])?;
    let chain = vec![CertificateDer::from_pem_slice(issued.certificate.as_bytes())?];
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes())?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 1024];
            if stream.read(&mut request).await.is_ok() {
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").await);
                drop(stream.shutdown().await);
            }
        }
    });
    Ok(address)
}

#[tokio::test]
async fn the_authority_and_the_name_have_to_be_right() {
    let (authority, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    let address = server(&authority).await.unwrap();
    let named = Request::get("/").header("Host", "node.cluster.localhost:443");
    let answer = named.clone().trusting(&authority.certificate()).send(&address).await.unwrap();
    assert_eq!(answer.text(), "hello");

    assert!(named.trusting(&other.certificate()).send(&address).await.is_err());
    let misnamed = Request::get("/").header("Host", "other.cluster.localhost");
    assert!(misnamed.trusting(&authority.certificate()).send(&address).await.is_err());
}
