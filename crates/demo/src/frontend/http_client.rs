//! The frontend's HTTP client: one request, one connection, bounded.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, header::HOST};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// Longest wait for a whole answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Largest answer that is read.
const MAX_ANSWER: usize = 4 << 20;

/// A client of one server at a fixed address.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    address: SocketAddr,
    host: String,
    tls: Option<Arc<ClientConfig>>,
}

/// A request that brought no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("cannot connect to {0}")]
    Connect(SocketAddr, #[source] io::Error),
    #[error("the connection broke")]
    Broken(#[from] hyper::Error),
    #[error("the answer is too long or was cut off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no answer within {TIMEOUT:?}")]
    Timeout,
    #[error("the address is not a valid request target")]
    Target(#[source] http::Error),
}

impl HttpClient {
    /// A client of the server at `address`, called `host` in its `Host` header
    /// and, with `tls`, verified as that name.
    pub(crate) fn new(address: SocketAddr, host: String, tls: Option<Arc<ClientConfig>>) -> Self {
        Self { address, host, tls }
    }

    /// `GET`s a path with query; redirects are answers like any other.
    pub(crate) async fn get(&self, target: &str) -> Result<Response<Bytes>, RequestError> {
        timeout(TIMEOUT, self.get_unbounded(target)).await.map_err(|_| RequestError::Timeout)?
    }

    async fn get_unbounded(&self, target: &str) -> Result<Response<Bytes>, RequestError> {
        let connect = |source| RequestError::Connect(self.address, source);
        let stream = TcpStream::connect(self.address).await.map_err(connect)?;
        let Some(tls) = &self.tls else { return self.send(target, stream).await };
        let name = self.host.split(':').next().unwrap_or_default().to_owned();
        let name = ServerName::try_from(name).map_err(|error| connect(io::Error::other(error)))?;
        let stream =
            TlsConnector::from(tls.clone()).connect(name, stream).await.map_err(connect)?;
        self.send(target, stream).await
    }

    async fn send(
        &self,
        target: &str,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Response<Bytes>, RequestError> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::get(target)
            .header(HOST, &self.host)
            .body(Empty::<Bytes>::new())
            .map_err(RequestError::Target)?;
        let answer = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body =
                Limited::new(body, MAX_ANSWER).collect().await.map_err(RequestError::Body)?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        // The connection is driven right here and dropped with the answer.
        tokio::pin!(answer, connection);
        tokio::select! {
            answer = &mut answer => answer,
            ended = &mut connection => {
                ended?;
                answer.await
            }
        }
    }
}
