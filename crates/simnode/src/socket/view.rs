//! What a user sees and does over the node's socket: GraphQL on 3.0, DDP on 2.7.
//!
//! Operations are known by name; this is no GraphQL engine. What a user may
//! not see or do is decided here.

use serde_json::{Value, json};

use crate::{
    api::signed_join_url,
    checksum::Algorithm,
    meeting::{Breakout, GuestStatus, Meeting, Role, User, UserKey},
    state::NodeState,
};

/// What can be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    CurrentUser,
    Meeting,
    Users,
    CurrentPage,
    BreakoutRooms,
}

impl Subject {
    /// The subject of a DDP publication.
    pub(crate) fn of_publication(name: &str) -> Option<Self> {
        match name {
            "current-user" => Some(Self::CurrentUser),
            "meetings" => Some(Self::Meeting),
            "users" => Some(Self::Users),
            "slides" => Some(Self::CurrentPage),
            "breakouts" => Some(Self::BreakoutRooms),
            _ => None,
        }
    }

    /// The subject of a GraphQL operation's name.
    pub(crate) fn of_operation(name: &str) -> Option<Self> {
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
pub(crate) enum Mutation {
    RequestUploadToken,
    CreateBreakoutRoom,
    AdmitGuest,
    Leave,
}

impl Mutation {
    /// The mutation that a DDP method means.
    pub(crate) fn of_method(name: &str) -> Option<Self> {
        match name {
            "requestPresentationUploadToken" => Some(Self::RequestUploadToken),
            "createBreakoutRoom" => Some(Self::CreateBreakoutRoom),
            "allowPendingUsers" => Some(Self::AdmitGuest),
            "userLeftMeeting" => Some(Self::Leave),
            _ => None,
        }
    }

    /// The mutation of a GraphQL operation's name.
    pub(crate) fn of_operation(name: &str) -> Option<Self> {
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
pub(crate) fn read(node: &NodeState, key: &UserKey, subject: Subject) -> Value {
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
                "padId": meeting.pad_id(),
                "mediaToken": user.auth_token,
            }]}),
            _ if !user.is_present() => Value::Null,
            Subject::Users => json!({ "user": users(node, meeting, key) }),
            Subject::CurrentPage => json!({"pres_page_curr": [{
                "presentationName": meeting.presentation.name,
                "downloadUrl": download_url(node, meeting),
                "downloadPath": meeting.download_path(),
                "svgUrl": format!(
                    "{}/{}/{}/{}/svg/1",
                    node.services.web().property("presentationBaseURL"),
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

fn users(node: &NodeState, meeting: &Meeting, key: &UserKey) -> Vec<Value> {
    // On 2.7 guests wait on a page of their own, which opens no socket.
    let waits_elsewhere =
        |user: &User| node.services.release.has_meteor() && user.guest_status == GuestStatus::Wait;
    meeting
        .users
        .iter()
        .filter(|user| user.sockets > 0 || waits_elsewhere(user))
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

/// Where the presentation can be had as a file. From 2.6.0 to 2.6.9 the node says
/// so, from a file that says its own address; else the client builds the link.
fn download_url(node: &NodeState, meeting: &Meeting) -> Value {
    if !node.services.release.has_export_link_setting() {
        return Value::Null;
    }
    let web = node.services.web();
    let base = web.export_link_base.as_deref().unwrap_or("/bigbluebutton/");
    json!(format!("{base}{}", meeting.download_path()))
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
pub(crate) fn mutate(
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
