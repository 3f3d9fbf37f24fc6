//! Connections to one node: to its address, under its origin's name.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bluegate_cluster::{Node, Scheme};
use bluegate_net::Outgoing;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower_service::Service;

/// Opens connections to one node, whatever the URI says: to its `address` if
/// it has one, with the TLS name of its origin.
#[derive(Clone)]
pub(crate) struct NodeConnector {
    target: Arc<Target>,
}

struct Target {
    host: String,
    port: u16,
    /// Present for https; the error is kept for the first connection.
    tls: Option<(TlsConnector, Result<ServerName<'static>, String>)>,
    timeout: Duration,
}

impl NodeConnector {
    pub(crate) fn new(node: &Node, tls: &Arc<rustls::ClientConfig>, timeout: Duration) -> Self {
        let (host, port) = node.connect_to();
        let tls = (node.origin.scheme() == Scheme::Https).then(|| {
            let name = node.origin.host().trim_start_matches('[').trim_end_matches(']').to_owned();
            let name = ServerName::try_from(name.clone()).map_err(|_| name);
            (TlsConnector::from(Arc::clone(tls)), name)
        });
        Self { target: Arc::new(Target { host: host.to_owned(), port, tls, timeout }) }
    }
}

impl Service<Uri> for NodeConnector {
    type Response = TokioIo<Outgoing>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let target = Arc::clone(&self.target);
        Box::pin(async move {
            match tokio::time::timeout(target.timeout, connect(&target)).await {
                Ok(stream) => stream.map(TokioIo::new),
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut)),
            }
        })
    }
}

async fn connect(target: &Target) -> io::Result<Outgoing> {
    let stream = TcpStream::connect((target.host.as_str(), target.port)).await?;
    stream.set_nodelay(true)?;
    match &target.tls {
        None => Ok(Outgoing::Plain(stream)),
        Some((connector, Ok(name))) => {
            let stream = connector.connect(name.clone(), stream).await?;
            Ok(Outgoing::Tls(Box::new(stream)))
        }
        Some((_, Err(name))) => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{name}` is no TLS name")))
        }
    }
}
