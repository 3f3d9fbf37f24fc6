//! `enter` and `guestWait` of 2.7: what the client and the lobby ask bbb-web.

use serde_json::{Value, json};

use super::{ApiRequest, session::user};
use crate::{
    answer::{self, Answer, Caching},
    meeting::{GuestStatus, Meeting, User, UserKey},
    state::NodeState,
};

/// The meeting and the user of a request's session.
fn look<T>(
    node: &NodeState,
    request: &ApiRequest,
    look: impl FnOnce(&UserKey, &Meeting, &User) -> T,
) -> Option<T> {
    let key = user(node, request)?;
    node.read(|meetings| Some(look(&key, meetings.get(&key.meeting)?, meetings.user(&key)?)))
}

fn no_session(node: &NodeState, request: &ApiRequest) -> Answer {
    response(&json!({
        "returncode": "FAILED",
        "message": "Could not find conference.",
        "messageKey": "missingSession",
        "sessionToken": request.parameters.get("sessionToken").unwrap_or_default(),
        "logoutURL": node.services.web().logout_url(),
    }))
}

fn response(value: &Value) -> Answer {
    answer::json(&json!({ "response": value }), Caching::NoCache)
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> Vec<Value> {
    pairs.map(|(name, value)| json!({name.as_str(): value})).collect()
}

/// `enter`: who the user is, and all that the meeting was created with.
pub(super) fn enter(node: &NodeState, request: &ApiRequest) -> Answer {
    let entered = look(node, request, |_, meeting, user| {
        let custom = user.custom_data.iter().map(|(name, value)| (name, value));
        let mut fields = json!({
            "returncode": "SUCCESS",
            "fullname": user.name,
            "confname": meeting.name,
            "meetingID": meeting.internal_id,
            "externMeetingID": meeting.external_id,
            "externUserID": user.external_id,
            "internalUserID": user.internal_id,
            "authToken": user.auth_token,
            "role": user.role.as_str(),
            "guest": user.guest_status != GuestStatus::Allow,
            "guestStatus": user.guest_status.as_str(),
            "conference": meeting.internal_id,
            "room": meeting.internal_id,
            "voicebridge": meeting.voice_bridge,
            "dialnumber": meeting.dial_number,
            "webvoiceconf": meeting.voice_bridge,
            "mode": "LIVE",
            "record": meeting.record.to_string(),
            "isBreakout": meeting.breakout.is_some(),
            "logoutTimer": 0,
            "allowStartStopRecording": true,
            "recordFullDurationMedia": false,
            "welcome": meeting.welcome,
            "customLogoURL": "",
            "customCopyright": "",
            "muteOnStart": false,
            "allowModsToUnmuteUsers": false,
            "logoutUrl": user.logout_url,
            "defaultLayout": "CUSTOM_LAYOUT",
            "avatarURL": node.services.web().property("defaultAvatarURL"),
            "customdata": pairs(custom),
            "metadata": pairs(meeting.metadata.iter()),
        });
        if !meeting.breakout_rooms.is_empty() {
            fields["breakoutRooms"] = json!(meeting.breakout_rooms);
        }
        fields
    });
    entered.map_or_else(|| no_session(node, request), |fields| response(&fields))
}

/// `guestWait`: whether a guest may go on, and where; a redirect unless the
/// request says otherwise.
pub(super) fn guest_wait(node: &NodeState, request: &ApiRequest) -> Answer {
    let token = request.parameters.get("sessionToken").unwrap_or_default();
    let client =
        format!("{}?sessionToken={token}", node.services.web().property("defaultHTML5ClientUrl"));
    let found = look(node, request, |key, meeting, user| {
        let (message_key, message, url) = match user.guest_status {
            GuestStatus::Allow => {
                ("guestAllowed", "Guest has been allowed to join.", client.clone())
            }
            GuestStatus::Wait => {
                ("guestWait", "Guest waiting for approval to join meeting.", String::new())
            }
            GuestStatus::Deny => {
                ("guestDenied", "Guest denied of joining the meeting.", user.logout_url.clone())
            }
        };
        let waiting = meeting.users.iter().filter(|user| user.guest_status == GuestStatus::Wait);
        let place = waiting.map(|user| &user.internal_id).position(|id| *id == key.user);
        let fields = json!({
            "returncode": "SUCCESS",
            "messageKey": message_key,
            "message": message,
            "meeting_id": key.meeting,
            "user_id": key.user,
            "auth_token": user.auth_token,
            "session_token": token,
            "guestStatus": user.guest_status.as_str(),
            "lobbyMessage": "",
            "url": url,
            "positionInWaitingQueue": place.map_or(0, |place| place + 1),
        });
        (user.guest_status, fields)
    });
    match found {
        Some((GuestStatus::Allow, _)) if request.parameters.flag("redirect", true) => {
            answer::redirect(http::StatusCode::FOUND, &client)
        }
        Some((_, fields)) => response(&fields),
        None => no_session(node, request),
    }
}
