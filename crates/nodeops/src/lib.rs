//! Carrying out node configuration plans: writing, restarting, checking, and
//! undoing all of it.
//!
//! Owns how a node is reached ([`Local`], [`Shell`]), backups, [`apply()`],
//! [`rollback()`] and [`verify()`], and the questions that decide whether a node
//! may be touched now. Decides nothing about what a node's files shall hold:
//! that is a plan's.

mod apply;
mod backup;
mod http;
mod machine;
mod meetings;
mod rollback;
mod services;
mod target;
#[cfg(test)]
mod tests;
mod verify;

pub use apply::{Applied, ApplyError, Event, Restart, apply};
pub use backup::{BACKUPS, BackupError, Kept, Manifest, State, backups};
pub use http::{AskError, Asker};
pub use machine::{Local, MAX_COMMAND, Machine, MachineError, Output, Shell, ShellOptions};
pub use meetings::{MeetingsError, running_meetings};
pub use rollback::{RollbackError, RolledBack, Undone, recover, rollback};
pub use target::{Target, TargetError};
pub use verify::{Fault, verify};
