//! Uploading a presentation, as bbb-web does its part of it.
//!
//! nginx asks ([`check`]) whether token and size are right before anything
//! else, for the preflight as well; only then does bbb-web's cross-origin rule
//! speak ([`answer()`]).

use axum::{
    body::Body,
    extract::{DefaultBodyLimit, FromRequest, Multipart},
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, request::Parts};
use http_body_util::Limited;

use crate::{
    answer::{self, Answer, Caching},
    api,
    cors::GrailsVerdict,
    query::sanitise,
    state::NodeState,
};

/// nginx's `client_max_body_size` here.
const UPLOAD_MAX: usize = 1_000 * 1024 * 1024;

/// `maxFileSizeUpload` of the package.
const FILE_MAX: u64 = 30_000_000;

/// Whether an upload may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// It may.
    Passes,
    /// The token is unknown or used.
    BadToken,
    /// The file is too large.
    TooLarge,
}

/// Checks an upload's token and announced length.
pub(crate) fn check(node: &NodeState, token: &str, length: Option<u64>) -> Check {
    if node.read(|meetings| meetings.upload_meeting(token).is_none()) {
        return Check::BadToken;
    }
    let max = node.services.web().number("maxFileSizeUpload").unwrap_or(FILE_MAX);
    if length.is_some_and(|length| length > max) { Check::TooLarge } else { Check::Passes }
}

/// `checkPresentation`: the same for nginx, which asks with headers.
pub(crate) fn answer_check(node: &NodeState, headers: &HeaderMap) -> Answer {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let length = text("x-original-content-length").and_then(|length| length.parse().ok());
    match check(node, text("x-presentation-token").unwrap_or_default(), length) {
        Check::Passes => answer::with_type(StatusCode::OK, "text/plain", "upload-success"),
        Check::BadToken => answer::with_type(StatusCode::FORBIDDEN, "text/plain", "invalid token"),
        Check::TooLarge => {
            let mut answer = answer::json(&"file-empty", Caching::NoCache);
            *answer.status_mut() = StatusCode::FORBIDDEN;
            answer.headers_mut().insert("x-file-too-large", HeaderValue::from_static("1"));
            answer
        }
    }
}

/// Answers a request to an upload address that nginx let pass.
pub(crate) async fn answer(node: &NodeState, token: &str, parts: Parts, body: Body) -> Answer {
    let cors = match api::judge_origin(node, &parts.method, &parts.headers) {
        GrailsVerdict::Proceed(headers) => headers,
        verdict => return api::refuse_or_preflight(verdict),
    };
    let mut answer = if parts.method == Method::POST {
        receive(node, token, Request::from_parts(parts, Body::new(Limited::new(body, UPLOAD_MAX))))
            .await
    } else if parts.method == Method::OPTIONS {
        answer::empty(StatusCode::OK)
    } else {
        answer::page(StatusCode::METHOD_NOT_ALLOWED)
    };
    answer.headers_mut().extend(cors);
    answer
}

async fn receive(node: &NodeState, token: &str, mut request: Request<Body>) -> Answer {
    // The body is limited already; the framework's own limit is far lower.
    DefaultBodyLimit::disable().apply(&mut request);
    let said =
        |text: &'static str| answer::with_type(StatusCode::OK, "text/plain;charset=utf-8", text);
    let Ok(mut form) = Multipart::from_request(request, &()).await else {
        return said("upload-failed");
    };
    let mut name = None;
    loop {
        match form.next_field().await {
            Ok(Some(mut field)) => {
                if field.name() == Some("fileUpload") {
                    name = field.file_name().map(sanitise);
                }
                // The bytes go nowhere: slides are drawn, not converted.
                while let Ok(Some(_)) = field.chunk().await {}
            }
            Ok(None) => break,
            Err(_) => return said("upload-failed"),
        }
    }
    let Some(name) = name.filter(|name| name.contains('.')) else {
        return said("upload-failed");
    };
    let taken = node.change(|meetings, now| {
        let meeting = meetings.finish_upload(token);
        meeting.is_some_and(|meeting| meetings.show_presentation(&meeting, &name, now))
    });
    if taken { said("upload-success") } else { said("no-meeting") }
}
