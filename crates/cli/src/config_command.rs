//! `bluegate config check|show|default`.

use std::path::Path;

use anstream::println;
use anyhow::Context as _;
use bluegate_admin::RouteBook;
use bluegate_config::Config;

use crate::{
    Outcome,
    arguments::ConfigCommand,
    exit::{Exit, UsageError},
    serve::reload,
};

pub(crate) fn run(command: ConfigCommand) -> Outcome {
    match command {
        ConfigCommand::Check { config: path } => {
            let config = load(&path)?;
            check_routes(&config)?;
            println!("{}: valid", path.display());
            println!(
                "  {} with {}, {}",
                config.cluster.origin,
                count(config.nodes.len(), "node"),
                count(config.tenants.len(), "tenant"),
            );
            for warning in config.warnings() {
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
