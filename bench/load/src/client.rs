//! Connecting, and one request on a connection.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{Request, header::ACCEPT_ENCODING};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, HandshakeKind, RootCertStore, client::Resumption,
    crypto::aws_lc_rs::default_provider,
};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::either::Either;

use crate::Target;

/// Tickets kept; more than connections at once.
const TICKETS: usize = 1024;

/// A connection, in the clear or not.
pub(crate) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// How to speak to a target.
pub(crate) struct Client {
    /// Absent where it is spoken to in the clear.
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Client {
    pub(crate) fn new(target: &Target, http2: bool, resume: bool) -> Result<Self, anyhow::Error> {
        let Some(authority) = &target.ca else { return Ok(Self { tls: None }) };
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority).context("cannot read the CA")?)?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![if http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        config.resumption =
            if resume { Resumption::in_memory_sessions(TICKETS) } else { Resumption::disabled() };
        let host = target.authority.split(':').next().unwrap_or_default().to_owned();
        let name = ServerName::try_from(host).context("the authority is no name")?;
        Ok(Self { tls: Some((TlsConnector::from(Arc::new(config)), name)) })
    }

    pub(crate) async fn connect(&self, target: &Target) -> Result<Stream, anyhow::Error> {
        let stream = TcpStream::connect(target.address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let Some((connector, name)) = &self.tls else { return Ok(Either::Left(stream)) };
        let shaken = connector.connect(name.clone(), stream).await;
        Ok(Either::Right(Box::new(shaken.context("the handshake failed")?)))
    }
}

/// Whether a connection's handshake was a resumption.
pub(crate) fn is_resumed(stream: &Stream) -> bool {
    match stream {
        Either::Left(_) => false,
        Either::Right(stream) => {
            stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
        }
    }
}

/// A connection to ask on.
pub(crate) enum Sender {
    One(http1::SendRequest<Empty<Bytes>>),
    Two(http2::SendRequest<Empty<Bytes>>),
}

impl Sender {
    /// Speaks HTTP on `stream` until the sender is dropped.
    pub(crate) async fn on(stream: Stream, http2: bool) -> Result<Self, anyhow::Error> {
        let stream = TokioIo::new(stream);
        if !http2 {
            let (sender, connection) = http1::handshake(stream).await?;
            tokio::spawn(connection);
            return Ok(Self::One(sender));
        }
        // What Chromium allows a server to send ahead.
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(6 * 1024 * 1024)
            .initial_connection_window_size(15 * 1024 * 1024)
            .handshake(stream)
            .await?;
        tokio::spawn(connection);
        Ok(Self::Two(sender))
    }

    /// Asks for a path and returns the length of the answer, which must be 200.
    pub(crate) async fn get(&mut self, target: &Target, path: &str) -> Result<u64, anyhow::Error> {
        let request = Request::get(match self {
            Self::One(_) => path.to_owned(),
            Self::Two(_) => format!("https://{}{path}", target.authority),
        });
        let request = match self {
            Self::One(_) => request.header("host", &target.authority),
            Self::Two(_) => request,
        };
        let request = request.header(ACCEPT_ENCODING, "gzip").body(Empty::new())?;
        let response = match self {
            Self::One(sender) => sender.send_request(request).await?,
            Self::Two(sender) => sender.send_request(request).await?,
        };
        ensure!(response.status() == 200, "{} for {path}", response.status());
        let mut body = response.into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame?.data_ref().map_or(0, |data| data.len() as u64);
        }
        Ok(length)
    }
}
