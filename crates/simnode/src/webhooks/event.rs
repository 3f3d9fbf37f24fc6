//! What happened, as bbb-webhooks tells it and as BBB itself does.

use serde_json::{Value, json};

use crate::{
    clock::java_date,
    meeting::{Happening, Meeting, MeetingIds, User},
    recording::Recording,
};

/// The format that is told of as published.
const WORKFLOW: &str = "presentation";

/// One event in both forms.
pub(super) struct Event {
    /// Such as `meeting-created`.
    pub(super) id: &'static str,
    /// The external id of its meeting.
    pub(super) meeting_id: String,
    /// As bbb-webhooks maps it.
    pub(super) mapped: Value,
    /// The message it is mapped from.
    pub(super) raw: Value,
}

/// The events of what happened, in order. 3.x makes up that users leave a
/// meeting that ends, since BBB does not say so.
pub(super) fn events(happening: &Happening, now: u64, third: bool) -> Vec<Event> {
    match happening {
        Happening::Created(meeting) => vec![created(meeting, now)],
        Happening::Joined { meeting, user } => vec![joined(meeting, user, now)],
        Happening::Left { meeting, user } => vec![left(meeting, user, now)],
        Happening::Ended(meeting) => {
            let ids = meeting.ids();
            let present = meeting.present().filter(|_| third);
            let gone = present.map(|user| {
                let event = left(&ids, user, now);
                Event { raw: event.mapped.clone(), ..event }
            });
            gone.chain([ended(&ids, now)]).collect()
        }
        Happening::Step { event_id, recording } => {
            vec![match done_to_it(event_id) {
                Some(message) => done(event_id, message, recording, now, third),
                None => step(event_id, recording, now),
            }]
        }
    }
}

fn event(
    id: &'static str,
    meeting: &MeetingIds,
    attributes: &Value,
    raw: Value,
    now: u64,
) -> Event {
    let mapped = json!({
        "data": { "type": "event", "id": id, "attributes": attributes, "event": { "ts": now } }
    });
    Event { id, meeting_id: meeting.external.clone(), mapped, raw }
}

fn named(meeting: &MeetingIds) -> Value {
    json!({ "internal-meeting-id": meeting.internal, "external-meeting-id": meeting.external })
}

fn created(meeting: &Meeting, now: u64) -> Event {
    let breakout = meeting.breakout.as_ref();
    let parent = breakout.map_or("bbb-none", |breakout| breakout.parent_internal_id.as_str());
    let created = java_date(meeting.create_time);
    let attributes = json!({ "meeting": {
        "internal-meeting-id": meeting.internal_id,
        "external-meeting-id": meeting.external_id,
        "name": meeting.name,
        "is-breakout": breakout.is_some(),
        "parent-id": parent,
        "duration": meeting.duration,
        "create-time": meeting.create_time,
        "create-date": created,
        "moderator-pass": meeting.moderator_password,
        "viewer-pass": meeting.attendee_password,
        "record": meeting.record,
        "voice-conf": meeting.voice_bridge,
        "dial-number": meeting.dial_number,
        "max-users": meeting.max_users,
        "metadata": meeting.metadata,
    }});
    let body = json!({ "props": {
        "meetingProp": {
            "name": meeting.name, "extId": meeting.external_id, "intId": meeting.internal_id,
            "isBreakout": breakout.is_some(),
        },
        "breakoutProps": { "parentId": parent },
        "durationProps": {
            "duration": meeting.duration, "createdTime": meeting.create_time, "createdDate": created,
        },
        "password": {
            "moderatorPass": meeting.moderator_password, "viewerPass": meeting.attendee_password,
        },
        "recordProp": { "record": meeting.record, "keepEvents": meeting.keeps_events },
        "voiceProp": {
            "telVoice": meeting.voice_bridge, "voiceConf": meeting.voice_bridge,
            "dialNumber": meeting.dial_number,
        },
        "usersProp": { "maxUsers": meeting.max_users, "guestPolicy": meeting.guest_policy },
        "metadataProp": { "metadata": meeting.metadata },
    }});
    let raw = of_everybody("MeetingCreatedEvtMsg", &body, now);
    event("meeting-created", &meeting.ids(), &attributes, raw, now)
}

fn joined(meeting: &MeetingIds, user: &User, now: u64) -> Event {
    let attributes = json!({ "meeting": named(meeting), "user": {
        "internal-user-id": user.internal_id,
        "external-user-id": user.external_id,
        "name": user.name,
        "role": user.role.as_str(),
        "presenter": user.presenter,
    }});
    let body = json!({
        "intId": user.internal_id, "extId": user.external_id, "name": user.name,
        "role": user.role.as_str(), "guestStatus": user.guest_status.as_str(),
        "presenter": user.presenter, "clientType": "HTML5",
    });
    let raw = of_meeting("UserJoinedMeetingEvtMsg", meeting, user, &body, now);
    event("user-joined", meeting, &attributes, raw, now)
}

