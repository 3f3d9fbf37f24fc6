//! Copies of a SQLite store: made while it is in use, put back while it is not.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteLockingMode},
};

use crate::{
    error::{CopyError, is_absent_table},
    migrations::{MIGRATIONS, Step, newest},
};

/// The newest step of the schema that a database has.
pub(crate) const SELECT_VERSION: &str = "SELECT MAX(version) FROM _sqlx_migrations";

/// Writes a copy of the store at `url` to `to`, which must not exist yet. The
/// store may be in use meanwhile: the copy is what one reader sees.
///
/// # Errors
/// [`CopyError`]; `to` is not left behind then.
pub async fn backup(url: &str, to: &Path) -> Result<(), CopyError> {
    let from = file_of(url)?;
    if !from.exists() {
        return Err(CopyError::Absent { path: from });
    }
    copy(&from, to).await
}

/// Puts the copy `from` in the place of the store at `url`, which must not be in
/// use. What was there stays beside it, as `NAME.before-restore`.
///
/// # Errors
/// [`CopyError`]; the store is as it was then.
pub async fn restore(url: &str, from: &Path) -> Result<PathBuf, CopyError> {
    let to = file_of(url)?;
    if !from.exists() {
        return Err(CopyError::Absent { path: from.to_owned() });
    }
    let known = newest(MIGRATIONS);
    match version(from, true).await? {
        Some(version) if version <= known => {}
        Some(version) => return Err(CopyError::Newer { path: from.to_owned(), version, known }),
        None => {
            let reason = "it has no schema of ours".to_owned();
            return Err(CopyError::Unsound { path: from.to_owned(), reason });
        }
    }
    let kept = beside(&to, "before-restore");
    let made = beside(&to, "restoring");
    remove(&made)?;
    copy(from, &made).await?;
    if to.exists() {
        // Holding it alone writes its log back and takes the log away.
        alone(&to).await?;
        remove(&kept)?;
        rename(&to, &kept)?;
        for log in ["-wal", "-shm"] {
            let mut path = to.clone().into_os_string();
            path.push(log);
            remove(Path::new(&path))?;
        }
    }
    rename(&made, &to)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| file_error("write", folder, source))?;
    Ok(kept)
}

/// Copies a store whose schema is about to be brought up to date: without a copy
/// there would be no way back to the program before.
pub(crate) async fn before_migration(path: &Path, steps: &[Step]) -> Result<(), CopyError> {
    // What is no database says so when it is opened.
    let Ok(Some(version)) = version(path, false).await else { return Ok(()) };
    if version >= newest(steps) {
        return Ok(());
    }
    let to = beside(path, &format!("schema-{version}"));
    // One that is there is older, of a way back and forth.
    remove(&to)?;
    copy(path, &to).await
}

/// The file of a `sqlite://` URL.
fn file_of(url: &str) -> Result<PathBuf, CopyError> {
    let path = url.strip_prefix("sqlite://").filter(|path| !path.is_empty());
    path.map(PathBuf::from).ok_or(CopyError::Server)
}

/// The step of the schema that a file has; none when it is empty or no store.
async fn version(path: &Path, thoroughly: bool) -> Result<Option<i64>, CopyError> {
    let empty = fs::metadata(path).is_ok_and(|data| data.len() == 0);
    if empty {
        return Ok(None);
    }
    let unsound = |error: sqlx::Error| CopyError::Unsound {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let mut connection = reader(path).await?;
    if thoroughly {
        let checked: Result<String, _> =
            sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut connection).await;
        let checked = checked.map_err(unsound)?;
        if checked != "ok" {
            return Err(CopyError::Unsound { path: path.to_owned(), reason: checked });
        }
    }
    let version: Result<Option<i64>, sqlx::Error> =
        sqlx::query_scalar(SELECT_VERSION).fetch_one(&mut connection).await;
    let version = match version {
        Ok(version) => version,
        Err(error) if is_absent_table(&error) => None,
        Err(error) => return Err(unsound(error)),
    };
    drop(connection.close().await);
    Ok(version)
}

/// One consistent picture of a database in a new file that only its owner reads.
async fn copy(from: &Path, to: &Path) -> Result<(), CopyError> {
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(to);
    match made {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(CopyError::Exists { path: to.to_owned() });
        }
        Err(source) => return Err(file_error("write", to, source)),
    }
    let copied = write_copy(from, to).await;
    if copied.is_err() {
        remove(to)?;
    }
    copied
}

async fn write_copy(from: &Path, to: &Path) -> Result<(), CopyError> {
    let failed = |source| CopyError::Database { path: from.to_owned(), source };
    let mut connection = reader(from).await?;
    let name = to.to_string_lossy().into_owned();
    // An empty file may be written to, so that its mode is ours.
    let copied = sqlx::query("VACUUM INTO $1").bind(name).execute(&mut connection).await;
    copied.map_err(failed)?;
    drop(connection.close().await);
    let synced = File::open(to).and_then(|file| file.sync_all());
    synced.map_err(|source| file_error("write", to, source))
}

async fn reader(path: &Path) -> Result<SqliteConnection, CopyError> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(false);
    let opened = options.connect().await;
    opened.map_err(|source| CopyError::Database { path: path.to_owned(), source })
}

/// Fails while any other process has the database open.
async fn alone(path: &Path) -> Result<(), CopyError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(std::time::Duration::ZERO)
        .locking_mode(SqliteLockingMode::Exclusive);
    let in_use = |_| CopyError::InUse { path: path.to_owned() };
    let mut connection = options.connect().await.map_err(in_use)?;
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection).await.map_err(in_use)?;
    sqlx::query("COMMIT").execute(&mut connection).await.map_err(in_use)?;
    connection.close().await.map_err(in_use)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(".");
    name.push(ending);
    name.into()
}

fn remove(path: &Path) -> Result<(), CopyError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(file_error("remove", path, error))
        }
        _ => Ok(()),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), CopyError> {
    fs::rename(from, to).map_err(|source| file_error("write", to, source))
}

fn file_error(operation: &'static str, path: &Path, source: io::Error) -> CopyError {
    CopyError::File { operation, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
