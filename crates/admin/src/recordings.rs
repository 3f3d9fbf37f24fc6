//! `/v1/recordings`: the recordings of all nodes, and publishing, hiding and
//! deleting one.

use axum::{Extension, Json, extract::State};
use bluegate_cluster::TenantName;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Answering, Sources,
    audit::Subject,
    error::ApiError,
    request::{Asked, Body, Limit, Named},
    role::Caller,
};

/// The answer to `GET /v1/recordings`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordingList {
    /// The newest first.
    pub recordings: Vec<RecordingEntry>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

/// One recording, whoever keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordingEntry {
    /// Whose.
    pub tenant: String,
    /// BBB's own ID of it.
    pub record_id: String,
    /// The tenant's ID of the meeting.
    pub meeting_id: String,
    /// `processing`, `processed`, `published`, `unpublished` or `deleted`.
    pub state: String,
    /// When its meeting began, in milliseconds since 1970.
    pub started_at: i64,
    /// Who has it, nodes or `delegate`; the one it is shown from first.
    pub keepers: Vec<String>,
}

/// The body of `PATCH /v1/recordings/{tenant}/{recording}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordingChange {
    /// Whether people may see it.
    pub published: bool,
}

/// The states of recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RecordingState {
    /// Its node works on it.
    Processing,
    /// Its node has worked on it, and has not published it yet.
    Processed,
    /// People may see it.
    Published,
    /// It is hidden.
    Unpublished,
    /// It is deleted, and remembered by its node.
    Deleted,
}

/// Which recordings are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordingWish {
    /// Only this tenant's.
    pub tenant: Option<TenantName>,
    /// Only those of this meeting, by the tenant's ID.
    pub meeting_id: Option<String>,
    /// Only this one.
    pub record_id: Option<String>,
    /// Only those in this state; without it all but deleted ones.
    pub state: Option<RecordingState>,
}

/// Recordings to show and to change.
pub trait RecordingsSource: Send + Sync {
    /// The newest first, at most `limit`. From memory.
    fn list(&self, wish: RecordingWish, limit: u32) -> Vec<RecordingEntry>;

    /// Lets people see one, or hides it.
    fn publish(&self, tenant: TenantName, record_id: String, publish: bool) -> Answering<'_, ()>;

    /// Deletes one.
    fn delete(&self, tenant: TenantName, record_id: String) -> Answering<'_, ()>;
}

impl RecordingState {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Processed => "processed",
            Self::Published => "published",
            Self::Unpublished => "unpublished",
            Self::Deleted => "deleted",
        }
    }
}

/// Which recordings are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    tenant: Option<String>,
    /// Only those of this meeting, by the tenant's ID.
    meeting: Option<String>,
    /// Only this record ID.
    id: Option<String>,
    /// Only those in this state; without it all but deleted ones.
    state: Option<RecordingState>,
    /// At most so many, 1 to 1,000; 100 when absent.
    limit: Option<u32>,
}

#[utoipa::path(
    get,
    path = "/v1/recordings",
    operation_id = "list_recordings",
    params(Filter),
    responses((status = 200, description = "Recordings", body = RecordingList)),
)]
pub(crate) async fn list(
    State(sources): State<Sources>,
    Extension(caller): Extension<Caller>,
    Asked(filter): Asked<Filter>,
) -> Result<Json<RecordingList>, ApiError> {
    let limit = Limit::new(filter.limit)?;
    let wish = RecordingWish {
        tenant: caller.narrow(filter.tenant.as_deref())?,
        meeting_id: filter.meeting,
        record_id: filter.id,
        state: filter.state,
    };
    let (recordings, more) = limit.cut(source(&sources)?.list(wish, limit.and_one()));
    Ok(Json(RecordingList { recordings, more }))
}

#[utoipa::path(
    get,
    path = "/v1/recordings/{tenant}/{recording}",
    operation_id = "show_recording",
    params(("tenant" = String, Path, description = "Whose recording"), ("recording" = String, Path, description = "BBB's own ID of it")),
    responses((status = 200, description = "One recording", body = RecordingEntry)),
)]
pub(crate) async fn show(
    State(sources): State<Sources>,
    Extension(caller): Extension<Caller>,
    Named(path): Named<(String, String)>,
) -> Result<Json<RecordingEntry>, ApiError> {
    let (tenant, id) = named(path, &caller)?;
    entry(&sources, tenant, id).map(Json)
}

#[utoipa::path(
    patch,
    path = "/v1/recordings/{tenant}/{recording}",
    operation_id = "change_recording",
    params(("tenant" = String, Path, description = "Whose recording"), ("recording" = String, Path, description = "BBB's own ID of it")),
    request_body = RecordingChange,
    responses((status = 200, description = "Published or hidden", body = RecordingEntry)),
)]
pub(crate) async fn change(
    State(sources): State<Sources>,
    Extension(caller): Extension<Caller>,
    Extension(subject): Extension<Subject>,
    Named(path): Named<(String, String)>,
    Body(RecordingChange { published }): Body<RecordingChange>,
) -> Result<Json<RecordingEntry>, ApiError> {
    subject.detail(&format!("published {published}"));
    let (tenant, id) = named(path, &caller)?;
    let changed = source(&sources)?.publish(tenant.clone(), id.clone(), published).await;
    changed.map_err(ApiError::Scaler)?;
    entry(&sources, tenant, id).map(Json)
}

#[utoipa::path(
    delete,
    path = "/v1/recordings/{tenant}/{recording}",
    operation_id = "delete_recording",
    params(("tenant" = String, Path, description = "Whose recording"), ("recording" = String, Path, description = "BBB's own ID of it")),
    responses((status = 204, description = "Deleted")),
)]
pub(crate) async fn delete(
    State(sources): State<Sources>,
    Extension(caller): Extension<Caller>,
    Named(path): Named<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let (tenant, id) = named(path, &caller)?;
    source(&sources)?.delete(tenant, id).await.map_err(ApiError::Scaler)?;
    Ok(StatusCode::NO_CONTENT)
}

/// One recording, deleted or not.
fn entry(sources: &Sources, tenant: TenantName, id: String) -> Result<RecordingEntry, ApiError> {
    let source = source(sources)?;
    let wish =
        RecordingWish { tenant: Some(tenant), record_id: Some(id), ..RecordingWish::default() };
    let deleted = RecordingWish { state: Some(RecordingState::Deleted), ..wish.clone() };
    let mut found = source.list(wish, 1).into_iter().chain(source.list(deleted, 1));
    found.next().ok_or(ApiError::UnknownRecording)
}

fn source(sources: &Sources) -> Result<&dyn RecordingsSource, ApiError> {
    sources.recordings.as_deref().ok_or(ApiError::NoScaler)
}

fn named(
    (tenant, id): (String, String),
    caller: &Caller,
) -> Result<(TenantName, String), ApiError> {
    Ok((caller.tenant(&tenant).ok_or(ApiError::UnknownRecording)?, id))
}
