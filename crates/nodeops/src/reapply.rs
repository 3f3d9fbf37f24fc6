//! Doing again what a package upgrade undid, without anybody being there.
//!
//! Runs from the hooks that [`install_hook`](crate::install_hook) installs. It repeats the last apply
//! and decides nothing new: a cluster file that has changed since, a node that
//! was rolled back, an apply that is under way are left to the operator.
//! Services that running meetings would notice wait until there are none.

use std::time::SystemTime;

use bluegate_cluster::with_causes;
use serde::Serialize;

use crate::{
    apply::{Applied, ApplyError, Event, Restart, apply},
    backup::{Backup, BackupError, Manifest, State, Wanted},
    balancer::Balancer,
    drain::{DrainError, cordon, uncordon},
    machine::{Machine, MachineError},
    meetings::Count,
    pending::{CordonedFor, Pending, PendingError},
    target::{Target, TargetError},
};

/// What a reapply may use.
pub struct Means<'a> {
    /// How the node's meetings are counted.
    pub count: Count<'a>,
    /// Whom to tell that the node shall get no new ones.
    pub balancer: Option<&'a dyn Balancer>,
    /// [`Restart::AsPlanned`]: what meetings notice once none run, and until then
    /// the node is cordoned. [`Restart::Harmless`]: not now, somebody else will.
    pub restart: Restart,
}

/// What a reapply came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reapplied {
    /// Why nothing was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
    /// The files that were as they should not be, and are again as they should.
    pub files: Vec<String>,
    /// What the node waits for now.
    pub pending: Pending,
    /// How many meetings run, where that mattered and could be told.
    pub meetings: Option<usize>,
    /// Why the node could not be cordoned though it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_cordoned: Option<String>,
}

/// Why a node is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Left {
    /// Nothing was ever applied to it.
    NeverApplied,
    /// The last apply, begun then, was rolled back.
    RolledBack(String),
    /// An apply that began then is under way, or was cut off.
    UnderWay(String),
    /// The cluster file wants something else than what was applied then.
    OtherWish {
        /// What was applied.
        applied: Wanted,
        /// What the cluster file says now.
        wanted: Wanted,
    },
}

/// A reapply failed. No file is half way.
#[derive(Debug, thiserror::Error)]
pub enum ReapplyError {
    /// The backups cannot be read.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// Somebody else is at work on the node.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// What the node waits for cannot be told.
    #[error(transparent)]
    Pending(#[from] PendingError),
    /// Nothing can be planned.
    #[error("what a package changed cannot be made good{}", cordoned(.is_cordoned))]
    Target {
        /// Whether users are kept off.
        is_cordoned: bool,
        /// Why not.
        source: TargetError,
    },
    /// The plan cannot be applied.
    #[error("what a package changed cannot be made good{}", cordoned(.is_cordoned))]
    Apply {
        /// Whether users are kept off.
        is_cordoned: bool,
        /// Why not.
        source: ApplyError,
    },
    /// It is done, but the node is still cordoned.
    #[error(transparent)]
    Drain(#[from] DrainError),
}

fn cordoned(is_cordoned: &bool) -> &'static str {
    if *is_cordoned { "; the node is cordoned" } else { "; the node is not cordoned" }
}

/// Brings `machine` back to what was last applied to it.
///
/// # Errors
/// [`ReapplyError`], which says whether the node is cordoned.
pub fn reapply(
    machine: &dyn Machine,
    target: &Target,
    means: &Means<'_>,
    now: SystemTime,
    tell: &dyn Fn(&Event),
) -> Result<Reapplied, ReapplyError> {
    if machine.is_live() {
        machine.lock()?;
    }
    let outcome = locked(machine, target, means, now, tell);
    machine.unlock();
    outcome
}

fn locked(
    machine: &dyn Machine,
    target: &Target,
    means: &Means<'_>,
    now: SystemTime,
    tell: &dyn Fn(&Event),
) -> Result<Reapplied, ReapplyError> {
    let mut all = Backup::all(machine)?.into_iter().map(|backup| backup.manifest);
    let last = all.rfind(|manifest| manifest.state != State::Failed);
    let mut done = Reapplied {
        left: left(last, target),
        files: Vec::new(),
        pending: Pending::default(),
        meetings: None,
        not_cordoned: None,
    };
    if done.left.is_some() {
        done.pending = Pending::read(machine)?;
        return Ok(done);
    }
    let keep_off = || match means.balancer {
        Some(balancer) => cordon(machine, &target.node, balancer, CordonedFor::Restart, now, tell)
            .map_err(|error| with_causes(&error)),
        None => Err("the cluster file has no `[balancer]`".to_owned()),
    };
    let plan = target
        .plan(machine)
        .map_err(|source| ReapplyError::Target { is_cordoned: keep_off().is_ok(), source })?;
    let due = Pending::read(machine)?.with(plan.daemon_reload, &plan.services);
    let mut restart = Restart::Harmless;
    if due.hurts() && machine.is_live() && means.restart == Restart::AsPlanned {
        // First off, then counted: nobody comes in between.
        done.not_cordoned = keep_off().err();
        done.meetings = (means.count)().ok();
        if done.meetings == Some(0) {
            restart = Restart::AsPlanned;
        }
    }
    let Applied { pending, .. } = apply(machine, &plan, restart, now, &|| Ok(()), tell)
        .map_err(|source| ReapplyError::Apply { is_cordoned: keep_off().is_ok(), source })?;
    done.files = plan.changes.into_iter().map(|change| change.path).collect();
    done.pending = pending;
    if done.pending.services.is_empty() {
        done.not_cordoned = None;
        if let Some(balancer) = means.balancer {
            let ours = [CordonedFor::Restart];
            uncordon(machine, &target.node, balancer, &ours, now, tell)?;
        }
        done.pending = Pending::read(machine)?;
    }
    Ok(done)
}

/// Whether the node is to be left as it is.
fn left(last: Option<Manifest>, target: &Target) -> Option<Left> {
    let Some(last) = last else { return Some(Left::NeverApplied) };
    match last.state {
        State::RolledBack => return Some(Left::RolledBack(last.time)),
        State::Applying => return Some(Left::UnderWay(last.time)),
        State::Applied | State::Failed => {}
    }
    let wanted = Wanted {
        cluster: target.cluster.to_string(),
        origin: target.node.origin.to_string(),
        proxied: target.node.proxied,
    };
    let applied = last.wanted.unwrap_or_else(|| wanted.clone());
    (applied != wanted).then_some(Left::OtherWish { applied, wanted })
}
