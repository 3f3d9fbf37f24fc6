//! Connections to receivers: to addresses that may be called, looked at when
//! they are connected to, so that a name cannot change its mind in between.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use bluegate_cluster::AllowedHosts;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{address::is_public, target::Target};

/// Addresses tried of one name.
const MAX_ADDRESSES: usize = 4;

/// A look-up that is under way.
pub type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Looks names up.
pub trait Resolve: Send + Sync {
    /// The addresses of `host`, which is a name.
    fn resolve(&self, host: &str) -> Lookup;
}

/// The system's own resolver.
#[derive(Clone, Copy, Debug)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> Lookup {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("the target's name has no address")]
    Lookup(#[source] io::Error),
    #[error("the target is not on the internet and not among `callback_targets`")]
    Refused,
    #[error("no connection to the target")]
    Connect(#[source] io::Error),
    #[error("the target's certificate is not trusted, or it speaks no TLS")]
    Tls(#[source] io::Error),
    #[error("the target's host is no TLS name")]
    Name,
}

/// A connection, encrypted or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens connections.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) targets: AllowedHosts,
    pub(crate) resolver: Arc<dyn Resolve>,
}

impl Connector {
    pub(crate) async fn connect(&self, target: &Target) -> Result<Box<dyn Stream>, ConnectError> {
        let stream = self.open(target).await?;
        stream.set_nodelay(true).map_err(ConnectError::Connect)?;
        if !target.is_tls() {
            return Ok(Box::new(stream));
        }
        let name =
            ServerName::try_from(target.host().to_owned()).map_err(|_| ConnectError::Name)?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector.connect(name, stream).await.map_err(ConnectError::Tls)?;
        Ok(Box::new(stream))
    }

    async fn open(&self, target: &Target) -> Result<TcpStream, ConnectError> {
        let mut failure = ConnectError::Refused;
        for address in self.addresses(target).await?.into_iter().take(MAX_ADDRESSES) {
            match TcpStream::connect(SocketAddr::new(address, target.port())).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = ConnectError::Connect(error),
            }
        }
        Err(failure)
    }

    /// The addresses of a target that may be called.
    async fn addresses(&self, target: &Target) -> Result<Vec<IpAddr>, ConnectError> {
        let found = match target.host().parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => {
                let found = self.resolver.resolve(target.host()).await;
                found.map_err(ConnectError::Lookup)?
            }
        };
        let by_name = self.allows(target.host());
        let mut addresses = found;
        addresses
            .retain(|&address| by_name || is_public(address) || self.allows(&address.to_string()));
        Ok(addresses)
    }

    fn allows(&self, host: &str) -> bool {
        self.targets.hosts().iter().any(|allowed| allowed.matches(host))
    }
}
