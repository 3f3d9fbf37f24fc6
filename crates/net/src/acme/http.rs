//! The few requests an authority gets: each on a connection of its own,
//! bounded in time and size.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header::CONNECTION, header::HOST};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use crate::BoxError;

/// For one request and its answer, the connection included.
const EXCHANGE: Duration = Duration::from_secs(30);

/// Bytes of an answer. A chain is a few KiB.
const MAX_ANSWER: usize = 256 * 1024;

/// How an authority is reached.
#[derive(Clone)]
pub(super) struct Http {
    tls: Arc<ClientConfig>,
}

/// Why an exchange with the authority came to nothing.
#[derive(Debug, thiserror::Error)]
enum HttpError {
    #[error("`{0}` is not an https URL")]
    Url(Uri),
    #[error("no answer from `{0}` within {EXCHANGE:?}")]
    Slow(String),
    #[error("cannot connect to `{host}`")]
    Connect {
        host: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the exchange with `{host}` broke off")]
    Exchange {
        host: String,
        #[source]
        source: hyper::Error,
    },
    #[error("the answer of `{host}` could not be read")]
    Answer {
        host: String,
        #[source]
        source: BoxError,
    },
}

impl Http {
    pub(super) fn new(tls: Arc<ClientConfig>) -> Self {
        Self { tls }
    }

    async fn exchange(
        self,
        mut request: Request<BodyWrapper<Bytes>>,
    ) -> Result<Response<Full<Bytes>>, HttpError> {
        let uri = request.uri().clone();
        let (Some("https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(HttpError::Url(uri));
        };
        let host = authority.host().to_owned();
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(443);
        let name = ServerName::try_from(bare.clone()).map_err(|_| HttpError::Url(uri.clone()))?;
        let connect = |source| HttpError::Connect { host: host.clone(), source };
        let stream = TcpStream::connect((bare, port)).await.map_err(connect)?;
        let stream = TlsConnector::from(self.tls).connect(name, stream).await.map_err(connect)?;

        let headers = request.headers_mut();
        if let Ok(value) = HeaderValue::try_from(authority.as_str()) {
            headers.insert(HOST, value);
        }
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        *request.uri_mut() = target.parse().map_err(|_| HttpError::Url(uri.clone()))?;

        let broken = |source| HttpError::Exchange { host: host.clone(), source };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let exchange = async {
            let (parts, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await;
            let body =
                body.map_err(|source| HttpError::Answer { host: host.clone(), source })?.to_bytes();
            Ok(Response::from_parts(parts, Full::new(body)))
        };
        // The connection is driven here, and gone with the exchange.
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            answer = &mut exchange => return answer,
            _ = connection => {}
        }
        // It may end before the last piece of the answer was taken from it.
        exchange.await
    }
}

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let exchange = self.clone().exchange(request);
        Box::pin(async move {
            match timeout(EXCHANGE, exchange).await {
                Ok(Ok(response)) => Ok(response.into()),
                Ok(Err(error)) => Err(Error::Other(Box::new(error))),
                Err(_) => Err(Error::Other(Box::new(HttpError::Slow(host)))),
            }
        })
    }
}
