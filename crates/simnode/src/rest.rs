//! What nginx answers by itself: round trips, plugins, the front page, and the
//! cross-origin headers it adds to what others answer.

use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderValue, Method, StatusCode, header, request::Parts};

use crate::{
    answer::{self, Answer},
    api,
    cors::GrailsVerdict,
    state::NodeState,
};

/// `rtt-check`: nginx answers by itself, any origin may read it.
pub(crate) fn round_trip(node: &NodeState) -> Answer {
    let mut answer = answer::empty(StatusCode::OK);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if node.services.release.exposes_server_time() {
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("X-Server-Epoch-Msec,X-Request-Id"),
        );
    }
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, no-cache, must-revalidate, max-age=0"),
    );
    let milliseconds = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    headers.insert("x-server-epoch-msec", HeaderValue::from(milliseconds));
    headers.insert("x-request-id", HeaderValue::from(node.next_socket()));
    answer
}

/// A path of bbb-web that leads nowhere; its cross-origin rule still speaks first.
pub(crate) fn unknown_of_web(node: &NodeState, parts: &Parts) -> Answer {
    match api::judge_origin(node, &parts.method, &parts.headers) {
        GrailsVerdict::Proceed(headers) => {
            let mut answer = answer::page(StatusCode::NOT_FOUND);
            answer.headers_mut().extend(headers);
            answer
        }
        verdict => api::refuse_or_preflight(verdict),
    }
}

/// The cross-origin headers of slides, which nginx adds to every status.
pub(crate) fn slide_cors(node: &NodeState, answer: &mut Answer) {
    let release = &node.services.release;
    if release.has_loadbalancer_variable() {
        loadbalancer_cors(node, answer);
    } else if release.has_cors_origin_variable() {
        allow(answer, &node.services.nginx().cluster_origin, true);
    } else {
        allow(answer, "*", false);
    }
}

/// What nginx adds on 2.x when `$bbb_loadbalancer_node` is set.
pub(crate) fn loadbalancer_cors(node: &NodeState, answer: &mut Answer) {
    let origin = &node.services.nginx().cluster_origin;
    if !origin.is_empty() {
        allow(answer, origin, true);
    }
}

/// The cross-origin headers of the shared notes server: before 3.0.28 any
/// origin is mirrored (BBB#24952).
pub(crate) fn notes_cors(node: &NodeState, parts: &Parts, answer: &mut Answer) {
    if node.services.release.has_cors_origin_variable() {
        allow(answer, &node.services.nginx().cluster_origin, true);
    } else if let Some(Ok(origin)) = parts.headers.get(header::ORIGIN).map(HeaderValue::to_str) {
        allow(answer, origin, true);
    }
}

fn allow(answer: &mut Answer, origin: &str, credentials: bool) {
    let headers = answer.headers_mut();
    if let Ok(origin) = HeaderValue::from_str(origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    if credentials {
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

/// `/plugins/`: any origin may ask; no plugin is installed.
pub(crate) fn plugins(parts: &Parts) -> Answer {
    let mut answer = if parts.method == Method::OPTIONS {
        let mut answer = answer::empty(StatusCode::NO_CONTENT);
        let methods = HeaderValue::from_static("GET, OPTIONS");
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        answer
    } else {
        answer::page(StatusCode::NOT_FOUND)
    };
    let any = HeaderValue::from_static("*");
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    answer
}

/// The node's front page.
pub(crate) fn welcome(node: &NodeState) -> Answer {
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>BigBlueButton</title></head><body><h1>BigBlueButton {}</h1><p>A simulated node.</p></body></html>",
        node.services.release
    );
    answer::with_type(StatusCode::OK, "text/html", text)
}
