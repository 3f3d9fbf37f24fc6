//! `bluegate config check|show|default`.

use std::path::Path;

use anstream::println;
use anyhow::Context as _;
use bluegate_config::Config;

use crate::{
    Outcome,
    arguments::ConfigCommand,
    exit::{Exit, UsageError},
};

pub(crate) fn run(command: ConfigCommand) -> Outcome {
    match command {
        ConfigCommand::Check { config: path } => {
            let config = load(&path)?;
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
