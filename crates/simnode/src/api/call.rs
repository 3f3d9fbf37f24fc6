//! The calls of the API, by path.

use http::Method;

use crate::release::Release;

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
    Enter,
    GuestWait,
}

const CALLS: [(&str, Call); 21] = [
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
    ("enter", Call::Enter),
    ("guestWait", Call::GuestWait),
];

impl Call {
    /// The call a path means on a release; one trailing slash is tolerated.
    pub(crate) fn of_path(path: &str, release: &Release) -> Option<Self> {
        let trimmed = path.strip_suffix('/').unwrap_or(path);
        if trimmed == API_PATH || path == "/bigbluebutton/" {
            return Some(Self::Index);
        }
        let name = trimmed.strip_prefix(API_PATH)?.strip_prefix('/')?;
        let (_, call) = CALLS.iter().find(|(known, _)| *known == name)?;
        call.exists_on(release).then_some(*call)
    }

    fn exists_on(self, release: &Release) -> bool {
        match self {
            Self::Enter | Self::GuestWait => release.has_meteor(),
            Self::SendChatMessage | Self::GetJoinUrl => !release.has_meteor(),
            _ => true,
        }
    }

    /// The name that goes into the checksum, empty for the index.
    pub(crate) fn name(self) -> &'static str {
        CALLS.iter().find(|(_, call)| *call == self).map_or("", |(name, _)| name)
    }

    /// The name for records and faults.
    pub(crate) fn label(self) -> &'static str {
        if self == Self::Index { "index" } else { self.name() }
    }

    /// Whether a release maps the method to this call.
    pub(crate) fn allows(self, method: &Method, release: &Release) -> bool {
        match self {
            Self::Join if !release.is_strict_about_posts() => {
                *method == Method::GET || *method == Method::POST
            }
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
    use crate::release::Release;

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
            let release = Release::parse("3.0.28").unwrap();
            assert_eq!(Call::of_path(path, &release), call, "{path}");
            let allows = |method| call.is_some_and(|call| call.allows(&method, &release));
            assert_eq!((allows(Method::GET), allows(Method::POST)), (get, post), "{path}");
        }
    }

    #[test]
    fn a_join_may_be_posted_before_2_7_8() {
        for (release, posted) in [("2.7.7", true), ("2.7.8", false), ("3.0.0", false)] {
            let release = Release::parse(release).unwrap();
            assert_eq!(Call::Join.allows(&Method::POST, &release), posted, "{release}");
        }
    }
}
