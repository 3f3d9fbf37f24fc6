//! `/v1/health` and `/v1/nodes/{name}/lost`: what the scaler believes of
//! its nodes, and giving one up.

use std::{collections::BTreeMap, pin::Pin};

use axum::{
    Json,
    extract::{Path, State},
};
use bluegate_cluster::{Mount, MountError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Sources, error::ApiError};

/// The answer to `GET /v1/health`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterHealth {
    /// Most nodes are silent, so the fault is most likely ours: nothing is given
    /// up.
    pub frozen: bool,
    /// By name.
    pub nodes: BTreeMap<String, NodeHealthReport>,
    /// Meetings that live on two nodes.
    pub splits: Vec<SplitReport>,
    /// Other stores whose scalers place meetings of the same tenants on these
    /// nodes: one too many each.
    #[serde(default)]
    pub foreign_stores: usize,
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeHealthReport {
    /// `healthy`, `suspect` or `lost`.
    pub health: String,
    /// Seconds since it is believed.
    pub health_seconds: u64,
    /// Seconds since no poll was answered; `null` when the last one was.
    pub silent_seconds: Option<u64>,
    /// How old its word is that lists are made from; `null` before the first.
    pub list_seconds: Option<u64>,
    /// Times it was given up.
    pub losses: u64,
    /// Times it came back without any of its meetings.
    pub boots: u64,
    /// Whether it gets no new meetings because the doctor finds it broken.
    pub held_back: bool,
    /// `closed` while calls pass, else `open` or `trial`.
    pub breaker: String,
    /// Times calls were cut off.
    pub breaker_openings: u64,
}

/// A meeting that lives on two nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SplitReport {
    /// Whose.
    pub tenant: String,
    /// The tenant's ID for it.
    pub meeting_id: String,
    /// The node that calls go to.
    pub node: String,
    /// The node with the other copy.
    pub other: String,
    /// Users in the other copy.
    pub other_users: u32,
}

/// What the scaler believes of its nodes.
pub trait HealthSource: Send + Sync {
    /// All of it.
    fn report(&self) -> ClusterHealth;

    /// Gives a node up at once.
    fn lose<'a>(&'a self, node: &'a Mount) -> Losing<'a>;
}

/// A node being given up.
pub type Losing<'a> = Pin<Box<dyn Future<Output = Result<(), NotLost>> + Send + 'a>>;

/// Why a node is not given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotLost {
    /// The scaler has no such node.
    Unknown,
    /// It answers: its meetings are alive.
    Answers,
    /// It cannot be recorded; the log says why.
    Store,
}

#[utoipa::path(
    get,
    path = "/v1/health",
    operation_id = "show_health",
    responses((status = 200, description = "What the scaler believes of its nodes", body = ClusterHealth)),
)]
pub(crate) async fn show(State(sources): State<Sources>) -> Result<Json<ClusterHealth>, ApiError> {
    let health = sources.health.as_ref().ok_or(ApiError::NoScaler)?;
    Ok(Json(health.report()))
}

#[utoipa::path(
    post,
    path = "/v1/nodes/{name}/lost",
    operation_id = "lose_node",
    params(("name" = String, Path, description = "The node's name")),
    responses((status = 200, description = "Given up", body = NodeHealthReport)),
)]
pub(crate) async fn lose(
    State(sources): State<Sources>,
    Path(name): Path<String>,
) -> Result<Json<NodeHealthReport>, ApiError> {
    let health = sources.health.as_ref().ok_or(ApiError::NoScaler)?;
    let node: Mount =
        name.parse().map_err(|error: MountError| ApiError::BadQuery(error.to_string()))?;
    let unknown = || ApiError::UnknownNode(node.clone());
    health.lose(&node).await.map_err(|error| match error {
        NotLost::Unknown => unknown(),
        NotLost::Answers => ApiError::NodeAnswers(node.clone()),
        NotLost::Store => ApiError::Internal,
    })?;
    health.report().nodes.remove(node.as_str()).map(Json).ok_or_else(unknown)
}
