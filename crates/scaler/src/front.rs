//! The front: every request, phase by phase.
//!
//! route → take in (method, who signed, body) → the call. The index needs no
//! signature and goes no further than here.

use std::sync::Arc;

use axum::{body::Body, extract::State};
use bluegate_bbb_api::{Answer, Call};
use http::{HeaderMap, Request, Response, StatusCode, header};

use crate::{
    calls,
    context::Context,
    intake::{self, PathTenant},
    reply::{self, Reply},
    route::{self, Named, Route},
};

/// Answers a request.
pub(crate) async fn handle(
    State(context): State<Arc<Context>>,
    request: Request<Body>,
) -> Response<Body> {
    // Counted until it is answered: the store stays open that long.
    let _counted = context.tracker.token();
    let (parts, body) = request.into_parts();
    let Some(Route { tenant, call }) = route::route(parts.uri.path()) else {
        return reply::status(StatusCode::NOT_FOUND);
    };
    if call == Named::Known(Call::Index) {
        return index(&parts.headers).response(&call);
    }
    let path_tenant = path_tenant(&context, tenant.as_deref());
    let reply = match intake::take(&context, call.clone(), &path_tenant, &parts, body).await {
        Ok(request) => calls::answer(&context, request).await,
        Err(reply) => reply,
    };
    reply.response(&call)
}

fn path_tenant(context: &Context, name: Option<&str>) -> PathTenant {
    let Some(name) = name else { return PathTenant::None };
    match name.parse().ok().and_then(|name| context.tenants.get(&name)) {
        Some(tenant) => PathTenant::Known(Arc::clone(tenant)),
        None => PathTenant::Unknown,
    }
}

fn index(headers: &HeaderMap) -> Reply {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content_type.is_some_and(|text| text.starts_with("application/json")) {
        return Reply::Json(
            r#"{"response":{"returncode":"SUCCESS","version":"2.0","apiVersion":"2.0","bbbVersion":""}}"#
                .to_owned(),
        );
    }
    Answer::index().into()
}
