//! Carrying out node configuration plans: writing, restarting, checking, and
//! undoing all of it.
//!
//! Owns how a node is reached ([`Local`], [`Shell`]), backups, [`apply()`],
//! [`rollback()`] and [`verify()`]; the questions that decide whether a node
//! may be touched now, and [`drain()`], which makes it so; and [`reapply()`],
//! which does again what a package undid. Decides nothing about what a node's
//! files shall hold: that is a plan's.

mod apply;
mod backup;
mod balancer;
mod drain;
mod hook;
mod http;
mod machine;
mod meetings;
mod pending;
mod reapply;
mod record;
mod rollback;
mod services;
mod target;
#[cfg(test)]
mod tests;
mod verify;

pub use apply::{Applied, ApplyError, Event, Failure, Restart, apply};
pub use backup::{BACKUPS, BackupError, Kept, Manifest, State, Wanted, backups};
pub use balancer::{Balancer, BalancerError, Commands, Cordon, Scalelite, Server};
pub use drain::{Drain, DrainError, drain, drained, uncordon};
pub use hook::{Hook, HookError, install_hook, remove_hook};
pub use http::{AskError, Asker};
pub use machine::{
    Local, MAX_COMMAND, MAX_LOCK, Machine, MachineError, Output, Shell, ShellOptions,
};
pub use meetings::{Count, MeetingsError, running_meetings};
pub use pending::{CordonedFor, Pending, PendingError};
pub use reapply::{Left, Means, Reapplied, ReapplyError, reapply};
pub use record::{RecordError, Recorded, record};
pub use rollback::{RollbackError, RolledBack, Undone, recover, rollback};
pub use target::{Target, TargetError};
pub use verify::{Fault, verify};
