//! `/v1/tenants`: the scaler's tenants, and their change at run time.

use std::{collections::BTreeMap, future::Future, pin::Pin};

use axum::{Extension, Json, extract::State};
use bluegate_cluster::{Secret, TenantName};
use bluegate_tenant::{Form, Settings};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::{
    Sources,
    audit::Subject,
    error::ApiError,
    request::{Asked, Body, Named},
    role::Caller,
};

/// Secrets of one tenant.
const MAX_SECRETS: usize = 16;

/// The answer to `GET /v1/tenants`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TenantsReport {
    /// By name.
    pub tenants: Vec<TenantEntry>,
    /// Those that were added and are not in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_back: Vec<HeldBackTenant>,
}

/// One tenant. Its secrets are never shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TenantEntry {
    /// Its name.
    pub name: String,
    /// `file` or `api`.
    pub source: String,
    /// How many secrets it has.
    pub secrets: usize,
    /// Its meetings now.
    pub meetings: u64,
    /// Its users now.
    pub users: u64,
    /// Refusals at its limits since the start, by limit.
    pub refused: BTreeMap<String, u64>,
    /// What it may and gets.
    #[schema(value_type = Object)]
    pub settings: Form,
}

/// A tenant that was added and is not in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldBackTenant {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// The body of `POST /v1/tenants`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantSpec {
    /// Its name, for good.
    pub name: String,
    /// Its secrets; without any one is made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// What it may and gets.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub settings: Form,
}

/// The body of `PATCH /v1/tenants/{name}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantPatch {
    /// Its secrets from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Vec<String>>,
    /// What differs of its settings, as a JSON merge patch (RFC 7396): `null`
    /// takes a key away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub settings: Option<Value>,
}

/// The answer to `POST /v1/tenants`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TenantAdded {
    /// The tenant.
    pub tenant: TenantEntry,
    /// The secret that was made for it, shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// One change of the added tenants.
#[derive(Debug)]
pub enum TenantEdit {
    /// A new one; without secrets one is made.
    Add {
        /// Its name.
        name: TenantName,
        /// Its secrets.
        secrets: Vec<Secret>,
        /// What it may and gets.
        settings: Settings,
    },
    /// One that is there, differently.
    Change {
        /// Its name.
        name: TenantName,
        /// Its secrets from now on, when they change.
        secrets: Option<Vec<Secret>>,
        /// What it may and gets from now on, when that changes.
        settings: Option<Settings>,
    },
    /// One less.
    Remove {
        /// Its name.
        name: TenantName,
        /// Whether it goes though it has meetings.
        insist: bool,
    },
}

/// Why nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TenantRefusal {
    /// For programs.
    pub kind: TenantRefusalKind,
    /// For people.
    pub message: String,
}

/// The kinds of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantRefusalKind {
    /// There is no such tenant.
    Unknown,
    /// The file's tenants are changed in the file.
    InFile,
    /// A name, a secret or a host that is another's.
    Clash,
    /// It has open meetings.
    HasMeetings,
    /// It cannot be kept so.
    Invalid,
    /// The store or the key file is not to be had.
    Unavailable,
}

/// The outcome of a change: the secret that was made, if one was.
pub type TenantEdited = Pin<Box<dyn Future<Output = Result<Option<Secret>, TenantRefusal>> + Send>>;

/// Tenants to show and to change.
pub trait TenantsSource: Send + Sync {
    /// All of them.
    fn report(&self) -> TenantsReport;

    /// Changes those that were added.
    fn edit(&self, edit: TenantEdit) -> TenantEdited;
}

impl TenantRefusal {
    pub(crate) fn parts(&self) -> (StatusCode, &'static str) {
        match self.kind {
            TenantRefusalKind::Unknown => (StatusCode::NOT_FOUND, "unknown_tenant"),
            TenantRefusalKind::InFile => (StatusCode::CONFLICT, "in_file"),
            TenantRefusalKind::Clash => (StatusCode::CONFLICT, "tenant_clash"),
            TenantRefusalKind::HasMeetings => (StatusCode::CONFLICT, "has_meetings"),
            TenantRefusalKind::Invalid => (StatusCode::BAD_REQUEST, "bad_body"),
            TenantRefusalKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }
}

/// The query of `DELETE /v1/tenants/{name}`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Removal {
    #[serde(default)]
    insist: bool,
}

#[utoipa::path(
    get,
    path = "/v1/tenants",
    operation_id = "list_tenants",
    responses((status = 200, description = "Tenants", body = TenantsReport)),
)]
pub(crate) async fn show(
    State(sources): State<Sources>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<TenantsReport>, ApiError> {
    let mut report = source(&sources)?.report();
    report.tenants.retain(|tenant| caller.sees(&tenant.name));
    report.held_back.retain(|held_back| caller.sees(&held_back.name));
    Ok(Json(report))
}

#[utoipa::path(
    get,
    path = "/v1/tenants/{name}",
    operation_id = "show_tenant",
    params(("name" = String, Path, description = "The tenant's name")),
    responses((status = 200, description = "One tenant", body = TenantEntry)),
)]
pub(crate) async fn show_one(
    State(sources): State<Sources>,
    Extension(caller): Extension<Caller>,
    Named(name): Named<String>,
) -> Result<Json<TenantEntry>, ApiError> {
    let source = source(&sources)?;
    let name = named(&name)?;
    if !caller.sees(name.as_str()) {
        return Err(ApiError::UnknownTenant(name));
    }
    entry(source, &name).map(Json)
}

