//! The rows of tokens that open the admin API.

use bluegate_cluster::TenantName;
use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow};

use crate::{
    database::{Readers, on_each},
    error::{StoreError, WriteError},
    store::Store,
    write::{Open, Write},
};

/// A token, without what it is: only its hash is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// The part of the token that it is found by.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The admin API's word for what it may.
    pub role: String,
    /// The only tenant it sees.
    pub tenant: Option<TenantName>,
    /// Its hash, in the PHC string format.
    pub hash: String,
    /// When it was made, in ms since 1970.
    pub created_at: i64,
    /// Whose token it was made with.
    pub created_by: String,
}

macro_rules! columns {
    () => {
        "id, name, role, tenant, hash, created_at, created_by"
    };
}

const SELECT_ALL: &str = concat!("SELECT ", columns!(), " FROM tokens ORDER BY name");
const SELECT_ONE: &str = concat!("SELECT ", columns!(), " FROM tokens WHERE id = $1");
const COUNT: &str = "SELECT COUNT(*) AS n FROM tokens";
const INSERT: &str =
    concat!("INSERT INTO tokens (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7)");
const DELETE: &str = "DELETE FROM tokens WHERE name = $1";
const DELETE_OF_TENANT: &str = "DELETE FROM tokens WHERE tenant = $1";

trait Readable {
    fn token(&self) -> Result<StoredToken, StoreError>;
    fn number(&self) -> Result<i64, StoreError>;
}

macro_rules! readable {
    ($row:ty) => {
        impl Readable for $row {
            fn token(&self) -> Result<StoredToken, StoreError> {
                let failed = |source| StoreError::Query { operation: "read a token", source };
                let tenant: Option<String> = self.try_get("tenant").map_err(failed)?;
                let tenant = tenant.map(|tenant| tenant.parse()).transpose();
                Ok(StoredToken {
                    id: self.try_get("id").map_err(failed)?,
                    name: self.try_get("name").map_err(failed)?,
                    role: self.try_get("role").map_err(failed)?,
                    tenant: tenant.map_err(|_| StoreError::Row { column: "tenant" })?,
                    hash: self.try_get("hash").map_err(failed)?,
                    created_at: self.try_get("created_at").map_err(failed)?,
                    created_by: self.try_get("created_by").map_err(failed)?,
                })
            }

            fn number(&self) -> Result<i64, StoreError> {
                self.try_get("n")
                    .map_err(|source| StoreError::Query { operation: "count tokens", source })
            }
        }
    };
}

readable!(SqliteRow);
readable!(PgRow);

impl Store {
    /// All tokens, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn tokens(&self) -> Result<Vec<StoredToken>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list tokens", source };
        on_each!(Readers, self.readers(), readers => {
            let rows = sqlx::query(SELECT_ALL).fetch_all(readers).await.map_err(failed)?;
            rows.iter().map(Readable::token).collect()
        })
    }

    /// The token that is found by this.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn token(&self, id: &str) -> Result<Option<StoredToken>, StoreError> {
        let failed = |source| StoreError::Query { operation: "find a token", source };
        on_each!(Readers, self.readers(), readers => {
            let query = sqlx::query(SELECT_ONE).bind(id);
            let row = query.fetch_optional(readers).await.map_err(failed)?;
            row.as_ref().map(Readable::token).transpose()
        })
    }
}

impl Write {
    /// How many tokens there are.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn count_tokens(&mut self) -> Result<i64, StoreError> {
        let failed = |source| StoreError::Query { operation: "count tokens", source };
        on_each!(Open, self.transaction(), transaction => {
            let row = sqlx::query(COUNT).fetch_one(&mut **transaction).await.map_err(failed)?;
            row.number()
        })
    }

    /// Adds a token.
    ///
    /// # Errors
    /// [`WriteError::Taken`] when there is one of this name.
    pub async fn insert_token(&mut self, token: &StoredToken) -> Result<(), WriteError> {
        on_each!(Open, self.transaction(), transaction => {
            sqlx::query(INSERT)
                .bind(&token.id)
                .bind(&token.name)
                .bind(&token.role)
                .bind(token.tenant.as_ref().map(TenantName::as_str))
                .bind(&token.hash)
                .bind(token.created_at)
                .bind(&token.created_by)
                .execute(&mut **transaction)
                .await
                .map(drop)
                .map_err(|source| WriteError::from_sqlx("add a token", source))
        })
    }

    /// Removes the token of this name; whether it was there.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn delete_token(&mut self, name: &str) -> Result<bool, StoreError> {
        Ok(self.delete_tokens(DELETE, name).await? > 0)
    }

    /// Removes all tokens of a tenant; how many there were.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn delete_tokens_of(&mut self, tenant: &TenantName) -> Result<u64, StoreError> {
        self.delete_tokens(DELETE_OF_TENANT, tenant.as_str()).await
    }

    async fn delete_tokens(
        &mut self,
        statement: &'static str,
        key: &str,
    ) -> Result<u64, StoreError> {
        let failed = |source| StoreError::Query { operation: "remove a token", source };
        on_each!(Open, self.transaction(), transaction => {
            let query = sqlx::query(statement).bind(key);
            let done = query.execute(&mut **transaction).await.map_err(failed)?;
            Ok(done.rows_affected())
        })
    }
}
