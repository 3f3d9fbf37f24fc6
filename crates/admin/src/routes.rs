//! `/v1/routes`: what the cluster's origin relays.

use axum::{Json, extract::State};
use bluegate_cluster::{Node, Routes};
use serde::{Deserialize, Serialize};

use crate::Sources;

/// The answer to `GET /v1/routes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutesReport {
    /// The cluster's origin.
    pub origin: String,
    /// By mount.
    pub routes: Vec<RouteEntry>,
}

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteEntry {
    /// The node's name and its path segment on the cluster's origin.
    pub mount: String,
    /// The node's own origin.
    pub origin: String,
    /// Where it is connected to instead of what its origin resolves to.
    pub address: Option<String>,
    /// Its BBB release, as far as the operator stated it.
    pub bbb: Option<String>,
}

impl From<&Routes> for RoutesReport {
    fn from(routes: &Routes) -> Self {
        Self {
            origin: routes.origin().to_string(),
            routes: routes.nodes().map(|node| RouteEntry::from(&**node)).collect(),
        }
    }
}

impl From<&Node> for RouteEntry {
    fn from(node: &Node) -> Self {
        Self {
            mount: node.name.to_string(),
            origin: node.origin.to_string(),
            address: node.address.as_ref().map(ToString::to_string),
            bbb: node.bbb.as_ref().map(ToString::to_string),
        }
    }
}

pub(crate) async fn show(State(sources): State<Sources>) -> Json<RoutesReport> {
    Json(RoutesReport::from(&*(sources.routes)()))
}
