//! The databases behind a store: SQLite in a file of ours, or PostgreSQL for
//! several scalers.

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use sqlx::{
    PgPool, SqlitePool,
    migrate::MigrateError,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    copy,
    error::{OpenError, StoreError, is_absent_table},
    migrations::{self, MIGRATIONS, Step},
    write::{Open, Write},
};

/// Connections that read a SQLite file at the same time; there is one that
/// writes.
const READERS: u32 = 4;
/// Connections of one scaler to PostgreSQL.
const CONNECTIONS: u32 = 8;
/// How long a query waits for a connection, a connection for a lock, and
/// PostgreSQL works on a statement.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// Number of the lock that writers take in PostgreSQL, in a space that the
/// whole database shares: "bluegate" in ASCII.
const WRITE_LOCK: i64 = 0x626c_7565_6761_7465;

/// Runs the same expression with whichever database it is.
macro_rules! on_each {
    ($kind:ident, $value:expr, $name:pat => $body:expr) => {
        match $value {
            $kind::Sqlite($name) => $body,
            $kind::Postgres($name) => $body,
        }
    };
}
pub(crate) use on_each;

/// The connections of a store.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// A file.
    Sqlite {
        /// Many.
        readers: SqlitePool,
        /// One.
        writer: SqlitePool,
    },
    /// A server.
    Postgres(PgPool),
}

