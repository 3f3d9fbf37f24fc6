//! The table of all endpoints, and the router made of it.

use axum::{
    Json, Router,
    extract::State,
    handler::Handler,
    middleware,
    routing::{MethodFilter, MethodRouter, on},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    Sources, Tokens, cache, doctor,
    error::ApiError,
    gate::{self, Gate},
    health as node_health, meetings, metrics, nodes, routes, tenants,
};

/// One endpoint. There is no other way to have one, so that a test over the
/// table is a test over all.
pub(crate) struct Endpoint {
    #[cfg_attr(not(test), expect(dead_code, reason = "for the test over the table"))]
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    handler: MethodRouter<Sources>,
}

impl Endpoint {
    fn new<T: 'static>(
        method: Method,
        path: &'static str,
        handler: impl Handler<T, Sources>,
    ) -> Self {
        let filter = MethodFilter::try_from(method.clone()).expect("the table's methods are usual");
        Self { method, path, handler: on(filter, handler) }
    }
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/health", health),
        Endpoint::new(Method::GET, "/ready", ready),
        Endpoint::new(Method::GET, "/metrics", metrics::show),
        Endpoint::new(Method::GET, "/v1/routes", routes::show),
        Endpoint::new(Method::POST, "/v1/routes", routes::add),
        Endpoint::new(Method::PATCH, "/v1/routes/{mount}", routes::change),
        Endpoint::new(Method::DELETE, "/v1/routes/{mount}", routes::remove),
        Endpoint::new(Method::GET, "/v1/nodes", nodes::show),
        Endpoint::new(Method::POST, "/v1/nodes", nodes::add),
        Endpoint::new(Method::GET, "/v1/nodes/{name}", nodes::show_one),
        Endpoint::new(Method::PATCH, "/v1/nodes/{name}", nodes::change),
        Endpoint::new(Method::DELETE, "/v1/nodes/{name}", nodes::remove),
        Endpoint::new(Method::GET, "/v1/meetings", meetings::list),
        Endpoint::new(Method::GET, "/v1/meetings/{tenant}/{meeting}", meetings::show),
        Endpoint::new(Method::DELETE, "/v1/meetings/{tenant}/{meeting}", meetings::end),
        Endpoint::new(Method::GET, "/v1/health", node_health::show),
        Endpoint::new(Method::POST, "/v1/nodes/{name}/lost", node_health::lose),
        Endpoint::new(Method::GET, "/v1/tenants", tenants::show),
        Endpoint::new(Method::POST, "/v1/tenants", tenants::add),
        Endpoint::new(Method::GET, "/v1/tenants/{name}", tenants::show_one),
        Endpoint::new(Method::PATCH, "/v1/tenants/{name}", tenants::change),
        Endpoint::new(Method::DELETE, "/v1/tenants/{name}", tenants::remove),
        Endpoint::new(Method::GET, "/v1/cache", cache::show),
        Endpoint::new(Method::DELETE, "/v1/cache", cache::purge),
        Endpoint::new(Method::GET, "/v1/doctor", doctor::show),
    ]
}

/// The admin API. Serve it on a listener of its own that hands over
/// `ConnectInfo<SocketAddr>`: by the peer's address guesses are slowed.
pub fn router(tokens: Tokens, sources: Sources) -> Router {
    let mut router = Router::new();
    for Endpoint { path, handler, .. } in endpoints() {
        router = router.route(path, handler);
    }
    router
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(Gate::new(tokens), gate::pass))
        .with_state(sources)
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

async fn ready(State(sources): State<Sources>) -> (StatusCode, Json<Value>) {
    if (sources.ready)() {
        (StatusCode::OK, Json(json!({ "status": "ready" })))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "not ready" })))
    }
}
