//! Etherpad, behind nginx's `/pad/`: sessions, the page of a pad, its socket,
//! and exports with their cross-origin rule.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header, request::Parts};

use crate::{
    answer::{self, Answer},
    query::{Parameters, encode},
    socket,
    state::NodeState,
};

/// The page of a pad: it opens its socket and tells the page around it.
const PAD: &str = include_str!("../client/pad.html");

/// Answers a request; `path` is what stands behind `/pad`.
pub(crate) async fn answer(node: &Arc<NodeState>, path: &str, parts: &mut Parts) -> Answer {
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["", "auth_session"] => open_session(node, parts),
        ["", "p", pad] if !pad.is_empty() => {
            if has_session(parts) || !node.services.release.has_pad_sessions() {
                answer::with_type(StatusCode::OK, "text/html; charset=utf-8", PAD)
            } else {
                answer::page(StatusCode::FORBIDDEN)
            }
        }
        ["", "p", pad, "export", kind] if !pad.is_empty() => export(node, parts, pad, kind),
        ["", "socket.io", ""] => socket::listening(node, parts, None).await,
        _ => answer::page(StatusCode::NOT_FOUND),
    }
}

/// Sets Etherpad's own cookie and sends the frame on to the pad, at the path
/// Etherpad knows; nginx writes its own in front of it.
fn open_session(node: &NodeState, parts: &Parts) -> Answer {
    let parameters = Parameters::parse(parts.uri.query().unwrap_or_default());
    let (Some(pad), Some(session)) = (parameters.filled("padName"), parameters.filled("sessionID"))
    else {
        return answer::page(StatusCode::BAD_REQUEST);
    };
    let kept: Vec<String> = ["lang", "rtl", "sessionToken"]
        .iter()
        .filter_map(|name| Some(format!("{name}={}", encode(parameters.filled(name)?))))
        .collect();
    let to = format!("/p/{}?{}", encode(pad), kept.join("&"));
    let mut answer = answer::redirect(StatusCode::FOUND, &to);
    // On plain HTTP (only ever on loopback) browsers would drop a secure cookie,
    // and without `Secure` they refuse `SameSite=None`.
    let attributes =
        if node.services.web().origin.is_secure() { "; SameSite=None; Secure" } else { "" };
    let cookie = format!("sessionID={}; Path=/{attributes}", encode(session));
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}

fn has_session(parts: &Parts) -> bool {
    let cookies = parts.headers.get_all(header::COOKIE);
    cookies
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(';').any(|pair| pair.trim().starts_with("sessionID=")))
}

/// An export, for `cluster_proxies` to read; before 2.6 for anybody, which a
/// call with credentials is not (BBB#15436).
fn export(node: &NodeState, parts: &Parts, pad: &str, kind: &str) -> Answer {
    let content_type = match kind {
        "txt" | "etherpad" => "text/plain; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "pdf" => "application/pdf",
        _ => return answer::page(StatusCode::NOT_FOUND),
    };
    let mut answer =
        answer::with_type(StatusCode::OK, content_type, format!("Shared notes of {pad}\n"));
    let headers = answer.headers_mut();
    if !node.services.release.has_cluster_proxies() {
        let any = HeaderValue::from_static("*");
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
        return answer;
    }
    let origin = parts.headers.get(header::ORIGIN);
    let pads = node.services.pads();
    if let Some(origin) =
        origin.filter(|origin| pads.cluster_proxies.iter().any(|proxy| *origin == proxy.as_str()))
    {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    answer
}
