//! Probe meetings: meetings that the doctor makes to look at a node.
//!
//! They carry a mark in their metadata that no tenant can set, since names
//! that are ours are taken out of every tenant's calls. Whoever lists, counts
//! or reports meetings leaves them out.

/// The mark's name among a meeting's metadata.
pub const METADATA_NAME: &str = "bluegate-probe";
/// The mark's name among the parameters of create.
pub const PARAMETER: &str = "meta_bluegate-probe";
/// How the meeting ID of a probe begins, for people who read lists.
pub const ID_PREFIX: &str = "bluegate-doctor-";