/// Connections that read.
pub(crate) enum Readers<'a> {
    Sqlite(&'a SqlitePool),
    Postgres(&'a PgPool),
}

/// Connections that write single statements, without the lock that writers of
/// meetings share.
pub(crate) enum Writers<'a> {
    Sqlite(&'a SqlitePool),
    Postgres(&'a PgPool),
}

impl Database {
    /// Opens `sqlite://PATH` or `postgres://...` and brings the schema up to
    /// date.
    pub(crate) async fn open(url: &str) -> Result<Self, OpenError> {
        Self::open_as(url, MIGRATIONS).await
    }

    /// The same, as a program that knows these steps of the schema.
    pub(crate) async fn open_as(url: &str, steps: &[Step]) -> Result<Self, OpenError> {
        match sqlite_path(url) {
            Some(path) => open_sqlite(path, steps).await,
            None => open_postgres(url, steps).await,
        }
    }

    /// Opens it for reading only; absent when there is no such file, or nothing of
    /// ours in the database yet.
    pub(crate) async fn open_to_read(url: &str) -> Result<Option<Self>, OpenError> {
        let database = if let Some(path) = sqlite_path(url) {
            if !path.exists() {
                return Ok(None);
            }
            let pool = SqlitePoolOptions::new().acquire_timeout(LOCK_TIMEOUT).max_connections(1);
            let pool = pool.connect_with(sqlite_to_read(&path)).await;
            let pool = pool.map_err(|source| OpenError::Connect { path, source })?;
            Self::Sqlite { readers: pool.clone(), writer: pool }
        } else {
            Self::Postgres(postgres_pool(postgres_to_read(url)?).await?)
        };
        let known = migrations::newest(MIGRATIONS);
        let fits = match database.version().await {
            Ok(None) => Ok(false),
            Ok(Some(version)) if version < known => Err(OpenError::Older { version, known }),
            Ok(Some(version)) if version > known => Err(OpenError::Newer { version, known }),
            Ok(Some(_)) => Ok(true),
            Err(error) => Err(OpenError::Version(error)),
        };
        if !matches!(fits, Ok(true)) {
            database.close().await;
        }
        Ok(fits?.then_some(database))
    }

    /// The newest step of the schema that it has; absent where there is none.
    async fn version(&self) -> Result<Option<i64>, sqlx::Error> {
        let version = on_each!(Readers, self.readers(), readers => {
            sqlx::query_scalar(copy::SELECT_VERSION).fetch_one(readers).await
        });
        match version {
            Err(error) if is_absent_table(&error) => Ok(None),
            version => version,
        }
    }

    pub(crate) fn readers(&self) -> Readers<'_> {
        match self {
            Self::Sqlite { readers, .. } => Readers::Sqlite(readers),
            Self::Postgres(pool) => Readers::Postgres(pool),
        }
    }

    pub(crate) fn writers(&self) -> Writers<'_> {
        match self {
            Self::Sqlite { writer, .. } => Writers::Sqlite(writer),
            Self::Postgres(pool) => Writers::Postgres(pool),
        }
    }

    /// Begins a transaction that holds the write lock from its start: in
    /// PostgreSQL an advisory lock, which all scalers of the database share.
    pub(crate) async fn write(&self) -> Result<Write, StoreError> {
        let failed = |source| StoreError::Query { operation: "begin a transaction", source };
        match self {
            Self::Sqlite { writer, .. } => {
                let transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
                Ok(Write::new(Open::Sqlite(transaction)))
            }
            Self::Postgres(pool) => {
                let mut transaction = pool.begin().await.map_err(failed)?;
                sqlx::query("SELECT pg_advisory_xact_lock($1)")
                    .bind(WRITE_LOCK)
                    .execute(&mut *transaction)
                    .await
                    .map_err(failed)?;
                Ok(Write::new(Open::Postgres(transaction)))
            }
        }
    }

    /// SQLite's `data_version` as the one connection that writes sees it: it
    /// moves with every commit that was not made by that connection.
    pub(crate) async fn foreign_changes(&self) -> Result<Option<i64>, StoreError> {
        let Self::Sqlite { writer, .. } = self else { return Ok(None) };
        let failed = |source| StoreError::Query { operation: "say whether others wrote", source };
        let seen = sqlx::query_scalar("PRAGMA data_version").fetch_one(writer).await;
        seen.map(Some).map_err(failed)
    }

    /// Closes all connections; SQLite's log goes back into its file.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

async fn open_sqlite(path: PathBuf, steps: &[Step]) -> Result<Database, OpenError> {
    create_private(&path)?;
    copy::before_migration(&path, steps).await.map_err(OpenError::Copy)?;
    let connect = |source| OpenError::Connect { path: path.clone(), source };
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .journal_mode(SqliteJournalMode::Wal)
        // A power cut may lose the last commits but never corrupts; the
        // stamps on the nodes give those meetings back.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(LOCK_TIMEOUT)
        .foreign_keys(true);
    // A file needs no word to know that it is still there.
    let pool = || SqlitePoolOptions::new().acquire_timeout(LOCK_TIMEOUT).test_before_acquire(false);
    // Always the same connection: by what it sees, others' writes are noticed.
    let writer = pool().max_connections(1).idle_timeout(None).max_lifetime(None);
    let writer = writer.connect_with(options.clone()).await.map_err(connect)?;
    let migrated = migrations::migrator(steps).run(&writer).await;
    migrated.map_err(|source| {
        let path = path.clone();
        newer(&source, steps).unwrap_or(OpenError::Migrate { path, source })
    })?;
    let readers = pool().max_connections(READERS).connect_with(options).await.map_err(connect)?;
    Ok(Database::Sqlite { readers, writer })
}

async fn open_postgres(url: &str, steps: &[Step]) -> Result<Database, OpenError> {
    let pool = postgres_pool(postgres(url)?).await?;
    // Takes a lock of its own: several scalers may start at once.
    let migrated = migrations::migrator(steps).run(&pool).await;
    migrated.map_err(|source| newer(&source, steps).unwrap_or(OpenError::MigrateServer(source)))?;
    Ok(Database::Postgres(pool))
}

async fn postgres_pool(options: PgConnectOptions) -> Result<PgPool, OpenError> {
    PgPoolOptions::new()
        .acquire_timeout(LOCK_TIMEOUT)
        .max_connections(CONNECTIONS)
        .connect_with(options)
        .await
        .map_err(OpenError::Server)
}

/// How a server is connected to.
fn postgres(url: &str) -> Result<PgConnectOptions, OpenError> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(OpenError::Url);
    }
    let bound = format!("{}ms", LOCK_TIMEOUT.as_millis());
    let options = PgConnectOptions::from_str(url).map_err(OpenError::Server)?;
    let bounds = [("statement_timeout", bound.as_str()), ("lock_timeout", bound.as_str())];
    Ok(options.application_name("bluegate").options(bounds))
}

/// The same, for reading only.
pub(crate) fn postgres_to_read(url: &str) -> Result<PgConnectOptions, OpenError> {
    Ok(postgres(url)?.options([("default_transaction_read_only", "on")]))
}

/// How the file of a store is opened for reading only.
pub(crate) fn sqlite_to_read(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(LOCK_TIMEOUT)
}

/// The file of a store that is one.
pub(crate) fn sqlite_path(url: &str) -> Option<PathBuf> {
    url.strip_prefix("sqlite://").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Whether a newer program has been here.
fn newer(error: &MigrateError, steps: &[Step]) -> Option<OpenError> {
    match error {
        MigrateError::VersionMissing(version) => {
            Some(OpenError::Newer { version: *version, known: migrations::newest(steps) })
        }
        _ => None,
    }
}

/// Passwords of meetings and users' names are in the file: its owner's only.
/// SQLite gives the files beside it the same mode.
pub(crate) fn create_private(path: &Path) -> Result<(), OpenError> {
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
