//! `bluegate node record`, and what `bluegate doctor --record` keeps of a node's
//! files.

use std::path::Path;

use anstream::println;
use bluegate_config::{Config, NodeEntry};
use bluegate_nodeops::{RecordError, Recorded, record};

use super::{
    arguments::{OneOptions, ReachOptions, RecordOptions},
    reach::{self, explain, named, target},
};
use crate::{
    Outcome, config_command,
    exit::{Exit, UsageError},
    serve::secrets,
};

pub(super) fn run(options: &RecordOptions) -> Outcome {
    let config = config_command::load(&options.one.config)?;
    let entry = named(&options.node, &options.one.config, &config)?;
    let recorded = files(&config, entry, &options.one, &options.reach, &options.folder)?;
    println!(
        "{}: BigBlueButton {}, {} files in `{}`",
        entry.node.name,
        recorded.release,
        recorded.files.len(),
        options.folder.display()
    );
    for path in &recorded.files {
        println!("  {path}");
    }
    println!(
        "Secrets are struck out, host names are not: look through it before you pass it on.\n\
         `bluegate node plan {} --root {}` makes the same plan from it.",
        entry.node.name,
        options.folder.display()
    );
    Ok(Exit::Done)
}

/// Keeps what a plan looks at on a node in a new folder, without secrets.
pub(crate) fn files(
    config: &Config,
    entry: &NodeEntry,
    one: &OneOptions,
    reach: &ReachOptions,
    folder: &Path,
) -> Result<Recorded, anyhow::Error> {
    let machine = reach::reach(one, reach, entry)?;
    let known = match &entry.secret_file {
        Some(file) => secrets::read(file)?,
        None => Vec::new(),
    };
    let known: Vec<&str> = known.iter().map(bluegate_cluster::Secret::expose).collect();
    let target = target(one, config, entry);
    record(machine.as_ref(), &target, &known, folder).map_err(|error| match error {
        RecordError::Target(error) => explain(error),
        error @ RecordError::NotEmpty(_) => UsageError(error.to_string()).into(),
        error => error.into(),
    })
}
