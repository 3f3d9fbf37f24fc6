//! Uploading a presentation.
//!
//! nginx asks bbb-web whether the token is valid before anything else, for the
//! preflight as well; only then does bbb-web's cross-origin rule speak.

use axum::{
    body::Body,
    extract::{DefaultBodyLimit, FromRequest, Multipart},
};
use http::{Method, Request, StatusCode, request::Parts};
use http_body_util::Limited;

use crate::{
    answer::{self, Answer},
    api,
    cors::GrailsVerdict,
    query::sanitise,
    state::NodeState,
};

/// nginx's `client_max_body_size` here.
const UPLOAD_MAX: usize = 1_000 * 1024 * 1024;

/// Answers a request to an upload address.
pub(crate) async fn answer(node: &NodeState, token: &str, parts: Parts, body: Body) -> Answer {
    if node.read(|meetings| meetings.upload_meeting(token).is_none()) {
        return answer::page(StatusCode::FORBIDDEN);
    }
    let cors = match api::judge_origin(node, &parts.method, &parts.headers) {
        GrailsVerdict::Proceed(headers) => headers,
        verdict => return api::refuse_or_preflight(verdict),
    };
    let mut answer = if parts.method == Method::POST {
        receive(node, token, Request::from_parts(parts, Body::new(Limited::new(body, UPLOAD_MAX))))
            .await
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
