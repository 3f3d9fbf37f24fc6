//! Taking a callback of a node in: is it what our URL was given out for, and did
//! that node say it? Then it is queued, and only then is the node thanked.

use std::sync::Arc;

use axum::body::Body;
use bluegate_bbb_api::{RawQuery, ids, jwt};
use bluegate_cluster::TenantMeetingId;
use bluegate_outbox::{New, QueueError};
use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::{
    Callbacks, Identity, PATH,
    ticket::{Kind, Ticket},
};
use crate::{context::Context, front::reply, hooks, nodes::NodeHandle, recordings};

/// The largest body of a recording-ready callback.
const FORM_BYTES: usize = 64 * 1024;
/// The largest body of an analytics callback.
const JSON_BYTES: usize = 4 * 1024 * 1024;

/// Why a callback is not taken, for the node and the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the URL is none that we gave out, or its key is gone")]
    Unknown,
    #[error("this callback comes by another method")]
    Method,
    #[error("the node that may use this URL is not configured")]
    Node,
    #[error("the callback is not signed by its node")]
    Signature,
    #[error("the callback is about another meeting")]
    Meeting,
    #[error("the callback cannot be read")]
    Unreadable,
    #[error("too many callbacks wait, or the store does not answer")]
    Queue,
}

impl Refusal {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Node | Self::Signature => StatusCode::UNAUTHORIZED,
            Self::Meeting => StatusCode::FORBIDDEN,
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::Queue => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Answers a request whose path begins with [`PATH`].
pub(crate) async fn receive(context: &Arc<Context>, parts: Parts, body: Body) -> Response<Body> {
    let sealed = parts.uri.path().strip_prefix(PATH).unwrap_or_default().to_owned();
    let Some(callbacks) = &context.callbacks else { return reply::status(StatusCode::NOT_FOUND) };
    if sealed.starts_with(hooks::PREFIX) {
        return hooks::receive(context, callbacks, parts, body).await;
    }
    let Some(ticket) = callbacks.open(&sealed) else {
        return reply::status(Refusal::Unknown.status());
    };
    match take(context, callbacks, &ticket, &sealed, parts, body).await {
        Ok(()) => reply::status(StatusCode::OK),
        Err(refusal) => {
            tracing::warn!(
                tenant.id = %ticket.tenant, node.id = %ticket.node,
                callback.kind = ticket.kind.name(), %refusal, "a callback was not taken"
            );
            reply::status(refusal.status())
        }
    }
}

async fn take(
    context: &Arc<Context>,
    callbacks: &Callbacks,
    ticket: &Ticket,
    sealed: &str,
    parts: Parts,
    body: Body,
) -> Result<(), Refusal> {
    let node = context.node(&ticket.node).ok_or(Refusal::Node)?;
    let identity = identity(context, ticket);
    let wanted = match ticket.kind {
        Kind::MeetingEnded | Kind::End => Method::GET,
        Kind::RecordingReady | Kind::Analytics => Method::POST,
    };
    if parts.method != wanted {
        return Err(Refusal::Method);
    }
    let (payload, sameness) = match ticket.kind {
        Kind::MeetingEnded | Kind::End => {
            // Nobody signed it: the node itself is asked, now and before it is
            // passed on.
            node.wake.notify_one();
            let query = RawQuery::parse(parts.uri.query().unwrap_or_default());
            (ended(context, ticket, &query), Some(sameness(sealed, b"")))
        }
        Kind::RecordingReady => {
            let bytes = read(body, FORM_BYTES).await?;
            let says = ready(callbacks, &node, &identity, &bytes)?;
            // Frontends that hear of it look for it in the list.
            let heard = recordings::hear(context, &node, &says).await;
            // Told once for each format that is published, in the same words: a
            // repetition when nothing has changed at the recording.
            (says, heard.map(|kept| sameness(sealed, &kept.shown)))
        }
        Kind::Analytics => {
            verify_bearer(callbacks, &node, &parts.headers)?;
            let bytes = read(body, JSON_BYTES).await?;
            (analytics(callbacks, &identity, &bytes)?, Some(sameness(sealed, &bytes)))
        }
    };
    let payload = json!({
        "node": ticket.node.as_str(), "secret": ticket.secret, "says": payload,
        "url": matches!(ticket.kind, Kind::End).then(|| callbacks.url(sealed)),
    });
    let new = New {
        tenant: ticket.tenant.clone(),
        kind: ticket.kind.name(),
        meeting_id: ticket.meeting_id.clone(),
        target: ticket.target.clone(),
        lane: None,
        payload: payload.to_string(),
        sameness,
    };
    let queued = {
        let outbox = callbacks.outbox.clone();
        context.to_its_end(async move { outbox.queue(vec![new]).await }).await
    };
    match queued {
        Some(Ok(_)) => Ok(()),
        Some(Err(error @ QueueError::Store(_))) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "a callback was not stored");
            Err(Refusal::Queue)
        }
        Some(Err(QueueError::Target(_) | QueueError::Large)) => Err(Refusal::Unreadable),
        Some(Err(QueueError::Full)) | None => Err(Refusal::Queue),
    }
}

