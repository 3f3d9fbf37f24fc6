//! Connections as a browser opens them: the name resolved here, TLS verified.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bluegate_cluster::{Address, Origin, Scheme};
use bluegate_net::Outgoing;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tower_service::Service;

use super::{CertificateTrouble, Trouble};

/// The most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Where an origin is, once its name was resolved.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Whose TLS name and `Host` are used.
    pub(crate) origin: Origin,
    /// Where to connect, in the resolver's order.
    pub(crate) addresses: Vec<SocketAddr>,
}

/// Why no connection was made.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct DialError(pub(crate) Trouble);

/// Resolves names and opens connections.
#[derive(Clone)]
pub(crate) struct Dialer {
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) timeout: Duration,
}

impl Dialer {
    /// Where browsers find an origin. Names under `localhost` are loopback, as
    /// browsers have it (RFC 6761), whatever the system's resolver thinks.
    pub(crate) async fn resolve(&self, origin: &Origin) -> Result<Place, Trouble> {
        let host = origin.host().trim_start_matches('[').trim_end_matches(']');
        let addresses = self.addresses(host, origin.port()).await?;
        Ok(Place { origin: origin.clone(), addresses })
    }

    /// The origin at an address of the cluster file instead.
    pub(crate) async fn at(&self, origin: &Origin, address: &Address) -> Result<Place, Trouble> {
        let addresses = self.addresses(address.host(), address.port()).await?;
        Ok(Place { origin: origin.clone(), addresses })
    }

    /// The addresses of any host.
    pub(crate) async fn addresses(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, Trouble> {
        let plain = host.trim_end_matches('.');
        if plain == "localhost" || plain.ends_with(".localhost") {
            return Ok(vec![
                (Ipv4Addr::LOCALHOST, port).into(),
                (Ipv6Addr::LOCALHOST, port).into(),
            ]);
        }
        let unknown = || Trouble::Name(host.to_owned());
        let found = tokio::time::timeout(self.timeout, tokio::net::lookup_host((host, port)));
        let found: Vec<SocketAddr> = found
            .await
            .map_err(|_| unknown())?
            .map_err(|_| unknown())?
            .take(MAX_ADDRESSES)
            .collect();
        if found.is_empty() { Err(unknown()) } else { Ok(found) }
    }

    /// A connection to the first address that takes one, with TLS if the
    /// origin has it.
    pub(crate) async fn connect(&self, place: &Place) -> Result<Outgoing, Trouble> {
        let name = match place.origin.scheme() {
            Scheme::Http => None,
            Scheme::Https => Some(server_name(place.origin.host())?),
        };
        let stream = self.tcp(&place.addresses).await?;
        let Some(name) = name else { return Ok(Outgoing::Plain(stream)) };
        self.secure(stream, name, &self.tls).await.map(|stream| Outgoing::Tls(Box::new(stream)))
    }

    /// A TCP connection to the first address that takes one.
    pub(crate) async fn tcp(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Trouble> {
        let mut last = Trouble::TimedOut;
        // All of them within the one bound: a browser would not wait longer either.
        let deadline = tokio::time::Instant::now() + self.timeout;
        for address in addresses {
            match tokio::time::timeout_at(deadline, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Only speed is lost when it fails.
                    drop(stream.set_nodelay(true));
                    return Ok(stream);
                }
                Ok(Err(error)) => last = Trouble::Connect(reason(&error)),
                Err(_) => return Err(last),
            }
        }
        Err(last)
    }

    /// TLS over a connection, verified as `config` says.
    pub(crate) async fn secure(
        &self,
        stream: TcpStream,
        name: ServerName<'static>,
        config: &Arc<rustls::ClientConfig>,
    ) -> Result<TlsStream<TcpStream>, Trouble> {
        let connector = TlsConnector::from(Arc::clone(config));
        match tokio::time::timeout(self.timeout, connector.connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(error) => Trouble::of_tls(error),
                None => Trouble::Tls(reason(&error)),
            }),
            Err(_) => Err(Trouble::TimedOut),
        }
    }
}

/// The name a certificate is to be for.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, Trouble> {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    ServerName::try_from(host).map_err(|_| Trouble::Certificate(CertificateTrouble::WrongName))
}

/// What the system said, without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the port is closed".to_owned(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no way to that address".to_owned()
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
            "the other side closed it".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Opens connections to one place, whatever the URI says.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) dialer: Dialer,
    pub(crate) place: Arc<Place>,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Outgoing>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, DialError>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let Self { dialer, place } = self.clone();
        Box::pin(async move { dialer.connect(&place).await.map(TokioIo::new).map_err(DialError) })
    }
}
