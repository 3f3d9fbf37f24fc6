//! `isMeetingRunning`, `end`, `getMeetingInfo`, `getMeetings`, `getSessions`
//! and `sendChatMessage`.

use super::{ApiRequest, failure};
use crate::{
    answer::{self, Answer, Caching},
    clock::java_date,
    meeting::{Meeting, Role, User},
    state::NodeState,
    xml::{Xml, grouped},
};

/// `isMeetingRunning`: an unknown meeting is not running; absent is a 500.
pub(super) fn is_meeting_running(node: &NodeState, request: &ApiRequest) -> Answer {
    let Some(id) = request.parameters.get("meetingID") else {
        return answer::page(http::StatusCode::INTERNAL_SERVER_ERROR);
    };
    let running = node.read(|meetings| meetings.find(id).is_some_and(Meeting::is_running));
    answer::xml(Xml::success(|xml| xml.plain("running", running)), Caching::NoCache)
}

/// `end`: takes effect at once, though the answer speaks of waiting.
pub(super) fn end(node: &NodeState, request: &ApiRequest) -> Answer {
    let id = request.parameters.get("meetingID").unwrap_or_default();
    node.change(|meetings, _| {
        if let Some(internal_id) = meetings.find(id).map(|meeting| meeting.internal_id.clone()) {
            meetings.end(&internal_id);
        }
    });
    let text = Xml::success(|xml| {
        xml.value("messageKey", "sentEndMeetingRequest");
        xml.value(
            "message",
            "A request to end the meeting was sent.  Please wait a few seconds, and then use the getMeetingInfo or isMeetingRunning API calls to verify that it was ended.",
        );
    });
    answer::xml(text, Caching::NoCache)
}

/// `getMeetingInfo`.
pub(super) fn meeting_info(node: &NodeState, request: &ApiRequest) -> Answer {
    let id = request.parameters.get("meetingID").unwrap_or_default();
    let text = node.read(|meetings| {
        let meeting = meetings.find(id)?;
        Some(Xml::success(|xml| write_meeting(xml, meeting, Numbers::of_info(node))))
    });
    match text {
        Some(text) => answer::xml(text, Caching::Unsaid),
        None => failure(request, "notFound", "A meeting with that ID does not exist"),
    }
}

/// `getMeetings`.
pub(super) fn meetings(node: &NodeState) -> Answer {
    let text = node.read(|meetings| {
        Xml::success(|xml| {
            if meetings.iter().next().is_none() {
                xml.empty("meetings");
                xml.value("messageKey", "noMeetings");
                xml.value("message", "no meetings were found on this server");
                return;
            }
            xml.element("meetings", |xml| {
                for meeting in meetings.iter() {
                    xml.element("meeting", |xml| {
                        write_meeting(xml, meeting, Numbers::of_list(node))
                    });
                }
            });
        })
    });
    answer::xml(text, Caching::NoCache)
}

/// `getSessions`; the misspelt message is bbb-web's.
pub(super) fn sessions(node: &NodeState) -> Answer {
    let text = node.read(|meetings| {
        Xml::success(|xml| {
            if meetings.sessions().next().is_none() {
                xml.empty("sessions");
                xml.value("messageKey", "noSessions");
                xml.value("message", "no sessions were found on this serverr");
                return;
            }
            xml.element("sessions", |xml| {
                for key in meetings.sessions() {
                    let (Some(meeting), Some(user)) =
                        (meetings.get(&key.meeting), meetings.user(key))
                    else {
                        continue;
                    };
                    xml.element("meeting", |xml| {
                        xml.value("meetingID", &meeting.internal_id);
                        xml.value("meetingName", &meeting.name);
                        xml.value("userName", &user.name);
                    });
                }
            });
        })
    });
    answer::xml(text, Caching::NoCache)
}

