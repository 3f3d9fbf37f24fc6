//! `/health` and `/ready`: whether this process lives, and whether it takes work.
//!
//! For whoever asks without a token, so in words of ours alone: no name, no
//! number, no address.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Sources;

/// Whether a process takes work, and what keeps it from doing it well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Why it takes none: `first_look` until it has heard of its nodes once,
    /// `stopping` when it was told to end.
    pub waiting_for: Vec<&'static str>,
    /// What is wrong though it takes work, since another process would be no
    /// better off: `store`, `nodes`.
    pub impaired: Vec<&'static str>,
}

impl Readiness {
    /// Whether it takes work.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.waiting_for.is_empty()
    }
}

/// The answer to `GET /ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadyReport {
    /// `ready` or `not ready`.
    pub status: String,
    /// Why it is not: `first_look`, `stopping`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting_for: Vec<String>,
    /// What is wrong all the same: `store`, `nodes`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub impaired: Vec<String>,
}

/// The answer to `GET /health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alive {
    /// `alive`.
    pub status: String,
}

#[utoipa::path(
    get,
    path = "/health",
    operation_id = "health",
    responses((status = 200, description = "Alive", body = Alive)),
)]
pub(crate) async fn health() -> Json<Alive> {
    Json(Alive { status: "alive".to_owned() })
}

#[utoipa::path(
    get,
    path = "/ready",
    operation_id = "readiness",
    responses((status = 200, description = "It takes work", body = ReadyReport), (status = 503, description = "It takes no work, and why", body = ReadyReport)),
)]
pub(crate) async fn ready(State(sources): State<Sources>) -> (StatusCode, Json<ReadyReport>) {
    let readiness = (sources.ready)();
    let (code, status) = if readiness.is_ready() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let words = |words: Vec<&'static str>| words.into_iter().map(str::to_owned).collect();
    let report = ReadyReport {
        status: status.to_owned(),
        waiting_for: words(readiness.waiting_for),
        impaired: words(readiness.impaired),
    };
    (code, Json(report))
}
