//! The calls of the API, as a table.

/// A call of the BBB API that we know by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// The version document; needs no checksum.
    Index,
    /// Makes a meeting, or answers for the one that exists.
    Create,
    /// Brings a user into a meeting.
    Join,
    /// Whether anybody is in a meeting.
    IsMeetingRunning,
    /// Ends a meeting.
    End,
    /// All about one meeting.
    GetMeetingInfo,
    /// All about all meetings.
    GetMeetings,
    /// Internal ids and user names of all sessions.
    GetSessions,
    /// Adds slides to a running meeting.
    InsertDocument,
    /// Says something in a meeting's public chat; 3.0.
    SendChatMessage,
    /// Lists recordings.
    GetRecordings,
    /// Publishes or hides recordings.
    PublishRecordings,
    /// Deletes recordings.
    DeleteRecordings,
    /// Edits recordings' metadata.
    UpdateRecordings,
    /// Lists captions of a recording, as JSON.
    GetRecordingTextTracks,
    /// Uploads captions for a recording, answered as JSON.
    PutRecordingTextTrack,
}

/// A method the API is called with; `HEAD` counts as `GET`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET` and `HEAD`.
    Get,
    /// `POST`.
    Post,
}

/// The bodies a call takes when it is POSTed with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bodies {
    /// `application/x-www-form-urlencoded` and `multipart/form-data`.
    Form,
    /// Those, and `application/xml`, `text/xml`.
    FormOrXml,
    /// `application/xml`, `text/xml` only.
    Xml,
}

const GET: &[Method] = &[Method::Get];
const POST: &[Method] = &[Method::Post];
const BOTH: &[Method] = &[Method::Get, Method::Post];

/// One line per call: name on the wire, methods in 3.0, bodies, and whether
/// BBB marks the answer `Cache-Control: no-cache`.
const TABLE: &[(Call, &str, &[Method], Bodies, bool)] = &[
    (Call::Index, "", BOTH, Bodies::Form, true),
    (Call::Create, "create", BOTH, Bodies::FormOrXml, true),
    (Call::Join, "join", GET, Bodies::Form, true),
    (Call::IsMeetingRunning, "isMeetingRunning", BOTH, Bodies::Form, true),
    (Call::End, "end", BOTH, Bodies::Form, true),
    (Call::GetMeetingInfo, "getMeetingInfo", BOTH, Bodies::Form, false),
    (Call::GetMeetings, "getMeetings", BOTH, Bodies::Form, true),
    (Call::GetSessions, "getSessions", BOTH, Bodies::Form, true),
    (Call::InsertDocument, "insertDocument", POST, Bodies::Xml, false),
    (Call::SendChatMessage, "sendChatMessage", GET, Bodies::Form, false),
    (Call::GetRecordings, "getRecordings", BOTH, Bodies::Form, false),
    (Call::PublishRecordings, "publishRecordings", GET, Bodies::Form, true),
    (Call::DeleteRecordings, "deleteRecordings", GET, Bodies::Form, true),
    (Call::UpdateRecordings, "updateRecordings", BOTH, Bodies::Form, true),
    (Call::GetRecordingTextTracks, "getRecordingTextTracks", BOTH, Bodies::Form, true),
    (Call::PutRecordingTextTrack, "putRecordingTextTrack", POST, Bodies::Form, true),
];

impl Call {
    /// The call of this name, as it stands behind `/api/`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|line| line.1 == name).map(|line| line.0)
    }

    /// Whether `name` differs from a known call's only by letter case. Such a
    /// name is nobody's call, but a lenient node might take it for one.
    #[must_use]
    pub fn resembles(name: &str) -> bool {
        TABLE.iter().any(|line| line.1.eq_ignore_ascii_case(name))
    }

    /// The name on the wire, which the checksum covers.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.line().1
    }

    /// The methods BBB 3.0 answers.
    #[must_use]
    pub fn methods(self) -> &'static [Method] {
        self.line().2
    }

    /// The bodies it takes.
    #[must_use]
    pub fn bodies(self) -> Bodies {
        self.line().3
    }

    /// Whether the answer carries `Cache-Control: no-cache`.
    #[must_use]
    pub fn answers_no_cache(self) -> bool {
        self.line().4
    }

    /// Whether this is one of the recording calls, which keep the checksum
    /// texts of the oldest releases.
    #[must_use]
    pub fn is_about_recordings(self) -> bool {
        matches!(
            self,
            Self::GetRecordings
                | Self::PublishRecordings
                | Self::DeleteRecordings
                | Self::UpdateRecordings
                | Self::GetRecordingTextTracks
                | Self::PutRecordingTextTrack
        )
    }

    fn line(self) -> &'static (Self, &'static str, &'static [Method], Bodies, bool) {
        TABLE.iter().find(|line| line.0 == self).expect("every call has its line in the table")
    }
}

impl Bodies {
    /// Whether a body of this `Content-Type` is taken; parameters such as a
    /// charset do not matter.
    #[must_use]
    pub fn accept(self, content_type: &str) -> bool {
        let media_type = media_type(content_type);
        let form = matches!(
            media_type.as_str(),
            "application/x-www-form-urlencoded" | "multipart/form-data"
        );
        let xml = matches!(media_type.as_str(), "application/xml" | "text/xml");
        match self {
            Self::Form => form,
            Self::FormOrXml => form || xml,
            Self::Xml => xml,
        }
    }
}

/// A `Content-Type` without its parameters, lower case.
pub(crate) fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact_and_every_call_has_one_line() {
        for line in TABLE {
            assert_eq!(Call::named(line.0.name()), Some(line.0));
        }
        assert_eq!(Call::named("Create"), None);
        assert!(Call::resembles("CREATE"));
        assert!(!Call::resembles("creates"));
        let mut names: Vec<_> = TABLE.iter().map(|line| line.1).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
    }

    #[test]
    fn bodies_are_told_by_their_media_type() {
        for (bodies, content_type, wanted) in [
            (Bodies::Form, "application/x-www-form-urlencoded; charset=UTF-8", true),
            (Bodies::Form, "Multipart/Form-Data; boundary=x", true),
            (Bodies::Form, "text/xml", false),
            (Bodies::FormOrXml, "text/xml;charset=utf-8", true),
            (Bodies::FormOrXml, "application/json", false),
            (Bodies::Xml, "application/xml", true),
            (Bodies::Xml, "application/x-www-form-urlencoded", false),
            (Bodies::FormOrXml, "", false),
        ] {
            assert_eq!(bodies.accept(content_type), wanted, "{bodies:?} {content_type}");
        }
    }
}
