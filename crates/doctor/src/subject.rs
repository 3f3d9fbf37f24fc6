//! Who is examined: the cluster's origin, and one node behind it.

use std::path::PathBuf;

use bluegate_cluster::{Node, Origin, Secret};

/// The cluster as its file describes it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The one origin browsers see.
    pub origin: Origin,
    /// The file that says so, to name it in findings.
    pub file: PathBuf,
    /// The nodes to look at.
    pub nodes: Vec<Patient>,
}

/// A node to look at.
#[derive(Clone, Debug)]
pub struct Patient {
    /// What every role knows of it.
    pub node: Node,
    /// Its API secrets, the one that signs first; without one the doctor
    /// cannot join a meeting.
    pub secrets: Vec<Secret>,
}
