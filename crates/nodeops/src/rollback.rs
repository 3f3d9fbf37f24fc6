//! Undoing an apply: exactly what it did, and no more.

use std::{fmt, time::SystemTime};

use bluegate_nodeconf::HostError;
use serde::Serialize;

use crate::{
    apply::{Event, Restart},
    backup::{Backup, BackupError, KeptFile, State},
    machine::{Machine, MachineError},
    pending::{Pending, PendingError},
    services,
    target::{Target, TargetError},
    verify::difference,
};

/// What became of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undone {
    /// It is as it was before the apply.
    Restored,
    /// It already was.
    Unchanged,
    /// It was replaced after the apply; only what was ours went.
    OursRemoved,
    /// It was replaced after the apply and holds nothing of ours.
    LeftAlone,
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Restored => "restored",
            Self::Unchanged => "was as before already",
            Self::OursRemoved => "was replaced since; only our settings were taken out",
            Self::LeftAlone => "was replaced since and holds nothing of ours",
        })
    }
}

/// What a rollback came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RolledBack {
    /// When the apply began that was undone, RFC 3339.
    pub time: String,
    /// Each file, in the order it was undone.
    pub files: Vec<(String, Undone)>,
}

/// An apply could not be undone.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// The backup cannot be used.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The node could not be looked at.
    #[error("cannot look at the node")]
    Look(#[from] HostError),
    /// A file could not be restored.
    #[error("a file could not be restored")]
    Write(#[from] MachineError),
    /// A file was replaced, and what is ours in it cannot be told.
    #[error("`{path}` was replaced since, and what is ours in it cannot be told")]
    Target {
        /// The file.
        path: String,
        /// Why not.
        source: Box<TargetError>,
    },
    /// What the node waits for cannot be kept.
    #[error("every file is restored, but what waits for a restart could not be noted")]
    Pending(#[from] PendingError),
    /// A service does not take what was there before.
    #[error("every file is restored, but {0}")]
    Service(String),
}

/// Undoes the last apply that was not undone yet; `None` when there is none.
///
/// A file that a package or a person replaced since loses only what is ours.
///
/// # Errors
/// [`RollbackError`]; what was restored until then stays so, and a further
/// rollback goes on.
pub fn rollback(
    machine: &dyn Machine,
    target: &Target,
    restart: Restart,
    now: SystemTime,
    tell: &dyn Fn(&Event),
) -> Result<Option<RolledBack>, RollbackError> {
    let all = Backup::all(machine)?;
    let last = all.into_iter().rfind(|backup| !backup.manifest.state.is_undone());
    let Some(mut last) = last else { return Ok(None) };
    undo(machine, &mut last, Some(target), restart, now, tell).map(Some)
}

/// Undoes an apply that was cut off; `None` when none was.
///
/// # Errors
/// [`RollbackError`], as [`rollback`].
pub fn recover(
    machine: &dyn Machine,
    target: &Target,
    restart: Restart,
    now: SystemTime,
    tell: &dyn Fn(&Event),
) -> Result<Option<RolledBack>, RollbackError> {
    let all = Backup::all(machine)?;
    let cut_off = all.into_iter().rfind(|backup| backup.manifest.state == State::Applying);
    let Some(mut cut_off) = cut_off else { return Ok(None) };
    undo(machine, &mut cut_off, Some(target), restart, now, tell).map(Some)
}

/// Undoes what `backup` keeps. Without a `target`, files that are neither as
/// they were nor as they were left are restored too: the apply is our own and
/// has just failed.
pub(crate) fn undo(
    machine: &dyn Machine,
    backup: &mut Backup,
    target: Option<&Target>,
    restart: Restart,
    now: SystemTime,
    tell: &dyn Fn(&Event),
) -> Result<RolledBack, RollbackError> {
    let manifest = backup.manifest.clone();
    let mut files = Vec::new();
    for file in manifest.files.iter().rev() {
        files.push((file.path.clone(), undo_file(machine, backup, file, target, tell)?));
    }
    for folder in manifest.folders.iter().rev() {
        machine.remove_empty_folder(folder)?;
    }
    let ended_well = target.is_some() && manifest.state == State::Applied;
    backup.set(machine, if ended_well { State::RolledBack } else { State::Failed })?;
    let is_changed = files.iter().any(|(_, undone)| *undone != Undone::Unchanged);
    if !machine.is_live() || !is_changed {
        return Ok(RolledBack { time: manifest.time, files });
    }
    if restart != Restart::Never {
        let now = manifest.services.iter().filter(|service| restart.takes(service));
        services::check(machine, tell)
            .and_then(|()| services::restart(machine, manifest.daemon_reload, now, tell))
            .map_err(|error| RollbackError::Service(error.to_string()))?;
    }
    // An apply that failed restarted nothing that it does not restart here.
    if target.is_some() {
        let mut pending = Pending::read(machine)?.with(manifest.daemon_reload, &manifest.services);
        pending.services.retain(|service| {
            !restart.takes(service) || !manifest.services.iter().any(|one| one.name == service.name)
        });
        pending.daemon_reload &= restart == Restart::Never;
        pending.keep(machine, now)?;
    }
    Ok(RolledBack { time: manifest.time, files })
}

fn undo_file(
    machine: &dyn Machine,
    backup: &Backup,
    file: &KeptFile,
    target: Option<&Target>,
    tell: &dyn Fn(&Event),
) -> Result<Undone, RollbackError> {
    let kept = |kept: &Option<_>| match kept {
        Some(kept) => backup.file(machine, kept).map(Some),
        None => Ok(None),
    };
    let (before, after) = (kept(&file.before)?, kept(&file.after)?);
    let present = machine.file(&file.path)?;
    let is = |wanted: &Option<_>| difference(machine, present.as_ref(), wanted.as_ref()).is_none();
    if is(&before) {
        return Ok(Undone::Unchanged);
    }
    if is(&after) || target.is_none() {
        put(machine, &file.path, before.as_ref(), tell)?;
        return Ok(Undone::Restored);
    }
    let Some(target) = target else { return Ok(Undone::LeftAlone) };
    let removal = target.plan_removal(machine).map_err(|source| RollbackError::Target {
        path: file.path.clone(),
        source: Box::new(source),
    })?;
    let Some(change) = removal.changes.into_iter().find(|change| change.path == file.path) else {
        return Ok(Undone::LeftAlone);
    };
    put(machine, &file.path, change.after.as_ref(), tell)?;
    Ok(Undone::OursRemoved)
}

fn put(
    machine: &dyn Machine,
    path: &str,
    file: Option<&bluegate_nodeconf::FileState>,
    tell: &dyn Fn(&Event),
) -> Result<(), MachineError> {
    match file {
        Some(file) => {
            machine.write(path, file)?;
            tell(&Event::Wrote(path.to_owned()));
        }
        None => {
            machine.remove(path)?;
            tell(&Event::Removed(path.to_owned()));
        }
    }
    Ok(())
}
