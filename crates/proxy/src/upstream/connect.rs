//! A new connection to a node.

use std::sync::Arc;

use bluegate_cluster::{Node, Scheme};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{NodeBody, NodeError, Upstream, reach::reach, resolve::Resolver};
use crate::Config;

/// Where connections to a node go, and whom they must find there.
pub(super) struct ConnectTarget {
    resolver: Arc<Resolver>,
    tls: Option<(TlsConnector, Option<ServerName<'static>>)>,
}

/// Whether a connection may leave HTTP.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Upgrades {
    Never,
    Allowed,
}

impl ConnectTarget {
    pub(super) fn new(node: &Node, config: &Config) -> Self {
        let (host, port) = node.connect_to();
        // The name in the certificate is that of the origin, wherever we connect.
        let name = node.origin.host().trim_start_matches('[').trim_end_matches(']');
        let tls = (node.origin.scheme() == Scheme::Https).then(|| {
            let connector = TlsConnector::from(Arc::clone(&config.node_tls));
            (connector, ServerName::try_from(name.to_owned()).ok())
        });
        Self { resolver: Arc::new(Resolver::new(host, port, &config.lookup)), tls }
    }
}

impl Upstream {
    /// A connection for ordinary requests.
    pub(super) async fn connect(&self) -> Result<SendRequest<NodeBody>, NodeError> {
        self.connect_within(Upgrades::Never).await
    }

    /// A connection that may turn into a WebSocket.
    pub(super) async fn connect_upgradeable(&self) -> Result<SendRequest<NodeBody>, NodeError> {
        self.connect_within(Upgrades::Allowed).await
    }

    async fn connect_within(&self, upgrades: Upgrades) -> Result<SendRequest<NodeBody>, NodeError> {
        // Boxed: a TLS handshake is large, and most requests never get here.
        let connecting = Box::pin(self.open(upgrades));
        timeout(self.connect_timeout(), connecting).await.unwrap_or(Err(NodeError::ConnectTimeout))
    }

    async fn open(&self, upgrades: Upgrades) -> Result<SendRequest<NodeBody>, NodeError> {
        let addresses = self
            .target
            .resolver
            .addresses(&self.settings.tasks)
            .await
            .map_err(NodeError::Resolve)?;
        let mut doubt = self.target.resolver.doubted();
        let stream = reach(&addresses).await.map_err(NodeError::Connect)?;
        doubt.resolve();
        let Some((connector, name)) = &self.target.tls else {
            return self.speak(stream, upgrades).await;
        };
        let name = name.clone().ok_or(NodeError::TlsName)?;
        let stream = connector.connect(name, stream).await.map_err(NodeError::Tls)?;
        self.speak(stream, upgrades).await
    }

    async fn speak<I>(
        &self,
        stream: I,
        upgrades: Upgrades,
    ) -> Result<SendRequest<NodeBody>, NodeError>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(self.config().max_answer_head.max(MIN_BUFFER))
            .handshake(TokioIo::new(stream))
            .await
            .map_err(NodeError::Handshake)?;
        let node = Arc::clone(&self.node);
        let ended = move |ended: hyper::Result<()>| {
            if let Err(error) = ended {
                tracing::debug!(node.id = node.name.as_str(), %error, "connection to node ended");
            }
        };
        let open = self.traffic.connection();
        match upgrades {
            Upgrades::Never => {
                self.settings.tasks.spawn(async move {
                    ended(connection.await);
                    drop(open);
                });
            }
            Upgrades::Allowed => {
                self.settings.tasks.spawn(async move {
                    ended(connection.with_upgrades().await);
                    drop(open);
                });
            }
        }
        Ok(sender)
    }
}

/// The smallest buffer hyper takes.
const MIN_BUFFER: usize = 8192;
