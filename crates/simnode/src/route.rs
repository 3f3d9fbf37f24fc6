//! From a path to the part of the node that answers it.

use crate::{api::Call, release::Line};

/// Who answers a path. The client's locations are tried before this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/bigbluebutton/api...`.
    Api(Call),
    /// `/bigbluebutton/rtt-check`.
    RoundTrip,
    /// `/bigbluebutton/presentation/{token}/upload`.
    Upload {
        /// The upload token.
        token: String,
    },
    /// `/bigbluebutton/presentation/{m}/{m}/{p}/{kind}/{page}`.
    Slide {
        /// The meeting's internal id.
        meeting: String,
        /// The presentation.
        presentation: String,
        /// What of the page.
        kind: SlideKind,
        /// The page.
        page: u32,
    },
    /// Another path of bbb-web: not found, but under its cross-origin rule.
    UnknownOfWeb,
    /// `/api/rest/meetingStaticData`.
    StaticData,
    /// `/api/rest/userMetadata`.
    UserMetadata,
    /// `/graphql`.
    GraphQl,
    /// `/bbb-webrtc-sfu`.
    Sfu,
    /// `/ws`.
    Sip,
    /// `/hocuspocus/api/...`.
    SharedNotes,
    /// `/plugins/...`.
    Plugins,
    /// `/learning-analytics-dashboard/...`.
    LearningDashboard,
    /// `/pad/...`.
    Pad,
    /// `/`.
    Welcome,
    /// Nothing is there.
    Unknown,
}

/// What is asked of a slide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlideKind {
    /// The vector image.
    Svg,
    /// The small image.
    Thumbnail,
    /// The text.
    Text,
}

impl Route {
    /// The route of a path on a node of a release line.
    pub(crate) fn of(path: &str, line: Line) -> Self {
        if let Some(call) = Call::of_path(path, line) {
            return Self::Api(call);
        }
        if let Some(rest) = path.strip_prefix("/bigbluebutton/") {
            return match rest.strip_prefix("presentation/") {
                Some(rest) => Self::of_presentation(rest),
                None if rest == "rtt-check" && line == Line::V3_0 => Self::RoundTrip,
                None => Self::UnknownOfWeb,
            };
        }
        match path {
            "/" => Self::Welcome,
            "/bbb-webrtc-sfu" => Self::Sfu,
            "/ws" => Self::Sip,
            "/bigbluebutton" => Self::UnknownOfWeb,
            "/learning-analytics-dashboard/" => Self::LearningDashboard,
            _ if path.starts_with("/pad/") => Self::Pad,
            _ if line == Line::V2_7 => Self::Unknown,
            "/api/rest/meetingStaticData" => Self::StaticData,
            "/api/rest/userMetadata" => Self::UserMetadata,
            "/graphql" => Self::GraphQl,
            _ if path.starts_with("/hocuspocus/api/") => Self::SharedNotes,
            _ if path.starts_with("/plugins/") => Self::Plugins,
            _ => Self::Unknown,
        }
    }

    fn of_presentation(rest: &str) -> Self {
        let word = |text: &str| {
            !text.is_empty()
                && text.chars().all(|next| next.is_ascii_alphanumeric() || "-_".contains(next))
        };
        match rest.split('/').collect::<Vec<_>>().as_slice() {
            [token, "upload"] if word(token) => Self::Upload { token: (*token).to_owned() },
            [meeting, again, presentation, kind, page]
                if meeting == again && word(meeting) && word(presentation) =>
            {
                let kind = match *kind {
                    "svg" => SlideKind::Svg,
                    "thumbnail" => SlideKind::Thumbnail,
                    "textfiles" => SlideKind::Text,
                    _ => return Self::UnknownOfWeb,
                };
                match page.parse() {
                    Ok(page) => Self::Slide {
                        meeting: (*meeting).to_owned(),
                        presentation: (*presentation).to_owned(),
                        kind,
                        page,
                    },
                    Err(_) => Self::UnknownOfWeb,
                }
            }
            _ => Self::UnknownOfWeb,
        }
    }

