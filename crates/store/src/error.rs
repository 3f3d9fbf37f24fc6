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
