//! The admin API's tokens and its audit log, in the scaler's store.

use std::time::SystemTime;

use bluegate_admin::{
    Answering, AuditEntry, AuditSource, Role, RoleName, ScalerRefusal, StoredToken, TokenSource,
};
use bluegate_cluster::TenantName;
use bluegate_store::{AuditRow, Store, StoreError, StoredToken as TokenRow, WriteError};
use http::StatusCode;

use crate::table::milliseconds;

/// Most tokens at once.
const MAX_TOKENS: i64 = 1_000;

/// Entries of the audit log that are kept: the last ones.
const AUDIT_KEPT: i64 = 10_000;

/// What the store keeps for the admin API.
#[derive(Clone)]
pub(crate) struct Administration(pub(crate) Store);

impl TokenSource for Administration {
    fn find(&self, id: String) -> Answering<'_, Option<StoredToken>> {
        Box::pin(async move {
            let row = self.0.token(&id).await.map_err(unavailable)?;
            row.map(shown).transpose()
        })
    }

    fn list(&self) -> Answering<'_, Vec<StoredToken>> {
        Box::pin(async move {
            let rows = self.0.tokens().await.map_err(unavailable)?;
            rows.into_iter().map(shown).collect()
        })
    }

    fn add(&self, token: StoredToken) -> Answering<'_, StoredToken> {
        Box::pin(async move {
            let token = StoredToken { created_at: milliseconds(SystemTime::now()), ..token };
            let row = TokenRow {
                id: token.id.clone(),
                name: token.name.clone(),
                role: token.role.name().as_str().to_owned(),
                tenant: token.role.tenant().cloned(),
                hash: token.hash.clone(),
                created_at: token.created_at,
                created_by: token.created_by.clone(),
            };
            let mut write = self.0.write().await.map_err(unavailable)?;
            if write.count_tokens().await.map_err(unavailable)? >= MAX_TOKENS {
                let message = format!("there are {MAX_TOKENS} tokens: revoke one first");
                return Err(conflict("too_many", message));
            }
            write.insert_token(&row).await.map_err(|error| match error {
                WriteError::Taken => {
                    conflict("name_taken", format!("there is a token `{}`", row.name))
                }
                WriteError::Store(error) => unavailable(error),
            })?;
            write.commit().await.map_err(unavailable)?;
            Ok(token)
        })
    }

    fn remove(&self, name: String) -> Answering<'_, bool> {
        Box::pin(async move {
            let mut write = self.0.write().await.map_err(unavailable)?;
            let found = write.delete_token(&name).await.map_err(unavailable)?;
            write.commit().await.map_err(unavailable)?;
            Ok(found)
        })
    }

    fn remove_of(&self, tenant: TenantName) -> Answering<'_, ()> {
        Box::pin(async move {
            let mut write = self.0.write().await.map_err(unavailable)?;
            write.delete_tokens_of(&tenant).await.map_err(unavailable)?;
            write.commit().await.map_err(unavailable)
        })
    }
}

impl AuditSource for Administration {
    fn record(&self, entry: AuditEntry) -> Answering<'_, ()> {
        Box::pin(async move {
            let row = AuditRow {
                position: entry.position,
                at: entry.at,
                actor: entry.actor,
                role: entry.role,
                action: entry.action,
                subject: entry.subject,
                detail: entry.detail,
                status: entry.status.into(),
                outcome: entry.outcome,
                request_id: entry.request_id,
            };
            let mut write = self.0.write().await.map_err(unavailable)?;
            write.insert_audit(&row, AUDIT_KEPT).await.map_err(unavailable)?;
            write.commit().await.map_err(unavailable)
        })
    }

    fn list(
        &self,
        before: i64,
        actor: Option<String>,
        limit: u32,
    ) -> Answering<'_, Vec<AuditEntry>> {
        Box::pin(async move {
            let rows = self.0.audit(before, actor.as_deref(), limit.into()).await;
            let entry = |row: AuditRow| AuditEntry {
                position: row.position,
                at: row.at,
                actor: row.actor,
                role: row.role,
                action: row.action,
                subject: row.subject,
                detail: row.detail,
                status: row.status.try_into().unwrap_or(0),
                outcome: row.outcome,
                request_id: row.request_id,
            };
            Ok(rows.map_err(unavailable)?.into_iter().map(entry).collect())
        })
    }
}

/// A role that this version does not know opens nothing.
fn shown(row: TokenRow) -> Result<StoredToken, ScalerRefusal> {
    let role = RoleName::parse(&row.role).and_then(|name| Role::new(name, row.tenant).ok());
    let role = role.ok_or_else(|| {
        let message = format!("token `{}` has a role that this version does not know", row.name);
        ScalerRefusal { status: StatusCode::INTERNAL_SERVER_ERROR, code: "unknown_role", message }
    })?;
    Ok(StoredToken {
        id: row.id,
        name: row.name,
        role,
        hash: row.hash,
        created_at: row.created_at,
        created_by: row.created_by,
    })
}

fn conflict(code: &'static str, message: String) -> ScalerRefusal {
    ScalerRefusal { status: StatusCode::CONFLICT, code, message }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` takes")]
fn unavailable(error: StoreError) -> ScalerRefusal {
    let cause = &error as &dyn std::error::Error;
    tracing::error!(error = cause, "the store does not answer the admin API");
    ScalerRefusal {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "store_unavailable",
        message: error.to_string(),
    }
}
