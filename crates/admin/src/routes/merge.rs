//! The file's nodes and the added ones together. Pure.

use std::collections::BTreeMap;

use bluegate_cluster::{AllowedHosts, Mount, Node, Origin, Routes, RoutesError};

/// The nodes that were added at run time, by name.
pub(super) type Added = BTreeMap<Mount, Node>;

/// What the configuration file says of routes.
#[derive(Clone, Debug)]
pub struct Given {
    /// The cluster's origin.
    pub origin: Origin,
    /// Its nodes, proxied or not.
    pub nodes: Vec<Node>,
    /// What may be added to them.
    pub allow: AllowedHosts,
}

/// Why an added node is not in force, or may not be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeldBack {
    /// The file has that name, and wins.
    #[error("`{0}` is in the configuration file too: take it out of one of the two")]
    InFile(Mount),
    /// Another node has that origin.
    #[error("`{origin}` is already the origin of `{by}`")]
    OriginTaken {
        /// The origin.
        origin: Origin,
        /// Who has it.
        by: Mount,
    },
    /// The cluster's own origin.
    #[error("`{0}` is the cluster's origin: a node needs one of its own")]
    OwnOrigin(Origin),
    /// A host that nothing in `[proxy] allow_nodes` stands for.
    #[error("`{host}` is not among `[proxy] allow_nodes`, which bounds what may be added")]
    NotAllowed {
        /// The host of its origin or of its address.
        host: String,
    },
}

impl HeldBack {
    /// For programs: never changes its meaning.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::InFile(_) => "in_file",
            Self::OriginTaken { .. } => "origin_taken",
            Self::OwnOrigin(_) => "own_origin",
            Self::NotAllowed { .. } => "not_allowed",
        }
    }
}

/// What comes of both.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) routes: Routes,
    pub(super) held_back: Vec<(Mount, HeldBack)>,
}

/// The routes of the file's nodes and of all added ones that may be.
pub(super) fn merge(given: &Given, added: &Added) -> Result<Merged, RoutesError> {
    let mut nodes = given.nodes.clone();
    let mut held_back = Vec::new();
    for node in added.values() {
        match judge(node, given, nodes.iter().skip(given.nodes.len())) {
            Ok(()) => nodes.push(node.clone()),
            Err(reason) => held_back.push((node.name.clone(), reason)),
        }
    }
    Ok(Merged { routes: Routes::new(given.origin.clone(), nodes)?, held_back })
}

/// Whether `node` may stand beside the file's nodes and these added ones.
pub(super) fn judge<'a>(
    node: &Node,
    given: &'a Given,
    others: impl Iterator<Item = &'a Node>,
) -> Result<(), HeldBack> {
    if given.nodes.iter().any(|other| other.name == node.name) {
        return Err(HeldBack::InFile(node.name.clone()));
    }
    if node.origin == given.origin {
        return Err(HeldBack::OwnOrigin(node.origin.clone()));
    }
    if let Some(host) = given.allow.refused(node) {
        return Err(HeldBack::NotAllowed { host: host.to_owned() });
    }
    match given.nodes.iter().chain(others).find(|other| other.origin == node.origin) {
        Some(other) => {
            Err(HeldBack::OriginTaken { origin: node.origin.clone(), by: other.name.clone() })
        }
        None => Ok(()),
    }
}
