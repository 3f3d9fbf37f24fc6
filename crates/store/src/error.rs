//! What can go wrong, per operation.

use std::path::PathBuf;

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Neither `sqlite://PATH` nor `postgres://...`.
    #[error(
        "not a store we can open; write `sqlite://` and the path of a file, or \
         `postgres://USER:PASSWORD@HOST/DATABASE`"
    )]
    Url,
    /// The server cannot be reached, or does not let us in.
    #[error("cannot connect to the PostgreSQL server of the store")]
    Server(#[source] sqlx::Error),
    /// The server's schema cannot be brought up to date.
    #[error("cannot migrate the store's PostgreSQL database")]
    MigrateServer(#[source] sqlx::migrate::MigrateError),
    /// A newer program has been here.
    #[error(
        "the store has been used by a newer Bluegate (schema {version}, this one knows {known}): run \
         that one, or go back to a copy from before as docs/operations.md says"
    )]
    Newer {
        /// A version of the schema that we do not know.
        version: i64,
        /// The newest that we know.
        known: i64,
    },
    /// It is there, and does not say which schema it has.
    #[error("the store does not say which schema it has")]
    Version(#[source] sqlx::Error),
    /// It is only read, and so not brought up to date.
    #[error(
        "the store has an older schema ({version}, this Bluegate reads {known}): start `bluegate \
         serve` on it once, which brings it up to date"
    )]
    Older {
        /// The newest step it has.
        version: i64,
        /// The newest that we know.
        known: i64,
    },
    /// There is no copy of the schema before, and without one there is no way
    /// back.
    #[error("cannot copy the store before its schema is brought up to date")]
    Copy(#[source] CopyError),
    /// The file cannot be created or opened.
    #[error("cannot create or open `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a database we can use.
    #[error("cannot open the database `{}`", path.display())]
    Connect {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// The schema cannot be brought up to date.
    #[error("cannot migrate the database `{}`", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlx::migrate::MigrateError,
    },
}

/// Why a store is not copied, or not put in place of another.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// PostgreSQL has tools of its own.
    #[error(
        "this store is a PostgreSQL database: use `pg_dump` and `pg_restore`, see docs/operations.md"
    )]
    Server,
    /// There is nothing to copy.
    #[error("there is no store at `{}`", path.display())]
    Absent {
        /// Where.
        path: PathBuf,
    },
    /// What is there stays.
    #[error("`{}` exists already and was left as it is", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The copy is no store, or a broken one.
    #[error("`{}` is no sound copy of a store: {reason}", path.display())]
    Unsound {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A scaler serves from the store.
    #[error("the store `{}` is in use: stop `bluegate serve` first", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A newer program made the copy.
    #[error(
        "`{}` was made by a newer Bluegate (schema {version}, this one knows {known}): restore it with \
         that one", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        version: i64,
        /// The newest that we know.
        known: i64,
    },
    /// A file cannot be written or read.
    #[error("cannot {operation} `{}`", path.display())]
    File {
        /// What we tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database does not do it.
    #[error("cannot copy the database `{}`", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
}

/// Why something cannot be read, or a transaction not begun or committed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or did not answer in time.
    #[error("the store cannot {operation}")]
    Query {
        /// What we tried, such as `list open meetings`.
        operation: &'static str,
        /// Why.
        source: sqlx::Error,
    },
    /// A row holds a text that its column never holds.
    #[error("column `{column}` of a stored meeting holds something unknown")]
    Row {
        /// The column.
        column: &'static str,
    },
}

/// Why a row cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Another open generation has this meeting, or this ID on the nodes.
    #[error("another open meeting has this ID")]
    Taken,
    /// Anything else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl WriteError {
    pub(crate) fn from_sqlx(operation: &'static str, source: sqlx::Error) -> Self {
        match &source {
            sqlx::Error::Database(error) if error.is_unique_violation() => Self::Taken,
            _ => Self::Store(StoreError::Query { operation, source }),
        }
    }
}

/// Whether a database answered that there is no such table.
pub(crate) fn is_absent_table(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else { return false };
    // `undefined_table` of PostgreSQL; SQLite has no code of its own for it.
    error.code().as_deref() == Some("42P01") || error.message().starts_with("no such table")
}
