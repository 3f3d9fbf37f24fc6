//! `/v1/callbacks`: what waits to reach frontends, what was given up, and trying
//! or dropping it.

use axum::{Extension, Json, extract::State};
use bluegate_cluster::TenantName;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Answering, Sources,
    error::ApiError,
    request::{Asked, Limit, Named},
    role::Caller,
};

/// The answer to `GET /v1/callbacks`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallbacksReport {
    /// The youngest first, of each state.
    pub callbacks: Vec<CallbackEntry>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

/// One callback: nothing of what it says, of its target no more than the origin.
/// Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallbackEntry {
    /// Its name in the queue.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// The tenant's ID of the meeting it is about; empty when about none.
    pub meeting_id: String,
    /// `meeting-ended`, `end`, `recording-ready`, `analytics` or `webhook`.
    pub kind: String,
    /// `queued`, `delivered`, or `dead` when it was given up.
    pub state: String,
    /// Scheme, host and port of its target.
    pub target: String,
    /// Deliveries tried.
    pub attempts: u64,
    /// When it was queued.
    pub created_at: i64,
    /// When it is tried next.
    pub next_at: i64,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// The answer to a change of one callback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallbackDone {
    /// Its name in the queue.
    pub id: String,
}

/// Where a callback stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CallbackStanding {
    /// To be delivered.
    Queued,
    /// Delivered, and remembered so that it is not delivered again.
    Delivered,
    /// Given up.
    Dead,
}

/// The queue of callbacks. A tenant, where one is given, bounds what is seen and
/// changed to its own.
pub trait CallbacksSource: Send + Sync {
    /// Those in a state, the youngest first, at most `limit`.
    fn list(
        &self,
        state: CallbackStanding,
        tenant: Option<TenantName>,
        limit: u32,
    ) -> Answering<'_, Vec<CallbackEntry>>;

    /// Tries one anew, from its first attempt; `false` when there is none of this
    /// id that was not delivered.
    fn retry(&self, id: String, tenant: Option<TenantName>) -> Answering<'_, bool>;

    /// Deletes one; `false` as for [`Self::retry`].
    fn remove(&self, id: String, tenant: Option<TenantName>) -> Answering<'_, bool>;
}

/// Which callbacks are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Only those in this state; without it those queued and those given up.
    state: Option<CallbackStanding>,
    /// Only those of this tenant.
    tenant: Option<String>,
    /// Most of one state, 1 to 1,000; 100 when absent.
    limit: Option<u32>,
}

#[utoipa::path(
    get,
    path = "/v1/callbacks",
    operation_id = "list_callbacks",
    params(Filter),
    responses((status = 200, description = "Callbacks", body = CallbacksReport)),
)]
pub(crate) async fn list(
    State(sources): State<Sources>,
    Extension(caller): Extension<Caller>,
    Asked(filter): Asked<Filter>,
) -> Result<Json<CallbacksReport>, ApiError> {
    let limit = Limit::new(filter.limit)?;
    let tenant = caller.narrow(filter.tenant.as_deref())?;
    let states = match filter.state {
        Some(state) => vec![state],
        None => vec![CallbackStanding::Dead, CallbackStanding::Queued],
    };
    let source = source(&sources)?;
    let mut report = CallbacksReport::default();
    for state in states {
        let found = source.list(state, tenant.clone(), limit.and_one()).await;
        let (mut found, more) = limit.cut(found.map_err(ApiError::Scaler)?);
        report.more |= more;
        report.callbacks.append(&mut found);
    }
    Ok(Json(report))
}

#[utoipa::path(
    post,
    path = "/v1/callbacks/{id}/retry",
    operation_id = "retry_callback",
    params(("id" = String, Path, description = "Its name in the queue")),
    responses((status = 200, description = "Queued anew", body = CallbackDone)),
)]
pub(crate) async fn retry(
    State(sources): State<Sources>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<String>,
) -> Result<Json<CallbackDone>, ApiError> {
    let tenant = caller.role.tenant().cloned();
    let found = source(&sources)?.retry(id.clone(), tenant).await.map_err(ApiError::Scaler)?;
    if found { Ok(Json(CallbackDone { id })) } else { Err(ApiError::UnknownCallback) }
}

#[utoipa::path(
    delete,
    path = "/v1/callbacks/{id}",
    operation_id = "drop_callback",
    params(("id" = String, Path, description = "Its name in the queue")),
    responses((status = 204, description = "Dropped")),
)]
pub(crate) async fn remove(
    State(sources): State<Sources>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<String>,
) -> Result<StatusCode, ApiError> {
    let tenant = caller.role.tenant().cloned();
    let found = source(&sources)?.remove(id, tenant).await.map_err(ApiError::Scaler)?;
    if found { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::UnknownCallback) }
}

fn source(sources: &Sources) -> Result<&dyn CallbacksSource, ApiError> {
    sources.callbacks.as_deref().ok_or(ApiError::NoCallbacks)
}
