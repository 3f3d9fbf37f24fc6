//! The admin API's client: one request, one connection, bounded.
//!
//! What can be asked lies in files by subject.

mod meetings;
mod nodes;
mod people;
mod pinned;
mod relaying;
#[cfg(test)]
mod tests;

use std::{io, sync::Arc, time::Duration};

use bluegate_cluster::{Origin, Scheme, Secret};
use bytes::Bytes;
use http::{
    Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue},
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::{ClientConfig, pki_types::ServerName};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{ErrorBody, ErrorDetail};

pub use pinned::{PinError, pinned};

/// Longest wait for a whole answer, the connection included.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Largest answer that is read.
const MAX_ANSWER: usize = 4 << 20;

/// A client of one admin listener.
#[derive(Clone)]
pub struct Client {
    origin: Origin,
    authorization: HeaderValue,
    tls: Option<Arc<ClientConfig>>,
}

/// A token that cannot be sent in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token has characters that cannot be sent")]
pub struct TokenError;

/// Why a request brought no answer, or not the one asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection.
    #[error("cannot connect to the admin listener at `{place}`")]
    Connect {
        /// Host and port.
        place: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A connection, but no trusted one.
    #[error("the admin listener at `{place}` cannot be trusted")]
    Handshake {
        /// Host and port.
        place: String,
        /// What TLS said.
        #[source]
        source: io::Error,
    },
    /// No whole answer in time.
    #[error("the admin listener did not answer within {TIMEOUT:?}")]
    Timeout,
    /// The connection ended before the answer.
    #[error("the connection to the admin listener broke")]
    Broken(#[from] hyper::Error),
    /// The answer could not be read whole.
    #[error("the answer is too long or was cut off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What answers is no admin listener.
    #[error("what listens there does not answer as an admin listener: status {status}")]
    Foreign {
        /// Its answer's status.
        status: StatusCode,
    },
    /// The listener said no.
    #[error("the admin listener refused: {}", detail.message)]
    Refused {
        /// Its answer's status.
        status: StatusCode,
        /// Its reason.
        detail: ErrorDetail,
    },
}

impl Client {
    /// A client of the listener at `origin`, which is connected to as it
    /// stands. `tls` decides whom an https origin's connection trusts.
    ///
    /// # Errors
    /// [`TokenError`] when no header can hold the token.
    ///
    /// # Panics
    /// When `origin` is https and there is no `tls`.
    pub fn new(
        origin: Origin,
        token: &Secret,
        tls: Option<Arc<ClientConfig>>,
    ) -> Result<Self, TokenError> {
        assert!(origin.scheme() == Scheme::Http || tls.is_some(), "https needs `tls`");
        let tls = tls.filter(|_| origin.scheme() == Scheme::Https);
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| TokenError)?;
        authorization.set_sensitive(true);
        Ok(Self { origin, authorization, tls })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        target: &str,
    ) -> Result<T, ClientError> {
        self.call_with(method, target, None::<&()>).await
    }

    async fn call_with<T: DeserializeOwned>(
        &self,
        method: Method,
        target: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, self.origin.authority())
            .header(AUTHORIZATION, self.authorization.clone());
        let mut text = Vec::new();
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json");
            text = serde_json::to_vec(body).expect("texts are JSON");
        }
        let request =
            request.body(Full::from(text)).expect("targets and authorities are valid in a request");
        let answer = timeout(TIMEOUT, self.connect_and_send(request));
        let answer = answer.await.map_err(|_| ClientError::Timeout)??;
        let (status, body) = (answer.status(), answer.into_body());
        let foreign = |_| ClientError::Foreign { status };
        if status.is_success() {
            // An answer without a body is JSON's nothing.
            let body = if status == StatusCode::NO_CONTENT { &b"null"[..] } else { &body };
            return serde_json::from_slice(body).map_err(foreign);
        }
        let ErrorBody { error: detail } = serde_json::from_slice(&body).map_err(foreign)?;
        Err(ClientError::Refused { status, detail })
    }

    async fn connect_and_send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, ClientError> {
        let host = self.origin.host().trim_start_matches('[').trim_end_matches(']');
        let place = || format!("{}:{}", self.origin.host(), self.origin.port());
        let stream = TcpStream::connect((host, self.origin.port()))
            .await
            .map_err(|source| ClientError::Connect { place: place(), source })?;
        let Some(tls) = &self.tls else { return send(request, stream).await };
        let handshake = |source| ClientError::Handshake { place: place(), source };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| handshake(io::Error::other(error)))?;
        let stream =
            TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.map_err(handshake)?;
        send(request, stream).await
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// An ID as one segment of a path or one value of a query.
fn escaped(id: &str) -> String {
    utf8_percent_encode(id, NON_ALPHANUMERIC).to_string()
}

async fn send(
    request: Request<Full<Bytes>>,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<Response<Bytes>, ClientError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(ClientError::Body)?;
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
