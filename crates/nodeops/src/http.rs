//! One request, one connection, bounded: what is asked before a node is
//! touched.

use std::{io, sync::Arc, time::Duration};

use bluegate_cluster::{Origin, Scheme};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
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
    /// There is no runtime to ask in.
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
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
        self.ask(origin, place, Request::get(target).body(Full::default())?).await
    }

    /// `POST` of a JSON `body` to `target` at `origin`.
    pub(crate) async fn post_json(
        &self,
        origin: &Origin,
        place: (&str, u16),
        target: &str,
        body: String,
    ) -> Result<(StatusCode, Bytes), AskError> {
        let request = Request::post(target).header(header::CONTENT_TYPE, "application/json");
        self.ask(origin, place, request.body(Full::from(body))?).await
    }

    async fn ask(
        &self,
        origin: &Origin,
        place: (&str, u16),
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), AskError> {
        let asked = timeout(TIMEOUT, self.exchange(origin, place, request)).await;
        asked.unwrap_or_else(|_| Err(AskError::Timeout(origin.to_string())))
    }

    async fn exchange(
        &self,
        origin: &Origin,
        place: (&str, u16),
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), AskError> {
        let failed =
            |source| AskError::Connect { place: format!("{}:{}", place.0, place.1), source };
        let stream = TcpStream::connect(place).await.map_err(failed)?;
        if origin.scheme() == Scheme::Http {
            return send(stream, origin, request).await;
        }
        let name = origin.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(|error| failed(io::Error::other(error)))?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector.connect(name, stream).await.map_err(failed)?;
        send(stream, origin, request).await
    }
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    origin: &Origin,
    mut request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), AskError> {
    let host = HeaderValue::try_from(origin.authority()).map_err(http::Error::from)?;
    request.headers_mut().insert(header::HOST, host);
    let agent = HeaderValue::from_static("bluegate-node");
    request.headers_mut().insert(header::USER_AGENT, agent);
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

/// Waits for `asking` on this thread, which is none of a runtime's.
pub(crate) fn wait_for<T, E: From<AskError>>(
    asking: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(AskError::Runtime)?.block_on(asking)
}
