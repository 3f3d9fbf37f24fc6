//! Errors as clients of the API see them: one shape for all.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use bluegate_cluster::with_causes;
use http::{
    HeaderValue, StatusCode,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{RoleName, ScalerRefusal, TenantRefusal, routes::EditError};

/// The body of every answer that is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorDetail {
    /// For programs: never changes its meaning.
    pub code: String,
    /// For people.
    pub message: String,
}

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("give the token as `Authorization: Bearer TOKEN`")]
    Unauthorized,
    #[error("too many wrong tokens; try again later")]
    TooManyFailures { retry_after_seconds: u64 },
    #[error("too many tokens are being looked at; try again later")]
    Busy,
    #[error("a token of the role `{}` may not do this", .0.as_str())]
    Forbidden(RoleName),
    #[error("there is no such path")]
    NotFound,
    #[error("this path does not take this method")]
    MethodNotAllowed,
    #[error("the request's body is too long")]
    BodyTooLong,
    #[error("the query is not understood: {0}")]
    BadQuery(String),
    #[error("the request's body is not understood: {0}")]
    BadBody(String),
    #[error("no node is mounted at `{0}` and nothing is cached for it")]
    UnknownMount(bluegate_cluster::Mount),
    #[error("this process has no cache: it runs no proxy, or the cache is turned off")]
    NoCache,
    #[error("the doctor does not look by itself: `[doctor]` in the configuration file turns it on")]
    NoDoctor,
    #[error("this process runs no proxy: it has neither routes to change nor nodes")]
    NoRoutes,
    #[error("this process runs no scaler: it has no meetings, and no nodes to change")]
    NoScaler,
    #[error("no node is named `{0}`")]
    UnknownNode(bluegate_cluster::Mount),
    #[error("there is no such meeting")]
    UnknownMeeting,
    #[error("there is no such recording")]
    UnknownRecording,
    #[error("no callbacks pass here: this process runs no scaler, or `callbacks` is off in it")]
    NoCallbacks,
    #[error("no callback of this id waits or was given up")]
    UnknownCallback,
    #[error("there is no tenant `{0}` in force")]
    UnknownTenant(bluegate_cluster::TenantName),
    #[error(
        "this process has no store, which is the scaler's: it keeps neither tokens nor an audit log"
    )]
    NoStore,
    #[error("there is no token of this name")]
    UnknownToken,
    #[error(transparent)]
    Scaler(ScalerRefusal),
    #[error(
        "node `{0}` answers, so its meetings are alive there and would be split: drain it instead"
    )]
    NodeAnswers(bluegate_cluster::Mount),
    #[error("this process runs no scaler: it has no tenants")]
    NoTenants,
    #[error(transparent)]
    Tenant(TenantRefusal),
    #[error(transparent)]
    Route(EditError),
    #[error("the request could not be done: see the log")]
    Internal,
}

impl ApiError {
    fn parts(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::TooManyFailures { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many_failures"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::BodyTooLong => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_long"),
            Self::BadQuery(_) => (StatusCode::BAD_REQUEST, "bad_query"),
            Self::UnknownMount(_) => (StatusCode::NOT_FOUND, "unknown_mount"),
            Self::NoCache => (StatusCode::NOT_FOUND, "no_cache"),
            Self::NoDoctor => (StatusCode::NOT_FOUND, "no_doctor"),
            Self::BadBody(_) => (StatusCode::BAD_REQUEST, "bad_body"),
            Self::NoRoutes => (StatusCode::NOT_FOUND, "no_routes"),
            Self::NoScaler => (StatusCode::NOT_FOUND, "no_scaler"),
            Self::UnknownNode(_) => (StatusCode::NOT_FOUND, "unknown_node"),
            Self::UnknownMeeting => (StatusCode::NOT_FOUND, "unknown_meeting"),
            Self::UnknownRecording => (StatusCode::NOT_FOUND, "unknown_recording"),
            Self::UnknownTenant(_) => (StatusCode::NOT_FOUND, "unknown_tenant"),
            Self::NoStore => (StatusCode::NOT_FOUND, "no_store"),
            Self::UnknownToken => (StatusCode::NOT_FOUND, "unknown_token"),
            Self::NoCallbacks => (StatusCode::NOT_FOUND, "no_callbacks"),
            Self::UnknownCallback => (StatusCode::NOT_FOUND, "unknown_callback"),
            Self::Scaler(refusal) => (refusal.status, refusal.code),
            Self::NodeAnswers(_) => (StatusCode::CONFLICT, "node_answers"),
            Self::NoTenants => (StatusCode::NOT_FOUND, "no_tenants"),
            Self::Tenant(error) => error.parts(),
            Self::Route(error) => error.parts(),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

/// The code of an answer that is an error, for who looks at it on its way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ErrorCode(pub(crate) &'static str);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code) = self.parts();
        let detail = ErrorDetail { code: code.to_owned(), message: with_causes(&self) };
        let mut response = (status, Json(ErrorBody { error: detail })).into_response();
        response.extensions_mut().insert(ErrorCode(code));
        match self {
            Self::Unauthorized => {
                let challenge = HeaderValue::from_static("Bearer realm=\"bluegate admin\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
            Self::TooManyFailures { retry_after_seconds } => {
                response.headers_mut().insert(RETRY_AFTER, retry_after_seconds.into());
            }
            Self::Busy => {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}
