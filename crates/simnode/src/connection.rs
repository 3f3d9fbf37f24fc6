//! bbb-web's answers to the questions nginx asks before it lets a request pass
//! (`auth_request`), below `/bigbluebutton/connection/`.

use http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::{
    answer::{self, Answer, Caching},
    meeting::{Role, UserKey},
    query::Parameters,
    state::NodeState,
};

/// The user whom the header `x-session-token` and the cookie prove.
pub(crate) fn user_of_header(node: &NodeState, headers: &HeaderMap) -> Option<UserKey> {
    let token = headers.get("x-session-token")?.to_str().ok().filter(|token| !token.is_empty())?;
    node.authorize(token, headers)
}

/// The user whom `sessionToken` in a query and the cookie prove.
pub(crate) fn user_of_query(
    node: &NodeState,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Option<UserKey> {
    let parameters = Parameters::parse(query.unwrap_or_default());
    node.authorize(parameters.filled("sessionToken")?, headers)
}

/// Answers one of nginx's questions; `what` is the rest of the path.
pub(crate) fn answer(node: &NodeState, what: &str, parts: &Parts) -> Answer {
    let original = text(&parts.headers, "x-original-uri").and_then(|uri| uri.parse::<Uri>().ok());
    let of_query = || user_of_query(node, original.as_ref()?.query(), &parts.headers);
    match what {
        "checkAuthorization" | "legacyCheckAuthorization" | "validatePad" => {
            of_query().and_then(|key| authorized(node, &key)).unwrap_or_else(unauthorized)
        }
        // A preflight carries neither cookie nor token (BBB#21132).
        "checkGraphqlAuthorization"
            if text(&parts.headers, "x-original-method") == Some("OPTIONS") =>
        {
            answer::json(&json!({"response": "authorized"}), Caching::NoCache)
        }
        "checkGraphqlAuthorization" => user_of_header(node, &parts.headers)
            .or_else(of_query)
            .and_then(|key| authorized_for_graphql(node, &key))
            .unwrap_or_else(unauthorized),
        _ => answer::page(StatusCode::NOT_FOUND),
    }
}

/// The user's key as nginx hands it on after [`answer()`] let a request pass.
pub(crate) fn user_of_nginx(headers: &HeaderMap) -> Option<UserKey> {
    Some(UserKey {
        meeting: text(headers, "meeting-id")?.to_owned(),
        user: text(headers, "user-id")?.to_owned(),
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn unauthorized() -> Answer {
    plain(StatusCode::UNAUTHORIZED, "unauthorized")
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = answer::with_type(status, "plain/text;charset=utf-8", text);
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}

/// 200 with what nginx hands on to the service behind.
fn authorized(node: &NodeState, key: &UserKey) -> Option<Answer> {
    let (name, bridge) = node.read(|meetings| {
        let name = meetings.user(key)?.name.clone();
        Some((name, meetings.get(&key.meeting)?.voice_bridge.clone()))
    })?;
    let mut answer = plain(StatusCode::OK, "authorized");
    let name = utf8_percent_encode(&name, NON_ALPHANUMERIC).to_string();
    for (header, value) in [
        ("user-id", key.user.as_str()),
        ("meeting-id", key.meeting.as_str()),
        ("voice-bridge", bridge.as_str()),
        ("user-name", name.as_str()),
    ] {
        answer.headers_mut().insert(header, HeaderValue::from_str(value).ok()?);
    }
    Some(answer)
}

fn authorized_for_graphql(node: &NodeState, key: &UserKey) -> Option<Answer> {
    let value = node.read(|meetings| {
        let user = meetings.user(key)?;
        Some(json!({
            "response": "authorized",
            "X-Currently-Online": user.is_present().to_string(),
            "X-Moderator": (user.role == Role::Moderator).to_string(),
            "X-Presenter": user.presenter.to_string(),
            "X-UserId": key.user,
            "X-MeetingId": key.meeting,
        }))
    })?;
    let mut answer = answer::json(&value, Caching::NoCache);
    for (header, value) in [("meeting-id", &key.meeting), ("user-id", &key.user)] {
        answer.headers_mut().insert(header, HeaderValue::from_str(value).ok()?);
    }
    Some(answer)
}
