//! `/v1/tokens`: making, listing and revoking tokens.

use axum::{Extension, Json, extract::State};
use bluegate_cluster::TenantName;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Answering, Sources,
    audit::Subject,
    error::ApiError,
    hashing,
    issued::NewToken,
    request::{Body, Named},
    role::{Caller, Role, RoleName},
};

/// Longest name, in characters.
const MAX_NAME: usize = 64;

/// A token, without what it is. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenEntry {
    /// Its name.
    pub name: String,
    /// What it may.
    pub role: RoleName,
    /// The only tenant it sees; `null` when it sees all.
    pub tenant: Option<String>,
    /// When it was made.
    pub created_at: i64,
    /// The name of the token it was made with, or `token_file`.
    pub created_by: String,
}

/// The body of `POST /v1/tokens`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenSpec {
    /// Its name: lower-case letters, digits and inner hyphens, 1 to 64.
    pub name: String,
    /// What it may.
    pub role: RoleName,
    /// The only tenant it sees; for the role `tenant` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// The answer to `POST /v1/tokens`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenAdded {
    /// The token.
    pub token: TokenEntry,
    /// What it is, shown this once.
    pub secret: String,
}

impl std::fmt::Debug for TokenAdded {
    /// Without what it is.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenAdded").field("token", &self.token).finish_non_exhaustive()
    }
}

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// What it is found by.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it may.
    pub role: Role,
    /// The hash of its secret part.
    pub hash: String,
    /// When it was made, in milliseconds since 1970; not looked at when it is
    /// added.
    pub created_at: i64,
    /// The name of the token it was made with.
    pub created_by: String,
}

/// Where tokens are kept.
pub trait TokenSource: Send + Sync {
    /// The token with this ID.
    fn find(&self, id: String) -> Answering<'_, Option<StoredToken>>;

    /// All tokens, by name.
    fn list(&self) -> Answering<'_, Vec<StoredToken>>;

    /// Adds a token; refuses a name that is taken, and one too many.
    fn add(&self, token: StoredToken) -> Answering<'_, StoredToken>;

    /// Removes the token of this name; whether it was there.
    fn remove(&self, name: String) -> Answering<'_, bool>;

    /// Removes all tokens of a tenant.
    fn remove_of(&self, tenant: TenantName) -> Answering<'_, ()>;
}

impl From<StoredToken> for TokenEntry {
    fn from(token: StoredToken) -> Self {
        Self {
            name: token.name,
            role: token.role.name(),
            tenant: token.role.tenant().map(ToString::to_string),
            created_at: token.created_at,
            created_by: token.created_by,
        }
    }
}

#[utoipa::path(
    get,
    path = "/v1/tokens",
    operation_id = "list_tokens",
    responses((status = 200, description = "Tokens, without what they are", body = Vec<TokenEntry>)),
)]
pub(crate) async fn list(
    State(sources): State<Sources>,
) -> Result<Json<Vec<TokenEntry>>, ApiError> {
    let tokens = source(&sources)?.list().await.map_err(ApiError::Scaler)?;
    Ok(Json(tokens.into_iter().map(TokenEntry::from).collect()))
}

#[utoipa::path(
    post,
    path = "/v1/tokens",
    operation_id = "make_token",
    request_body = TokenSpec,
    responses((status = 201, description = "Made", body = TokenAdded)),
)]
pub(crate) async fn add(
    State(sources): State<Sources>,
    Extension(caller): Extension<Caller>,
    Extension(subject): Extension<Subject>,
    Body(spec): Body<TokenSpec>,
) -> Result<(StatusCode, Json<TokenAdded>), ApiError> {
    if !is_name(&spec.name) {
        return Err(ApiError::BadBody(format!(
            "`name`: `{}` is not a token name: lower-case letters, digits and inner hyphens, 1 to \
             {MAX_NAME} characters",
            spec.name
        )));
    }
    subject.is(&spec.name);
    let tenant = spec.tenant.map(|tenant| tenant.parse::<TenantName>()).transpose();
    let tenant = tenant.map_err(|error| ApiError::BadBody(format!("`tenant`: {error}")))?;
    let role =
        Role::new(spec.role, tenant).map_err(|error| ApiError::BadBody(error.to_string()))?;
    subject.detail(&match role.tenant() {
        Some(tenant) => format!("role tenant, of {tenant}"),
        None => format!("role {}", role.name().as_str()),
    });
    if let (Some(tenant), Some(tenants)) = (role.tenant(), &sources.tenants)
        && !tenants.report().tenants.iter().any(|entry| entry.name == tenant.as_str())
    {
        return Err(ApiError::UnknownTenant(tenant.clone()));
    }
    let source = source(&sources)?;
    let new = NewToken::random();
    let secret = new.secret.clone();
    let hash = tokio::task::spawn_blocking(move || hashing::hash(&secret)).await;
    let token = StoredToken {
        id: new.id.clone(),
        name: spec.name,
        role,
        hash: hash.ok().flatten().ok_or(ApiError::Internal)?,
        created_at: 0,
        created_by: caller.name,
    };
    let added = source.add(token).await.map_err(ApiError::Scaler)?;
    let added = TokenAdded { token: added.into(), secret: new.text() };
    Ok((StatusCode::CREATED, Json(added)))
}

#[utoipa::path(
    delete,
    path = "/v1/tokens/{name}",
    operation_id = "revoke_token",
    params(("name" = String, Path, description = "The token's name")),
    responses((status = 204, description = "Revoked")),
)]
pub(crate) async fn remove(
    State(sources): State<Sources>,
    Named(name): Named<String>,
) -> Result<StatusCode, ApiError> {
    let found = source(&sources)?.remove(name).await.map_err(ApiError::Scaler)?;
    if found { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::UnknownToken) }
}

fn source(sources: &Sources) -> Result<&dyn TokenSource, ApiError> {
    sources.tokens.as_deref().ok_or(ApiError::NoStore)
}

fn is_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}
