//! `/v1/nodes`: what the proxy believes of its nodes.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};

use crate::{Sources, error::ApiError};

/// The answer to `GET /v1/nodes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodesReport {
    /// So many nodes fail at once that the fault is most likely ours: all are
    /// asked, whatever their state.
    pub panicking: bool,
    /// By mount.
    pub nodes: BTreeMap<String, NodeReport>,
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

pub(crate) async fn show(State(sources): State<Sources>) -> Result<Json<NodesReport>, ApiError> {
    let nodes = sources.nodes.as_ref().ok_or(ApiError::NoRoutes)?;
    Ok(Json(nodes()))
}
