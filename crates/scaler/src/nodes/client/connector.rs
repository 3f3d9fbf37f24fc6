//! Connections to one node: to its address, under its origin's name.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bluegate_cluster::{Node, Scheme};
use http::Uri;
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
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
    type Response = TokioIo<NodeStream>;
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

async fn connect(target: &Target) -> io::Result<NodeStream> {
    let stream = TcpStream::connect((target.host.as_str(), target.port)).await?;
    stream.set_nodelay(true)?;
    match &target.tls {
        None => Ok(NodeStream::Plain(stream)),
        Some((connector, Ok(name))) => {
            let stream = connector.connect(name.clone(), stream).await?;
            Ok(NodeStream::Tls(Box::new(stream)))
        }
        Some((_, Err(name))) => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{name}` is no TLS name")))
        }
    }
}

/// A connection, encrypted or not.
pub(crate) enum NodeStream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for NodeStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for NodeStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for NodeStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
