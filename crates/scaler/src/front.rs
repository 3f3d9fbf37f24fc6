//! The front: every request, phase by phase.
//!
//! route → take in (method, who signed, body) → shape (the tenant's rules) → the
//! call. The index and calls with a session token need no signature and go no
//! further than here.

pub(crate) mod intake;
pub(crate) mod outcome;
mod parts;
pub(crate) mod reply;
pub(crate) mod route;
pub(crate) mod target;
pub(crate) mod waiting;

use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use bluegate_bbb_api::{Answer, Call, Method, RawQuery, RawValue};
use bluegate_net::{Connection, RequestBody, Service};
use http::{HeaderMap, Request, Response, StatusCode, header, request::Parts};

use self::{
    outcome::Outcome,
    reply::Reply,
    route::{Named, Route},
};
use crate::{Scaler, callbacks, calls, context::Context, hooks, request_id, tenants::shape};

/// Without a router in between: every path comes here, and a router makes a dozen
/// allocations of each request before it finds that out.
impl Service for Scaler {
    type Body = Body;

    async fn call(
        self: Arc<Self>,
        request: Request<RequestBody>,
        _connection: Arc<Connection>,
    ) -> Response<Body> {
        let body = |body: RequestBody| {
            if body.is_end_stream() { Body::empty() } else { Body::new(body) }
        };
        let request = request.map(body);
        handle(Arc::clone(self.context()), request).await
    }
}

/// Answers a request.
pub(crate) async fn handle(context: Arc<Context>, request: Request<Body>) -> Response<Body> {
    // Counted until it is answered: the store stays open that long.
    let _counted = context.tracker.token();
    let (parts, body) = request.into_parts();
    let id = request_id::given(&parts.headers);
    // On the heap: two layers around it would each hold all of it.
    request_id::within(id, Box::pin(answer(context, parts, body))).await
}

async fn answer(context: Arc<Context>, parts: Parts, body: Body) -> Response<Body> {
    if parts.uri.path().starts_with(callbacks::PATH) {
        return callbacks::receive(&context, parts, body).await;
    }
    if let Some(callbacks) = &context.callbacks
        && let Some((tenant, call)) = hooks::is_hooks_path(parts.uri.path())
    {
        let tenants = context.tenants();
        let addressed = tenants.addressed(authority(&parts), tenant);
        return hooks::answer(&context, &callbacks.hooks, &addressed, call, &parts).await;
    }
    let Some(Route { tenant, call }) = route::route(parts.uri.path()) else {
        return reply::status(StatusCode::NOT_FOUND);
    };
    if let Some(reply) = unsigned(&context, &call, &parts) {
        return reply.response_without_caching();
    }
    if call == Named::Known(Call::SendChatMessage) && context.is_before_3_0() {
        return reply::status(StatusCode::NOT_FOUND);
    }
    let tenants = context.tenants();
    let addressed = tenants.addressed(authority(&parts), tenant.as_deref());
    let taken = intake::take(&context, &tenants, call.clone(), &addressed, &parts, body).await;
    let reply = match taken {
        Ok(mut request) => {
            let usage = Arc::clone(&request.tenant.usage);
            let reply = match shape::shape(&mut request) {
                Ok(()) => calls::answer(&context, request).await,
                Err(reply) => reply,
            };
            usage.answered(outcome::call_word(&call), Outcome::of(&reply));
            reply
        }
        Err(reply) => reply,
    };
    reply.in_the_language_of(&parts.headers).response(&call)
}

/// The index, and calls that a session token proves.
fn unsigned(context: &Context, call: &Named, parts: &Parts) -> Option<Reply> {
    let method = intake::method(&parts.method);
    match call {
        Named::Known(Call::Index) => Some(match method {
            Some(_) => index(&parts.headers),
            None => Reply::MethodNotAllowed(&[Method::Get, Method::Post]),
        }),
        Named::Known(_) => None,
        Named::Unknown(name) => {
            let query = RawQuery::parse(parts.uri.query().unwrap_or_default());
            let token = query.get("sessionToken").map(RawValue::lossy).unwrap_or_default();
            calls::session(context, name, method, &token)
        }
    }
}

/// The host a request is for: HTTP/2 has it in the address, HTTP/1 beside it.
fn authority(parts: &Parts) -> Option<&str> {
    match parts.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => parts.headers.get(header::HOST)?.to_str().ok(),
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
