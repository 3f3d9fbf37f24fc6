//! The calls of the API, by path.

use http::Method;

/// Where the API lives.
const API_PATH: &str = "/bigbluebutton/api";

/// One API call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Index,
    Create,
    Join,
    IsMeetingRunning,
    End,
    GetMeetingInfo,
    GetMeetings,
    GetSessions,
    InsertDocument,
    SendChatMessage,
    GetRecordings,
    PublishRecordings,
    DeleteRecordings,
    UpdateRecordings,
    GetRecordingTextTracks,
    PutRecordingTextTrack,
    Stuns,
    SignOut,
    GetJoinUrl,
    LearningDashboard,
}

const CALLS: [(&str, Call); 19] = [
    ("create", Call::Create),
    ("join", Call::Join),
    ("isMeetingRunning", Call::IsMeetingRunning),
    ("end", Call::End),
    ("getMeetingInfo", Call::GetMeetingInfo),
    ("getMeetings", Call::GetMeetings),
    ("getSessions", Call::GetSessions),
    ("insertDocument", Call::InsertDocument),
    ("sendChatMessage", Call::SendChatMessage),
    ("getRecordings", Call::GetRecordings),
    ("publishRecordings", Call::PublishRecordings),
    ("deleteRecordings", Call::DeleteRecordings),
    ("updateRecordings", Call::UpdateRecordings),
    ("getRecordingTextTracks", Call::GetRecordingTextTracks),
    ("putRecordingTextTrack", Call::PutRecordingTextTrack),
    ("stuns", Call::Stuns),
    ("signOut", Call::SignOut),
    ("getJoinUrl", Call::GetJoinUrl),
    ("learningDashboard", Call::LearningDashboard),
];

impl Call {
    /// The call a path means; one trailing slash is tolerated.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let trimmed = path.strip_suffix('/').unwrap_or(path);
        if trimmed == API_PATH || path == "/bigbluebutton/" {
            return Some(Self::Index);
        }
        let name = trimmed.strip_prefix(API_PATH)?.strip_prefix('/')?;
        CALLS.iter().find(|(known, _)| *known == name).map(|(_, call)| *call)
    }

    /// The name that goes into the checksum, empty for the index.
    pub(crate) fn name(self) -> &'static str {
        CALLS.iter().find(|(_, call)| *call == self).map_or("", |(name, _)| name)
    }

    /// The name for records and faults.
    pub(crate) fn label(self) -> &'static str {
        if self == Self::Index { "index" } else { self.name() }
    }

    /// Whether 3.0 maps the method to this call.
    pub(crate) fn allows(self, method: &Method) -> bool {
        match self {
            Self::Index
            | Self::Join
            | Self::SendChatMessage
            | Self::PublishRecordings
            | Self::DeleteRecordings => *method == Method::GET,
            Self::InsertDocument | Self::PutRecordingTextTrack => *method == Method::POST,
            _ => *method == Method::GET || *method == Method::POST,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::Call;

    #[test]
    fn paths_and_methods() {
        let table = [
            ("/bigbluebutton/api", Some(Call::Index), true, false),
            ("/bigbluebutton/api/", Some(Call::Index), true, false),
            ("/bigbluebutton/", Some(Call::Index), true, false),
            ("/bigbluebutton/api/create", Some(Call::Create), true, true),
            ("/bigbluebutton/api/join/", Some(Call::Join), true, false),
            ("/bigbluebutton/api/insertDocument", Some(Call::InsertDocument), false, true),
            ("/bigbluebutton/api/end", Some(Call::End), true, true),
            ("/bigbluebutton/api/enter", None, false, false),
            ("/bigbluebutton/api/Create", None, false, false),
            ("/bigbluebutton/api/create/x", None, false, false),
            ("/bigbluebutton", None, false, false),
        ];
        for (path, call, get, post) in table {
            assert_eq!(Call::of_path(path), call, "{path}");
            let allows = |method| call.is_some_and(|call| call.allows(&method));
            assert_eq!((allows(Method::GET), allows(Method::POST)), (get, post), "{path}");
        }
    }
}
