//! A look at a store that some other process may be serving: nothing is made,
//! migrated or locked.

use std::str::FromStr;

use bluegate_cluster::{Mount, TenantName};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::{
    database::{postgres_to_read, sqlite_path, sqlite_to_read},
    error::{OpenError, StoreError, is_absent_table},
};

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
    let (tenants, nodes) = if let Some(path) = sqlite_path(url) {
        if !path.exists() {
            return Ok(Added::default());
        }
        let connect = |source| OpenError::Connect { path: path.clone(), source };
        let mut connection = sqlite_to_read(&path).connect().await.map_err(connect)?;
        let names = names!(connection);
        connection.close().await.map_err(connect)?;
        names
    } else {
        let options = postgres_to_read(url)?;
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
        Err(error) if is_absent_table(&error) => Ok(Vec::new()),
        Err(source) => Err(StoreError::Query { operation: "list what was added", source }),
    }
}
