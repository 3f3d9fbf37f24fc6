//! The table of all endpoints, and the router made of it.

use axum::{
    Router,
    handler::Handler,
    middleware,
    routing::{MethodFilter, MethodRouter, on},
};
use http::Method;

use crate::{
    Sources, Tokens,
    access::{self, Access, Rule},
    audit::{self, Recorder},
    cache, callbacks, doctor,
    error::ApiError,
    gate::{self, Gate},
    health as node_health,
    issued::Issued,
    meetings, metrics, nodes, openapi, readiness, recordings, routes, tenants, tokens,
};

/// One endpoint. There is no other way to have one, so that a test over the
/// table is a test over all.
pub(crate) struct Endpoint {
    pub(crate) rule: Rule,
    handler: MethodRouter<Sources>,
}

impl Endpoint {
    fn new<T: 'static>(
        access: Access,
        method: Method,
        path: &'static str,
        handler: impl Handler<T, Sources>,
    ) -> Self {
        let filter = MethodFilter::try_from(method.clone()).expect("the table's methods are usual");
        let rule = Rule { access, method, path };
        let admit = middleware::from_fn_with_state(rule.clone(), access::admit);
        Self { rule, handler: on(filter, handler).route_layer(admit) }
    }
}

const RECORDING: &str = "/v1/recordings/{tenant}/{recording}";

pub(crate) fn endpoints() -> Vec<Endpoint> {
    use Access::{Open, Operator, Tenant, Viewer};
    vec![
        Endpoint::new(Open, Method::GET, "/health", readiness::health),
        Endpoint::new(Open, Method::GET, "/ready", readiness::ready),
        Endpoint::new(Viewer, Method::GET, "/metrics", metrics::show),
        Endpoint::new(Viewer, Method::GET, "/v1/routes", routes::show),
        Endpoint::new(Operator, Method::POST, "/v1/routes", routes::add),
        Endpoint::new(Operator, Method::PATCH, "/v1/routes/{mount}", routes::change),
        Endpoint::new(Operator, Method::DELETE, "/v1/routes/{mount}", routes::remove),
        Endpoint::new(Viewer, Method::GET, "/v1/nodes", nodes::show),
        Endpoint::new(Operator, Method::POST, "/v1/nodes", nodes::add),
        Endpoint::new(Viewer, Method::GET, "/v1/nodes/{name}", nodes::show_one),
        Endpoint::new(Operator, Method::PATCH, "/v1/nodes/{name}", nodes::change),
        Endpoint::new(Operator, Method::DELETE, "/v1/nodes/{name}", nodes::remove),
        Endpoint::new(Tenant, Method::GET, "/v1/meetings", meetings::list),
        Endpoint::new(Tenant, Method::GET, "/v1/meetings/{tenant}/{meeting}", meetings::show),
        Endpoint::new(Tenant, Method::DELETE, "/v1/meetings/{tenant}/{meeting}", meetings::end),
        Endpoint::new(Viewer, Method::GET, "/v1/health", node_health::show),
        Endpoint::new(Operator, Method::POST, "/v1/nodes/{name}/lost", node_health::lose),
        Endpoint::new(Tenant, Method::GET, "/v1/tenants", tenants::show),
        Endpoint::new(Operator, Method::POST, "/v1/tenants", tenants::add),
        Endpoint::new(Tenant, Method::GET, "/v1/tenants/{name}", tenants::show_one),
        Endpoint::new(Operator, Method::PATCH, "/v1/tenants/{name}", tenants::change),
        Endpoint::new(Operator, Method::DELETE, "/v1/tenants/{name}", tenants::remove),
        Endpoint::new(Tenant, Method::GET, "/v1/callbacks", callbacks::list),
        Endpoint::new(Tenant, Method::POST, "/v1/callbacks/{id}/retry", callbacks::retry),
        Endpoint::new(Tenant, Method::DELETE, "/v1/callbacks/{id}", callbacks::remove),
        Endpoint::new(Tenant, Method::GET, "/v1/recordings", recordings::list),
        Endpoint::new(Tenant, Method::GET, RECORDING, recordings::show),
        Endpoint::new(Tenant, Method::PATCH, RECORDING, recordings::change),
        Endpoint::new(Tenant, Method::DELETE, RECORDING, recordings::delete),
        Endpoint::new(Viewer, Method::GET, "/v1/cache", cache::show),
        Endpoint::new(Operator, Method::DELETE, "/v1/cache", cache::purge),
        Endpoint::new(Viewer, Method::GET, "/v1/doctor", doctor::show),
        Endpoint::new(Operator, Method::GET, "/v1/tokens", tokens::list),
        Endpoint::new(Operator, Method::POST, "/v1/tokens", tokens::add),
        Endpoint::new(Operator, Method::DELETE, "/v1/tokens/{name}", tokens::remove),
        Endpoint::new(Viewer, Method::GET, "/v1/audit", audit::list),
        Endpoint::new(Tenant, Method::GET, "/v1/openapi.json", openapi::show),
    ]
}

/// The admin API. Serve it on a listener of its own that hands over
/// `ConnectInfo<SocketAddr>`: by the peer's address guesses are slowed.
/// `tokens` open it to operators; those of [`Sources::tokens`] say what they may.
pub fn router(tokens: Tokens, sources: Sources) -> Router {
    let mut router = Router::new();
    for Endpoint { rule, handler } in endpoints() {
        router = router.route(rule.path, handler);
    }
    let issued = sources.tokens.clone().map(Issued::new);
    let gate = Gate::new(tokens, issued, Recorder::new(sources.audit.clone()));
    router
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(gate, gate::pass))
        .with_state(sources)
}
