//! Calls that browsers make with a session token instead of a checksum.

use serde_json::{Value, json};

use super::{ApiRequest, signed_join_url};
use crate::{
    answer::{self, Answer, Caching},
    checksum::Algorithm,
    meeting::{Role, UserKey},
    state::NodeState,
    xml::Xml,
};

/// How long a TURN password is good for.
const TURN_SECONDS: u64 = 86_400;

/// The user whom `sessionToken` and the cookie prove.
pub(super) fn user(node: &NodeState, request: &ApiRequest) -> Option<UserKey> {
    let token = request.parameters.filled("sessionToken")?;
    node.authorize(token, &request.headers)
}

/// `stuns`: the node's own STUN server, and TURN with a password of its own.
pub(super) fn stuns(node: &NodeState, request: &ApiRequest) -> Answer {
    let value = match user(node, request) {
        Some(key) => {
            let server = node.stun_server;
            let expiry = node.clock.now() / 1_000 + TURN_SECONDS;
            let name = format!("{expiry}:{}", key.user);
            let password = Algorithm::Sha1.hex(&format!("{name}{}", node.services.web().secret));
            json!({
                "stunServers": [{"url": format!("stun:{server}")}],
                "turnServers": [{
                    "username": name,
                    "password": password,
                    "url": format!("turn:{server}?transport=udp"),
                    "ttl": TURN_SECONDS,
                }],
                "remoteIceCandidates": [],
            })
        }
        None => json!({
            "returncode": "FAILED",
            "message": "Could not find conference.",
            "logoutURL": node.services.web().logout_url(),
        }),
    };
    answer::json(&value, Caching::NoCache)
}

/// `signOut`: always a success; a known session ends.
pub(super) fn sign_out(node: &NodeState, request: &ApiRequest) -> Answer {
    if let Some(key) = user(node, request) {
        node.change(|meetings, _| meetings.leave(&key));
    }
    answer::xml(Xml::success(|_| {}), Caching::NoCache)
}

/// `getJoinUrl`: a signed URL with which the same user opens another session.
/// Its query starts with `&`, as bbb-web builds it.
pub(super) fn get_join_url(node: &NodeState, request: &ApiRequest) -> Answer {
    let found = user(node, request).and_then(|key| {
        node.read(|meetings| {
            let meeting = meetings.get(&key.meeting)?;
            let user = meetings.user(&key)?;
            Some((user.name.clone(), meeting.external_id.clone(), user.role, key.user.clone()))
        })
    });
    let Some((name, meeting_id, role, user_id)) = found else {
        return failed("Invalid session token");
    };
    let pairs = [
        ("fullName", name.as_str()),
        ("meetingID", &meeting_id),
        ("role", role.as_str()),
        ("redirect", "true"),
        ("existingUserID", &user_id),
    ];
    let url = signed_join_url(node, "&", &pairs, Algorithm::Sha1);
    let response = json!({
        "returncode": "SUCCESS",
        "message": "Join URL provided successfully.",
        "url": url,
    });
    answer::json(&json!({ "response": response }), Caching::NoCache)
}

/// `learningDashboard`: what moderators may know of their meeting, as text.
pub(super) fn learning_dashboard(node: &NodeState, request: &ApiRequest) -> Answer {
    let Some(key) = user(node, request) else {
        return failed("Invalid session token");
    };
    let data = node.read(|meetings| {
        let meeting = meetings.get(&key.meeting)?;
        let user = meetings.user(&key).filter(|user| user.role == Role::Moderator)?;
        let names: Vec<&str> = meeting.users.iter().map(|user| user.name.as_str()).collect();
        Some(json!({
            "intId": meeting.internal_id,
            "extId": meeting.external_id,
            "name": meeting.name,
            "asked": user.internal_id,
            "users": names,
        }))
    });
    match data {
        Some(data) => {
            let token = request.parameters.get("sessionToken").unwrap_or_default();
            let response = json!({
                "returncode": "SUCCESS",
                "data": data.to_string(),
                "sessionToken": token,
            });
            answer::json(&json!({ "response": response }), Caching::NoCache)
        }
        None => failed("Learning Dashboard data not found"),
    }
}

fn failed(message: &str) -> Answer {
    let response: Value = json!({"returncode": "FAILED", "message": message});
    answer::json(&json!({ "response": response }), Caching::NoCache)
}
