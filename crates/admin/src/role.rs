//! What a token may, and who asks.

use bluegate_cluster::TenantName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::ApiError;

/// The name of who asks with a token of the token file. No token can have it: an
/// underscore is in no name.
pub const TOKEN_FILE: &str = "token_file";

/// What a token may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Operator,
    /// Look at everything but tokens, change nothing.
    Viewer,
    /// Look at what is this tenant's, end its meetings, publish, hide and delete
    /// its recordings, retry and drop its callbacks.
    Tenant(TenantName),
}

/// The kinds of roles, as the API takes and shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoleName {
    /// May do everything.
    Operator,
    /// May look at everything but tokens.
    Viewer,
    /// Sees and does only what is its tenant's.
    Tenant,
}

/// A role that does not go with a tenant, or needs one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// `tenant` without one.
    #[error("`tenant`: a token of the role `tenant` is for one tenant")]
    NoTenant,
    /// Another role with one.
    #[error("`tenant`: only a token of the role `tenant` is for one tenant")]
    Tenant,
}

impl Role {
    /// The role of this kind.
    ///
    /// # Errors
    /// [`RoleError`] when a tenant is missing or one too many.
    pub fn new(name: RoleName, tenant: Option<TenantName>) -> Result<Self, RoleError> {
        match (name, tenant) {
            (RoleName::Operator, None) => Ok(Self::Operator),
            (RoleName::Viewer, None) => Ok(Self::Viewer),
            (RoleName::Tenant, Some(tenant)) => Ok(Self::Tenant(tenant)),
            (RoleName::Tenant, None) => Err(RoleError::NoTenant),
            (_, Some(_)) => Err(RoleError::Tenant),
        }
    }

    /// Its kind.
    #[must_use]
    pub fn name(&self) -> RoleName {
        match self {
            Self::Operator => RoleName::Operator,
            Self::Viewer => RoleName::Viewer,
            Self::Tenant(_) => RoleName::Tenant,
        }
    }

    /// The only tenant that it sees; `None` when it sees all.
    #[must_use]
    pub fn tenant(&self) -> Option<&TenantName> {
        match self {
            Self::Tenant(tenant) => Some(tenant),
            Self::Operator | Self::Viewer => None,
        }
    }
}

impl RoleName {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Viewer => "viewer",
            Self::Tenant => "tenant",
        }
    }

    /// The kind of this word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Operator, Self::Viewer, Self::Tenant].into_iter().find(|name| name.as_str() == text)
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The name of the token, or [`TOKEN_FILE`].
    pub(crate) name: String,
    pub(crate) role: Role,
}

impl Caller {
    /// With a token of the token file.
    pub(crate) fn of_token_file() -> Self {
        Self { name: TOKEN_FILE.to_owned(), role: Role::Operator }
    }

    /// Whether this tenant's things are there for who asks.
    pub(crate) fn sees(&self, tenant: &str) -> bool {
        self.role.tenant().is_none_or(|own| own.as_str() == tenant)
    }

    /// The tenant of this name: none for somebody else's, whether it is there or not,
    /// and for what can be no name.
    pub(crate) fn tenant(&self, named: &str) -> Option<TenantName> {
        if self.sees(named) { named.parse().ok() } else { None }
    }

    /// The tenant that is looked at when a query asks for one: the caller's own
    /// if it has one.
    ///
    /// # Errors
    /// [`ApiError::UnknownTenant`] for somebody else's, whether it is there or
    /// not; [`ApiError::BadQuery`] for what can be no name.
    pub(crate) fn narrow(&self, asked: Option<&str>) -> Result<Option<TenantName>, ApiError> {
        let asked = asked.map(str::parse::<TenantName>).transpose();
        let asked = asked.map_err(|error| ApiError::BadQuery(error.to_string()))?;
        match (self.role.tenant(), asked) {
            (Some(own), Some(asked)) if *own != asked => Err(ApiError::UnknownTenant(asked)),
            (Some(own), _) => Ok(Some(own.clone())),
            (None, asked) => Ok(asked),
        }
    }
}
