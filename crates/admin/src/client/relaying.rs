//! What the proxy relays and caches.

use bluegate_cluster::Mount;
use http::Method;

use super::{Client, ClientError};
use crate::{CacheReport, Purged, RouteChange, RouteEntry, RouteSpec, RoutesReport};

impl Client {
    /// `GET /v1/routes`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn routes(&self) -> Result<RoutesReport, ClientError> {
        self.call(Method::GET, "/v1/routes").await
    }

    /// `POST /v1/routes`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn add_route(&self, route: &RouteSpec) -> Result<RouteEntry, ClientError> {
        self.call_with(Method::POST, "/v1/routes", Some(route)).await
    }

    /// `PATCH /v1/routes/{mount}`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn change_route(
        &self,
        mount: &Mount,
        change: &RouteChange,
    ) -> Result<RouteEntry, ClientError> {
        self.call_with(Method::PATCH, &format!("/v1/routes/{mount}"), Some(change)).await
    }

    /// `DELETE /v1/routes/{mount}`; returns what was there.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn remove_route(&self, mount: &Mount) -> Result<RouteEntry, ClientError> {
        self.call(Method::DELETE, &format!("/v1/routes/{mount}")).await
    }

    /// `GET /v1/cache`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn cache(&self) -> Result<CacheReport, ClientError> {
        self.call(Method::GET, "/v1/cache").await
    }

    /// `DELETE /v1/cache`, for one mount or all.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn purge(&self, mount: Option<&Mount>) -> Result<Purged, ClientError> {
        // A mount's characters need no escaping in a query.
        let target = match mount {
            Some(mount) => format!("/v1/cache?mount={mount}"),
            None => "/v1/cache".to_owned(),
        };
        self.call(Method::DELETE, &target).await
    }
}
