//! Emptying a node before it is changed: no new meetings, and those that run
//! to their end.

use std::time::{Duration, Instant, SystemTime};

use bluegate_cluster::{Mount, Node};

use crate::{
    apply::Event,
    balancer::{Balancer, BalancerError, Cordon},
    machine::Machine,
    meetings::{Count, MeetingsError},
    pending::{CordonedFor, Pending, PendingError},
};

/// From one look at a node's meetings to the next.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How often in a row a node has to be empty: a create may be on its way while
/// the node is cordoned.
const LOOKS: usize = 2;

/// What a drain needs.
pub struct Drain<'a> {
    /// Whom to tell.
    pub balancer: &'a dyn Balancer,
    /// How the node's meetings are counted.
    pub count: Count<'a>,
    /// Longest wait for them to end.
    pub longest: Duration,
    /// Waits; says whether to go on, which somebody who interrupts us does not
    /// want.
    pub wait: &'a dyn Fn(Duration) -> bool,
}

/// A node was not drained, or not let back.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// Its meetings cannot be counted, so it was not cordoned either.
    #[error("whether meetings run cannot be told; the node was not cordoned")]
    Count(#[from] MeetingsError),
    /// It could not be cordoned.
    #[error("the node cannot be cordoned")]
    Cordon(#[from] BalancerError),
    /// It could not be let back.
    #[error(
        "the work is done, but `{node}` may still be cordoned: try `bluegate node uncordon {node}`"
    )]
    Uncordon {
        /// The node.
        node: Mount,
        /// Why not.
        source: BalancerError,
    },
    /// That it is cordoned could not be noted on it.
    #[error("the node was not cordoned")]
    Pending(#[from] PendingError),
    /// Somebody interrupted the wait.
    #[error(
        "interrupted: `{0}` stays cordoned and is as it was; the same command goes on, \
         `bluegate node uncordon {0}` lets new meetings come again"
    )]
    Interrupted(Mount),
    /// Its meetings did not end in time.
    #[error(
        "meetings still run on `{node}` after {}; it stays cordoned and is as it was; the same command \
         goes on, `bluegate node uncordon {node}` lets new meetings come again", minutes(.waited)
    )]
    Timeout {
        /// The node.
        node: Mount,
        /// How long was waited.
        waited: Duration,
    },
}

fn minutes(time: &Duration) -> String {
    match time.as_secs() / 60 {
        0 => format!("{} seconds", time.as_secs()),
        minutes => format!("{minutes} minutes"),
    }
}

/// Cordons `node` and waits until its meetings have ended. That we cordoned it
/// is kept on `machine`, so that whoever comes next knows whose cordon it is.
///
/// # Errors
/// [`DrainError`], which says whether the node is cordoned now.
pub fn drain(
    machine: &dyn Machine,
    node: &Node,
    drain: &Drain<'_>,
    now: SystemTime,
    tell: &dyn Fn(&Event),
) -> Result<(), DrainError> {
    (drain.count)()?;
    cordon(machine, node, drain.balancer, CordonedFor::Drain, now, tell)?;
    let began = Instant::now();
    let mut empty = 0;
    let mut last = None;
    loop {
        let meetings = (drain.count)().ok();
        empty = if meetings == Some(0) { empty + 1 } else { 0 };
        if empty == LOOKS {
            tell(&Event::Empty);
            return Ok(());
        }
        let waited = began.elapsed();
        if waited >= drain.longest {
            return Err(DrainError::Timeout { node: node.name.clone(), waited });
        }
        let left = drain.longest.saturating_sub(waited);
        // Somebody may read this over hours: only what is new is said.
        if empty == 0 && last != Some(meetings) {
            tell(&Event::Waiting { meetings, left });
            last = Some(meetings);
        }
        if !(drain.wait)(LOOK_EVERY.min(left)) {
            return Err(DrainError::Interrupted(node.name.clone()));
        }
    }
}

/// Cordons `node`, and notes on it that it was us, unless somebody else had.
pub(crate) fn cordon(
    machine: &dyn Machine,
    node: &Node,
    balancer: &dyn Balancer,
    reason: CordonedFor,
    now: SystemTime,
    tell: &dyn Fn(&Event),
) -> Result<(), DrainError> {
    let mut pending = Pending::read(machine)?;
    let before = pending.cordoned;
    // Noted first: a cordon that nobody knows of would never be taken back.
    pending.cordoned = Some(before.unwrap_or(reason));
    pending.clone().keep(machine, now)?;
    let cordon = balancer.cordon(node);
    if before.is_none() && !matches!(cordon, Ok(Cordon::New)) {
        pending.cordoned = None;
        pending.keep(machine, now)?;
    }
    match (cordon?, before) {
        (Cordon::Already, None) => tell(&Event::CordonedBefore(balancer.name())),
        _ => tell(&Event::Cordoned(balancer.name())),
    }
    Ok(())
}

/// Lets new meetings come to `node` again if it was us who cordoned it, for one
/// of `reasons`.
///
/// # Errors
/// [`DrainError`] when it may still be cordoned.
pub fn uncordon(
    machine: &dyn Machine,
    node: &Node,
    balancer: &dyn Balancer,
    reasons: &[CordonedFor],
    now: SystemTime,
    tell: &dyn Fn(&Event),
) -> Result<(), DrainError> {
    let mut pending = Pending::read(machine)?;
    if !pending.cordoned.is_some_and(|reason| reasons.contains(&reason)) {
        return Ok(());
    }
    balancer
        .uncordon(node)
        .map_err(|source| DrainError::Uncordon { node: node.name.clone(), source })?;
    pending.cordoned = None;
    pending.keep(machine, now)?;
    tell(&Event::Uncordoned(balancer.name()));
    Ok(())
}

/// Does `work` on a node that is drained, and lets new meetings come again,
/// unless its error `leaves` the node as nobody should meet it.
///
/// # Errors
/// [`DrainError`] when the node cannot be drained, and then nothing was done;
/// what `work` says; [`DrainError::Uncordon`] when only that is left to do.
pub fn drained<T, E: From<DrainError>>(
    machine: &dyn Machine,
    node: &Node,
    plan: &Drain<'_>,
    now: SystemTime,
    tell: &dyn Fn(&Event),
    work: impl FnOnce() -> Result<T, E>,
    leaves: impl FnOnce(&E) -> bool,
) -> Result<T, E> {
    drain(machine, node, plan, now, tell)?;
    let outcome = work();
    if outcome.as_ref().is_err_and(leaves) {
        tell(&Event::StillCordoned);
        return outcome;
    }
    let back = uncordon(
        machine,
        node,
        plan.balancer,
        &[CordonedFor::Drain, CordonedFor::Restart],
        now,
        tell,
    );
    match (outcome, back) {
        (Ok(done), Ok(())) => Ok(done),
        (Ok(_), Err(error)) => Err(error.into()),
        (Err(error), back) => {
            if back.is_err() {
                tell(&Event::StillCordoned);
            }
            Err(error)
        }
    }
}
