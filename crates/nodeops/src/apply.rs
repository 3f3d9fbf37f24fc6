//! Applying a plan: all of it, or nothing.

use std::{
    cell::Cell,
    fmt,
    time::{Duration, SystemTime},
};

use bluegate_nodeconf::{HostError, Plan, Service};

use crate::{
    backup::{Backup, BackupError, State},
    machine::{Machine, MachineError},
    pending::{Pending, PendingError},
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
    /// No new meetings come to the node, by this balancer.
    Cordoned(String),
    /// Somebody had taken the node out of this balancer before.
    CordonedBefore(String),
    /// Meetings still run; there is this much time left to wait.
    Waiting {
        /// How many; none when the node does not say.
        meetings: Option<usize>,
        /// Until we give up.
        left: Duration,
    },
    /// No meetings run any more.
    Empty,
    /// New meetings come to the node again.
    Uncordoned(String),
    /// It stays cordoned, since it should not be met as it is.
    StillCordoned,
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
            Self::Cordoned(balancer) => write!(f, "cordoned in {balancer}: no new meetings"),
            Self::CordonedBefore(balancer) => {
                write!(f, "{balancer} gave it no new meetings before; it will stay so")
            }
            Self::Waiting { meetings, left } => {
                match meetings {
                    Some(1) => write!(f, "waiting for 1 meeting to end")?,
                    Some(meetings) => write!(f, "waiting for {meetings} meetings to end")?,
                    None => write!(f, "waiting: the node does not say whether meetings run")?,
                }
                write!(f, ", for {} more minutes at most", left.as_secs().div_ceil(60))
            }
            Self::Empty => write!(f, "no meetings run"),
            Self::StillCordoned => f.write_str("it stays cordoned"),
            Self::Uncordoned(balancer) => write!(f, "{balancer} gives it new meetings again"),
            Self::Undoing(why) => write!(f, "undoing everything: {why}"),
        }
    }
}

/// Whether services are restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// As the plan says.
    AsPlanned,
    /// Those that running meetings do not notice; the others wait.
    Harmless,
    /// Not now: they read their files when they next start.
    Never,
}

impl Restart {
    /// Whether `service` is restarted now.
    pub(crate) fn takes(self, service: &Service) -> bool {
        match self {
            Self::AsPlanned => true,
            Self::Harmless => service.hurts.is_none(),
            Self::Never => false,
        }
    }
}

/// What an apply came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// How many files were changed.
    pub files: usize,
    /// Where what was there is kept; absent when no file was to be changed.
    pub backup: Option<String>,
    /// What the node waits for now.
    pub pending: Pending,
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
    /// What the node waits for cannot be kept.
    #[error(transparent)]
    Pending(#[from] PendingError),
    /// No file was to be changed, and what was to be restarted failed.
    #[error("every file is as planned, but what waited for a restart failed")]
    Restart {
        /// What failed.
        source: Failure,
    },
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
/// restarts (also what waited for it), verifies, and asks `judge` at the end.
/// When anything fails, all of it is undone.
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
    let mut pending = Pending::read(machine)?.with(plan.daemon_reload, &plan.services);
    let is_due = pending.daemon_reload || pending.services.iter().any(|one| restart.takes(one));
    if plan.is_empty() && !is_due {
        return Ok(Applied { files: 0, backup: None, pending });
    }
    for change in &plan.changes {
        let present = machine.file(&change.path)?;
        if difference(machine, present.as_ref(), change.before.as_ref()).is_some() {
            return Err(ApplyError::Stale(change.path.clone()));
        }
    }
    let backup = if plan.is_empty() { None } else { Some(Backup::begin(machine, plan, now)?) };
    if let Some(backup) = &backup {
        tell(&Event::BackedUp(backup.folder.clone()));
    }
    // Services that never saw the new files need not be restarted to forget them.
    let is_restarted = Cell::new(false);
    let work = Work { machine, plan, restart, pending: &pending, is_restarted: &is_restarted };
    let outcome = work.carry_out(judge, tell);
    let Some(mut backup) = backup else {
        outcome.map_err(|source| ApplyError::Restart { source })?;
        return waiting(machine, &mut pending, restart, now).map(|()| Applied {
            files: 0,
            backup: None,
            pending,
        });
    };
    let Err(failure) = outcome.and_then(|()| Ok(backup.set(machine, State::Applied)?)) else {
        waiting(machine, &mut pending, restart, now)?;
        return Ok(Applied { files: plan.changes.len(), backup: Some(backup.folder), pending });
    };
    tell(&Event::Undoing(failure.to_string()));
    let restart = if is_restarted.get() { restart } else { Restart::Never };
    match undo(machine, &mut backup, None, restart, now, tell) {
        Ok(_) => Err(ApplyError::Undone { source: failure }),
        Err(undo) => {
            Err(ApplyError::HalfWay { failure, undo: Box::new(undo), backup: backup.folder })
        }
    }
}

/// Notes what was not restarted.
fn waiting(
    machine: &dyn Machine,
    pending: &mut Pending,
    restart: Restart,
    now: SystemTime,
) -> Result<(), ApplyError> {
    pending.services.retain(|service| !restart.takes(service));
    pending.daemon_reload &= restart == Restart::Never;
    Ok(pending.clone().keep(machine, now)?)
}

/// What an apply works on.
struct Work<'a> {
    machine: &'a dyn Machine,
    plan: &'a Plan,
    restart: Restart,
    pending: &'a Pending,
    is_restarted: &'a Cell<bool>,
}

impl Work<'_> {
    fn carry_out(
        &self,
        judge: &dyn Fn() -> Result<(), String>,
        tell: &dyn Fn(&Event),
    ) -> Result<(), Failure> {
        let machine = self.machine;
        for change in &self.plan.changes {
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
            if self.restart != Restart::Never {
                self.is_restarted.set(true);
                let now = self.pending.services.iter().filter(|one| self.restart.takes(one));
                services::restart(machine, self.pending.daemon_reload, now, tell)?;
            }
        }
        let changes = &self.plan.changes;
        let files = changes.iter().map(|change| (change.path.as_str(), change.after.as_ref()));
        if let Some(fault) = verify(machine, files)?.into_iter().next() {
            return Err(Failure::Differs(fault));
        }
        judge().map_err(Failure::Judged)
    }
}
