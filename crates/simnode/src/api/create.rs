//! `create`.

use std::collections::BTreeMap;

use super::{ApiRequest, document, failure};
use crate::{
    answer::{self, Answer, Caching},
    clock::java_date,
    meeting::{Breakout, CreateOutcome, CreateRequest, Meeting, Timers},
    query::Parameters,
    state::NodeState,
    xml::Xml,
};

/// Carries out a create call whose parameters passed the checks.
pub(super) fn answer(node: &NodeState, request: &ApiRequest) -> Answer {
    let parameters = &request.parameters;
    // A body that is no XML is a parse error in bbb-web, which is its 500.
    let Ok(modules) = document::modules(request) else {
        return answer::page(http::StatusCode::INTERNAL_SERVER_ERROR);
    };
    let breakout = match breakout(node, parameters) {
        Ok(breakout) => breakout,
        Err((key, message)) => return failure(request, key, message),
    };
    let wanted = wanted(node, parameters, breakout);
    node.change(|meetings, now| match meetings.create(wanted, now, &mut rand::rng()) {
        CreateOutcome::Created(meeting) => {
            let text = success(meeting, "", "");
            let internal_id = meeting.internal_id.clone();
            if let Some(name) = modules.current_document {
                meetings.show_presentation(&internal_id, &name, now);
            }
            answer::xml(text, Caching::NoCache)
        }
        CreateOutcome::Duplicate(meeting) => answer::xml(
            success(
                meeting,
                "duplicateWarning",
                "This conference was already in existence and may currently be in progress.",
            ),
            Caching::NoCache,
        ),
        CreateOutcome::IdNotUnique => failure(
            request,
            "idNotUnique",
            "A meeting already exists with that meeting ID.  Please use a different meeting ID.",
        ),
        CreateOutcome::VoiceBridgeInUse => answer::xml(
            Xml::response("FAILED", |xml| {
                xml.element("errors", |xml| {
                    xml.element("error", |xml| {
                        xml.value("key", "nonUniqueVoiceBridge");
                        xml.value("message", "The selected voice bridge is already in use.");
                    });
                });
            }),
            Caching::NoCache,
        ),
        CreateOutcome::Full => answer::page(http::StatusCode::SERVICE_UNAVAILABLE),
    })
}

fn breakout(
    node: &NodeState,
    parameters: &Parameters,
) -> Result<Option<Breakout>, (&'static str, &'static str)> {
    if !parameters.flag("isBreakout", false) {
        return Ok(None);
    }
    let parent = parameters.filled("parentMeetingID").ok_or((
        "parentMeetingIDMissing",
        "No parent meeting ID was provided for the breakout room",
    ))?;
    let parent_internal_id = node
        .read(|meetings| meetings.find(parent).map(|meeting| meeting.internal_id.clone()))
        .ok_or(("parentMeetingDoesNotExist", "No parent meeting exists for the breakout room"))?;
    let sequence = parameters.number("sequence").and_then(|number| usize::try_from(number).ok());
    Ok(Some(Breakout {
        parent_internal_id,
        sequence: sequence.unwrap_or(0),
        free_join: parameters.flag("freeJoin", false),
    }))
}

fn wanted(node: &NodeState, parameters: &Parameters, breakout: Option<Breakout>) -> CreateRequest {
    let effective = node.services.web();
    let text = |name: &str| parameters.filled(name).map(str::to_owned);
    let number = |name: &str, property: &str| {
        parameters.number(name).or_else(|| effective.number(property)).unwrap_or(0)
    };
    let minutes = |name: &str, property: &str| crate::meeting::minutes(number(name, property));
    let without_moderator = parameters
        .flag("endWhenNoModerator", effective.properties.is_true("endWhenNoModerator"))
        .then(|| minutes("endWhenNoModeratorDelayInMinutes", "endWhenNoModeratorDelayInMinutes"));
    CreateRequest {
        external_id: text("meetingID").unwrap_or_default(),
        name: text("name").unwrap_or_default(),
        attendee_password: text("attendeePW"),
        moderator_password: text("moderatorPW"),
        voice_bridge: text("voiceBridge").or_else(|| text("webVoice")),
        voice_bridge_digits: effective
            .number("defaultNumDigitsForTelVoice")
            .and_then(|digits| u32::try_from(digits).ok())
            .unwrap_or(5),
        dial_number: text("dialNumber")
            .unwrap_or_else(|| effective.property("defaultDialAccessNumber")),
        duration: number("duration", "defaultMeetingDuration"),
        record: parameters.flag("record", false),
        max_users: number("maxParticipants", "defaultMaxUsers"),
        metadata: metadata(parameters),
        ended_url: text("meetingEndedURL"),
        keeps_events: parameters
            .flag("meetingKeepEvents", effective.properties.is_true("defaultKeepEvents")),
        breakout,
        guest_policy: text("guestPolicy")
            .filter(|policy| {
                ["ALWAYS_ACCEPT", "ALWAYS_DENY", "ASK_MODERATOR", "ALWAYS_ACCEPT_AUTH"]
                    .contains(&policy.as_str())
            })
            .unwrap_or_else(|| effective.property("defaultGuestPolicy")),
        welcome: text("welcome").unwrap_or_else(|| effective.property("defaultWelcomeMessage")),
        client_settings: node.services.akka().public_settings.clone(),
        allow_requests_without_session: parameters.flag("allowRequestsWithoutSession", false),
        timers: Timers {
            if_no_user_joined: minutes(
                "meetingExpireIfNoUserJoinedInMinutes",
                "meetingExpireIfNoUserJoinedInMinutes",
            ),
            when_last_user_left: minutes(
                "meetingExpireWhenLastUserLeftInMinutes",
                "meetingExpireWhenLastUserLeftInMinutes",
            ),
            without_moderator,
            ..Timers::default()
        },
    }
}

/// `meta_NAME` parameters: a letter, then letters, digits and `-`; other names
/// are ignored. Stored in lower case.
fn metadata(parameters: &Parameters) -> BTreeMap<String, String> {
    parameters
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("meta_")?, value)))
        .filter(|(name, _)| {
            name.starts_with(|first: char| first.is_ascii_alphabetic())
                && name.chars().all(|next| next.is_ascii_alphanumeric() || next == '-')
        })
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect()
}

fn success(meeting: &Meeting, key: &str, message: &str) -> String {
    Xml::success(|xml| {
        xml.value("meetingID", &meeting.external_id);
        xml.value("internalMeetingID", &meeting.internal_id);
        let parent = meeting.breakout.as_ref();
        xml.value(
            "parentMeetingID",
            parent.map_or("bbb-none", |breakout| breakout.parent_internal_id.as_str()),
        );
        xml.value("attendeePW", &meeting.attendee_password);
        xml.value("moderatorPW", &meeting.moderator_password);
        xml.plain("createTime", meeting.create_time);
        xml.value("voiceBridge", &meeting.voice_bridge);
        xml.value("dialNumber", &meeting.dial_number);
        xml.value("createDate", java_date(meeting.create_time));
        xml.plain("hasUserJoined", meeting.has_user_joined);
        xml.plain("duration", meeting.duration);
        xml.plain("hasBeenForciblyEnded", false);
        xml.value("messageKey", key);
        xml.value("message", message);
    })
}
