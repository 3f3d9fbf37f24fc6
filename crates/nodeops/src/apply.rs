//! Applying a plan: all of it, or nothing.

use std::{cell::Cell, fmt, time::SystemTime};

use bluegate_nodeconf::{HostError, Plan};

use crate::{
    backup::{Backup, BackupError, State},
    machine::{Machine, MachineError},
    rollback::{RollbackError, undo},
    services::{self, ServiceError},
    verify::{Fault, difference, verify},
};

/// Something that was done, for progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What was there is kept in this folder of the node.
    BackedUp(String),
    /// A file was written.
    Wrote(String),
    /// A file was removed.
    Removed(String),
    /// A command succeeded.
    Ran(String),
    /// A service is not installed, so it was not restarted.
    NotInstalled(String),
    /// Something failed; everything is being undone.
    Undoing(String),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BackedUp(folder) => write!(f, "kept what was there in {folder}"),
            Self::Wrote(path) => write!(f, "wrote {path}"),
            Self::Removed(path) => write!(f, "removed {path}"),
            Self::Ran(command) => write!(f, "ran {command}"),
            Self::NotInstalled(service) => write!(f, "{service} is not installed"),
            Self::Undoing(why) => write!(f, "undoing everything: {why}"),
        }
    }
}

/// Whether services are restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// As the plan says.
    AsPlanned,
    /// Not now: they read their files when they next start.
    Never,
}

/// What an apply came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// How many files were changed.
    pub files: usize,
    /// Where what was there is kept; absent when nothing was to be done.
    pub backup: Option<String>,
}

/// Why a plan could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A file is not what the plan was made for. Nothing was changed.
    #[error("`{0}` has changed since the plan was made; nothing was changed: plan again")]
    Stale(String),
    /// The node could not be looked at. Nothing was changed.
    #[error("cannot look at the node; nothing was changed")]
    Look(#[from] HostError),
    /// No backup could be kept. Nothing was changed.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// It failed and all files are as they were.
    #[error("not applied; every file is as it was before")]
    Undone {
        /// What failed.
        source: Failure,
    },
    /// It failed, and so did undoing it.
    #[error(
        "it failed ({failure}) and could not be undone ({undo}): the node is half way; what was \
         there is kept in `{backup}` on the node, `bluegate node rollback` takes it from there"
    )]
    HalfWay {
        /// What failed.
        failure: Failure,
        /// Why it could not be undone.
        undo: Box<RollbackError>,
        /// The folder of the backup.
        backup: String,
    },
}

/// What failed in an apply.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file could not be written.
    #[error("a file could not be written")]
    Write(#[from] MachineError),
    /// A service did not take its configuration.
    #[error("a service does not take its configuration: {0}")]
    Service(String),
    /// The files could not be read back.
    #[error("the files could not be read back")]
    Read(#[from] HostError),
    /// A file is not as it was written.
    #[error("{0}")]
    Differs(Fault),
    /// Who looked at the node afterwards found fault with it.
    #[error("the node does not serve as it should: {0}")]
    Judged(String),
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Machine(source) => Self::Write(source),
            command @ ServiceError::Command { .. } => Self::Service(command.to_string()),
        }
    }
}

/// Applies `plan`: keeps what is there, writes, lets nginx check its files,
/// restarts, verifies, and asks `judge` at the end. When anything fails, all of
/// it is undone.
///
/// # Errors
/// [`ApplyError`], which says how the node was left.
pub fn apply(
    machine: &dyn Machine,
    plan: &Plan,
    restart: Restart,
    now: SystemTime,
    judge: &dyn Fn() -> Result<(), String>,
    tell: &dyn Fn(&Event),
) -> Result<Applied, ApplyError> {
    if plan.is_empty() {
        return Ok(Applied { files: 0, backup: None });
    }
    for change in &plan.changes {
        let present = machine.file(&change.path)?;
        if difference(machine, present.as_ref(), change.before.as_ref()).is_some() {
            return Err(ApplyError::Stale(change.path.clone()));
        }
    }
    let mut backup = Backup::begin(machine, plan, now)?;
    tell(&Event::BackedUp(backup.folder.clone()));
    // Services that never saw the new files need not be restarted to forget them.
    let is_restarted = Cell::new(false);
    let outcome = carry_out(machine, plan, restart, &is_restarted, judge, tell)
        .and_then(|()| Ok(backup.set(machine, State::Applied)?));
    let Err(failure) = outcome else {
        return Ok(Applied { files: plan.changes.len(), backup: Some(backup.folder) });
    };
    tell(&Event::Undoing(failure.to_string()));
    let restart = if is_restarted.get() { restart } else { Restart::Never };
    match undo(machine, &mut backup, None, restart, tell) {
        Ok(_) => Err(ApplyError::Undone { source: failure }),
        Err(undo) => {
            Err(ApplyError::HalfWay { failure, undo: Box::new(undo), backup: backup.folder })
        }
    }
}

fn carry_out(
    machine: &dyn Machine,
    plan: &Plan,
    restart: Restart,
    is_restarted: &Cell<bool>,
    judge: &dyn Fn() -> Result<(), String>,
    tell: &dyn Fn(&Event),
) -> Result<(), Failure> {
    for change in &plan.changes {
        if let Some(file) = &change.after {
            machine.write(&change.path, file)?;
            tell(&Event::Wrote(change.path.clone()));
        } else {
            machine.remove(&change.path)?;
            tell(&Event::Removed(change.path.clone()));
        }
    }
    if machine.is_live() {
        services::check(machine, tell)?;
        if restart == Restart::AsPlanned {
            is_restarted.set(true);
            services::restart(machine, plan.daemon_reload, &plan.services, tell)?;
        }
    }
    let files = plan.changes.iter().map(|change| (change.path.as_str(), change.after.as_ref()));
    if let Some(fault) = verify(machine, files)?.into_iter().next() {
        return Err(Failure::Differs(fault));
    }
    judge().map_err(Failure::Judged)
}
