//! `bluegate store backup|restore`: copies of a SQLite store.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anstream::println;
use bluegate_scaler::CopyError;
use clap::{Args, Subcommand};

use crate::{
    Outcome, config_command,
    exit::{Exit, UsageError},
    progress::Progress,
    runtime,
    table::bytes,
};

/// How often it is looked how far a copy is.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Copy the store to a new file, while it is in use. For SQLite; PostgreSQL has `pg_dump`.
    Backup(StoreOptions),
    /// Put a copy in the place of the store, which nobody may be using. What was there is kept beside it.
    Restore(StoreOptions),
}

#[derive(Args, Debug)]
pub(crate) struct StoreOptions {
    /// The copy.
    #[arg(value_name = "FILE")]
    copy: PathBuf,

    /// The configuration file, whose `[scaler]` says which store.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/bluegate/bluegate.toml")]
    config: PathBuf,
}

pub(crate) fn run(command: &StoreCommand) -> Outcome {
    let runtime = runtime::small()?;
    match command {
        StoreCommand::Backup(StoreOptions { copy, config }) => {
            let store = store(config)?;
            let copying = bluegate_scaler::backup_store(&store, copy);
            runtime.block_on(watched(&store, copy, copying)).map_err(told)?;
            println!("copied the store to `{}`", copy.display());
            println!("the key file is not in it: keep a copy of that too, elsewhere");
        }
        StoreCommand::Restore(StoreOptions { copy, config }) => {
            let store = store(config)?;
            let kept = runtime.block_on(bluegate_scaler::restore_store(&store, copy));
            let kept = kept.map_err(told)?;
            println!("restored the store from `{}`", copy.display());
            if kept.exists() {
                println!("what was there is `{}`", kept.display());
            }
        }
    }
    Ok(Exit::Done)
}

/// Shows how much of a store is copied while `copying` does it.
async fn watched<T>(store: &str, copy: &Path, copying: impl Future<Output = T>) -> T {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |data| data.len());
    let all = size(Path::new(store.trim_start_matches("sqlite://")));
    let progress = Progress::new(false);
    let mut look = tokio::time::interval(LOOK);
    let mut copying = std::pin::pin!(copying);
    loop {
        tokio::select! {
            copied = &mut copying => return copied,
            _ = look.tick() => progress.bar(size(copy), all, &format!("of {}", bytes(all))),
        }
    }
}

fn store(config: &Path) -> Result<String, anyhow::Error> {
    let scaler = config_command::load(config)?.scaler;
    let scaler = scaler.ok_or_else(|| {
        UsageError(format!("`{}` has no `[scaler]`, so no store", config.display()))
    })?;
    Ok(scaler.store)
}

/// What the operator can mend is a matter of usage.
fn told(error: CopyError) -> anyhow::Error {
    match &error {
        CopyError::File { .. } | CopyError::Database { .. } => error.into(),
        CopyError::Server
        | CopyError::Absent { .. }
        | CopyError::Exists { .. }
        | CopyError::Unsound { .. }
        | CopyError::InUse { .. }
        | CopyError::Newer { .. } => UsageError(error.to_string()).into(),
    }
}
