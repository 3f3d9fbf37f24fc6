//! Who may use which endpoint, checked right before it; and the record of what
//! was changed, made right after.

use axum::{
    extract::{RawPathParams, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::Method;

use crate::{
    audit::{self, Done, Recorder, Subject},
    error::{ApiError, ErrorCode},
    role::{Caller, Role},
};

/// Who may use an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anyone who reaches the listener, without a token.
    Open,
    /// Operators.
    Operator,
    /// Operators and viewers.
    Viewer,
    /// Operators, viewers when nothing changes, and tenants: the endpoint narrows
    /// what is theirs.
    Tenant,
}

impl Access {
    /// Whether `role` may use an endpoint of this method.
    pub(crate) fn admits(self, role: &Role, method: &Method) -> bool {
        match (self, role) {
            (Self::Open, _) | (_, Role::Operator) | (Self::Tenant, Role::Tenant(_)) => true,
            (Self::Viewer | Self::Tenant, Role::Viewer) => *method == Method::GET,
            (Self::Operator, Role::Viewer) | (Self::Operator | Self::Viewer, Role::Tenant(_)) => {
                false
            }
        }
    }
}

/// What an endpoint is, for the check before it.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) access: Access,
    pub(crate) method: Method,
    pub(crate) path: &'static str,
}

/// The middleware around one endpoint.
pub(crate) async fn admit(
    State(rule): State<Rule>,
    parameters: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    if rule.access == Access::Open {
        return next.run(request).await;
    }
    let extensions = request.extensions();
    let (Some(caller), Some(recorder)) =
        (extensions.get::<Caller>().cloned(), extensions.get::<Recorder>().cloned())
    else {
        return ApiError::Unauthorized.into_response();
    };
    let admitted = rule.access.admits(&caller.role, &rule.method);
    if rule.method == Method::GET {
        return if admitted {
            next.run(request).await
        } else {
            ApiError::Forbidden(caller.role.name()).into_response()
        };
    }
    let request_id = audit::request_id(request.headers());
    let subject = Subject::of(parameters.iter().map(|(_, value)| value));
    request.extensions_mut().insert(subject.clone());
    let role = caller.role.name();
    let changing = recorder.around(caller, rule, subject, async move {
        let response = if admitted {
            next.run(request).await
        } else {
            ApiError::Forbidden(role).into_response()
        };
        let refused = response.extensions().get::<ErrorCode>().map(|code| code.0);
        let done = Done { status: response.status(), refused, request_id };
        (response, done)
    });
    changing.await.unwrap_or_else(|| ApiError::Internal.into_response())
}
