//! What a user sees and does over GraphQL.
//!
//! Operations are known by name; this is no GraphQL engine. What a user may
//! not see or do is decided here.

use serde_json::{Value, json};

use crate::{
    api::signed_join_url,
    checksum::Algorithm,
    meeting::{Breakout, Meeting, Role, User, UserKey},
    state::NodeState,
};

/// What can be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    CurrentUser,
    Meeting,
    Users,
    CurrentPage,
    BreakoutRooms,
}

impl Subject {
    /// The subject of an operation's name.
    pub(super) fn of_operation(name: &str) -> Option<Self> {
        match name {
            "CurrentUser" => Some(Self::CurrentUser),
            "Meeting" => Some(Self::Meeting),
            "Users" => Some(Self::Users),
            "CurrentPage" => Some(Self::CurrentPage),
            "BreakoutRooms" => Some(Self::BreakoutRooms),
            _ => None,
        }
    }
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutation {
    RequestUploadToken,
    CreateBreakoutRoom,
    AdmitGuest,
    Leave,
}

impl Mutation {
    /// The mutation of an operation's name.
    pub(super) fn of_operation(name: &str) -> Option<Self> {
        match name {
            "PresentationRequestUploadToken" => Some(Self::RequestUploadToken),
            "BreakoutRoomCreate" => Some(Self::CreateBreakoutRoom),
            "GuestAdmit" => Some(Self::AdmitGuest),
            "UserLeaveMeeting" => Some(Self::Leave),
            _ => None,
        }
    }
}

/// What the user sees of a subject now; nothing while waiting to be let in,
/// except about the user and the meeting.
pub(super) fn read(node: &NodeState, key: &UserKey, subject: Subject) -> Value {
    node.read(|meetings| {
        let (Some(meeting), Some(user)) = (meetings.get(&key.meeting), meetings.user(key)) else {
            return Value::Null;
        };
        match subject {
            Subject::CurrentUser => json!({"user_current": [{
                "userId": user.internal_id,
                "extId": user.external_id,
                "name": user.name,
                "role": user.role.as_str(),
                "presenter": user.presenter,
                "guestStatus": user.guest_status.as_str(),
                "logoutUrl": user.logout_url,
            }]}),
            Subject::Meeting => json!({"meeting": [{
                "meetingId": meeting.internal_id,
                "extId": meeting.external_id,
                "name": meeting.name,
                "isBreakout": meeting.breakout.is_some(),
                "node": node.name,
            }]}),
            _ if !user.is_present() => Value::Null,
            Subject::Users => json!({ "user": users(meeting, key) }),
            Subject::CurrentPage => json!({"pres_page_curr": [{
                "presentationName": meeting.presentation.name,
                "svgUrl": format!(
                    "{}/{}/{}/{}/svg/1",
                    node.effective.property("presentationBaseURL"),
                    meeting.internal_id,
                    meeting.internal_id,
                    meeting.presentation.id,
                ),
            }]}),
            Subject::BreakoutRooms => {
                let rooms: Vec<Value> = meetings
                    .iter()
                    .filter_map(|room| {
                        let breakout = room.breakout.as_ref()?;
                        (breakout.parent_internal_id == meeting.internal_id)
                            .then(|| breakout_room(node, room, breakout, user))
                    })
                    .collect();
                json!({ "breakoutRoom": rooms })
            }
        }
    })
}

fn users(meeting: &Meeting, key: &UserKey) -> Vec<Value> {
    meeting
        .users
        .iter()
        .filter(|user| user.sockets > 0)
        .map(|user| {
            json!({
                "userId": user.internal_id,
                "name": user.name,
                "role": user.role.as_str(),
                "presenter": user.presenter,
                "guestStatus": user.guest_status.as_str(),
                "voice": user.has_voice(),
                "cameras": user.cameras(),
                "isMe": user.internal_id == key.user,
            })
        })
        .collect()
}

/// A room as this user sees it, with a join URL of the user's own, signed by
/// the node: it leads to the node directly, past any scaler.
fn breakout_room(node: &NodeState, room: &Meeting, breakout: &Breakout, user: &User) -> Value {
    let password = match user.role {
        Role::Moderator => &room.moderator_password,
        Role::Viewer => &room.attendee_password,
    };
    let user_id = format!("{}-{}", user.internal_id, breakout.sequence);
    let pairs = [
        ("fullName", user.name.as_str()),
        ("isBreakout", "true"),
        ("meetingID", &room.external_id),
        ("password", password),
        ("redirect", "true"),
        ("userID", &user_id),
    ];
    json!({
        "name": room.name,
        "sequence": breakout.sequence,
        "joinURL": signed_join_url(node, "", &pairs, Algorithm::Sha256),
        "participants": room.present().count(),
    })
}

/// Does something for the user; `None` when that is not allowed.
pub(super) fn mutate(
    node: &NodeState,
    key: &UserKey,
    mutation: Mutation,
    variables: &Value,
) -> Option<Value> {
    let mut dice = rand::rng();
    node.change(|meetings, now| {
        let user = meetings.user(key)?;
        let moderates = user.role == Role::Moderator && user.is_present();
        match mutation {
            Mutation::RequestUploadToken if user.presenter => {
                let token = meetings.upload_token(&key.meeting, &mut dice);
                Some(json!({ "presentationRequestUploadToken": token }))
            }
            Mutation::CreateBreakoutRoom => {
                let room = meetings.create_breakout(key, now, &mut dice)?;
                Some(json!({ "breakoutRoomCreate": room }))
            }
            Mutation::AdmitGuest if moderates => {
                let guest = variables.get("userId").and_then(Value::as_str)?;
                meetings.admit(&key.meeting, guest, now);
                Some(json!({ "guestAdmit": true }))
            }
            Mutation::Leave => {
                meetings.leave(key);
                Some(json!({ "userLeaveMeeting": true }))
            }
            Mutation::RequestUploadToken | Mutation::AdmitGuest => None,
        }
    })
}
