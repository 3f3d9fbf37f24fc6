//! Opening the store and reading from it.

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use bluegate_cluster::TenantName;
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    error::{OpenError, StoreError},
    generation::{Generation, SELECT_OPEN, SELECT_OPEN_OF_MEETING},
    migrations,
    write::Write,
};

/// Connections that read at the same time; there is one that writes.
const READERS: u32 = 4;
/// How long a query waits for a connection, and a connection for a lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

const SELECT_SUPERSEDED: &str = "SELECT id FROM generations WHERE tenant = $1 \
     AND meeting_id = $2 AND create_time = $3 AND state = 'superseded' LIMIT 1";

/// The store, open. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    readers: SqlitePool,
    writer: SqlitePool,
}

impl Store {
    /// Opens `sqlite://PATH`, making the file (readable by its owner only) and
    /// bringing the schema up to date.
    ///
    /// # Errors
    /// [`OpenError`] names the file and the step that failed.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let path = url
            .strip_prefix("sqlite://")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .ok_or_else(|| OpenError::Url(url.to_owned()))?;
        create_private(&path)?;

        let connect = |source| OpenError::Connect { path: path.clone(), source };
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            // A power cut may lose the last commits but never corrupts; the
            // stamps on the nodes give those meetings back.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(LOCK_TIMEOUT)
            .foreign_keys(true);
        let pool = || SqlitePoolOptions::new().acquire_timeout(LOCK_TIMEOUT);
        let writer =
            pool().max_connections(1).connect_with(options.clone()).await.map_err(connect)?;
        migrations::migrator()
            .run(&writer)
            .await
            .map_err(|source| OpenError::Migrate { path: path.clone(), source })?;
        let readers =
            pool().max_connections(READERS).connect_with(options).await.map_err(connect)?;
        Ok(Self { readers, writer })
    }

    /// Begins a transaction that holds the write lock from the start.
    ///
    /// # Errors
    /// [`StoreError`] when the lock is not to be had within the bound.
    pub async fn write(&self) -> Result<Write, StoreError> {
        let transaction = self
            .writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(|source| StoreError::Query { operation: "begin a transaction", source })?;
        Ok(Write::new(transaction))
    }

    /// Every open generation, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn open_generations(&self) -> Result<Vec<Generation>, StoreError> {
        let rows = sqlx::query(SELECT_OPEN)
            .fetch_all(&self.readers)
            .await
            .map_err(|source| StoreError::Query { operation: "list open meetings", source })?;
        rows.iter().map(Generation::read).collect()
    }

    /// The open generation of a meeting.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn open_generation(
        &self,
        tenant: &TenantName,
        meeting_id: &str,
    ) -> Result<Option<Generation>, StoreError> {
        let row = sqlx::query(SELECT_OPEN_OF_MEETING)
            .bind(tenant.as_str())
            .bind(meeting_id)
            .fetch_optional(&self.readers)
            .await
            .map_err(|source| StoreError::Query { operation: "find a meeting", source })?;
        row.as_ref().map(Generation::read).transpose()
    }

    /// Whether a superseded generation of this meeting had this createTime.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn was_superseded(
        &self,
        tenant: &TenantName,
        meeting_id: &str,
        create_time: i64,
    ) -> Result<bool, StoreError> {
        let row = sqlx::query(SELECT_SUPERSEDED)
            .bind(tenant.as_str())
            .bind(meeting_id)
            .bind(create_time)
            .fetch_optional(&self.readers)
            .await
            .map_err(|source| StoreError::Query { operation: "find a former meeting", source })?;
        Ok(row.is_some())
    }

    /// Closes all connections, writing the log back into the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Passwords of meetings and users' names are in the file: its owner's only.
/// SQLite gives the files beside it the same mode.
fn create_private(path: &Path) -> Result<(), OpenError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|source| OpenError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
