//! An event of a node's bbb-webhooks: is it that node's, and who wants to hear of
//! it?

use std::sync::Arc;

use axum::body::Body;
use bluegate_bbb_api::{
    RawQuery,
    checksum::{Algorithm, sign},
};
use bluegate_cluster::Secret;
use bluegate_outbox::New;
use http::{HeaderMap, Method, Response, StatusCode, header, request::Parts};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::{
    Flavour, KIND, Place,
    subject::{Subject, wants},
};
use crate::{
    callbacks::{Callbacks, PATH, Refusal, read_body},
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

/// Answers what comes behind [`PATH`] and [`PREFIX`](super::PREFIX).
pub(crate) async fn receive(
    context: &Arc<Context>,
    callbacks: &Callbacks,
    parts: Parts,
    body: Body,
) -> Response<Body> {
    let place = parts.uri.path().strip_prefix(PATH).and_then(Place::parse);
    let found = place.and_then(|place| Some((context.node(&place.node)?, place.flavour)));
    let Some((node, flavour)) = found else {
        return reply::status(Refusal::Unknown.status());
    };
    match take(context, callbacks, &node, flavour, parts, body).await {
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
    flavour: Flavour,
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
    let url = callbacks.url(&Place { node: node.node.name.clone(), flavour }.to_string());
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
    let mut queued = Vec::new();
    for event in events {
        let subject = Subject::of(&event);
        let Some((tenant, identity)) = subject.whose(context, node).await else { continue };
        let id = subject.event_id.to_owned();
        let mut shown = event;
        identity.show(callbacks, &mut shown);
        let hooks = callbacks.hooks.current().await;
        let wanting = hooks.iter().filter(|hook| {
            hook.tenant == tenant && wants(hook, flavour, &identity.meeting_id, &id)
        });
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
