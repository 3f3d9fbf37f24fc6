//! Hooks: who wants to hear of events.

use bluegate_cluster::TenantName;
use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow};

use crate::{
    database::{Readers, on_each},
    error::StoreError,
    store::Store,
    write::{Open, Write},
};

/// A tenant's hook, as hooks/create was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Its `hookID`.
    pub id: String,
    /// Whose it is.
    pub tenant: TenantName,
    /// Where events go, as it was given.
    pub callback_url: String,
    /// The tenant's ID of the only meeting it hears of.
    pub meeting_id: Option<String>,
    /// The only events it hears of, as the list it was given.
    pub event_ids: Option<String>,
    /// Whether it wants events as they are inside of BBB.
    pub raw: bool,
    /// When it was made, in ms.
    pub created_at: i64,
}

macro_rules! columns {
    () => {
        "id, tenant, callback_url, meeting_id, event_ids, raw, created_at"
    };
}

const SELECT_ALL: &str = concat!("SELECT ", columns!(), " FROM hooks ORDER BY created_at, id");
const INSERT: &str = concat!(
    "INSERT INTO hooks (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, callback_url) DO NOTHING"
);
const DELETE: &str = "DELETE FROM hooks WHERE id = $1 AND tenant = $2";

trait Readable {
    fn hook(&self) -> Result<Hook, StoreError>;
}

macro_rules! readable {
    ($row:ty) => {
        impl Readable for $row {
            fn hook(&self) -> Result<Hook, StoreError> {
                fn get<'r, T>(row: &'r $row, column: &'static str) -> Result<T, StoreError>
                where
                    T: sqlx::Decode<'r, <$row as Row>::Database>
                        + sqlx::Type<<$row as Row>::Database>,
                {
                    row.try_get(column)
                        .map_err(|source| StoreError::Query { operation: "read a hook", source })
                }
                Ok(Hook {
                    id: get(self, "id")?,
                    tenant: get::<String>(self, "tenant")?
                        .parse()
                        .map_err(|_| StoreError::Row { column: "tenant" })?,
                    callback_url: get(self, "callback_url")?,
                    meeting_id: get(self, "meeting_id")?,
                    event_ids: get(self, "event_ids")?,
                    raw: get(self, "raw")?,
                    created_at: get(self, "created_at")?,
                })
            }
        }
    };
}

readable!(SqliteRow);
readable!(PgRow);

impl Store {
    /// Every hook, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn hooks(&self) -> Result<Vec<Hook>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list hooks", source };
        on_each!(Readers, self.readers(), readers => {
            let rows = sqlx::query(SELECT_ALL).fetch_all(readers).await.map_err(failed)?;
            rows.iter().map(Readable::hook).collect()
        })
    }
}

impl Write {
    /// Adds a hook; `false` when the tenant has one of this URL.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn insert_hook(&mut self, hook: &Hook) -> Result<bool, StoreError> {
        let failed = |source| StoreError::Query { operation: "add a hook", source };
        on_each!(Open, &mut self.transaction, transaction => {
            let done = sqlx::query(INSERT)
                .bind(&hook.id)
                .bind(hook.tenant.as_str())
                .bind(&hook.callback_url)
                .bind(&hook.meeting_id)
                .bind(&hook.event_ids)
                .bind(hook.raw)
                .bind(hook.created_at)
                .execute(&mut **transaction)
                .await
                .map_err(failed)?;
            Ok(done.rows_affected() > 0)
        })
    }

    /// Removes a tenant's hook; `false` when it has none of this id.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn delete_hook(&mut self, tenant: &TenantName, id: &str) -> Result<bool, StoreError> {
        let failed = |source| StoreError::Query { operation: "remove a hook", source };
        on_each!(Open, &mut self.transaction, transaction => {
            let query = sqlx::query(DELETE).bind(id).bind(tenant.as_str());
            let done = query.execute(&mut **transaction).await.map_err(failed)?;
            Ok(done.rows_affected() > 0)
        })
    }
}
