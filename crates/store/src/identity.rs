//! Which store this is, and other stores that make meetings on its nodes.

use crate::{
    Store,
    database::{Readers, Writers, on_each},
    error::StoreError,
    write::Open,
};

const SELECT_OWN: &str = "SELECT id FROM stores WHERE own = $1 ORDER BY id LIMIT 1";
const SELECT_OTHERS: &str = "SELECT id FROM stores WHERE own = $1 ORDER BY id";
const INSERT: &str = "INSERT INTO stores (id, own, seen_at) VALUES ($1, $2, $3) \
     ON CONFLICT (id) DO NOTHING";

impl Store {
    /// What this store is called: `fresh`, from now on, when it has no name yet.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn identity(&self, fresh: &str, now: i64) -> Result<String, StoreError> {
        let failed = |source| StoreError::Query { operation: "name the store", source };
        let mut write = self.write().await?;
        let known: Option<String> = on_each!(Open, write.transaction(), transaction => {
            let query = sqlx::query_scalar(SELECT_OWN).bind(true);
            query.fetch_optional(&mut **transaction).await.map_err(failed)?
        });
        if let Some(known) = known {
            return Ok(known);
        }
        on_each!(Open, write.transaction(), transaction => {
            let query = sqlx::query(INSERT).bind(fresh).bind(true).bind(now);
            query.execute(&mut **transaction).await.map(drop).map_err(failed)?;
        });
        write.commit().await?;
        Ok(fresh.to_owned())
    }

    /// Other stores that were seen to make meetings on our nodes.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn foreign_stores(&self) -> Result<Vec<String>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list foreign stores", source };
        on_each!(Readers, self.database().readers(), readers => {
            let query = sqlx::query_scalar(SELECT_OTHERS).bind(false);
            query.fetch_all(readers).await.map_err(failed)
        })
    }

    /// Another store was seen to.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn note_foreign_store(&self, id: &str, seen_at: i64) -> Result<(), StoreError> {
        let failed = |source| StoreError::Query { operation: "note a foreign store", source };
        on_each!(Writers, self.database().writers(), writers => {
            let query = sqlx::query(INSERT).bind(id).bind(false).bind(seen_at);
            query.execute(writers).await.map(drop).map_err(failed)
        })
    }
}
