//! `/v1/routes`: what the cluster's origin relays, and its change at run time.
//!
//! What is relayed is the configuration file's nodes together with those that
//! were added here. [`RouteBook`] holds both; what may be added is decided in
//! `merge`, what a request changes in `edit`, and the added nodes are kept in
//! a `file` of their own.

mod book;
mod edit;
mod file;
mod merge;
mod report;
#[cfg(test)]
mod tests;

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use bluegate_cluster::Mount;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ETAG, IF_MATCH},
};

pub use book::{BookError, RouteBook};
pub use edit::{EditError, RouteChange};
pub use file::RoutesFileError;
pub use merge::{Given, HeldBack};
pub use report::{HeldBackEntry, RouteEntry, RouteSource, RouteSpec, RoutesReport};

use crate::{
    Sources,
    audit::Subject,
    error::ApiError,
    request::{Body, Named},
};
pub(crate) use edit::Edit;

#[utoipa::path(
    get,
    path = "/v1/routes",
    operation_id = "list_routes",
    responses((status = 200, description = "What is relayed", body = RoutesReport)),
)]
pub(crate) async fn show(State(sources): State<Sources>) -> Response {
    let mut report = report(&sources);
    // The tag is that of the routes, however the nodes behind them are.
    let etag = report.etag();
    let nodes = sources.nodes.as_ref().map(|nodes| nodes()).unwrap_or_default();
    for route in &mut report.routes {
        route.state = nodes.nodes.get(&route.mount).map(|node| node.state.clone());
    }
    tagged(&etag, Json(&report).into_response())
}

#[utoipa::path(
    post,
    path = "/v1/routes",
    operation_id = "add_route",
    request_body = RouteSpec,
    responses((status = 201, description = "Added", body = RouteEntry)),
)]
pub(crate) async fn add(
    State(sources): State<Sources>,
    Extension(subject): Extension<Subject>,
    headers: HeaderMap,
    Body(spec): Body<RouteSpec>,
) -> Result<Response, ApiError> {
    let node = spec.node().map_err(ApiError::BadBody)?;
    subject.is(node.name.as_str());
    edit(sources, &headers, Edit::Add(node), StatusCode::CREATED).await
}

#[utoipa::path(
    patch,
    path = "/v1/routes/{mount}",
    operation_id = "change_route",
    params(("mount" = String, Path, description = "The node's name")),
    request_body = RouteChange,
    responses((status = 200, description = "Changed", body = RouteEntry)),
)]
pub(crate) async fn change(
    State(sources): State<Sources>,
    Named(mount): Named<String>,
    headers: HeaderMap,
    Body(change): Body<RouteChange>,
) -> Result<Response, ApiError> {
    edit(sources, &headers, Edit::Change(named(&mount)?, change), StatusCode::OK).await
}

#[utoipa::path(
    delete,
    path = "/v1/routes/{mount}",
    operation_id = "remove_route",
    params(("mount" = String, Path, description = "The node's name")),
    responses((status = 200, description = "Removed", body = RouteEntry)),
)]
pub(crate) async fn remove(
    State(sources): State<Sources>,
    Named(mount): Named<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    edit(sources, &headers, Edit::Remove(named(&mount)?), StatusCode::OK).await
}

fn named(mount: &str) -> Result<Mount, ApiError> {
    mount.parse().map_err(|_| ApiError::NotFound)
}

/// What is relayed and by whose word.
fn report(sources: &Sources) -> RoutesReport {
    match &sources.book {
        Some(book) => book.report(),
        None => RoutesReport::from(&*(sources.routes)()),
    }
}

async fn edit(
    sources: Sources,
    headers: &HeaderMap,
    edit: Edit,
    done: StatusCode,
) -> Result<Response, ApiError> {
    let book = sources.book.ok_or(ApiError::NoRoutes)?;
    let wanted = headers.get(IF_MATCH).map(|tags| tags.to_str().unwrap_or_default().to_owned());
    // It ends in a file that is written and synced.
    let edited = tokio::task::spawn_blocking(move || book.edit(edit, wanted.as_deref())).await;
    let edited = edited.map_err(|_| ApiError::Internal)?.map_err(ApiError::Route)?;
    Ok(tagged(&edited.etag, (done, Json(edited.route)).into_response()))
}

fn tagged(etag: &str, mut response: Response) -> Response {
    if let Ok(etag) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}