fn left(meeting: &MeetingIds, user: &User, now: u64) -> Event {
    let attributes = json!({ "meeting": named(meeting), "user": {
        "internal-user-id": user.internal_id, "external-user-id": user.external_id,
    }});
    let body = json!({ "intId": user.internal_id, "eject": false, "ejectedBy": "", "reason": "" });
    let raw = of_meeting("UserLeftMeetingEvtMsg", meeting, user, &body, now);
    event("user-left", meeting, &attributes, raw, now)
}

fn ended(meeting: &MeetingIds, now: u64) -> Event {
    let body = json!({ "meetingId": meeting.internal });
    let raw = of_everybody("MeetingDestroyedEvtMsg", &body, now);
    event("meeting-ended", meeting, &json!({ "meeting": named(meeting) }), raw, now)
}

/// The message in which bbb-web says what it did to a recording that is there.
fn done_to_it(id: &str) -> Option<&'static str> {
    match id {
        "rap-published" => Some("PublishedRecordingSysMsg"),
        "rap-unpublished" => Some("UnpublishedRecordingSysMsg"),
        "rap-deleted" => Some("DeletedRecordingSysMsg"),
        _ => None,
    }
}

/// What bbb-web did to a recording. Its message names the recording alone;
/// bbb-webhooks remembers the external ID of its meeting, 2.x takes the recording's
/// ID for the internal one, and 3.x looks for that where it is not.
fn done(id: &'static str, message: &str, recording: &Recording, now: u64, third: bool) -> Event {
    let (record_id, external) = (&recording.record_id, &recording.meeting_id);
    let attributes = if third {
        json!({ "meeting": { "external-meeting-id": external }, "record-id": record_id })
    } else {
        json!({ "meeting": named(&ids(recording)) })
    };
    let raw = json!({
        "envelope": { "name": message, "routing": { "sender": "bbb-web" }, "timestamp": now },
        "core": { "header": { "name": message }, "body": { "recordId": record_id } },
    });
    event(id, &ids(recording), &attributes, raw, now)
}

/// What the scripts that make recordings say of a step. With the one that has
/// published it comes the recording itself.
fn step(id: &'static str, recording: &Recording, now: u64) -> Event {
    let meeting = ids(recording);
    let mut attributes = json!({
        "meeting": named(&meeting), "record-id": recording.record_id,
        "success": true, "step-time": 1_234,
    });
    let mut payload = json!({
        "record_id": recording.record_id, "meeting_id": recording.record_id,
        "external_meeting_id": recording.meeting_id, "success": true, "step_time": 1_234,
    });
    if id == "rap-publish-ended" {
        attributes["workflow"] = json!(WORKFLOW);
        attributes["recording"] = json!({
            "name": recording.name, "is-breakout": recording.breakout.is_some(),
            "start-time": recording.start_time, "end-time": recording.end_time,
            "size": 1_000_000, "raw-size": 1_104_836, "metadata": recording.metadata,
            "playback": { "format": WORKFLOW }, "download": {},
        });
        payload["workflow"] = json!(WORKFLOW);
        payload["metadata"] = json!(recording.metadata);
    }
    let name = id.trim_start_matches("rap-").replace('-', "_");
    let raw = json!({ "header": { "name": name, "current_time": now }, "payload": payload });
    event(id, &meeting, &attributes, raw, now)
}

/// The IDs of the meeting that was recorded.
fn ids(recording: &Recording) -> MeetingIds {
    MeetingIds { internal: recording.record_id.clone(), external: recording.meeting_id.clone() }
}

/// A message of akka to all services.
fn of_everybody(name: &str, body: &Value, now: u64) -> Value {
    json!({
        "envelope": {
            "name": name, "routing": { "sender": "bbb-apps-akka" }, "timestamp": now,
        },
        "core": { "header": { "name": name }, "body": body },
    })
}

/// A message of akka to the users of a meeting.
fn of_meeting(name: &str, meeting: &MeetingIds, user: &User, body: &Value, now: u64) -> Value {
    let (meeting, user) = (&meeting.internal, &user.internal_id);
    json!({
        "envelope": {
            "name": name, "timestamp": now,
            "routing": {
                "msgType": "BROADCAST_TO_MEETING", "meetingId": meeting, "userId": user,
            },
        },
        "core": {
            "header": { "name": name, "meetingId": meeting, "userId": user }, "body": body,
        },
    })
}
