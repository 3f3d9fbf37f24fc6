//! Meetings in answers: reading what counts, and showing one to its tenant.

use crate::{
    answer::Answer, parameters::Parameters, probe, recording_query::is_metadata_name, stamp,
    xml::Element,
};

/// What we use of a `<meeting>` (or of a getMeetingInfo answer, which has the
/// same children).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingFacts {
    /// The ID it was created with, as the node knows it.
    pub external_id: String,
    /// `sha1(external)-createTime`.
    pub internal_id: String,
    /// When it was created, in ms by the node's clock.
    pub create_time: i64,
    /// Users in it.
    pub users: u32,
    /// Those of them who can speak: `voiceParticipantCount`.
    pub audio: u32,
    /// Their cameras: `videoCount`.
    pub video: u32,
    /// Whether somebody is in it.
    pub running: bool,
    /// Whether it is a breakout room.
    pub is_breakout: bool,
    /// Of a breakout room, the internal ID of the meeting it is under.
    pub parent: Option<String>,
    /// Whether it only exists to look at the node.
    pub is_probe: bool,
    /// The value of our stamp, unverified.
    pub stamp: Option<String>,
    /// The store it says that it has its row in, unverified.
    pub store: Option<String>,
    /// The number people dial.
    pub voice_bridge: Option<String>,
}

impl MeetingFacts {
    /// Reads an element's children; absent when it names no meeting.
    #[must_use]
    pub fn read(element: &Element) -> Option<Self> {
        let text = |name: &str| element.text_of(name).filter(|text| !text.is_empty());
        Some(Self {
            external_id: text("meetingID")?,
            internal_id: text("internalMeetingID")?,
            create_time: text("createTime").and_then(|text| text.trim().parse().ok())?,
            users: text("participantCount").as_deref().and_then(count).unwrap_or(0),
            audio: text("voiceParticipantCount").as_deref().and_then(count).unwrap_or(0),
            video: text("videoCount").as_deref().and_then(count).unwrap_or(0),
            running: text("running").is_some_and(|text| text == "true"),
            is_breakout: text("isBreakout").is_some_and(|text| text == "true"),
            parent: text("parentMeetingID"),
            is_probe: element
                .child("metadata")
                .is_some_and(|data| data.child(probe::METADATA_NAME).is_some()),
            stamp: element.child("metadata").and_then(|data| data.text_of(stamp::METADATA_NAME)),
            store: element
                .child("metadata")
                .and_then(|data| data.text_of(stamp::STORE_METADATA_NAME))
                .filter(|store| !store.is_empty()),
            voice_bridge: text("voiceBridge"),
        })
    }
}

/// A number as nodes print it: some fields have thousands separators of the
/// server's locale.
fn count(text: &str) -> Option<u32> {
    let separator = |c: char| matches!(c, ',' | '.' | ' ' | '\'' | '’' | '\u{a0}' | '\u{202f}');
    let digits: String = text.chars().filter(|c| !separator(*c)).collect();
    digits.parse().ok()
}

/// Makes a meeting's element, or an answer's root, what its tenant may see:
/// the tenant's own meeting ID (when given) and none of our metadata.
pub fn show_to_tenant(element: &mut Element, meeting_id: Option<&str>) {
    if let Some(meeting_id) = meeting_id
        && let Some(shown) = element.child_mut("meetingID")
    {
        shown.set_text(meeting_id);
    }
    if let Some(metadata) = element.child_mut("metadata") {
        metadata.remove_where(|entry| stamp::is_ours(entry.name()));
    }
}

/// The `<meeting>` that getMeetings shows for a meeting nobody has listed yet,
/// from the create call and its answer.
#[must_use]
pub fn meeting_from_create(created: &Answer, parameters: &Parameters) -> Element {
    let from_answer = |name: &str| created.text(name).unwrap_or_default();
    let given = |name: &str| parameters.text(name).unwrap_or_default();
    let number = |name: &str| given(name).parse::<u32>().unwrap_or(0).to_string();
    let boolean = |text: &str| if text.eq_ignore_ascii_case("true") { "true" } else { "false" };

    let mut meeting = Element::new("meeting").with_text("meetingName", &given("name"));
    for name in
        ["meetingID", "internalMeetingID", "createTime", "createDate", "voiceBridge", "dialNumber"]
    {
        meeting = meeting.with_text(name, &from_answer(name));
    }
    for name in ["attendeePW", "moderatorPW"] {
        if let Some(password) = created.text(name).filter(|password| !password.is_empty()) {
            meeting = meeting.with_text(name, &password);
        }
    }
    let is_breakout = boolean(&given("isBreakout"));
    meeting = meeting
        .with_text("running", "false")
        .with_text("duration", &from_answer("duration"))
        .with_text("hasUserJoined", boolean(&from_answer("hasUserJoined")))
        .with_text("recording", boolean(&given("record")))
        .with_text("hasBeenForciblyEnded", "false")
        .with_text("startTime", "0")
        .with_text("endTime", "0");
    for name in ["participantCount", "listenerCount", "voiceParticipantCount", "videoCount"] {
        meeting = meeting.with_text(name, "0");
    }
    let mut metadata = Element::new("metadata");
    for (name, value) in parameters.iter() {
        if let Some(name) = name.strip_prefix("meta_").filter(|name| is_metadata_name(name)) {
            metadata = metadata.with_text(&name.to_ascii_lowercase(), &value.lossy());
        }
    }
    meeting
        .with_text("maxUsers", &number("maxParticipants"))
        .with_text("moderatorCount", "0")
        .with(Element::new("attendees"))
        .with(metadata)
        .with_text("isBreakout", is_breakout)
}

/// A getMeetingInfo answer from a `<meeting>`, whose children are the same.
#[must_use]
pub fn info_from_meeting(meeting: &Element) -> Answer {
    Answer::success(meeting.elements().cloned())
}

/// The answer of the create call that made the meeting which `info` describes:
/// for when that answer was lost on its way.
#[must_use]
pub fn created_from_info(info: &Element) -> Answer {
    let text = |name: &str| info.text_of(name).unwrap_or_default();
    let mut children = Vec::new();
    let mut add = |name: &str, text: &str| {
        let mut element = Element::new(name);
        element.set_text(text);
        children.push(element);
    };
    add("meetingID", &text("meetingID"));
    add("internalMeetingID", &text("internalMeetingID"));
    add("parentMeetingID", "bbb-none");
    for name in ["attendeePW", "moderatorPW"] {
        if let Some(password) = info.text_of(name) {
            add(name, &password);
        }
    }
    for name in [
        "createTime",
        "voiceBridge",
        "dialNumber",
        "createDate",
        "hasUserJoined",
        "duration",
        "hasBeenForciblyEnded",
    ] {
        add(name, &text(name));
    }
    add("messageKey", "");
    add("message", "");
    Answer::success(children)
}

/// Turns a create's `duplicateWarning` into the answer of a first create.
pub fn plain_from_duplicate(answer: &mut Answer) {
    for name in ["messageKey", "message"] {
        if let Some(element) = answer.root_mut().child_mut(name) {
            element.set_text("");
        }
    }
}

#[cfg(test)]
mod tests;
