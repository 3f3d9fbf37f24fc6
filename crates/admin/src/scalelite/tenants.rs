//! Tenants. Their IDs are their names.

use bluegate_cluster::{Secret, TenantName};
use bluegate_tenant::Settings;
use http::StatusCode;
use serde_json::{Value, json};

use super::{
    Call,
    answer::{Answer, error, text},
};
use crate::{
    Sources, TenantEdit, TenantRefusal, TenantRefusalKind, TenantsSource, tenants::revoke_tokens_of,
};

/// What a tenant may be told.
const FIELDS: [&str; 2] = ["name", "secrets"];

pub(super) fn list(sources: &Sources) -> Result<Answer, Answer> {
    let tenants = source(sources)?.report().tenants;
    if tenants.is_empty() {
        return Ok(Answer::Json(StatusCode::OK, json!({ "message": "No tenants exist" })));
    }
    let shown = tenants.iter().map(|tenant| shown(&tenant.name)).collect();
    Ok(Answer::Json(StatusCode::OK, Value::Array(shown)))
}

pub(super) fn show(sources: &Sources, call: &Call) -> Result<Answer, Answer> {
    let name = named(sources, call)?;
    let mut shown = shown(name.as_str());
    // As Scalelite's framework prints a row.
    shown["new_record"] = json!(false);
    shown["destroyed"] = json!(false);
    Ok(Answer::Json(StatusCode::OK, shown))
}

pub(super) async fn add(sources: &Sources, call: &Call) -> Result<Answer, Answer> {
    let fields = call.wrapped("tenant", &FIELDS)?;
    let given = |name: &str| fields.get(name).map(text).unwrap_or_default();
    let (name, secrets) = (given("name"), secrets(&given("secrets")));
    if name.is_empty() || secrets.is_empty() {
        let message = "Error: both name and secrets are required to create a Tenant";
        return Err(Answer::Json(StatusCode::BAD_REQUEST, json!({ "message": message })));
    }
    let name: TenantName = name.parse().map_err(|problem| {
        let message = format!("Error: {problem}");
        Answer::Json(StatusCode::BAD_REQUEST, json!({ "message": message }))
    })?;
    call.subject.is(name.as_str());
    let edit = TenantEdit::Add { name: name.clone(), secrets, settings: Settings::default() };
    edited(sources, edit).await?;
    revoked(sources, &name).await?;
    Ok(Answer::Json(StatusCode::CREATED, json!({ "tenant": shown(name.as_str()) })))
}

pub(super) async fn update(sources: &Sources, call: &Call) -> Result<Answer, Answer> {
    let name = named(sources, call)?;
    let fields = call.wrapped("tenant", &FIELDS)?;
    if fields.get("name").is_some_and(|given| text(given) != name.as_str()) {
        let message = "a tenant's name is for good: it is part of its meeting IDs";
        return Err(error(StatusCode::UNPROCESSABLE_ENTITY, message));
    }
    if let Some(given) = fields.get("secrets") {
        let secrets = Some(secrets(&text(given))).filter(|secrets| !secrets.is_empty());
        if secrets.is_none() {
            return Err(error(StatusCode::UNPROCESSABLE_ENTITY, "a tenant needs a secret"));
        }
        call.subject.detail("secrets");
        edited(sources, TenantEdit::Change { name: name.clone(), secrets, settings: None }).await?;
    }
    Ok(Answer::Json(StatusCode::OK, json!({ "tenant": shown(name.as_str()) })))
}

pub(super) async fn delete(sources: &Sources, call: &Call) -> Result<Answer, Answer> {
    let name = named(sources, call)?;
    edited(sources, TenantEdit::Remove { name: name.clone(), insist: false }).await?;
    revoked(sources, &name).await?;
    let message = format!("Tenant id={name} was destroyed");
    Ok(Answer::Json(StatusCode::OK, json!({ "success": message })))
}

async fn edited(sources: &Sources, edit: TenantEdit) -> Result<(), Answer> {
    let edited = source(sources)?.edit(edit).await;
    edited.map(drop).map_err(|TenantRefusal { kind, message }| {
        let status = match kind {
            TenantRefusalKind::Unknown => StatusCode::NOT_FOUND,
            TenantRefusalKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            TenantRefusalKind::InFile
            | TenantRefusalKind::Clash
            | TenantRefusalKind::HasMeetings
            | TenantRefusalKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        };
        error(status, message)
    })
}

/// Tokens of a tenant that was there before open nothing of this one.
async fn revoked(sources: &Sources, name: &TenantName) -> Result<(), Answer> {
    let revoked = revoke_tokens_of(sources, name).await;
    revoked.map_err(|problem| error(StatusCode::SERVICE_UNAVAILABLE, problem.to_string()))
}

/// A tenant. Its secrets are never told.
fn shown(name: &str) -> Value {
    json!({ "id": name, "name": name, "secrets": "" })
}

/// Scalelite's list with colons.
fn secrets(list: &str) -> Vec<Secret> {
    list.split(':').filter_map(|text| Secret::new(text).ok()).collect()
}

fn named(sources: &Sources, call: &Call) -> Result<TenantName, Answer> {
    let id = call.given("id").unwrap_or_default();
    let known = source(sources)?.report().tenants.into_iter().any(|tenant| tenant.name == id);
    let name = id.parse().ok().filter(|_| known);
    name.ok_or_else(|| error(StatusCode::NOT_FOUND, format!("Couldn't find Tenant with id={id}")))
}

fn source(sources: &Sources) -> Result<&dyn TenantsSource, Answer> {
    sources.tenants.as_deref().ok_or_else(super::answer::unsupported)
}
