//! The audit log of the admin API: rows and statements.

use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow};

use crate::{
    database::{Readers, on_each},
    error::StoreError,
    store::Store,
    write::{Open, Write},
};

/// What somebody asked to change, and what came of it. No column holds a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditRow {
    /// Grows by one with each row; given by the store.
    pub position: i64,
    /// When, in ms since 1970.
    pub at: i64,
    /// The name of the token.
    pub actor: String,
    /// What that token may.
    pub role: String,
    /// Method and path, with the path's variable parts by name.
    pub action: String,
    /// What those parts were.
    pub subject: String,
    /// What of it, in a few words.
    pub detail: String,
    /// The answer's HTTP status.
    pub status: i64,
    /// `done`, or the code of the refusal.
    pub outcome: String,
    /// The request's ID.
    pub request_id: String,
}

macro_rules! columns {
    () => {
        "position, at, actor, role, action, subject, detail, status, outcome, request_id"
    };
}

const SELECT: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM audit WHERE position < $1 AND ($2 = '' OR actor = $2) ORDER BY position DESC LIMIT $3"
);
const LAST: &str = "SELECT COALESCE(MAX(position), 0) AS n FROM audit";
const INSERT: &str = concat!(
    "INSERT INTO audit (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
);
const DELETE: &str = "DELETE FROM audit WHERE position <= $1";

trait Readable {
    fn entry(&self) -> Result<AuditRow, StoreError>;
    fn number(&self) -> Result<i64, StoreError>;
}

macro_rules! readable {
    ($row:ty) => {
        impl Readable for $row {
            fn entry(&self) -> Result<AuditRow, StoreError> {
                let failed = |source| StoreError::Query { operation: "read the audit log", source };
                Ok(AuditRow {
                    position: self.try_get("position").map_err(failed)?,
                    at: self.try_get("at").map_err(failed)?,
                    actor: self.try_get("actor").map_err(failed)?,
                    role: self.try_get("role").map_err(failed)?,
                    action: self.try_get("action").map_err(failed)?,
                    subject: self.try_get("subject").map_err(failed)?,
                    detail: self.try_get("detail").map_err(failed)?,
                    status: self.try_get("status").map_err(failed)?,
                    outcome: self.try_get("outcome").map_err(failed)?,
                    request_id: self.try_get("request_id").map_err(failed)?,
                })
            }

            fn number(&self) -> Result<i64, StoreError> {
                self.try_get("n")
                    .map_err(|source| StoreError::Query { operation: "read the audit log", source })
            }
        }
    };
}

readable!(SqliteRow);
readable!(PgRow);

impl Store {
    /// What was asked before `position`, by one actor or by all, the latest first,
    /// at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn audit(
        &self,
        before: i64,
        actor: Option<&str>,
        limit: i64,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let failed = |source| StoreError::Query { operation: "read the audit log", source };
        on_each!(Readers, self.readers(), readers => {
            let query =
                sqlx::query(SELECT).bind(before).bind(actor.unwrap_or_default()).bind(limit);
            let rows = query.fetch_all(readers).await.map_err(failed)?;
            rows.iter().map(Readable::entry).collect()
        })
    }
}

impl Write {
    /// Adds to the audit log, and keeps the last `kept` of it. The position of
    /// `row` does not count.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn insert_audit(&mut self, row: &AuditRow, kept: i64) -> Result<(), StoreError> {
        let failed = |source| StoreError::Query { operation: "write the audit log", source };
        on_each!(Open, self.transaction(), transaction => {
            let last = sqlx::query(LAST).fetch_one(&mut **transaction).await.map_err(failed)?;
            let position = last.number()?.saturating_add(1);
            sqlx::query(INSERT)
                .bind(position)
                .bind(row.at)
                .bind(&row.actor)
                .bind(&row.role)
                .bind(&row.action)
                .bind(&row.subject)
                .bind(&row.detail)
                .bind(row.status)
                .bind(&row.outcome)
                .bind(&row.request_id)
                .execute(&mut **transaction)
                .await
                .map_err(failed)?;
            let old = sqlx::query(DELETE).bind(position.saturating_sub(kept));
            old.execute(&mut **transaction).await.map(drop).map_err(failed)
        })
    }
}
