//! An event of a node's bbb-webhooks: is it that node's, whose meeting is it
//! about, and who wants to hear of it?

use std::sync::Arc;

use axum::body::Body;
use bluegate_bbb_api::{
    RawQuery,
    checksum::{Algorithm, sign},
    ids,
};
use bluegate_cluster::{Secret, TenantName};
use bluegate_outbox::New;
use bluegate_store::Hook;
use http::{HeaderMap, Method, Response, StatusCode, header, request::Parts};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::{KIND, PREFIX};
use crate::{
    callbacks::{Callbacks, Identity, PATH, Refusal, read_body},
    context::Context,
    front::reply,
    nodes::NodeHandle,
};

/// The largest body of an event; a raw one holds a whole message of BBB.
const BODY_BYTES: usize = 1024 * 1024;

/// How a checksum covers an event: bbb-webhooks has changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The body as it is sent; 3.
    Body,
    /// `JSON.stringify({event, timestamp, domain})`; 2.
    Json,
}

impl Form {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Json => "json",
        }
    }
}

/// What an event's form says.
struct Said {
    event: String,
    timestamp: String,
    domain: String,
}

/// Answers what comes behind [`PATH`] and [`PREFIX`].
pub(crate) async fn receive(
    context: &Arc<Context>,
    callbacks: &Callbacks,
    parts: Parts,
    body: Body,
) -> Response<Body> {
    let name = parts.uri.path().strip_prefix(PATH).and_then(|rest| rest.strip_prefix(PREFIX));
    let node = name.and_then(|name| name.parse().ok()).and_then(|name| context.node(&name));
    let Some(node) = node else { return reply::status(Refusal::Unknown.status()) };
    match take(context, callbacks, &node, parts, body).await {
        Ok(()) => reply::status(StatusCode::OK),
        Err(refusal) => {
            tracing::warn!(node.id = %node.node.name, %refusal, "an event was not taken");
            reply::status(refusal.status())
        }
    }
}