/// The meeting's IDs; those of a tenant that is gone are scoped ones.
fn identity(context: &Context, ticket: &Ticket) -> Identity {
    let tenants = context.tenants();
    let tenant = tenants.get(&ticket.tenant);
    let scope = tenant.map_or(ids::Scope::Scoped, |tenant| tenant.scope);
    Identity {
        node_meeting_id: ids::node_meeting_id(&ticket.tenant, scope, &ticket.meeting_id),
        meeting_id: ticket.meeting_id.clone(),
    }
}

/// What BBB appends, and the life that is said to have ended: the one that is
/// open now.
fn ended(context: &Context, ticket: &Ticket, query: &RawQuery) -> Value {
    let named = TenantMeetingId::new(&ticket.tenant, &ticket.meeting_id);
    let open = context.ledger.directory().meeting(&named);
    let marks = query.get("recordingmarks").map(|value| value.lossy());
    json!({
        "recordingmarks": marks,
        "internal": open.and_then(|open| open.internal_meeting_id.clone()),
    })
}

/// The claims of a recording-ready callback, with the tenant's meeting ID.
fn ready(
    callbacks: &Callbacks,
    node: &NodeHandle,
    identity: &Identity,
    body: &[u8],
) -> Result<Value, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| Refusal::Unreadable)?;
    let form = RawQuery::parse(text);
    let token = form.get("signed_parameters").and_then(|value| value.decoded());
    let token = token.ok_or(Refusal::Unreadable)?;
    let verified = jwt::verify(&token, &node.secrets, callbacks.now() / 1_000);
    let (mut claims, algorithm) = verified.ok_or(Refusal::Signature)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let (meeting, record) = (text("meeting_id"), text("record_id"));
    let meeting = meeting.ok_or(Refusal::Unreadable)?;
    // A recording's ID begins with the hash of its meeting's: a token of one
    // meeting is of no use at another's URL.
    let is_of_meeting = record.is_some_and(|record| record.starts_with(&sha1_hex(&meeting)));
    let shown = identity.shown(&meeting).filter(|_| is_of_meeting).ok_or(Refusal::Meeting)?;
    claims.insert("meeting_id".to_owned(), Value::String(shown));
    Ok(json!({ "algorithm": algorithm.name(), "claims": claims }))
}

fn verify_bearer(
    callbacks: &Callbacks,
    node: &NodeHandle,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    let verified =
        token.and_then(|token| jwt::verify(token, &node.secrets, callbacks.now() / 1_000));
    verified.map(drop).ok_or(Refusal::Signature)
}

/// The document of an analytics callback, as the tenant may see it.
fn analytics(callbacks: &Callbacks, identity: &Identity, body: &[u8]) -> Result<Value, Refusal> {
    let mut document: Value = serde_json::from_slice(body).map_err(|_| Refusal::Unreadable)?;
    let meeting = document.get("meeting_id").and_then(Value::as_str);
    let meeting = meeting.ok_or(Refusal::Unreadable)?;
    identity.shown(meeting).ok_or(Refusal::Meeting)?;
    identity.show(callbacks, &mut document);
    Ok(document)
}

pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let read = Limited::new(body, limit).collect().await;
    read.map(http_body_util::Collected::to_bytes).map_err(|_| Refusal::Unreadable)
}

fn sha1_hex(text: &str) -> String {
    Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One callback and its repetitions: our URL and what came with it.
fn sameness(sealed: &str, body: &[u8]) -> String {
    let digest = Sha256::new().chain_update(sealed).chain_update(b"\0").chain_update(body);
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
