//! A meeting of a double, and how it is told: elements in BBB's order.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Query;

/// Numbers that make internal IDs different.
static MADE: AtomicU64 = AtomicU64::new(0);

/// A meeting.
pub(super) struct Meeting {
    id: String,
    internal_id: String,
    name: String,
    voice_bridge: String,
    create_time: u128,
    metadata: Vec<(String, String)>,
    users: u32,
}

impl Meeting {
    /// Made by a call with these parameters.
    pub(super) fn new(id: &str, query: Query<'_>, create_time: u128, users: u32) -> Self {
        let number = MADE.fetch_add(1, Relaxed);
        let given = |name| query.get(name).unwrap_or_default().to_owned();
        let metadata = query.iter().filter_map(|(name, value)| {
            Some((name.strip_prefix("meta_")?.to_owned(), value.to_owned()))
        });
        Self {
            id: id.to_owned(),
            internal_id: format!("{number:040x}-{create_time}"),
            name: given("name"),
            voice_bridge: given("voiceBridge"),
            create_time,
            metadata: metadata.collect(),
            users,
        }
    }

    pub(super) fn internal_id(&self) -> &str {
        &self.internal_id
    }

    pub(super) fn users(&self) -> u32 {
        self.users
    }

    pub(super) fn set_users(&mut self, users: u32) {
        self.users = users;
    }

    /// The answer to the create that made it, or to a later one.
    pub(super) fn created(&self, is_new: bool) -> String {
        let Self { id, internal_id, voice_bridge, create_time, .. } = self;
        let (key, message) = if is_new {
            ("", "")
        } else {
            ("duplicateWarning", "This conference was already in existence.")
        };
        format!(
            "<response><returncode>SUCCESS</returncode><meetingID>{id}</meetingID>\
             <internalMeetingID>{internal_id}</internalMeetingID>\
             <parentMeetingID>bbb-none</parentMeetingID><attendeePW>attend-1</attendeePW>\
             <moderatorPW>moderate-1</moderatorPW><createTime>{create_time}</createTime>\
             <voiceBridge>{voice_bridge}</voiceBridge><dialNumber>613-555-1234</dialNumber>\
             <createDate>Fri Nov 27 08:00:00 UTC 2026</createDate>\
             <hasUserJoined>false</hasUserJoined><duration>0</duration>\
             <hasBeenForciblyEnded>false</hasBeenForciblyEnded><messageKey>{key}</messageKey>\
             <message>{message}</message></response>"
        )
    }

    pub(super) fn info(&self) -> String {
        format!("<response><returncode>SUCCESS</returncode>{}</response>", self.children())
    }

    pub(super) fn element(&self) -> String {
        format!("<meeting>{}</meeting>", self.children())
    }

    fn children(&self) -> String {
        let Self { id, internal_id, name, voice_bridge, create_time, users, .. } = self;
        let running = *users > 0;
        let mut text = format!(
            "<meetingName>{name}</meetingName><meetingID>{id}</meetingID>\
             <internalMeetingID>{internal_id}</internalMeetingID>\
             <createTime>{create_time}</createTime>\
             <createDate>Fri Nov 27 08:00:00 UTC 2026</createDate><voiceBridge>{voice_bridge}</voiceBridge>\
             <dialNumber>613-555-1234</dialNumber><attendeePW>attend-1</attendeePW>\
             <moderatorPW>moderate-1</moderatorPW><running>{running}</running>\
             <duration>0</duration><hasUserJoined>{running}</hasUserJoined>\
             <recording>false</recording><hasBeenForciblyEnded>false</hasBeenForciblyEnded>\
             <startTime>{create_time}</startTime><endTime>0</endTime>\
             <participantCount>{users}</participantCount><listenerCount>0</listenerCount>\
             <voiceParticipantCount>0</voiceParticipantCount><videoCount>0</videoCount>\
             <maxUsers>0</maxUsers><moderatorCount>0</moderatorCount><attendees>"
        );
        for user in 1..=*users {
            text.push_str(&format!(
                "<attendee><userID>w_{user:012}</userID><fullName>User {user}</fullName>\
                 <role>VIEWER</role><isPresenter>false</isPresenter>\
                 <isListeningOnly>false</isListeningOnly>\
                 <hasJoinedVoice>false</hasJoinedVoice><hasVideo>false</hasVideo>\
                 <clientType>HTML5</clientType></attendee>"
            ));
        }
        text.push_str("</attendees><metadata>");
        for (name, value) in &self.metadata {
            text.push_str(&format!("<{name}>{value}</{name}>"));
        }
        text.push_str("</metadata><isBreakout>false</isBreakout>");
        text
    }
}
