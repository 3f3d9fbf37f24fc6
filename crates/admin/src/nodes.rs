//! `/v1/nodes`: what the proxy and the scaler believe of the nodes, and their
//! change at run time.

use std::collections::BTreeMap;

use axum::{Extension, Json, extract::State};
use bluegate_cluster::{Mount, Node};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    DrainStatus, NodeChange, NodeRemoved, NodeSpec, ScalerNode, Sources,
    audit::Subject,
    error::ApiError,
    meetings::scaler,
    request::{Asked, Body, Named},
    routes::{Edit, EditError},
};

/// The answer to `GET /v1/nodes`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodesReport {
    /// So many nodes fail at once that the fault is most likely ours: all are
    /// asked, whatever their state.
    pub panicking: bool,
    /// What the proxy believes, by mount.
    pub nodes: BTreeMap<String, NodeReport>,
    /// What the scaler knows, by name; absent where no scaler runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaler: Option<BTreeMap<String, ScalerNode>>,
}

/// One node, as the proxy sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeReport {
    /// `healthy`, `suspect` or `trial`.
    pub state: String,
    /// Seconds since it is believed.
    pub state_seconds: u64,
    /// How it failed last, if it ever did.
    pub last_failure: Option<String>,
    /// Requests and probes in a row that failed, up to now.
    pub failures_in_a_row: u32,
    /// Probes that were sent.
    pub probes: u64,
    /// Probes that failed.
    pub failed_probes: u64,
    /// How often it went from healthy to suspect.
    pub ejections: u64,
    /// Requests answered without asking it, because it was suspect.
    pub refused: u64,
}

/// The answer to `GET /v1/nodes/{name}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeDetail {
    /// Its name.
    pub name: String,
    /// What the proxy believes; absent where none runs or the node is not proxied.
    pub proxy: Option<NodeReport>,
    /// What the scaler knows; absent where none runs.
    pub scaler: Option<ScalerNode>,
    /// How far it is from being empty; absent where no scaler runs.
    pub drain: Option<DrainStatus>,
}

/// How a node is removed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Removal {
    #[serde(default)]
    insist: bool,
}

#[utoipa::path(
    get,
    path = "/v1/nodes",
    operation_id = "list_nodes",
    responses((status = 200, description = "What is believed of the nodes", body = NodesReport)),
)]
pub(crate) async fn show(State(sources): State<Sources>) -> Result<Json<NodesReport>, ApiError> {
    if sources.nodes.is_none() && sources.scaler.is_none() {
        return Err(ApiError::NoRoutes);
    }
    let mut report = sources.nodes.as_ref().map(|nodes| nodes()).unwrap_or_default();
    report.scaler = sources.scaler.as_ref().map(|scaler| scaler.nodes());
    Ok(Json(report))
}

#[utoipa::path(
    get,
    path = "/v1/nodes/{name}",
    operation_id = "show_node",
    params(("name" = String, Path, description = "The node's name")),
    responses((status = 200, description = "One node", body = NodeDetail)),
)]
pub(crate) async fn show_one(
    State(sources): State<Sources>,
    Named(name): Named<String>,
) -> Result<Json<NodeDetail>, ApiError> {
    let name = named(&name)?;
    let proxy = sources.nodes.as_ref().and_then(|nodes| nodes().nodes.remove(name.as_str()));
    let (mut known, mut drain) = (None, None);
    if let Some(scaler) = &sources.scaler {
        known = scaler.nodes().remove(name.as_str());
        if known.is_some() {
            drain = Some(scaler.drain(name.clone()).await.map_err(ApiError::Scaler)?);
        }
    }
    if proxy.is_none() && known.is_none() {
        return Err(ApiError::UnknownNode(name));
    }
    Ok(Json(NodeDetail { name: name.to_string(), proxy, scaler: known, drain }))
}

/// Adds a node to the scaler and, when it is to be proxied and this process
/// runs the proxy, to the routes.
#[utoipa::path(
    post,
    path = "/v1/nodes",
    operation_id = "add_node",
    request_body = NodeSpec,
    responses((status = 201, description = "Added", body = ScalerNode)),
)]
pub(crate) async fn add(
    State(sources): State<Sources>,
    Extension(subject): Extension<Subject>,
    Body(spec): Body<NodeSpec>,
) -> Result<(StatusCode, Json<ScalerNode>), ApiError> {
    let node = spec.node().map_err(ApiError::BadBody)?;
    subject.is(node.name.as_str());
    let scaler = scaler(&sources)?;
    let routed = node.proxied && sources.book.is_some();
    if routed {
        edit(&sources, Edit::Add(node.clone())).await?;
    }
    if let Err(refusal) = scaler.add_node(spec).await {
        if routed {
            edit(&sources, Edit::Remove(node.name)).await?;
        }
        return Err(ApiError::Scaler(refusal));
    }
    let added = scaler.nodes().remove(node.name.as_str());
    Ok((StatusCode::CREATED, Json(added.ok_or(ApiError::UnknownNode(node.name))?)))
}

