//! Requests to one place: few at a time, each within its time and its bytes.

use std::{
    error::Error as _,
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::sync::Semaphore;

use super::{
    Answer, Dialer, Exchange, Place, Shown, Trouble,
    answer::showable,
    dial::{Connector, DialError},
};

/// Longest an unused connection is kept: shorter than nginx does (75 s).
const IDLE: Duration = Duration::from_secs(20);
/// What we call ourselves, so that access logs say who asked.
const AGENT: HeaderValue = HeaderValue::from_static("bluegate-doctor");

/// A client of one place.
pub(crate) struct Client {
    inner: legacy::Client<Connector, Empty<Bytes>>,
    place: Arc<Place>,
    permits: Semaphore,
    timeout: Duration,
    body: usize,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(HeaderName, String)>,
    /// The subprotocol of a WebSocket to open (may be empty).
    pub(crate) web_socket: Option<&'static str>,
}

/// A WebSocket's connection, once both agreed to it.
pub(crate) type Upgraded = TokioIo<hyper::upgrade::Upgraded>;

impl Request {
    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::of(Method::GET, target)
    }

    pub(crate) fn of(method: Method, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), headers: Vec::new(), web_socket: None }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A preflight, as a browser sends it before `method` with these headers.
    pub(crate) fn preflight(target: &str, origin: &str, method: &str, headers: &str) -> Self {
        let request = Self::of(Method::OPTIONS, target)
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, method);
        if headers.is_empty() {
            return request;
        }
        request.header(header::ACCESS_CONTROL_REQUEST_HEADERS, headers)
    }

    /// Opening a WebSocket from a page of `origin`.
    pub(crate) fn web_socket(target: &str, origin: &str, protocol: &'static str) -> Self {
        Self { web_socket: Some(protocol), ..Self::get(target) }.header(header::ORIGIN, origin)
    }
}

impl Client {
    pub(crate) fn new(
        dialer: &Dialer,
        place: Place,
        permits: usize,
        timeout: Duration,
        body: usize,
    ) -> Self {
        let place = Arc::new(place);
        let connector = Connector { dialer: dialer.clone(), place: Arc::clone(&place) };
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(permits)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self { inner, place, permits: Semaphore::new(permits), timeout, body }
    }

    /// Asks and reads the whole answer.
    pub(crate) async fn ask(&self, request: Request) -> Exchange {
        self.open(request).await.0
    }

    /// Asks; of a WebSocket that was opened, its connection too.
    pub(crate) async fn open(&self, request: Request) -> (Exchange, Option<Upgraded>) {
        let shown = self.shown(&request);
        // Never closed: the permits live as long as the client.
        let _permit = self.permits.acquire().await;
        let outcome = tokio::time::timeout(self.timeout, self.exchange(request)).await;
        match outcome.unwrap_or(Err(Trouble::TimedOut)) {
            Ok((answer, upgraded)) => (Exchange { request: shown, outcome: Ok(answer) }, upgraded),
            Err(trouble) => (Exchange { request: shown, outcome: Err(trouble) }, None),
        }
    }

    async fn exchange(&self, request: Request) -> Result<(Answer, Option<Upgraded>), Trouble> {
        let wants_upgrade = request.web_socket.is_some();
        let request = self.http(request)?;
        let mut response = self.inner.request(request).await.map_err(|error| trouble(&error))?;
        let at = SystemTime::now();
        if wants_upgrade && response.status() == http::StatusCode::SWITCHING_PROTOCOLS {
            let upgraded = hyper::upgrade::on(&mut response).await;
            let upgraded = upgraded.map_err(|error| Trouble::Broken(error.to_string()))?;
            let (parts, _) = response.into_parts();
            let answer =
                Answer { status: parts.status, headers: parts.headers, body: Bytes::new(), at };
            return Ok((answer, Some(TokioIo::new(upgraded))));
        }
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, self.body).collect().await.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                Trouble::TooLarge
            } else {
                Trouble::Broken("the answer broke off".to_owned())
            }
        })?;
        let body = body.to_bytes();
        Ok((Answer { status: parts.status, headers: parts.headers, body, at }, None))
    }

    fn http(&self, request: Request) -> Result<http::Request<Empty<Bytes>>, Trouble> {
        let broken = |what: &str| Trouble::Broken(format!("{what} cannot be sent"));
        let uri = format!("{}{}", self.place.origin, request.target);
        let mut built = http::Request::builder()
            .method(request.method)
            .uri(uri)
            .header(header::USER_AGENT, AGENT)
            .header(header::ACCEPT, "*/*");
        if let Some(protocol) = request.web_socket {
            let key = STANDARD.encode(rand::random::<[u8; 16]>());
            built = built
                .header(header::CONNECTION, "Upgrade")
                .header(header::UPGRADE, "websocket")
                .header(header::SEC_WEBSOCKET_VERSION, "13")
                .header(header::SEC_WEBSOCKET_KEY, key);
            if !protocol.is_empty() {
                built = built.header(header::SEC_WEBSOCKET_PROTOCOL, protocol);
            }
        }
        for (name, value) in request.headers {
            let value = HeaderValue::try_from(value).map_err(|_| broken(name.as_str()))?;
            built = built.header(name, value);
        }
        built.body(Empty::new()).map_err(|_| broken("the request"))
    }

    fn shown(&self, request: &Request) -> Shown {
        let hidden = [header::COOKIE, HeaderName::from_static("x-session-token")];
        let headers = request.headers.iter().map(|(name, value)| {
            let value = if hidden.contains(name) { "…".to_owned() } else { value.clone() };
            (title(name.as_str()), value)
        });
        let method = match request.web_socket {
            Some(_) => "WebSocket".to_owned(),
            None => request.method.to_string(),
        };
        let url = showable(&format!("{}{}", self.place.origin, request.target));
        Shown { method, url, headers: headers.collect() }
    }
}

/// `access-control-allow-origin` as people write it.
pub(crate) fn title(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect::<Vec<_>>().join("-")
}

fn trouble(error: &legacy::Error) -> Trouble {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(DialError(trouble)) = inner.downcast_ref() {
            return trouble.clone();
        }
        cause = inner.source();
    }
    Trouble::Broken("no complete answer".to_owned())
}
