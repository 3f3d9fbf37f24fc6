//! A look at a store that some other process may be serving: nothing is made,
//! migrated or locked.

use std::{path::Path, str::FromStr};

use bluegate_cluster::TenantName;
use sqlx::{
    ConnectOptions, Connection, Row, postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};

use crate::error::{OpenError, StoreError};

const SELECT_NAMES: &str = "SELECT name FROM tenants ORDER BY name";

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

/// The names of the tenants that were added at run time to the store at `url`;
/// none when there is no such file yet, or it is older than tenants in stores.
///
/// # Errors
/// [`PeekError`] when there is one and it does not answer.
pub async fn peek_tenants(url: &str) -> Result<Vec<TenantName>, PeekError> {
    let failed = |source| StoreError::Query { operation: "list added tenants", source };
    let names: Result<Vec<String>, sqlx::Error> =
        if let Some(path) = url.strip_prefix("sqlite://").filter(|path| !path.is_empty()) {
            let path = Path::new(path);
            if !path.exists() {
                return Ok(Vec::new());
            }
            let connect = |source| OpenError::Connect { path: path.to_owned(), source };
            let options = SqliteConnectOptions::new().filename(path).read_only(true);
            let mut connection = options.connect().await.map_err(connect)?;
            let rows = sqlx::query(SELECT_NAMES).fetch_all(&mut connection).await;
            let names = rows.and_then(|rows| rows.iter().map(|row| row.try_get("name")).collect());
            connection.close().await.map_err(connect)?;
            names
        } else {
            let options = PgConnectOptions::from_str(url).map_err(OpenError::Server)?;
            let mut connection = options.connect().await.map_err(OpenError::Server)?;
            let rows = sqlx::query(SELECT_NAMES).fetch_all(&mut connection).await;
            let names = rows.and_then(|rows| rows.iter().map(|row| row.try_get("name")).collect());
            connection.close().await.map_err(OpenError::Server)?;
            names
        };
    match names {
        Ok(names) => {
            let parsed = names.iter().map(|name| name.parse());
            let parsed: Result<_, _> = parsed.collect();
            Ok(parsed.map_err(|_| StoreError::Row { column: "name" })?)
        }
        // No such table: SQLite has no code of its own for it.
        Err(sqlx::Error::Database(error))
            if error.code().as_deref() == Some("42P01")
                || error.message().contains("no such table") =>
        {
            Ok(Vec::new())
        }
        Err(error) => Err(failed(error).into()),
    }
}
