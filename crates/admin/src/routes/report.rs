//! Routes as the API shows and takes them.

use bluegate_cluster::{Node, Routes};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

/// The answer to `GET /v1/routes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoutesReport {
    /// The cluster's origin.
    pub origin: String,
    /// By mount.
    pub routes: Vec<RouteEntry>,
    /// Added nodes that are not in force, by mount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_back: Vec<HeldBackEntry>,
}

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RouteEntry {
    /// The node's name and its path segment on the cluster's origin.
    pub mount: String,
    /// The node's own origin.
    pub origin: String,
    /// Where it is connected to instead of what its origin resolves to.
    pub address: Option<String>,
    /// Its BBB release, as far as the operator stated it.
    pub bbb: Option<String>,
    /// Who says so.
    pub source: RouteSource,
    /// What the proxy believes of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// Where a route comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RouteSource {
    /// The configuration file.
    File,
    /// This API.
    Api,
}

/// An added node that is not in force, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldBackEntry {
    /// The node's name.
    pub mount: String,
    /// For programs.
    pub code: String,
    /// For people.
    pub reason: String,
}

/// A node to add, and a line of the routes file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteSpec {
    /// Its name, which is its mount.
    pub mount: String,
    /// Its own origin.
    pub origin: String,
    /// Where to connect instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its BBB release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bbb: Option<String>,
}

impl RouteSpec {
    /// The node it describes, or what is wrong with which field.
    pub(super) fn node(&self) -> Result<Node, String> {
        let optional = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let address = optional(&self.address).map(|text| text.parse()).transpose();
        let bbb = optional(&self.bbb).map(|text| text.parse()).transpose();
        Ok(Node {
            name: self.mount.parse().map_err(|error| format!("`mount`: {error}"))?,
            origin: self.origin.parse().map_err(|error| format!("`origin`: {error}"))?,
            address: address.map_err(|error| format!("`address`: {error}"))?,
            bbb: bbb.map_err(|error| format!("`bbb`: {error}"))?,
            proxied: true,
        })
    }
}

impl From<&Node> for RouteSpec {
    fn from(node: &Node) -> Self {
        Self {
            mount: node.name.to_string(),
            origin: node.origin.to_string(),
            address: node.address.as_ref().map(ToString::to_string),
            bbb: node.bbb.as_ref().map(ToString::to_string),
        }
    }
}

impl RouteEntry {
    pub(super) fn of(node: &Node, source: RouteSource) -> Self {
        let RouteSpec { mount, origin, address, bbb } = RouteSpec::from(node);
        Self { mount, origin, address, bbb, source, state: None }
    }
}

impl From<&Routes> for RoutesReport {
    fn from(routes: &Routes) -> Self {
        let entry = |node: &std::sync::Arc<Node>| RouteEntry::of(node, RouteSource::File);
        Self {
            origin: routes.origin().to_string(),
            routes: routes.nodes().map(entry).collect(),
            held_back: Vec::new(),
        }
    }
}

impl RoutesReport {
    /// Names this very state, also after a restart.
    pub(super) fn etag(&self) -> String {
        let text = serde_json::to_vec(self).expect("texts are JSON");
        let digest = Sha256::digest(text);
        let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("\"{name}\"")
    }
}