#[utoipa::path(
    post,
    path = "/v1/tenants",
    operation_id = "add_tenant",
    request_body = TenantSpec,
    responses((status = 201, description = "Added", body = TenantAdded)),
)]
pub(crate) async fn add(
    State(sources): State<Sources>,
    Extension(subject): Extension<Subject>,
    Body(spec): Body<TenantSpec>,
) -> Result<(StatusCode, Json<TenantAdded>), ApiError> {
    let name: TenantName =
        spec.name.parse().map_err(|error| ApiError::BadBody(format!("{error}")))?;
    subject.is(name.as_str());
    let settings = validated(spec.settings)?;
    let edit = TenantEdit::Add { name: name.clone(), secrets: secrets(&spec.secrets)?, settings };
    let source = source(&sources)?;
    let made = source.edit(edit).await.map_err(ApiError::Tenant)?;
    revoke_tokens_of(&sources, &name).await?;
    let tenant = entry(source, &name)?;
    let secret = made.map(|secret| secret.expose().to_owned());
    Ok((StatusCode::CREATED, Json(TenantAdded { tenant, secret })))
}

#[utoipa::path(
    patch,
    path = "/v1/tenants/{name}",
    operation_id = "change_tenant",
    params(("name" = String, Path, description = "The tenant's name")),
    request_body = TenantPatch,
    responses((status = 200, description = "Changed", body = TenantEntry)),
)]
pub(crate) async fn change(
    State(sources): State<Sources>,
    Extension(subject): Extension<Subject>,
    Named(name): Named<String>,
    Body(patch): Body<TenantPatch>,
) -> Result<Json<TenantEntry>, ApiError> {
    let name = named(&name)?;
    subject.detail(match (&patch.secrets, &patch.settings) {
        (Some(_), Some(_)) => "secrets, settings",
        (Some(_), None) => "secrets",
        (None, Some(_)) => "settings",
        (None, None) => "nothing",
    });
    let source = source(&sources)?;
    let secrets = match &patch.secrets {
        None => None,
        Some(given) if given.is_empty() => {
            return Err(ApiError::BadBody("`secrets` is empty: nobody would get in".to_owned()));
        }
        Some(given) => Some(secrets(given)?),
    };
    let settings = match patch.settings {
        None => None,
        Some(patch) => {
            // What is held back has no settings to change: its own are replaced.
            let now = entry(source, &name).map(|entry| entry.settings).unwrap_or_default();
            let mut value = serde_json::to_value(now).map_err(|_| ApiError::Internal)?;
            merge(&mut value, patch);
            let form: Form = serde_json::from_value(value)
                .map_err(|error| ApiError::BadBody(format!("`settings`: {error}")))?;
            Some(validated(form)?)
        }
    };
    let edit = TenantEdit::Change { name: name.clone(), secrets, settings };
    source.edit(edit).await.map_err(ApiError::Tenant)?;
    entry(source, &name).map(Json)
}

#[utoipa::path(
    delete,
    path = "/v1/tenants/{name}",
    operation_id = "remove_tenant",
    params(("name" = String, Path, description = "The tenant's name"), Removal),
    responses((status = 204, description = "Removed")),
)]
pub(crate) async fn remove(
    State(sources): State<Sources>,
    Named(name): Named<String>,
    Asked(removal): Asked<Removal>,
) -> Result<StatusCode, ApiError> {
    let name = named(&name)?;
    let edit = TenantEdit::Remove { name: name.clone(), insist: removal.insist };
    source(&sources)?.edit(edit).await.map_err(ApiError::Tenant)?;
    revoke_tokens_of(&sources, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tokens of a tenant that is gone must not open what another one of its name has.
pub(crate) async fn revoke_tokens_of(sources: &Sources, name: &TenantName) -> Result<(), ApiError> {
    match &sources.tokens {
        Some(tokens) => tokens.remove_of(name.clone()).await.map_err(ApiError::Scaler),
        None => Ok(()),
    }
}

fn source(sources: &Sources) -> Result<&dyn TenantsSource, ApiError> {
    sources.tenants.as_deref().ok_or(ApiError::NoTenants)
}

fn named(name: &str) -> Result<TenantName, ApiError> {
    name.parse().map_err(|_| ApiError::NotFound)
}

fn entry(source: &dyn TenantsSource, name: &TenantName) -> Result<TenantEntry, ApiError> {
    let found = source.report().tenants.into_iter().find(|entry| entry.name == name.as_str());
    found.ok_or_else(|| ApiError::UnknownTenant(name.clone()))
}

/// Every problem at once.
fn validated(form: Form) -> Result<Settings, ApiError> {
    Settings::try_from(form).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        ApiError::BadBody(problems.join("; "))
    })
}

fn secrets(given: &[String]) -> Result<Vec<Secret>, ApiError> {
    if given.len() > MAX_SECRETS {
        return Err(ApiError::BadBody(format!("more than {MAX_SECRETS} secrets")));
    }
    let secret = |text: &String| {
        if text.contains(char::is_control) {
            return Err(ApiError::BadBody("a secret has control characters".to_owned()));
        }
        Secret::new(text).map_err(|error| ApiError::BadBody(error.to_string()))
    };
    given.iter().map(secret).collect()
}

/// A JSON merge patch (RFC 7396, section 2).
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(&key);
        } else {
            merge(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patches_merge_as_the_rfc_has_it() {
        for (target, patch, wanted) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (json!({"a": [1]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
            (json!(["a"]), json!(["c"]), json!(["c"])),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, patch.clone());
            assert_eq!(merged, wanted, "{target} {patch}");
        }
    }
}
