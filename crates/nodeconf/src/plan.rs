//! Plans: the exact, reviewable list of changes that brings a node to where
//! its cluster needs it.
//!
//! [`plan`] is pure over a [`Host`](crate::Host): it decides what every file
//! shall hold, and whoever applies it writes exactly [`Change::after`] over
//! exactly [`Change::before`]. A plan made after that is empty.

mod build;
mod diff;
mod flags;
mod locations;
mod mistakes;
pub(crate) mod redact;
mod rendered;
#[cfg(test)]
mod tests;
mod warn;

use std::fmt::Display;

use bluegate_cluster::{BbbVersion, Mount, Origin};
use bluegate_site::CrossSite;
use serde::{Serialize, Serializer};

pub use build::plan;

use crate::{
    edit::EditError,
    host::{FileState, HostError},
    profile::{ProfileError, Service},
};

/// What may be planned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Plan for a node of another site than the cluster's, with what that needs.
    pub allow_cross_site: bool,
}

/// What has to be done to a node.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The node.
    #[serde(serialize_with = "as_text")]
    pub node: Mount,
    /// The cluster's origin.
    #[serde(serialize_with = "as_text")]
    pub cluster: Origin,
    /// The node's own origin.
    #[serde(serialize_with = "as_text")]
    pub origin: Origin,
    /// Whether the node is made part of the cluster, or taken out of it.
    pub proxied: bool,
    /// Its release, as detected or stated.
    #[serde(serialize_with = "as_text")]
    pub release: BbbVersion,
    /// The name of the profile that was followed.
    pub profile: String,
    /// What changes, in the order of the paths.
    pub changes: Vec<Change>,
    /// Whether systemd must read its units again, before the services.
    pub daemon_reload: bool,
    /// What has to be restarted after all changes, in this order.
    pub services: Vec<Service>,
    /// Whether running meetings notice one of these.
    pub hurts_running_meetings: bool,
    /// Mistakes found in what stands there now; the changes mend them.
    pub findings: Vec<Finding>,
    /// What the operator should know, whatever is done.
    pub warnings: Vec<String>,
    /// Whether something the plan relies on was not yet seen on a real node.
    pub not_yet_verified: bool,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

fn as_text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// One file that changes. Serialised without its bytes, which may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Absolute path on the node, symbolic links followed.
    pub path: String,
    /// Whose file it is.
    pub kind: ChangeKind,
    /// The file as it is; absent when there is none.
    pub before: Option<FileState>,
    /// The file as it shall be; absent when it is removed. Owner and mode of a
    /// file that was there stay.
    pub after: Option<FileState>,
    /// Why, thing by thing.
    pub reasons: Vec<Reason>,
    /// Services that read the file only when they start.
    pub restart: Vec<String>,
}

/// Whose file a change is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// An override file with nothing foreign in it.
    OwnFile,
    /// An override file with foreign content, which stays.
    SharedFile,
    /// A file of the operator's that says by hand what now stands elsewhere.
    ForeignFile,
    /// A file of a package: changed back, or changed through `apply-config.sh`.
    PackageFile,
}

/// Why one thing changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What is said, such as `public.app.basename`.
    pub key: String,
    /// What it is for.
    pub why: String,
    /// Where the knowledge comes from.
    pub source: String,
    /// Releases of real nodes this was seen to work on.
    pub verified_on: Vec<String>,
}

/// A mistake in what stands on the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file.
    pub path: String,
    /// The key, in the notation of the file's format.
    pub key: String,
    /// What it says.
    pub found: String,
    /// What is wrong with that, and where the mistake comes from.
    pub mistake: String,
    /// What is done about it.
    pub fix: String,
}

/// Nothing can be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The node cannot be looked at.
    #[error("cannot look at the node")]
    Host(#[from] HostError),
    /// There is no profile for its release.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The node is of another site than the cluster.
    #[error(transparent)]
    CrossSite(#[from] CrossSite),
    /// A file cannot be edited safely.
    #[error("cannot edit `{path}`")]
    Edit {
        /// The file.
        path: String,
        /// Why not.
        source: EditError,
    },
    /// None of the package files is there whose locations are needed.
    #[error(
        "none of {paths} is there: the client's nginx locations are copied from it; is package `bbb-html5` installed?"
    )]
    NoLocations {
        /// The files, in an operator's words.
        paths: String,
    },
}
