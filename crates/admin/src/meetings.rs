//! `/v1/meetings`: the scaler's meetings, and ending one.

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use bluegate_cluster::{Mount, TenantName};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    MeetingEntry, MeetingLife, ScalerSource, Sources,
    error::ApiError,
    request::{Asked, Named},
    role::Caller,
};

/// The answer to the end of a meeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MeetingEnded {
    /// That it ended.
    pub ended: bool,
}

/// Which meetings are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    tenant: Option<String>,
    node: Option<String>,
    /// Only this meeting ID or internal meeting ID.
    id: Option<String>,
}

#[utoipa::path(
    get,
    path = "/v1/meetings",
    operation_id = "list_meetings",
    params(Filter),
    responses((status = 200, description = "Open meetings", body = Vec<MeetingEntry>)),
)]
pub(crate) async fn list(
    State(sources): State<Sources>,
    Extension(caller): Extension<Caller>,
    Asked(filter): Asked<Filter>,
) -> Result<Json<Vec<MeetingEntry>>, ApiError> {
    let tenant = caller.narrow(filter.tenant.as_deref())?;
    if let Some(node) = &filter.node {
        node.parse::<Mount>().map_err(|error| ApiError::BadQuery(error.to_string()))?;
    }
    let mut meetings = scaler(&sources)?.meetings();
    meetings.retain(|meeting| {
        tenant.as_ref().is_none_or(|tenant| tenant.as_str() == meeting.tenant)
            && filter.node.as_ref().is_none_or(|node| *node == meeting.node)
            && filter.id.as_ref().is_none_or(|id| {
                *id == meeting.meeting_id || meeting.internal_meeting_id.as_ref() == Some(id)
            })
    });
    Ok(Json(meetings))
}

#[utoipa::path(
    get,
    path = "/v1/meetings/{tenant}/{meeting}",
    operation_id = "show_meeting",
    params(("tenant" = String, Path, description = "Whose meeting"), ("meeting" = String, Path, description = "The tenant's ID for it")),
    responses((status = 200, description = "Its last lives, the latest first", body = Vec<MeetingLife>)),
)]
pub(crate) async fn show(
    State(sources): State<Sources>,
    Extension(caller): Extension<Caller>,
    Named(path): Named<(String, String)>,
) -> Result<Json<Vec<MeetingLife>>, ApiError> {
    let (tenant, id) = named(path, &caller)?;
    let mut lives = scaler(&sources)?.meeting(tenant, id).await.map_err(ApiError::Scaler)?;
    if caller.role.tenant().is_some() {
        // It tells of nodes, and so of what others have there.
        lives.iter_mut().for_each(|life| life.decision = None);
    }
    if lives.is_empty() { Err(ApiError::UnknownMeeting) } else { Ok(Json(lives)) }
}

#[utoipa::path(
    delete,
    path = "/v1/meetings/{tenant}/{meeting}",
    operation_id = "end_meeting",
    params(("tenant" = String, Path, description = "Whose meeting"), ("meeting" = String, Path, description = "The tenant's ID for it")),
    responses((status = 200, description = "Ended", body = MeetingEnded)),
)]
pub(crate) async fn end(
    State(sources): State<Sources>,
    Extension(caller): Extension<Caller>,
    Named(path): Named<(String, String)>,
) -> Result<Json<MeetingEnded>, ApiError> {
    let (tenant, id) = named(path, &caller)?;
    scaler(&sources)?.end_meeting(tenant, id).await.map_err(ApiError::Scaler)?;
    Ok(Json(MeetingEnded { ended: true }))
}

pub(crate) fn scaler(sources: &Sources) -> Result<&Arc<dyn ScalerSource>, ApiError> {
    sources.scaler.as_ref().ok_or(ApiError::NoScaler)
}

fn named(
    (tenant, id): (String, String),
    caller: &Caller,
) -> Result<(TenantName, String), ApiError> {
    Ok((caller.tenant(&tenant).ok_or(ApiError::UnknownMeeting)?, id))
}
