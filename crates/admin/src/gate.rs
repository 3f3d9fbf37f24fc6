//! Who may ask: the one way in, before any endpoint is looked at.
//!
//! Closed unless said otherwise: a path that is not in the list of open ones
//! needs a token, whether it exists or not. What the token's role may is looked at
//! by the endpoint (module `access`).

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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

use crate::{
    audit::Recorder,
    error::ApiError,
    issued::{Issued, NotChecked},
    role::Caller,
    throttle::Throttle,
    token::Tokens,
};

/// Largest request body; no endpoint needs more.
pub(crate) const MAX_BODY: usize = 16 << 10;

/// The paths that are open to anyone who reaches the listener.
pub(crate) const OPEN: [&str; 2] = ["/health", "/ready"];

/// Checks tokens.
pub(crate) struct Gate {
    tokens: Tokens,
    issued: Option<Issued>,
    recorder: Recorder,
    throttle: Mutex<Throttle>,
}

impl Gate {
    pub(crate) fn new(tokens: Tokens, issued: Option<Issued>, recorder: Recorder) -> Arc<Self> {
        Arc::new(Self { tokens, issued, recorder, throttle: Mutex::default() })
    }

    /// Who asks. What can be told at once is told under the lock, so that any
    /// number of guesses at once is counted before the next one is looked at.
    async fn authorize(&self, token: Option<&str>, client: IpAddr) -> Result<Caller, ApiError> {
        let (issued, token) = {
            let (mut throttle, now) = (self.throttle(), Instant::now());
            patience(&throttle, client, now)?;
            // No guess: a browser or a scraper without its token.
            let Some(token) = token else { return Err(ApiError::Unauthorized) };
            if self.tokens.include(token) {
                return Ok(Caller::of_token_file());
            }
            let Some(issued) = self.issued.as_ref().filter(|_| Issued::is_one(token)) else {
                throttle.failed(client, now);
                return Err(ApiError::Unauthorized);
            };
            (issued, token)
        };
        if let Some(caller) = issued.recall(token).await? {
            return Ok(caller);
        }
        let turn = issued.turn().await?;
        // While it waited, others of this client may have been wrong, or right.
        patience(&self.throttle(), client, Instant::now())?;
        if let Some(caller) = issued.recall(token).await? {
            return Ok(caller);
        }
        let caller = issued.check(token, turn).await?;
        caller.ok_or_else(|| {
            self.throttle().failed(client, Instant::now());
            ApiError::Unauthorized
        })
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses who was wrong too often lately.
fn patience(throttle: &Throttle, client: IpAddr, now: Instant) -> Result<(), ApiError> {
    match throttle.wait(client, now) {
        Some(wait) => Err(ApiError::TooManyFailures { retry_after_seconds: wait.as_secs() + 1 }),
        None => Ok(()),
    }
}

impl From<NotChecked> for ApiError {
    fn from(error: NotChecked) -> Self {
        match error {
            NotChecked::Busy => Self::Busy,
            NotChecked::Store(refusal) => Self::Scaler(refusal),
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
pub(crate) async fn pass(
    State(gate): State<Arc<Gate>>,
    mut request: Request,
    next: Next,
) -> Response {
    let open = OPEN.contains(&request.uri().path());
    let too_long = request.body().size_hint().lower() > MAX_BODY as u64;
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    // Without an address all are one client.
    let client = peer.map_or(IpAddr::from(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let token = bearer(request.headers()).map(str::to_owned);
    let caller = match open {
        true => Ok(None),
        false => gate.authorize(token.as_deref(), client).await.map(Some),
    };
    let mut response = match caller {
        Err(error) => error.into_response(),
        Ok(_) if too_long => ApiError::BodyTooLong.into_response(),
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
                request.extensions_mut().insert(gate.recorder.clone());
            }
            next.run(request.map(|body| Body::new(Limited::new(body, MAX_BODY)))).await
        }
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::{Role, fixture::FakeStore};

    #[tokio::test]
    async fn who_waits_for_a_turn_is_not_heard_when_others_were_wrong_meanwhile() {
        let store = Arc::new(FakeStore::default());
        let token = store.issue("board", Role::Viewer);
        let issued = Issued::patient(store);
        let gate = Gate::new(Tokens::new(&[]), Some(issued), Recorder::new(None));
        let issued = gate.issued.as_ref().unwrap();
        let client = IpAddr::from([192, 0, 2, 1]);
        let turns = [issued.turn().await.unwrap(), issued.turn().await.unwrap()];
        let waiting = (0..5).map(|_| Box::pin(gate.authorize(Some(&token), client)));
        let mut waiting: Vec<_> = waiting.collect();
        for guess in &mut waiting {
            assert!(guess.now_or_never().is_none());
        }
        for _ in 0..1_000 {
            gate.throttle().failed(client, Instant::now());
        }
        drop(turns);
        for guess in waiting {
            assert!(matches!(guess.await, Err(ApiError::TooManyFailures { .. })));
        }
        // Nor was any of them hashed.
        assert_eq!(issued.recall(&token).await.unwrap(), None);
    }
}
