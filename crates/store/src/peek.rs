//! A look at a store that some other process may be serving: nothing is made,
//! migrated or locked.

use std::{path::Path, str::FromStr};

use bluegate_cluster::{Mount, TenantName};
use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions, sqlite::SqliteConnectOptions};

use crate::error::{OpenError, StoreError};

const SELECT_TENANTS: &str = "SELECT name FROM tenants ORDER BY name";
const SELECT_NODES: &str = "SELECT name FROM nodes ORDER BY name";

/// What was added to a store at run time, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Tenants.
    pub tenants: Vec<TenantName>,
    /// Nodes.
    pub nodes: Vec<Mount>,
}

/// Why a store was not looked at.
#[derive(Debug, thiserror::Error)]
pub enum PeekError {
    /// It cannot be reached.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It does not answer.
    #[error(transparent)]
    Read(#[from] StoreError),
}

/// Reads the names of both tables over one connection.
macro_rules! names {
    ($connection:expr) => {
        (
            sqlx::query_scalar::<_, String>(SELECT_TENANTS).fetch_all(&mut $connection).await,
            sqlx::query_scalar::<_, String>(SELECT_NODES).fetch_all(&mut $connection).await,
        )
    };
}

/// What was added at run time to the store at `url`; nothing when there is no
/// such file yet, or it is older than what it is asked for.
///
/// # Errors
/// [`PeekError`] when there is one and it does not answer.
pub async fn peek_added(url: &str) -> Result<Added, PeekError> {
    let (tenants, nodes) =
        if let Some(path) = url.strip_prefix("sqlite://").filter(|path| !path.is_empty()) {
            let path = Path::new(path);
            if !path.exists() {
                return Ok(Added::default());
            }
            let connect = |source| OpenError::Connect { path: path.to_owned(), source };
            let options = SqliteConnectOptions::new().filename(path).read_only(true);
            let mut connection = options.connect().await.map_err(connect)?;
            let names = names!(connection);
            connection.close().await.map_err(connect)?;
            names
        } else {
            let options = PgConnectOptions::from_str(url).map_err(OpenError::Server)?;
            let mut connection = options.connect().await.map_err(OpenError::Server)?;
            let names = names!(connection);
            connection.close().await.map_err(OpenError::Server)?;
            names
        };
    Ok(Added { tenants: parsed(tenants)?, nodes: parsed(nodes)? })
}

fn parsed<T: FromStr>(names: Result<Vec<String>, sqlx::Error>) -> Result<Vec<T>, StoreError> {
    match names {
        Ok(names) => {
            let parsed: Result<Vec<T>, T::Err> = names.iter().map(|name| name.parse()).collect();
            parsed.map_err(|_| StoreError::Row { column: "name" })
        }
        // No such table: SQLite has no code of its own for it.
        Err(sqlx::Error::Database(error))
            if error.code().as_deref() == Some("42P01")
                || error.message().contains("no such table") =>
        {
            Ok(Vec::new())
        }
        Err(source) => Err(StoreError::Query { operation: "list what was added", source }),
    }
}
