//! The small answers: the engine's REST calls, round trips, plugins, notes.

use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use serde_json::{Value, json};

use crate::{
    answer::{self, Answer},
    api,
    cors::GrailsVerdict,
    meeting::UserKey,
    query::Parameters,
    release::Line,
    state::NodeState,
};

/// The user whom the header `x-session-token` and the cookie prove.
fn user_of_header(node: &NodeState, headers: &HeaderMap) -> Option<UserKey> {
    let token = headers.get("x-session-token")?.to_str().ok()?;
    node.authorize(token, headers)
}

/// The user whom `sessionToken` in the query and the cookie prove.
pub(crate) fn user_of_query(node: &NodeState, parts: &Parts) -> Option<UserKey> {
    let parameters = Parameters::parse(parts.uri.query().unwrap_or_default());
    node.authorize(parameters.filled("sessionToken")?, &parts.headers)
}

/// `/api/rest/*`: a preflight always passes nginx; anything else needs the
/// session, and the 401 of nginx carries no cross-origin headers.
fn engine(
    node: &NodeState,
    parts: &Parts,
    body: impl FnOnce(&UserKey) -> Option<(Value, &'static str)>,
) -> Answer {
    let cors = node.effective.hasura_cors.headers(&parts.method, &parts.headers);
    if parts.method == Method::OPTIONS {
        let mut answer = answer::empty(StatusCode::NO_CONTENT);
        answer.headers_mut().extend(cors);
        return answer;
    }
    let Some(key) = user_of_header(node, &parts.headers) else {
        return answer::page(StatusCode::UNAUTHORIZED);
    };
    if parts.method != Method::GET {
        return answer::page(StatusCode::METHOD_NOT_ALLOWED);
    }
    let Some((value, cached)) = body(&key) else {
        return answer::page(StatusCode::UNAUTHORIZED);
    };
    let mut answer =
        answer::with_type(StatusCode::OK, "application/json; charset=utf-8", value.to_string());
    answer.headers_mut().insert("x-cached", HeaderValue::from_static(cached));
    answer.headers_mut().extend(cors);
    answer
}

/// `meetingStaticData`: the client settings in force, and what of a meeting
/// never changes.
pub(crate) fn static_data(node: &NodeState, parts: &Parts) -> Answer {
    engine(node, parts, |key| {
        node.change(|meetings, _| {
            let meeting = meetings.get_mut(&key.meeting)?;
            let cached = if meeting.static_data_cached { "HIT" } else { "MISS" };
            meeting.static_data_cached = true;
            let public = node.effective.settings.get("public").cloned().unwrap_or_default();
            let value = json!({"meeting": [{
                "meetingId": meeting.internal_id,
                "extId": meeting.external_id,
                "name": meeting.name,
                "isBreakout": meeting.breakout.is_some(),
                "createdTime": meeting.create_time,
                "durationInSeconds": meeting.duration.saturating_mul(60),
                "maxPinnedCameras": 3,
                "welcomeMessage": meeting.welcome,
                "clientSettings": {"clientSettingsJson": {"public": public}},
            }]});
            Some((value, cached))
        })
    })
}

/// `userMetadata`: the `userdata-*` parameters of the join call.
pub(crate) fn user_metadata(node: &NodeState, parts: &Parts) -> Answer {
    engine(node, parts, |key| {
        node.read(|meetings| {
            let user = meetings.user(key)?;
            let entries: Vec<Value> = user
                .custom_data
                .iter()
                .map(|(name, value)| json!({"parameter": name, "value": value}))
                .collect();
            Some((json!({ "user_metadata": entries }), "MISS"))
        })
    })
}

/// `rtt-check`: nginx answers by itself, any origin may read it.
pub(crate) fn round_trip(node: &NodeState) -> Answer {
    let mut answer = answer::empty(StatusCode::OK);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("X-Server-Epoch-Msec,X-Request-Id"),
    );
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

/// The cross-origin headers of slides, which nginx adds to every status: on 3.0
/// `$bbb_cors_origin` with credentials, on 2.7 `$bbb_loadbalancer_node` when set.
pub(crate) fn slide_cors(node: &NodeState, answer: &mut Answer) {
    let release = &node.effective.release;
    let given = node.effective.slide_origin.as_str();
    let origin = match release.line() {
        Line::V2_7 if given.is_empty() => return,
        Line::V3_0 if !release.has_cors_origin_variable() => "*",
        Line::V2_7 | Line::V3_0 => given,
    };
    let headers = answer.headers_mut();
    if let Ok(origin) = HeaderValue::from_str(origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    if release.line() == Line::V2_7 || release.has_cors_origin_variable() {
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

/// `/hocuspocus/api/`: the preflight; there are no documents to export.
pub(crate) fn shared_notes(node: &NodeState, parts: &Parts) -> Answer {
    let mut answer = if parts.method == Method::OPTIONS {
        let mut answer = answer::empty(StatusCode::NO_CONTENT);
        answer.headers_mut().insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, OPTIONS"),
        );
        answer
    } else if user_of_query(node, parts).is_none() {
        answer::page(StatusCode::UNAUTHORIZED)
    } else {
        answer::page(StatusCode::NOT_FOUND)
    };
    slide_cors(node, &mut answer);
    answer
}

/// `/pad/`: exports may be read by the pages `cluster_proxies` lists.
pub(crate) fn pad(node: &NodeState, parts: &Parts) -> Answer {
    if user_of_query(node, parts).is_none() {
        return answer::page(StatusCode::UNAUTHORIZED);
    }
    if !parts.uri.path().contains("/export/") {
        return answer::page(StatusCode::NOT_FOUND);
    }
    let mut answer = answer::with_type(StatusCode::OK, "text/plain; charset=utf-8", "");
    let origin = parts.headers.get(header::ORIGIN);
    if let Some(origin) = origin
        && node.effective.etherpad_proxies.iter().any(|proxy| origin == proxy.as_str())
    {
        let headers = answer.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    answer
}

/// `/plugins/`: any origin may ask; no plugin is installed.
pub(crate) fn plugins(parts: &Parts) -> Answer {
    let mut answer = if parts.method == Method::OPTIONS {
        answer::empty(StatusCode::NO_CONTENT)
    } else {
        answer::page(StatusCode::NOT_FOUND)
    };
    let any = HeaderValue::from_static("*");
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    answer
}

/// The page of the learning dashboard.
pub(crate) fn learning_dashboard() -> Answer {
    let text = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Learning Dashboard</title></head><body><h1>Learning Dashboard</h1><p>No data.</p></body></html>";
    answer::with_type(StatusCode::OK, "text/html", text)
}

/// The node's front page.
pub(crate) fn welcome(node: &NodeState) -> Answer {
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>BigBlueButton</title></head><body><h1>BigBlueButton {}</h1><p>A simulated node.</p></body></html>",
        node.effective.release
    );
    answer::with_type(StatusCode::OK, "text/html", text)
}
