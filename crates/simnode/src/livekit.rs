//! LiveKit, behind nginx's `/livekit/`: no session of ours, a token of its own,
//! and any origin.

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header, request::Parts};

use crate::{
    answer::{self, Answer},
    query::Parameters,
    socket,
    state::NodeState,
};

/// Answers a request; `path` is what stands behind `/livekit`.
pub(crate) async fn answer(node: &Arc<NodeState>, path: &str, parts: &mut Parts) -> Answer {
    let parameters = Parameters::parse(parts.uri.query().unwrap_or_default());
    let known = parameters
        .filled("access_token")
        .is_some_and(|token| node.read(|meetings| meetings.has_auth_token(token)));
    let mut answer = match path {
        "/" => answer::with_type(StatusCode::OK, "text/plain; charset=utf-8", "OK"),
        "/rtc" if known => return socket::listening(node, parts, None).await,
        "/rtc/validate" if parts.method == Method::OPTIONS => answer::empty(StatusCode::NO_CONTENT),
        "/rtc/validate" if known => {
            answer::with_type(StatusCode::OK, "text/plain; charset=utf-8", "success")
        }
        "/rtc" | "/rtc/validate" => answer::with_type(
            StatusCode::UNAUTHORIZED,
            "text/plain; charset=utf-8",
            "invalid authorization token",
        ),
        _ => answer::with_type(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "404\n"),
    };
    if parts.headers.contains_key(header::ORIGIN) {
        let any = HeaderValue::from_static("*");
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    }
    answer
}
