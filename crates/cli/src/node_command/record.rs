//! `bluegate node record`

use anstream::println;
use bluegate_nodeops::{RecordError, record};

use super::{
    arguments::RecordOptions,
    reach::{explain, named, reach, target},
};
use crate::{
    Outcome, config_command,
    exit::{Exit, UsageError},
    serve::secrets,
};

pub(super) fn run(options: &RecordOptions) -> Outcome {
    let config = config_command::load(&options.one.config)?;
    let entry = named(&options.node, &options.one.config, &config)?;
    let machine = reach(&options.one, &options.reach, entry)?;
    let known = match &entry.secret_file {
        Some(file) => secrets::read(file)?,
        None => Vec::new(),
    };
    let known: Vec<&str> = known.iter().map(bluegate_cluster::Secret::expose).collect();
    let target = target(&options.one, &config, entry);
    let recorded = record(machine.as_ref(), &target, &known, &options.folder);
    let recorded = recorded.map_err(|error| match error {
        RecordError::Target(error) => explain(error),
        error @ RecordError::NotEmpty(_) => UsageError(error.to_string()).into(),
        error => error.into(),
    })?;
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
