//! `bluegate import scalelite` and `bluegate export scalelite`: the way in from
//! Scalelite, and the way back. What is taken and what is written decides the
//! crate `scalelite`; the store belongs to the scaler.

mod arguments;
mod asked;
mod export;
mod here;
mod import;

pub(crate) use arguments::{ExportOptions, ImportCommand};

use crate::Outcome;

/// `bluegate import`.
pub(crate) fn import(command: &ImportCommand) -> Outcome {
    let ImportCommand::Scalelite(options) = command;
    import::run(options)
}

/// `bluegate export scalelite`.
pub(crate) fn export(options: &ExportOptions) -> Outcome {
    export::run(options)
}

/// The balancer, as the store calls it.
const SOURCE: &str = "scalelite";

/// Whose meetings have no tenant at Scalelite.
const DEFAULT_TENANT: &str = "default";
