//! Calls that browsers make with a session token instead of a checksum.

use serde_json::{Value, json};

use super::{ApiRequest, signed_join_url};
use crate::{
    answer::{self, Answer, Caching},
    checksum::Algorithm,
    meeting::UserKey,
    state::NodeState,
    xml::Xml,
};

/// The user whom `sessionToken` and the cookie prove.
pub(super) fn user(node: &NodeState, request: &ApiRequest) -> Option<UserKey> {
    let token = request.parameters.filled("sessionToken")?;
    node.authorize(token, &request.headers)
}

/// `stuns`: the STUN and TURN servers. None is needed where browser and node
/// share a machine, so the one named is an example address.
pub(super) fn stuns(node: &NodeState, request: &ApiRequest) -> Answer {
    let value = match user(node, request) {
        Some(_) => json!({
            "stunServers": [],
            "turnServers": [],
            "remoteIceCandidates": [],
        }),
        None => json!({
            "returncode": "FAILED",
            "message": "Could not find conference.",
            "logoutURL": node.effective.logout_url(),
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

/// `learningDashboard`: there is never any data.
pub(super) fn learning_dashboard(node: &NodeState, request: &ApiRequest) -> Answer {
    match user(node, request) {
        Some(_) => failed("Learning Dashboard data not found"),
        None => failed("Invalid session token"),
    }
}

fn failed(message: &str) -> Answer {
    let response: Value = json!({"returncode": "FAILED", "message": message});
    answer::json(&json!({ "response": response }), Caching::NoCache)
}
