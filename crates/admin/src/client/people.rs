//! Tenants, tokens, and what was done with them.

use bluegate_cluster::TenantName;
use http::Method;

use super::{Client, ClientError, escaped};
use crate::{
    AuditReport, TenantAdded, TenantEntry, TenantPatch, TenantSpec, TenantsReport, TokenAdded,
    TokenEntry, TokenSpec,
};

impl Client {
    /// `GET /v1/tenants`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn tenants(&self) -> Result<TenantsReport, ClientError> {
        self.call(Method::GET, "/v1/tenants").await
    }

    /// `GET /v1/tenants/{name}`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn tenant(&self, name: &TenantName) -> Result<TenantEntry, ClientError> {
        self.call(Method::GET, &format!("/v1/tenants/{name}")).await
    }

    /// `POST /v1/tenants`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn add_tenant(&self, spec: &TenantSpec) -> Result<TenantAdded, ClientError> {
        self.call_with(Method::POST, "/v1/tenants", Some(spec)).await
    }

    /// `PATCH /v1/tenants/{name}`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn change_tenant(
        &self,
        name: &TenantName,
        patch: &TenantPatch,
    ) -> Result<TenantEntry, ClientError> {
        self.call_with(Method::PATCH, &format!("/v1/tenants/{name}"), Some(patch)).await
    }

    /// `DELETE /v1/tenants/{name}`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn remove_tenant(&self, name: &TenantName, insist: bool) -> Result<(), ClientError> {
        self.call(Method::DELETE, &format!("/v1/tenants/{name}?insist={insist}")).await
    }

    /// `GET /v1/tokens`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn tokens(&self) -> Result<Vec<TokenEntry>, ClientError> {
        self.call(Method::GET, "/v1/tokens").await
    }

    /// `POST /v1/tokens`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn add_token(&self, token: &TokenSpec) -> Result<TokenAdded, ClientError> {
        self.call_with(Method::POST, "/v1/tokens", Some(token)).await
    }

    /// `DELETE /v1/tokens/{name}`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn revoke_token(&self, name: &str) -> Result<(), ClientError> {
        self.call(Method::DELETE, &format!("/v1/tokens/{}", escaped(name))).await
    }

    /// `GET /v1/audit`: what is older than `before`, by one actor or all, at most
    /// `limit` entries.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn audit(
        &self,
        before: Option<i64>,
        actor: Option<&str>,
        limit: u32,
    ) -> Result<AuditReport, ClientError> {
        let mut target = format!("/v1/audit?limit={limit}");
        if let Some(before) = before {
            target.push_str(&format!("&before={before}"));
        }
        if let Some(actor) = actor {
            target.push_str(&format!("&actor={}", escaped(actor)));
        }
        self.call(Method::GET, &target).await
    }
}