    /// The API call, for records and faults.
    pub(crate) fn call(&self) -> Option<&'static str> {
        match self {
            Self::Api(call) => Some(call.label()),
            _ => None,
        }
    }

    /// The path without what would let a reader of records in.
    pub(crate) fn redacted(&self, path: &str) -> String {
        match self {
            Self::Upload { .. } => "/bigbluebutton/presentation/*/upload".to_owned(),
            _ => path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Route, SlideKind};
    use crate::{api::Call, release::Line};

    #[test]
    fn paths_find_their_part() {
        let slide = |kind| Route::Slide {
            meeting: "m-1".into(),
            presentation: "p-2".into(),
            kind,
            page: 3,
        };
        let table = [
            ("/", Route::Welcome),
            ("/bigbluebutton/api", Route::Api(Call::Index)),
            ("/bigbluebutton/api/create", Route::Api(Call::Create)),
            ("/bigbluebutton/api/nonsense", Route::UnknownOfWeb),
            ("/bigbluebutton/rtt-check", Route::RoundTrip),
            ("/bigbluebutton/presentation/tok/upload", Route::Upload { token: "tok".into() }),
            ("/bigbluebutton/presentation//upload", Route::UnknownOfWeb),
            ("/bigbluebutton/presentation/m-1/m-1/p-2/svg/3", slide(SlideKind::Svg)),
            ("/bigbluebutton/presentation/m-1/m-1/p-2/thumbnail/3", slide(SlideKind::Thumbnail)),
            ("/bigbluebutton/presentation/m-1/m-1/p-2/textfiles/3", slide(SlideKind::Text)),
            ("/bigbluebutton/presentation/m-1/m-2/p-2/svg/3", Route::UnknownOfWeb),
            ("/bigbluebutton/presentation/m-1/m-1/p-2/svg/x", Route::UnknownOfWeb),
            ("/api/rest/meetingStaticData", Route::StaticData),
            ("/api/rest/clientSettings", Route::Unknown),
            ("/graphql", Route::GraphQl),
            ("/v1/graphql", Route::Unknown),
            ("/bbb-webrtc-sfu", Route::Sfu),
            ("/ws", Route::Sip),
            ("/hocuspocus/api/documents/x", Route::SharedNotes),
            ("/plugins/x.js", Route::Plugins),
            ("/learning-analytics-dashboard/", Route::LearningDashboard),
            ("/pad/p/x", Route::Pad),
            ("/bbb-01/bigbluebutton/api", Route::Unknown),
        ];
        for (path, route) in table {
            assert_eq!(Route::of(path, Line::V3_0), route, "{path}");
        }
    }

    #[test]
    fn what_came_with_3_0_is_not_on_2_7() {
        for path in ["/graphql", "/api/rest/meetingStaticData", "/plugins/x.js"] {
            assert_eq!(Route::of(path, Line::V2_7), Route::Unknown, "{path}");
        }
        for path in ["/bigbluebutton/rtt-check", "/bigbluebutton/api/getJoinUrl"] {
            assert_eq!(Route::of(path, Line::V2_7), Route::UnknownOfWeb, "{path}");
        }
        for (name, call) in [("enter", Call::Enter), ("guestWait", Call::GuestWait)] {
            let path = format!("/bigbluebutton/api/{name}");
            assert_eq!(Route::of(&path, Line::V2_7), Route::Api(call));
            assert_eq!(Route::of(&path, Line::V3_0), Route::UnknownOfWeb);
        }
    }

    #[test]
    fn upload_tokens_are_not_recorded() {
        let path = "/bigbluebutton/presentation/secret/upload";
        assert!(!Route::of(path, Line::V3_0).redacted(path).contains("secret"));
    }
}
