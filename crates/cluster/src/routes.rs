//! What the proxy relays: the mounts of one origin and the nodes behind them.

use std::{collections::BTreeMap, sync::Arc};

use crate::{Mount, Node, Origin};

/// An immutable snapshot of what the cluster's origin relays.
///
/// Reaches the proxy through a `watch` channel, the same whether it was read
/// from the file or fetched from a remote scaler. Holds proxied nodes only.
#[derive(Clone, Debug)]
pub struct Routes {
    origin: Origin,
    nodes: BTreeMap<Mount, Arc<Node>>,
}

/// Why a set of nodes makes no [`Routes`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoutesError {
    /// Two nodes of one name.
    #[error("two nodes are named `{0}`")]
    DuplicateName(Mount),
    /// A proxied node whose origin is the cluster's own: it would relay to itself.
    #[error("node `{0}` has the cluster's own origin")]
    OwnOrigin(Mount),
}

impl Routes {
    /// The routes of a cluster; nodes that are not proxied are left out.
    ///
    /// # Errors
    /// [`RoutesError`] when two nodes share a name or a node has the cluster's
    /// own origin.
    pub fn new(origin: Origin, nodes: impl IntoIterator<Item = Node>) -> Result<Self, RoutesError> {
        let mut routes = BTreeMap::new();
        for node in nodes {
            if node.proxied && node.origin == origin && node.address.is_none() {
                return Err(RoutesError::OwnOrigin(node.name));
            }
            let name = node.name.clone();
            if routes.insert(name.clone(), Arc::new(node)).is_some() {
                return Err(RoutesError::DuplicateName(name));
            }
        }
        routes.retain(|_, node| node.proxied);
        Ok(Self { origin, nodes: routes })
    }

    /// The cluster's origin.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The node at exactly this mount: `bbb-1` never finds `bbb-10`.
    #[must_use]
    pub fn get(&self, mount: &str) -> Option<&Arc<Node>> {
        self.nodes.get(mount)
    }

    /// All relayed nodes, by name.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, origin: &str, proxied: bool) -> Node {
        Node {
            name: name.parse().unwrap(),
            origin: origin.parse().unwrap(),
            address: None,
            bbb: None,
            proxied,
        }
    }

    #[test]
    fn only_proxied_nodes_are_found_and_only_by_their_whole_name() {
        let origin: Origin = "https://bbb.example.org".parse().unwrap();
        let routes = Routes::new(
            origin.clone(),
            [
                node("bbb-10", "https://bbb-10.example.org", true),
                node("bbb-2", "https://x.org", false),
            ],
        )
        .unwrap();
        assert!(routes.get("bbb-10").is_some());
        assert!(routes.get("bbb-1").is_none());
        assert!(routes.get("bbb-2").is_none());

        let twice = [node("a", "https://a.org", true), node("a", "https://b.org", false)];
        assert_eq!(
            Routes::new(origin.clone(), twice).unwrap_err(),
            RoutesError::DuplicateName("a".parse().unwrap())
        );
        assert_eq!(
            Routes::new(origin, [node("a", "https://bbb.example.org", true)]).unwrap_err(),
            RoutesError::OwnOrigin("a".parse().unwrap())
        );
    }
}