#[utoipa::path(
    patch,
    path = "/v1/nodes/{name}",
    operation_id = "change_node",
    params(("name" = String, Path, description = "The node's name")),
    request_body = NodeChange,
    responses((status = 200, description = "Changed", body = ScalerNode)),
)]
pub(crate) async fn change(
    State(sources): State<Sources>,
    Extension(subject): Extension<Subject>,
    Named(name): Named<String>,
    Body(change): Body<NodeChange>,
) -> Result<Json<ScalerNode>, ApiError> {
    let name = named(&name)?;
    subject.detail(&told(&change));
    if let Some(Some(weight)) = change.weight
        && !(weight > 0.0 && weight <= 1000.0)
    {
        return Err(ApiError::BadBody(format!(
            "`weight` is above 0 and at most 1000, not {weight}"
        )));
    }
    let scaler = scaler(&sources)?;
    scaler.change_node(name.clone(), change).await.map_err(ApiError::Scaler)?;
    let changed = scaler.nodes().remove(name.as_str());
    changed.map(Json).ok_or(ApiError::UnknownNode(name))
}

#[utoipa::path(
    delete,
    path = "/v1/nodes/{name}",
    operation_id = "remove_node",
    params(("name" = String, Path, description = "The node's name"), Removal),
    responses((status = 200, description = "Removed", body = NodeRemoved)),
)]
pub(crate) async fn remove(
    State(sources): State<Sources>,
    Named(name): Named<String>,
    Asked(Removal { insist }): Asked<Removal>,
) -> Result<Json<NodeRemoved>, ApiError> {
    let name = named(&name)?;
    let scaler = scaler(&sources)?;
    let removed = scaler.remove_node(name.clone(), insist).await.map_err(ApiError::Scaler)?;
    if sources.book.is_some() {
        match edit(&sources, Edit::Remove(name)).await {
            // It was never proxied, or its route is already gone.
            Ok(()) | Err(ApiError::Route(EditError::Unknown(_) | EditError::InFile(_))) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Json(removed))
}

/// A change, for the audit log.
pub(crate) fn told(change: &NodeChange) -> String {
    let cordoned = change.cordoned.map(|cordoned| format!("cordoned {cordoned}"));
    let weight = change.weight.map(|weight| match weight {
        Some(weight) => format!("weight {weight}"),
        None => "weight as configured".to_owned(),
    });
    cordoned.into_iter().chain(weight).collect::<Vec<_>>().join(", ")
}

async fn edit(sources: &Sources, edit: Edit) -> Result<(), ApiError> {
    let Some(book) = sources.book.clone() else { return Ok(()) };
    // It ends in a file that is written and synced.
    let edited = tokio::task::spawn_blocking(move || book.edit(edit, None)).await;
    edited.map_err(|_| ApiError::Internal)?.map(drop).map_err(ApiError::Route)
}

fn named(name: &str) -> Result<Mount, ApiError> {
    name.parse().map_err(|_| ApiError::NotFound)
}

impl NodeSpec {
    /// The node, or what is wrong with it.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn node(&self) -> Result<Node, String> {
        fn read<T: std::str::FromStr<Err: std::fmt::Display>>(
            key: &str,
            text: &str,
        ) -> Result<T, String> {
            text.parse().map_err(|error| format!("`{key}`: {error}"))
        }
        if self.secrets.iter().all(|secret| secret.trim().is_empty()) {
            return Err("`secrets`: a node has at least one".to_owned());
        }
        if !(self.weight > 0.0 && self.weight <= 1000.0) {
            return Err(format!("`weight` is above 0 and at most 1000, not {}", self.weight));
        }
        for tag in &self.tags {
            read::<bluegate_cluster::Tag>("tags", tag)?;
        }
        Ok(Node {
            name: read("name", &self.name)?,
            origin: read("origin", &self.origin)?,
            address: self.address.as_deref().map(|text| read("address", text)).transpose()?,
            bbb: self.bbb.as_deref().map(|text| read("bbb", text)).transpose()?,
            proxied: self.proxied,
        })
    }
}
