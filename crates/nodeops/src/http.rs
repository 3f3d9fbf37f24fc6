//! One request, one connection, bounded: what is asked before a node is
//! touched.

use std::{io, sync::Arc, time::Duration};

use bluegate_cluster::{Origin, Scheme};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// Longest wait for a whole answer, the connection included.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Largest answer that is read: thousands of meetings.
const MAX_ANSWER: usize = 16 << 20;

/// Asks places that are trusted as `tls` says.
#[derive(Clone)]
pub struct Asker {
    tls: Arc<ClientConfig>,
}

/// Why a request brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No trusted connection.
    #[error("cannot connect to `{place}`")]
    Connect {
        /// Host and port.
        place: String,
        /// Why not.
        source: io::Error,
    },
    /// No whole answer in time.
    #[error("`{0}` did not answer within {TIMEOUT:?}")]
    Timeout(String),
    /// The connection ended before the answer.
    #[error("the connection broke")]
    Broken(#[from] hyper::Error),
    /// The answer is too long or was cut off.
    #[error("the answer is too long or was cut off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The request cannot be written.
    #[error("the request cannot be sent")]
    Request(#[from] http::Error),
}

impl Asker {
    /// Trusts as `tls` says.
    #[must_use]
    pub fn new(tls: Arc<ClientConfig>) -> Self {
        Self { tls }
    }

    /// `GET` of `target` at `origin`, connecting to `place` of host and port.
    pub(crate) async fn get(
        &self,
        origin: &Origin,
        place: (&str, u16),
        target: &str,
    ) -> Result<(StatusCode, Bytes), AskError> {
        let asked = timeout(TIMEOUT, self.exchange(origin, place, target)).await;
        asked.unwrap_or_else(|_| Err(AskError::Timeout(origin.to_string())))
    }

    async fn exchange(
        &self,
        origin: &Origin,
        place: (&str, u16),
        target: &str,
    ) -> Result<(StatusCode, Bytes), AskError> {
        let failed =
            |source| AskError::Connect { place: format!("{}:{}", place.0, place.1), source };
        let stream = TcpStream::connect(place).await.map_err(failed)?;
        if origin.scheme() == Scheme::Http {
            return send(stream, origin, target).await;
        }
        let name = origin.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(|error| failed(io::Error::other(error)))?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector.connect(name, stream).await.map_err(failed)?;
        send(stream, origin, target).await
    }
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    origin: &Origin,
    target: &str,
) -> Result<(StatusCode, Bytes), AskError> {
    let request = Request::get(target)
        .header(header::HOST, origin.authority())
        .header(header::USER_AGENT, "bluegate-node")
        .body(Full::<Bytes>::default())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        Ok((status, body.map_err(AskError::Body)?.to_bytes()))
    };
    tokio::pin!(answer, connection);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        outcome = &mut connection => {
            outcome?;
            answer.await
        }
    }
}
