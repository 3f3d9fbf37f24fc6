//! The GraphQL engine's cached REST answers, behind nginx's authorisation.

use http::{HeaderValue, Method, StatusCode, request::Parts};
use serde_json::{Value, json};

use crate::{
    answer::{self, Answer},
    meeting::UserKey,
    state::NodeState,
};

/// What the engine can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// `meetingStaticData`: the client settings in force and what of a meeting
    /// never changes.
    MeetingStaticData,
    /// `clientSettings`: the same settings in an older shape.
    ClientSettings,
    /// `userMetadata`: the `userdata-*` parameters of the join call.
    UserMetadata,
}

impl Question {
    /// The question a name below `/api/rest/` asks.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        match name {
            "meetingStaticData" => Some(Self::MeetingStaticData),
            "clientSettings" => Some(Self::ClientSettings),
            "userMetadata" => Some(Self::UserMetadata),
            _ => None,
        }
    }
}

/// Answers a request of a user whom nginx has let pass, or of a preflight, which
/// always passes.
pub(crate) fn answer(
    node: &NodeState,
    parts: &Parts,
    question: Question,
    user: Option<&UserKey>,
) -> Answer {
    let cors = node.services.engine().cors.headers(&parts.method, &parts.headers);
    let mut answer = if parts.method == Method::OPTIONS {
        answer::empty(StatusCode::NO_CONTENT)
    } else if parts.method != Method::GET {
        answer::page(StatusCode::METHOD_NOT_ALLOWED)
    } else {
        match user.and_then(|user| value(node, question, user)) {
            Some(value) => answer::with_type(
                StatusCode::OK,
                "application/json; charset=utf-8",
                value.to_string(),
            ),
            None => answer::page(StatusCode::UNAUTHORIZED),
        }
    };
    answer.headers_mut().extend(cors);
    answer
}

/// The same as nginx in front of it answers: with a word on its cache, which
/// keeps the static data of a meeting.
pub(crate) fn answer_cached(
    node: &NodeState,
    parts: &Parts,
    question: Question,
    user: &UserKey,
) -> Answer {
    let mut answer = answer(node, parts, question, Some(user));
    if answer.status() == StatusCode::OK && parts.method == Method::GET {
        let cached = question != Question::UserMetadata
            && node.change(|meetings, _| {
                let meeting = meetings.get_mut(&user.meeting);
                meeting
                    .is_some_and(|meeting| std::mem::replace(&mut meeting.static_data_cached, true))
            });
        let said = HeaderValue::from_static(if cached { "HIT" } else { "MISS" });
        answer.headers_mut().insert("x-cached", said);
    }
    answer
}

fn value(node: &NodeState, question: Question, key: &UserKey) -> Option<Value> {
    node.read(|meetings| {
        let meeting = meetings.get(&key.meeting)?;
        let settings = json!({"clientSettingsJson": {"public": *meeting.client_settings}});
        match question {
            Question::MeetingStaticData => Some(json!({"meeting": [{
                "meetingId": meeting.internal_id,
                "extId": meeting.external_id,
                "name": meeting.name,
                "isBreakout": meeting.breakout.is_some(),
                "createdTime": meeting.create_time,
                "durationInSeconds": meeting.duration.saturating_mul(60),
                "maxPinnedCameras": 3,
                "welcomeMessage": meeting.welcome,
                "clientSettings": settings,
            }]})),
            Question::ClientSettings => Some(json!({ "meeting_clientSettings": [settings] })),
            Question::UserMetadata => {
                let entries: Vec<Value> = meetings
                    .user(key)?
                    .custom_data
                    .iter()
                    .map(|(name, value)| json!({"parameter": name, "value": value}))
                    .collect();
                Some(json!({ "user_metadata": entries }))
            }
        }
    })
}
