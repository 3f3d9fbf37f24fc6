//! Which of two roles answers, when proxy and scaler share a listener.
//!
//! The scaler has an origin of its own, hosts of its tenants and, on the cluster's origin, the exact
//! prefixes `/bigbluebutton/api` and `/t/`. Everything else is the proxy's,
//! foreign hosts included: it is the one that knows how to refuse them.

use std::sync::Arc;

use bluegate_cluster::Origin;
use http::{Request, Response};
use http_body_util::Either;

use crate::{Connection, RequestBody, Service, request_authority};

/// The origins of a shared listener.
#[derive(Clone)]
pub struct Dispatch {
    /// Where browsers load the client.
    pub cluster: Origin,
    /// Where frontends call the API, when that is another origin.
    pub api: Option<Origin>,
    /// Further hosts of the API.
    pub hosts: Option<Arc<ApiHosts>>,
}

/// Says whether the host of an authority is the API's too. Asked for each
/// request, because tenants come and go.
pub type ApiHosts = dyn Fn(&str) -> bool + Send + Sync;

impl std::fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cluster, api, hosts: _ } = self;
        f.debug_struct("Dispatch")
            .field("cluster", cluster)
            .field("api", api)
            .finish_non_exhaustive()
    }
}

/// The role a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The cluster's front door.
    Proxy,
    /// The BBB API.
    Api,
}

impl Dispatch {
    /// Decides by the authority a request addresses and its path.
    #[must_use]
    pub fn role(&self, authority: Option<&str>, path: &str) -> Role {
        let Some(authority) = authority else { return Role::Proxy };
        if self.cluster.matches_authority(authority) {
            return if is_api_path(path) { Role::Api } else { Role::Proxy };
        }
        match &self.api {
            Some(api) if api.matches_authority(authority) => Role::Api,
            _ if self.hosts.as_ref().is_some_and(|hosts| hosts(authority)) => Role::Api,
            _ => Role::Proxy,
        }
    }
}

/// `/bigbluebutton/api`, below it, or below `/t/`.
fn is_api_path(path: &str) -> bool {
    match path.strip_prefix("/bigbluebutton/api") {
        Some(rest) => rest.is_empty() || rest.starts_with('/'),
        None => path.starts_with("/t/"),
    }
}

/// Two roles behind one listener.
#[derive(Debug)]
pub struct Dispatcher<P, A> {
    dispatch: Dispatch,
    proxy: Arc<P>,
    api: Arc<A>,
}

impl<P, A> Dispatcher<P, A> {
    /// Serves `proxy` and `api` side by side.
    pub fn new(dispatch: Dispatch, proxy: Arc<P>, api: Arc<A>) -> Self {
        Self { dispatch, proxy, api }
    }
}

impl<P: Service, A: Service> Service for Dispatcher<P, A> {
    type Body = Either<P::Body, A::Body>;

    async fn call(
        self: Arc<Self>,
        request: Request<RequestBody>,
        connection: Arc<Connection>,
    ) -> Response<Self::Body> {
        match self.dispatch.role(request_authority(&request), request.uri().path()) {
            Role::Proxy => {
                Arc::clone(&self.proxy).call(request, connection).await.map(Either::Left)
            }
            Role::Api => Arc::clone(&self.api).call(request, connection).await.map(Either::Right),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_exact_prefixes_choose_the_role() {
        let shared = Dispatch {
            cluster: "https://bbb.example.org".parse().unwrap(),
            api: Some("https://api.example.org".parse().unwrap()),
            hosts: Some(Arc::new(|host| {
                host == "school-a.example.org" || host == "bbb.example.org"
            })),
        };
        for (authority, path, wanted) in [
            (Some("api.example.org"), "/bigbluebutton/api/create", Role::Api),
            (Some("API.example.org:443"), "/anything", Role::Api),
            (Some("school-a.example.org"), "/bigbluebutton/api/create", Role::Api),
            (Some("school-a.example.org"), "/", Role::Api),
            (Some("school-b.example.org"), "/bigbluebutton/api/create", Role::Proxy),
            (Some("bbb.example.org"), "/bigbluebutton/api", Role::Api),
            (Some("bbb.example.org"), "/bigbluebutton/api/", Role::Api),
            (Some("bbb.example.org"), "/bigbluebutton/api/join", Role::Api),
            (Some("bbb.example.org"), "/t/physics/bigbluebutton/api", Role::Api),
            (Some("bbb.example.org"), "/t", Role::Proxy),
            (Some("bbb.example.org"), "/tx/", Role::Proxy),
            (Some("bbb.example.org"), "/bigbluebutton/apix", Role::Proxy),
            (Some("bbb.example.org"), "/bigbluebutton%2Fapi", Role::Proxy),
            (Some("bbb.example.org"), "/bbb-01/bigbluebutton/api", Role::Proxy),
            (Some("bbb.example.org"), "//bigbluebutton/api", Role::Proxy),
            (Some("bbb.example.org"), "/", Role::Proxy),
            (Some("evil.example.org"), "/bigbluebutton/api", Role::Proxy),
            (Some("api.example.org:8443"), "/bigbluebutton/api", Role::Proxy),
            (None, "/bigbluebutton/api", Role::Proxy),
        ] {
            assert_eq!(shared.role(authority, path), wanted, "{authority:?} {path}");
        }

        let alone = Dispatch { api: None, hosts: None, ..shared };
        assert_eq!(alone.role(Some("bbb.example.org"), "/bigbluebutton/api"), Role::Api);
        assert_eq!(alone.role(Some("api.example.org"), "/bigbluebutton/api"), Role::Proxy);
    }
}
