//! The rows of tenants that were added at run time.

use bluegate_cluster::TenantName;
use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow};

use crate::{
    database::{Readers, on_each},
    error::{StoreError, WriteError},
    store::Store,
    write::{Open, Write},
};

/// A tenant that was added at run time. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTenant {
    /// Its name.
    pub name: TenantName,
    /// What it may and gets, as JSON.
    pub settings: String,
    /// Its secrets, sealed.
    pub secrets: String,
    /// Whether its meeting IDs are the same on the nodes. Never changes.
    pub plain: bool,
    /// When it was added.
    pub added_at: i64,
    /// When it was last changed.
    pub changed_at: i64,
}

const SELECT_TENANTS: &str = "SELECT name, settings, secrets, plain, added_at, changed_at FROM tenants \
     ORDER BY added_at, name";
const INSERT_TENANT: &str = "INSERT INTO tenants (name, settings, secrets, plain, added_at, \
     changed_at) VALUES ($1, $2, $3, $4, $5, $6)";
const UPDATE_TENANT: &str =
    "UPDATE tenants SET settings = $2, secrets = $3, changed_at = $4 WHERE name = $1";
const DELETE_TENANT: &str = "DELETE FROM tenants WHERE name = $1";

impl Store {
    /// The tenants that were added at run time, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn tenants(&self) -> Result<Vec<StoredTenant>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list added tenants", source };
        on_each!(Readers, self.readers(), readers => {
            let rows = sqlx::query(SELECT_TENANTS).fetch_all(readers).await.map_err(failed)?;
            rows.iter().map(ReadableTenant::tenant).collect()
        })
    }
}

impl Write {
    /// The tenants that were added at run time, as of this transaction.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn tenants(&mut self) -> Result<Vec<StoredTenant>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list added tenants", source };
        on_each!(Open, self.transaction(), transaction => {
            let rows = sqlx::query(SELECT_TENANTS).fetch_all(&mut **transaction).await;
            rows.map_err(failed)?.iter().map(ReadableTenant::tenant).collect()
        })
    }

    /// Adds a tenant.
    ///
    /// # Errors
    /// [`WriteError::Taken`] when there is one of this name.
    pub async fn insert_tenant(&mut self, row: &StoredTenant) -> Result<(), WriteError> {
        on_each!(Open, self.transaction(), transaction => {
            sqlx::query(INSERT_TENANT)
                .bind(row.name.as_str())
                .bind(&row.settings)
                .bind(&row.secrets)
                .bind(row.plain)
                .bind(row.added_at)
                .bind(row.changed_at)
                .execute(&mut **transaction)
                .await
                .map(drop)
                .map_err(|source| WriteError::from_sqlx("add a tenant", source))
        })
    }

    /// Overwrites the tenant of this name; whether it was there.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn update_tenant(&mut self, row: &StoredTenant) -> Result<bool, StoreError> {
        let failed = |source| StoreError::Query { operation: "change a tenant", source };
        on_each!(Open, self.transaction(), transaction => {
            let query = sqlx::query(UPDATE_TENANT)
                .bind(row.name.as_str())
                .bind(&row.settings)
                .bind(&row.secrets)
                .bind(row.changed_at);
            let done = query.execute(&mut **transaction).await.map_err(failed)?;
            Ok(done.rows_affected() > 0)
        })
    }

    /// Removes a tenant that was added; whether it was there.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn delete_tenant(&mut self, name: &TenantName) -> Result<bool, StoreError> {
        let failed = |source| StoreError::Query { operation: "remove a tenant", source };
        on_each!(Open, self.transaction(), transaction => {
            let query = sqlx::query(DELETE_TENANT).bind(name.as_str());
            let done = query.execute(&mut **transaction).await.map_err(failed)?;
            Ok(done.rows_affected() > 0)
        })
    }
}

/// A row that holds a tenant.
trait ReadableTenant {
    fn tenant(&self) -> Result<StoredTenant, StoreError>;
}

/// The same columns, read from the rows of each database.
macro_rules! readable {
    ($row:ty) => {
        impl ReadableTenant for $row {
            fn tenant(&self) -> Result<StoredTenant, StoreError> {
                let failed = |source| StoreError::Query { operation: "read a tenant", source };
                let name: String = self.try_get("name").map_err(failed)?;
                Ok(StoredTenant {
                    name: name.parse().map_err(|_| StoreError::Row { column: "name" })?,
                    settings: self.try_get("settings").map_err(failed)?,
                    secrets: self.try_get("secrets").map_err(failed)?,
                    plain: self.try_get("plain").map_err(failed)?,
                    added_at: self.try_get("added_at").map_err(failed)?,
                    changed_at: self.try_get("changed_at").map_err(failed)?,
                })
            }
        }
    };
}

readable!(SqliteRow);
readable!(PgRow);
