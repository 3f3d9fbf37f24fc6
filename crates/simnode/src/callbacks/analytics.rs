//! What the script behind a meeting's events posts: who was there, for how long.
//!
//! The simulated node knows of no chat, polls or files; a real document has more
//! in its places.

use serde_json::{Map, Value, json};

use super::{Callback, CallbackKind, token::sign_hs512};
use crate::{
    meeting::{Meeting, Role},
    state::NodeState,
};

/// How long the token is good for, in seconds.
const LIFETIME: u64 = 24 * 60 * 60;

/// The call, for a meeting whose events are kept and that wants it.
pub(super) fn callback(node: &NodeState, meeting: &Meeting) -> Option<Callback> {
    let url = meeting.metadata.get("analytics-callback-url").filter(|url| !url.is_empty())?;
    if !meeting.record && !meeting.keeps_events {
        return None;
    }
    let now = node.clock.now();
    let token = sign_hs512(&json!({ "exp": now / 1000 + LIFETIME }), &node.services.web().secret);
    Some(Callback {
        kind: CallbackKind::Analytics,
        method: "POST",
        url: url.clone(),
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("authorization", format!("Bearer {token}")),
            ("user-agent", "BigBlueButton Analytics Callback".to_owned()),
        ],
        body: document(meeting, now).to_string(),
        status: None,
    })
}

fn document(meeting: &Meeting, now: u64) -> Value {
    let attendees: Vec<Value> = meeting
        .users
        .iter()
        .map(|user| {
            json!({
                "ext_user_id": user.external_id, "name": user.name,
                "moderator": user.role == Role::Moderator,
            })
        })
        .collect();
    json!({
        "version": "1.0",
        "meeting_id": meeting.external_id,
        "internal_meeting_id": meeting.internal_id,
        "data": {
            "metadata": metadata(meeting),
            "duration": now.saturating_sub(meeting.create_time) / 1000,
            "start": meeting.create_time, "finish": now,
            "attendees": attendees, "files": [], "polls": [],
        },
    })
}

/// The metadata without what is Greenlight's own; every key is made one with
/// underscores, whatever it was.
fn metadata(meeting: &Meeting) -> Value {
    let own = [("meeting_name", meeting.name.clone()), ("is_breakout", "false".to_owned())];
    let given = meeting.metadata.iter().filter(|(name, _)| !name.starts_with("gl_"));
    let metadata: Map<String, Value> = own
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .into_iter()
        .chain(given.map(|(name, value)| (name.replace('-', "_"), Value::String(value.clone()))))
        .collect();
    Value::Object(metadata)
}
