//! What other balancers said of what was taken over from them.

use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow};

use crate::{
    database::{Readers, on_each},
    error::StoreError,
    store::Store,
    write::{Open, Write},
};

/// What another balancer said of one thing that was taken over from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignRecord {
    /// What it is: `server` or `tenant`.
    pub kind: String,
    /// Our name for it.
    pub name: String,
    /// What the other balancer said, sealed.
    pub record: String,
}

const SELECT: &str =
    "SELECT kind, name, record FROM foreign_records WHERE source = $1 ORDER BY kind, name";
const UPSERT: &str = "INSERT INTO foreign_records (source, kind, name, record) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (source, kind, name) DO UPDATE SET \
     record = excluded.record";

impl Store {
    /// What `source`, such as `scalelite`, said of all that was taken over from
    /// it.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn foreign_records(&self, source: &str) -> Result<Vec<ForeignRecord>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list what was taken over", source };
        on_each!(Readers, self.readers(), readers => {
            let rows = sqlx::query(SELECT).bind(source).fetch_all(readers).await.map_err(failed)?;
            rows.iter().map(ReadableRecord::record).collect()
        })
    }
}

impl Write {
    /// Remembers what `source` says of one thing, in place of what it said
    /// before.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn put_foreign_record(
        &mut self,
        source: &str,
        record: &ForeignRecord,
    ) -> Result<(), StoreError> {
        let failed =
            |source| StoreError::Query { operation: "remember what was taken over", source };
        on_each!(Open, self.transaction(), transaction => {
            sqlx::query(UPSERT)
                .bind(source)
                .bind(&record.kind)
                .bind(&record.name)
                .bind(&record.record)
                .execute(&mut **transaction)
                .await
                .map(drop)
                .map_err(failed)
        })
    }
}

/// A row that holds a record.
trait ReadableRecord {
    fn record(&self) -> Result<ForeignRecord, StoreError>;
}

/// The same columns, read from the rows of each database.
macro_rules! readable {
    ($row:ty) => {
        impl ReadableRecord for $row {
            fn record(&self) -> Result<ForeignRecord, StoreError> {
                let failed =
                    |source| StoreError::Query { operation: "read what was taken over", source };
                Ok(ForeignRecord {
                    kind: self.try_get("kind").map_err(failed)?,
                    name: self.try_get("name").map_err(failed)?,
                    record: self.try_get("record").map_err(failed)?,
                })
            }
        }
    };
}

readable!(SqliteRow);
readable!(PgRow);
