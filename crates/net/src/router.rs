//! Serving an `axum::Router`.

use std::{convert::Infallible, sync::Arc};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::{Request, Response};

use crate::{Connection, RequestBody, Service};

/// An `axum::Router` as a [`Service`].
///
/// Handlers may extract `ConnectInfo<SocketAddr>` (the peer) and
/// `Extension<Arc<Connection>>`. WebSockets that axum accepts count as open
/// connections and hold up a drain, but axum runs them itself, so they outlive
/// its deadline until the runtime ends.
#[derive(Clone, Debug)]
pub struct RouterService {
    router: Router,
}

impl RouterService {
    /// Wraps a router whose state is filled in.
    #[must_use]
    pub fn new(router: Router) -> Self {
        Self { router }
    }
}

impl Service for RouterService {
    type Body = Body;

    async fn call(
        self: Arc<Self>,
        mut request: Request<RequestBody>,
        connection: Arc<Connection>,
    ) -> Response<Body> {
        request.extensions_mut().insert(ConnectInfo(connection.peer));
        request.extensions_mut().insert(connection);
        // A router is always ready, so it may be called without being polled.
        let answer: Result<_, Infallible> =
            tower_service::Service::call(&mut self.router.clone(), request).await;
        match answer {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}
