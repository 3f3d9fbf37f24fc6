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

use crate::{
    Role, Sources,
    access::{Access, Rule},
    audit::{self, Done, Recorder, Subject},
    role::Caller,
    throttle::Throttle,
};
use answer::{Answer, unsupported};

/// A request's body; what is sent are a few short fields.
const MAX_BODY: usize = 64 * 1024;

/// The calls that change nothing.
const READS: [&str; 4] = ["getServers", "getServerInfo", "getTenants", "getTenantInfo"];

/// Where the calls that change something are, as the audit log names them.
const CHANGES: [&str; 7] = [
    "/scalelite/api/addServer",
    "/scalelite/api/updateServer",
    "/scalelite/api/deleteServer",
    "/scalelite/api/panicServer",
    "/scalelite/api/addTenant",
    "/scalelite/api/updateTenant",
    "/scalelite/api/deleteTenant",
];

/// Scalelite's admin API, signed with one of `secrets` (its
/// `LOADBALANCER_SECRET` and `LOADBALANCER_SECRETS`). Serve it beside
/// [`crate::router`], on the same listener.
pub fn scalelite_router(secrets: Vec<Secret>, sources: Sources) -> Router {
    let recorder = Recorder::new(sources.audit.clone());
    let api = Api { secrets, recorder, sources, throttle: Mutex::default() };
    Router::new().route("/scalelite/api/{call}", any(handle)).with_state(Arc::new(api))
}

struct Api {
    secrets: Vec<Secret>,
    recorder: Recorder,
    sources: Sources,
    throttle: Mutex<Throttle>,
}

/// What a call says.
struct Call {
    name: String,
    query: RawQuery,
    /// The JSON object of a POST; empty for a GET.
    body: serde_json::Map<String, Value>,
    /// What it is about, for the audit log.
    subject: Subject,
}

async fn handle(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let answered = match answer(api, name, request).await {
        Ok(answer) | Err(answer) => answer,
    };
    answered.into()
}

/// In Scalelite's order: is there such a call, its content type, its checksum,
/// its parameters.
async fn answer(api: Arc<Api>, name: String, request: Request) -> Result<Answer, Answer> {
    let change = CHANGES.into_iter().find(|path| path.rsplit('/').next() == Some(&*name));
    match *request.method() {
        Method::GET | Method::HEAD if READS.contains(&&*name) => {}
        Method::POST if change.is_some() => {}
        _ => return Err(unsupported()),
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let client = peer.map_or(IpAddr::from(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let content_type = request.headers().get(CONTENT_TYPE).cloned();
    let request_id = audit::request_id(request.headers());
    let body = if change.is_some() { read(request.into_body()).await? } else { Vec::new() };
    if !body.is_empty() {
        let content_type = content_type.as_ref().and_then(|value| value.to_str().ok());
        let media_type = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/json") {
            return Err(answer::unsupported_content_type());
        }
    }
    let caller = api.verify(&name, &query, client)?;
    let Some(path) = change else {
        return api.answer(&Call::read(name, &query, &body, Subject::default())?).await;
    };
    let rule = Rule { access: Access::Operator, method: Method::POST, path };
    let subject = Subject::default();
    let (recorder, said) = (api.recorder.clone(), subject.clone());
    let changing = recorder.around(caller, rule, subject, async move {
        let answered = match Call::read(name, &query, &body, said) {
            Ok(call) => api.answer(&call).await,
            Err(refused) => Err(refused),
        };
        let (Ok(answer) | Err(answer)) = &answered;
        let refused = answered.is_err().then(|| answer.code());
        let done = Done { status: answer.status(), refused, request_id };
        (answered, done)
    });
    changing.await.unwrap_or(Err(Answer::Empty(StatusCode::INTERNAL_SERVER_ERROR)))
}

async fn read(body: Body) -> Result<Vec<u8>, Answer> {
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body = body.map_err(|_| Answer::Empty(StatusCode::PAYLOAD_TOO_LARGE))?;
    Ok(body.to_bytes().into())
}

impl Api {
    /// Who asks: the holder of the secret that made the checksum. Who guesses is
    /// slowed.
    fn verify(&self, call: &str, query: &str, client: IpAddr) -> Result<Caller, Answer> {
        let mut throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if throttle.wait(client, now).is_some() {
            return Err(Answer::Empty(StatusCode::TOO_MANY_REQUESTS));
        }
        let presented = Presented::read(call, query, None);
        let signed = presented.ok().and_then(|presented| {
            // All are looked at, so that the time tells nothing.
            self.secrets.iter().enumerate().fold(None, |known, (index, secret)| {
                let signed = presented.is_signed_by(secret).then_some(index);
                known.or(signed)
            })
        });
        if let Some(index) = signed {
            // No token can have this name: an underscore is in no name.
            let name = format!("scalelite_secret_{}", index + 1);
            return Ok(Caller { name, role: Role::Operator });
        }
        throttle.failed(client, now);
        Err(answer::checksum_error())
    }

    async fn answer(&self, call: &Call) -> Result<Answer, Answer> {
        match call.name.as_str() {
            "getServers" => servers::list(&self.sources),
            "getServerInfo" => servers::show(&self.sources, call),
            "addServer" => servers::add(&self.sources, call).await,
            "updateServer" => servers::update(&self.sources, call).await,
            "deleteServer" => servers::delete(&self.sources, call).await,
            "panicServer" => servers::panic(&self.sources, call).await,
            "getTenants" => tenants::list(&self.sources),
            "getTenantInfo" => tenants::show(&self.sources, call),
            "addTenant" => tenants::add(&self.sources, call).await,
            "updateTenant" => tenants::update(&self.sources, call).await,
            _ => tenants::delete(&self.sources, call).await,
        }
    }
}

impl Call {
    fn read(name: String, query: &str, body: &[u8], subject: Subject) -> Result<Self, Answer> {
        let body = match serde_json::from_slice(body) {
            _ if body.is_empty() => serde_json::Map::new(),
            Ok(Value::Object(body)) => body,
            _ => return Err(Answer::Empty(StatusCode::BAD_REQUEST)),
        };
        let call = Self { name, query: RawQuery::parse(query), body, subject };
        // What is added has no ID yet, and is named where its name is known.
        if let Some(id) = call.given("id") {
            call.subject.is(&id);
        }
        Ok(call)
    }

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
