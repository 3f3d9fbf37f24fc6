//! `Strict-Transport-Security` on the answers of an https origin.

use std::{sync::Arc, time::Duration};

use bluegate_cluster::{Origin, Scheme};
use http::{HeaderValue, Request, Response, header::STRICT_TRANSPORT_SECURITY};

use crate::{Connection, RequestBody, Service, request_authority};

/// A service whose answers over TLS, to requests for one origin, have browsers
/// come back by https only. For the host itself, not for those below it.
#[derive(Debug)]
pub struct Hsts<S> {
    service: Arc<S>,
    promise: Option<(Origin, HeaderValue)>,
}

impl<S: Service> Hsts<S> {
    /// Adds the promise to answers of `origin`, for as long as `max_age` says;
    /// without `max_age`, or where `origin` is not https, adds nothing.
    pub fn new(service: Arc<S>, origin: Origin, max_age: Option<Duration>) -> Self {
        let promise = max_age
            .filter(|_| origin.scheme() == Scheme::Https)
            .and_then(|age| HeaderValue::try_from(format!("max-age={}", age.as_secs())).ok())
            .map(|value| (origin, value));
        Self { service, promise }
    }
}

impl<S: Service> Service for Hsts<S> {
    type Body = S::Body;

    async fn call(
        self: Arc<Self>,
        request: Request<RequestBody>,
        connection: Arc<Connection>,
    ) -> Response<Self::Body> {
        let promised = self.promise.as_ref().filter(|(origin, _)| {
            connection.tls
                && request_authority(&request)
                    .is_some_and(|authority| origin.matches_authority(authority))
        });
        let mut response = Arc::clone(&self.service).call(request, connection).await;
        if let Some((_, value)) = promised {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, value.clone());
        }
        response
    }
}