async fn take(
    context: &Arc<Context>,
    callbacks: &Callbacks,
    node: &NodeHandle,
    parts: Parts,
    body: Body,
) -> Result<(), Refusal> {
    if parts.method != Method::POST {
        return Err(Refusal::Method);
    }
    let body = read_body(body, BODY_BYTES).await?;
    let body = std::str::from_utf8(&body).map_err(|_| Refusal::Unreadable)?;
    let form = RawQuery::parse(body);
    let text = |name: &str| form.get(name).and_then(|value| value.decoded());
    let said = Said {
        event: text("event").ok_or(Refusal::Unreadable)?,
        timestamp: text("timestamp").unwrap_or_default(),
        domain: text("domain").unwrap_or_default(),
    };
    let url = callbacks.url(&super::path_of(&node.node.name));
    let query = RawQuery::parse(parts.uri.query().unwrap_or_default());
    let checksum = query.get("checksum").and_then(|value| value.decoded());
    let (covers, algorithm) = match checksum {
        Some(given) => verify(&url, body, &said, &given, &node.secrets),
        None => bearer(&parts.headers, &node.secrets).then_some((Form::Body, Algorithm::Sha1)),
    }
    .ok_or(Refusal::Signature)?;
    let events: Value = serde_json::from_str(&said.event).map_err(|_| Refusal::Unreadable)?;
    let events = match events {
        Value::Array(events) => events,
        event => vec![event],
    };
    let hooks = callbacks.hooks.all();
    let mut queued = Vec::new();
    for event in events {
        let Some((tenant, identity)) = whose(context, node, &event) else { continue };
        let id = event.pointer("/data/id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut shown = event;
        identity.show(callbacks, &mut shown);
        let wanting = hooks.iter().filter(|hook| wants(hook, &tenant, &identity.meeting_id, &id));
        queued.extend(wanting.map(|hook| {
            New {
                tenant: tenant.clone(),
                kind: KIND,
                meeting_id: identity.meeting_id.clone(),
                target: hook.callback_url.clone(),
                lane: Some(hook.id.clone()),
                payload: json!({
                    "event": shown, "timestamp": said.timestamp,
                    "form": covers.name(), "algorithm": algorithm_name(algorithm),
                })
                .to_string(),
                sameness: None,
            }
        }));
    }
    if queued.is_empty() {
        return Ok(());
    }
    callbacks.outbox.queue(queued).await.map(drop).map_err(|_| Refusal::Queue)
}

/// Whether a checksum is one of this node's secrets, and over what.
fn verify(
    url: &str,
    body: &str,
    said: &Said,
    given: &str,
    secrets: &[Secret],
) -> Option<(Form, Algorithm)> {
    let timestamp: Value =
        said.timestamp.parse::<i64>().map_or_else(|_| json!(said.timestamp), Value::from);
    let event = json!(said.event);
    let domain = json!(said.domain);
    let texts = [
        (Form::Body, body.to_owned()),
        (Form::Json, format!(r#"{{"event":{event},"timestamp":{timestamp},"domain":{domain}}}"#)),
        (Form::Json, format!(r#"{{"event":{event},"timestamp":{timestamp}}}"#)),
    ];
    let mut found = None;
    for (form, text) in &texts {
        for secret in secrets {
            for algorithm in Algorithm::STRONGEST_FIRST {
                let wanted = sign(url, text, secret, algorithm);
                if bool::from(wanted.as_bytes().ct_eq(given.to_ascii_lowercase().as_bytes())) {
                    found = Some((*form, algorithm));
                }
            }
        }
    }
    found
}

fn bearer(headers: &HeaderMap, secrets: &[Secret]) -> bool {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(token) = value.and_then(|value| value.strip_prefix("Bearer ")) else { return false };
    secrets.iter().fold(false, |found, secret| {
        bool::from(secret.expose().as_bytes().ct_eq(token.as_bytes())) | found
    })
}

pub(super) fn algorithm_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha1 => "sha1",
        Algorithm::Sha256 => "sha256",
        Algorithm::Sha384 => "sha384",
        Algorithm::Sha512 => "sha512",
    }
}

/// The tenant whose meeting an event is about, and that meeting's IDs.
fn whose(context: &Context, node: &NodeHandle, event: &Value) -> Option<(TenantName, Identity)> {
    let meeting = event.pointer("/data/attributes/meeting")?;
    let text = |name: &str| meeting.get(name).and_then(Value::as_str).unwrap_or_default();
    let (internal, external) = (text("internal-meeting-id"), text("external-meeting-id"));
    let of = |tenant: &TenantName, meeting_id: &str| {
        let node_meeting_id = external.to_owned();
        Some((tenant.clone(), Identity { node_meeting_id, meeting_id: meeting_id.to_owned() }))
    };
    if let ids::Decoded::Scoped { tenant, meeting_id } = ids::decode(external) {
        return context.tenants().get(&tenant).and_then(|_| of(&tenant, &meeting_id));
    }
    let open = context.ledger.directory().on_node(&node.node.name);
    let is_it = |known: &&Arc<bluegate_store::Generation>| {
        known.internal_meeting_id.as_deref() == Some(internal) || known.node_meeting_id == external
    };
    if let Some(known) = open.iter().find(is_it) {
        return of(&known.tenant, &known.meeting_id);
    }
    // A breakout room keeps the IDs its node made.
    let snapshot = node.snapshot();
    let room = snapshot.internal(internal).filter(|room| room.facts.is_breakout)?;
    room.stamp.as_ref().and_then(|stamp| of(&stamp.tenant, external))
}

/// Whether a hook hears of this event.
fn wants(hook: &Hook, tenant: &TenantName, meeting_id: &str, event: &str) -> bool {
    hook.tenant == *tenant
        && !hook.raw
        && hook.meeting_id.as_deref().is_none_or(|bound| bound == meeting_id)
        && hook
            .event_ids
            .as_deref()
            .is_none_or(|list| list.split(',').any(|one| one.trim() == event))
}
