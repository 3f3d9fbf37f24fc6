//! `bluegate config check|show|default`.

use std::{path::Path, time::Duration};

use anstream::println;
use anyhow::Context as _;
use bluegate_admin::RouteBook;
use bluegate_config::Config;

use crate::{
    Outcome,
    arguments::ConfigCommand,
    exit::{Exit, UsageError},
    runtime,
    serve::reload,
};

/// How long a check waits for the store.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn run(command: ConfigCommand) -> Outcome {
    match command {
        ConfigCommand::Check { config: path } => {
            let config = load(&path)?;
            check_routes(&config)?;
            let unasked = check_store(&config)?;
            println!("{}: valid", path.display());
            println!(
                "  {} with {}, {}",
                config.cluster.origin,
                count(config.nodes.len(), "node"),
                count(config.tenants.len(), "tenant"),
            );
            for warning in config.warnings().into_iter().chain(unasked) {
                println!("  warning: {warning}");
            }
        }
        ConfigCommand::Show { config: path } => {
            println!("{}", bluegate_config::effective(&load(&path)?).trim_end());
        }
        ConfigCommand::Default => println!("{}", bluegate_config::default_file().trim_end()),
    }
    Ok(Exit::Done)
}

/// What was added at run time has to fit what the file says.
fn check_routes(config: &Config) -> Result<(), anyhow::Error> {
    let file = reload::routes_file(config);
    RouteBook::check(&reload::given(config), file.as_ref()).map_err(|error| {
        // The chain is told by the one reporter; only the exit code is ours.
        anyhow::Error::from(error).context(UsageError("the routes do not fit together".to_owned()))
    })
}

/// A name is in the file or in the store. What keeps the store from being asked
/// is no fault of the file: it comes back as a warning.
fn check_store(config: &Config) -> Result<Option<String>, anyhow::Error> {
    let Some(scaler) = &config.scaler else { return Ok(None) };
    let runtime = runtime::small()?;
    let peeking =
        async { tokio::time::timeout(PATIENCE, bluegate_scaler::peek_added(&scaler.store)).await };
    let added = match runtime.block_on(peeking) {
        Ok(Ok(added)) => added,
        Ok(Err(error)) => {
            let error = anyhow::Error::from(error);
            return Ok(Some(format!("the store was not asked for what was added: {error:#}")));
        }
        Err(_) => return Ok(Some("the store was not asked: it does not answer".to_owned())),
    };
    let tenants = config.tenants.iter().map(|tenant| &tenant.name);
    refuse_both("tenant", tenants.filter(|name| added.tenants.contains(name)))?;
    let nodes = config.nodes.iter().map(|entry| &entry.node.name);
    refuse_both("node", nodes.filter(|name| added.nodes.contains(name)))?;
    Ok(None)
}

/// Refuses names that are in both places.
fn refuse_both(
    thing: &str,
    names: impl Iterator<Item = impl std::fmt::Display>,
) -> Result<(), UsageError> {
    let both: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if both.is_empty() {
        return Ok(());
    }
    Err(UsageError(format!(
        "{thing}s are in the file and were added at run time: {}; take them out of the file, or \
         `bluegate {thing} remove` them",
        both.join(", ")
    )))
}

/// Reads and validates a configuration file.
pub(crate) fn load(path: &Path) -> Result<Config, anyhow::Error> {
    let text = std::fs::read_to_string(path).with_context(|| {
        UsageError(format!("cannot read the configuration file `{}`", path.display()))
    })?;
    let path = std::path::absolute(path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    bluegate_config::parse(&text, folder).map_err(|problems| {
        let found = count(problems.0.len(), "problem");
        let listed = problems.to_string().replace('\n', "\n  ");
        UsageError(format!("{found} in `{}`\n  {listed}", path.display())).into()
    })
}

fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}
