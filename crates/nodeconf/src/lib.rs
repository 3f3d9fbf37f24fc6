//! Node configuration: which files a BBB node needs behind a cluster proxy,
//! what stands in them, and what has to change for that.
//!
//! Owns the profiles (data, in the `profiles/` folder), the detection of what
//! a node is, lossless editors for its files, and plans. Pure over [`Host`],
//! but for [`Folder`], which reads files, and [`write_changes`], which writes
//! them. Does not restart services and does not roll back.
//!
//! Start at [`detect()`] and [`plan()`].

mod detect;
mod edit;
mod host;
mod placeholders;
mod plan;
mod profile;
mod share;
mod write;

pub use bluegate_site::CROSS_SITE_LIMIT;
pub use detect::{DetectError, Detected, Evidence, detect};
pub use edit::{
    EditError,
    block::{BEGIN, END},
};
pub use host::{FileState, Folder, Host, HostError, MAX_FILE_SIZE, MAX_FOLDER_ENTRIES, Snapshot};
pub use plan::{Change, ChangeKind, Finding, Options, Plan, PlanError, Reason, plan};
pub use profile::{Action, Profile, ProfileError, Service, services};
pub use share::shareable;
pub use write::{WriteError, write_changes};
