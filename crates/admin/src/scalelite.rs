//! `/scalelite/api/*`: Scalelite's own admin API, for scripts that speak it.
//!
//! Paths, checksums, JSON forms and errors are those of Scalelite 1.8.5. What
//! differs, and why, is in docs/scalelite-api.md: above all, no answer tells a
//! secret. Answered only where the configuration asks for it: a checksum signs
//! neither time nor body, so one that was overheard is good for ever.

mod answer;
mod servers;
mod tenants;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Path, Request, State},
    response::Response,
    routing::any,
};
use bluegate_bbb_api::{RawQuery, checksum::Presented};
use bluegate_cluster::Secret;
use http::{Method, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;

use crate::{Sources, throttle::Throttle};
use answer::{Answer, unsupported};

/// A request's body; what is sent are a few short fields.
const MAX_BODY: usize = 64 * 1024;

/// Scalelite's admin API, signed with one of `secrets` (its
/// `LOADBALANCER_SECRET` and `LOADBALANCER_SECRETS`). Serve it beside
/// [`crate::router`], on the same listener.
pub fn scalelite_router(secrets: Vec<Secret>, sources: Sources) -> Router {
    let api = Api { secrets, sources, throttle: Mutex::default() };
    Router::new().route("/scalelite/api/{call}", any(handle)).with_state(Arc::new(api))
}

struct Api {
    secrets: Vec<Secret>,
    sources: Sources,
    throttle: Mutex<Throttle>,
}

/// What a call says.
struct Call {
    name: String,
    query: RawQuery,
    /// The JSON object of a POST; empty for a GET.
    body: serde_json::Map<String, Value>,
}

async fn handle(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let answered = match answer(&api, name, request).await {
        Ok(answer) | Err(answer) => answer,
    };
    answered.into()
}

/// In Scalelite's order: is there such a call, its content type, its checksum,
/// its parameters.
async fn answer(api: &Api, name: String, request: Request) -> Result<Answer, Answer> {
    let is_post = match (request.method(), name.as_str()) {
        (
            &Method::GET | &Method::HEAD,
            "getServers" | "getServerInfo" | "getTenants" | "getTenantInfo",
        ) => false,
        (
            &Method::POST,
            "addServer" | "updateServer" | "deleteServer" | "panicServer" | "addTenant"
            | "updateTenant" | "deleteTenant",
        ) => true,
        _ => return Err(unsupported()),
    };
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let client = peer.map_or(IpAddr::from(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let content_type = request.headers().get(CONTENT_TYPE).cloned();
    let (_, body) = request.into_parts();
    let body = if is_post { read(body).await? } else { Vec::new() };
    if !body.is_empty() {
        let content_type = content_type.as_ref().and_then(|value| value.to_str().ok());
        let media_type = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/json") {
            return Err(answer::unsupported_content_type());
        }
    }
    api.verify(&name, &query, client)?;
    let body = match serde_json::from_slice(&body) {
        _ if body.is_empty() => serde_json::Map::new(),
        Ok(Value::Object(body)) => body,
        _ => return Err(Answer::Empty(StatusCode::BAD_REQUEST)),
    };
    let call = Call { name, query: RawQuery::parse(&query), body };
    match call.name.as_str() {
        "getServers" => servers::list(&api.sources),
        "getServerInfo" => servers::show(&api.sources, &call),
        "addServer" => servers::add(&api.sources, &call).await,
        "updateServer" => servers::update(&api.sources, &call).await,
        "deleteServer" => servers::delete(&api.sources, &call).await,
        "panicServer" => servers::panic(&api.sources, &call).await,
        "getTenants" => tenants::list(&api.sources),
        "getTenantInfo" => tenants::show(&api.sources, &call),
        "addTenant" => tenants::add(&api.sources, &call).await,
        "updateTenant" => tenants::update(&api.sources, &call).await,
        _ => tenants::delete(&api.sources, &call).await,
    }
}

async fn read(body: Body) -> Result<Vec<u8>, Answer> {
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body = body.map_err(|_| Answer::Empty(StatusCode::PAYLOAD_TOO_LARGE))?;
    Ok(body.to_bytes().into())
}

impl Api {
    /// Whether one of our secrets made the checksum; who guesses is slowed.
    fn verify(&self, call: &str, query: &str, client: IpAddr) -> Result<(), Answer> {
        let mut throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if throttle.wait(client, now).is_some() {
            return Err(Answer::Empty(StatusCode::TOO_MANY_REQUESTS));
        }
        let presented = Presented::read(call, query, None);
        let signed = presented.is_ok_and(|presented| {
            // All are looked at, so that the time tells nothing.
            self.secrets.iter().fold(false, |known, secret| known | presented.is_signed_by(secret))
        });
        if signed {
            return Ok(());
        }
        throttle.failed(client, now);
        Err(answer::checksum_error())
    }
}

impl Call {
    /// A parameter of the query or, at the top level, of the body.
    fn given(&self, name: &str) -> Option<String> {
        let in_query = self.query.get(name).map(|value| value.lossy());
        in_query.or_else(|| self.body.get(name).map(answer::text)).filter(|text| !text.is_empty())
    }

    /// The object with the fields of a server or tenant. Scalelite's framework
    /// finds those of a server at the top level too.
    fn wrapped(
        &self,
        name: &str,
        known: &[&str],
    ) -> Result<serde_json::Map<String, Value>, Answer> {
        if let Some(Value::Object(fields)) = self.body.get(name) {
            return Ok(fields.clone());
        }
        let at_top = self.body.iter().filter(|(key, _)| known.contains(&key.as_str()));
        let fields: serde_json::Map<String, Value> =
            at_top.map(|(key, value)| (key.clone(), value.clone())).collect();
        if fields.is_empty() { Err(answer::missing(name)) } else { Ok(fields) }
    }
}

#[cfg(test)]
mod tests;
