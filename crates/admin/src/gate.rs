//! Who may ask: the one way in, before any endpoint is looked at.
//!
//! Closed unless said otherwise: a path that is not in the list of open ones
//! needs the token, whether it exists or not.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use axum::{
    body::{Body, HttpBody as _},
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS},
};
use http_body_util::Limited;

use crate::{error::ApiError, throttle::Throttle, token::Tokens};

/// Largest request body; no endpoint needs more.
pub(crate) const MAX_BODY: usize = 16 << 10;

/// The paths that are open to anyone who reaches the listener.
pub(crate) const OPEN: [&str; 2] = ["/health", "/ready"];

/// Checks tokens.
#[derive(Debug)]
pub(crate) struct Gate {
    tokens: Tokens,
    throttle: Mutex<Throttle>,
}

impl Gate {
    pub(crate) fn new(tokens: Tokens) -> Arc<Self> {
        Arc::new(Self { tokens, throttle: Mutex::default() })
    }

    /// Looks at the token under the lock, so that any number of guesses at
    /// once is counted before the next one is looked at.
    fn authorize(&self, headers: &HeaderMap, client: IpAddr, now: Instant) -> Result<(), ApiError> {
        let mut throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wait) = throttle.wait(client, now) {
            return Err(ApiError::TooManyFailures { retry_after_seconds: wait.as_secs() + 1 });
        }
        match bearer(headers) {
            Some(token) if self.tokens.include(token) => Ok(()),
            Some(_) => {
                throttle.failed(client, now);
                Err(ApiError::Unauthorized)
            }
            // No guess: a browser or a scraper without its token.
            None => Err(ApiError::Unauthorized),
        }
    }
}

/// The one bearer token of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The middleware around everything.
pub(crate) async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let mut response = match admit(&gate, &request) {
        Ok(()) => next.run(request.map(|body| Body::new(Limited::new(body, MAX_BODY)))).await,
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn admit(gate: &Gate, request: &Request) -> Result<(), ApiError> {
    if !OPEN.contains(&request.uri().path()) {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        // Without an address all are one client.
        let client = peer.map_or(IpAddr::from(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        gate.authorize(request.headers(), client, Instant::now())?;
    }
    if request.body().size_hint().lower() > MAX_BODY as u64 {
        return Err(ApiError::BodyTooLong);
    }
    Ok(())
}
