//! `/v1/cache`: what the proxy's cache holds, and forgetting it.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use bluegate_cluster::Mount;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Sources, error::ApiError, request::Asked};

/// The answer to `GET /v1/cache`: what the cache holds, and how answers came
/// about since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheReport {
    /// The bound on `bytes`.
    pub memory: u64,
    /// Bytes of all contents with their variants, each counted once.
    pub bytes: u64,
    /// Distinct contents.
    pub contents: u64,
    /// Addresses with an answer.
    pub entries: u64,
    /// Contents that made room for others.
    pub evicted: u64,
    /// Answers by what the cache could do for them: `hit`, `stale`,
    /// `revalidated`, `stored`, `miss`, `bypass`.
    pub answers: BTreeMap<String, u64>,
    /// Requests that the cache itself sent to nodes.
    pub fetches: u64,
    /// Answers sent as a delta against what the browser had.
    pub deltas: u64,
    /// Bytes that were not sent because files went out packed or as deltas.
    #[serde(default)]
    pub packed_away: u64,
    /// The tier on disk; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskReport>,
    /// By mount.
    pub mounts: BTreeMap<String, MountReport>,
}

/// What the tier on disk holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiskReport {
    /// The bound on `bytes`.
    pub limit: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Its files.
    pub files: u64,
    /// Contents that were read back since the start.
    pub recalled: u64,
    /// What was not kept because the disk was too slow or failed.
    pub dropped: u64,
    /// Whether it failed, and nothing is written for a while.
    pub paused: bool,
}

/// One mount's part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MountReport {
    /// Addresses with an answer.
    pub entries: u64,
    /// Bytes of their files as they are; a file of several mounts counts for
    /// each.
    pub bytes: u64,
}

/// The answer to `DELETE /v1/cache`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Purged {
    /// The mount that was purged; absent when all were.
    pub mount: Option<String>,
    /// How many answers were forgotten.
    pub removed: u64,
}

/// What to purge. A misspelt key must not purge everything.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    mount: Option<String>,
}

#[utoipa::path(
    get,
    path = "/v1/cache",
    operation_id = "show_cache",
    responses((status = 200, description = "What the cache holds and did", body = CacheReport)),
)]
pub(crate) async fn show(State(sources): State<Sources>) -> Result<Json<CacheReport>, ApiError> {
    let report = sources.cache.as_ref().and_then(|cache| cache.report());
    report.map(Json).ok_or(ApiError::NoCache)
}

#[utoipa::path(
    delete,
    path = "/v1/cache",
    operation_id = "purge_cache",
    params(Which),
    responses((status = 200, description = "Forgotten", body = Purged)),
)]
pub(crate) async fn purge(
    State(sources): State<Sources>,
    Asked(which): Asked<Which>,
) -> Result<Json<Purged>, ApiError> {
    let cache = sources.cache.as_ref().ok_or(ApiError::NoCache)?;
    let held = cache.report().ok_or(ApiError::NoCache)?;
    let mount = which
        .mount
        .map(|mount| mount.parse::<Mount>())
        .transpose()
        .map_err(|error| ApiError::BadQuery(error.to_string()))?;
    if let Some(mount) = &mount
        && (sources.routes)().get(mount.as_str()).is_none()
        && !held.mounts.contains_key(mount.as_str())
    {
        return Err(ApiError::UnknownMount(mount.clone()));
    }
    let removed = cache.purge(mount.as_ref()) as u64;
    Ok(Json(Purged { mount: mount.map(|mount| mount.to_string()), removed }))
}