/// `sendChatMessage`: accepted and forgotten, as this client has no chat.
pub(super) fn send_chat_message(node: &NodeState, request: &ApiRequest) -> Answer {
    let id = request.parameters.get("meetingID").unwrap_or_default();
    if node.read(|meetings| meetings.find(id).is_none()) {
        return failure(request, "meetingNotFound", "Meeting not found");
    }
    let text = Xml::success(|xml| {
        xml.value("messageKey", "");
        xml.value("message", "");
    });
    answer::xml(text, Caching::Unsaid)
}

/// Which numbers carry separators from 1000 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// None.
    Plain,
    /// The counts of users.
    CountsGrouped,
    /// These and `maxUsers`.
    AllGrouped,
}

impl Numbers {
    fn of_info(node: &NodeState) -> Self {
        if node.services.release.has_meteor() { Self::AllGrouped } else { Self::Plain }
    }

    fn of_list(node: &NodeState) -> Self {
        if node.services.release.has_meteor() { Self::AllGrouped } else { Self::CountsGrouped }
    }
}

fn write_meeting(xml: &mut Xml, meeting: &Meeting, numbers: Numbers) {
    let count =
        |count: usize| if numbers == Numbers::Plain { count.to_string() } else { grouped(count) };
    let present: Vec<&User> = meeting.present().collect();
    xml.value("meetingName", &meeting.name);
    xml.value("meetingID", &meeting.external_id);
    xml.value("internalMeetingID", &meeting.internal_id);
    xml.plain("createTime", meeting.create_time);
    xml.value("createDate", java_date(meeting.create_time));
    xml.value("voiceBridge", &meeting.voice_bridge);
    xml.value("dialNumber", &meeting.dial_number);
    xml.value("attendeePW", &meeting.attendee_password);
    xml.value("moderatorPW", &meeting.moderator_password);
    xml.plain("running", !present.is_empty());
    xml.plain("duration", meeting.duration);
    xml.plain("hasUserJoined", meeting.has_user_joined);
    xml.plain("recording", meeting.record);
    xml.plain("hasBeenForciblyEnded", false);
    xml.plain("startTime", meeting.create_time);
    xml.plain("endTime", 0);
    xml.value("participantCount", count(present.len()));
    xml.value("listenerCount", count(0));
    let voices = present.iter().filter(|user| user.has_voice()).count();
    xml.value("voiceParticipantCount", count(voices));
    xml.value("videoCount", count(present.iter().map(|user| user.cameras()).sum()));
    match usize::try_from(meeting.max_users) {
        Ok(max_users) if numbers == Numbers::AllGrouped => {
            xml.value("maxUsers", grouped(max_users));
        }
        _ => xml.plain("maxUsers", meeting.max_users),
    }
    let moderators = present.iter().filter(|user| user.role == Role::Moderator).count();
    xml.value("moderatorCount", count(moderators));
    xml.element("attendees", |xml| {
        for user in &present {
            xml.element("attendee", |xml| write_attendee(xml, user));
        }
    });
    xml.element("metadata", |xml| {
        for (name, value) in &meeting.metadata {
            xml.value(name, value);
        }
    });
    xml.plain("isBreakout", meeting.breakout.is_some());
    if let Some(breakout) = &meeting.breakout {
        xml.value("parentMeetingID", &breakout.parent_internal_id);
        xml.value("sequence", grouped(breakout.sequence));
        xml.plain("freeJoin", breakout.free_join);
    }
    if !meeting.breakout_rooms.is_empty() {
        xml.element("breakoutRooms", |xml| {
            for room in &meeting.breakout_rooms {
                xml.value("breakout", room);
            }
        });
    }
}

fn write_attendee(xml: &mut Xml, user: &User) {
    xml.value("userID", &user.external_id);
    xml.value("fullName", &user.name);
    xml.value("role", user.role.as_str());
    xml.plain("isPresenter", user.presenter);
    xml.plain("isListeningOnly", false);
    xml.plain("hasJoinedVoice", user.has_voice());
    xml.plain("hasVideo", user.cameras() > 0);
    xml.value("clientType", "HTML5");
    if !user.custom_data.is_empty() {
        xml.element("customdata", |xml| {
            for (name, value) in &user.custom_data {
                xml.value(name, value);
            }
        });
    }
}
