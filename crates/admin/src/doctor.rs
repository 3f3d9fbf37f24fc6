//! `/v1/doctor`: what the doctor saw last.

use axum::{Json, extract::State};
use serde_json::Value;

use crate::{Sources, error::ApiError};

/// What the doctor saw last, as it says it itself; `null` before its first look.
pub type DoctorSource = dyn Fn() -> Value + Send + Sync;

#[utoipa::path(
    get,
    path = "/v1/doctor",
    operation_id = "show_doctor",
    responses((status = 200, description = "What the doctor saw last; `null` before its first look", body = Value)),
)]
pub(crate) async fn show(State(sources): State<Sources>) -> Result<Json<Value>, ApiError> {
    sources.doctor.map(|doctor| Json(doctor())).ok_or(ApiError::NoDoctor)
}
