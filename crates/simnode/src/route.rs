//! From a path to the part of the node that answers it.

use crate::{api::Call, engine::Question, release::Release, webhooks::HooksCall};

/// Who answers a path. The client's locations are tried before this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/bigbluebutton/api...`.
    Api(Call),
    /// `/bigbluebutton/api/hooks/...`.
    Hooks(HooksCall),
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
    /// `/bigbluebutton/presentation/download/{meeting}/{presentation}`.
    Download {
        /// The meeting's internal id.
        meeting: String,
        /// The presentation.
        presentation: String,
    },
    /// Another path of bbb-web: not found, but under its cross-origin rule.
    UnknownOfWeb,
    /// `/api/rest/...`.
    Engine(Question),
    /// `/graphql`.
    GraphQl,
    /// `/bbb-webrtc-sfu`.
    Sfu,
    /// `/ws`.
    Sip,
    /// `/livekit/...`; what stands behind.
    LiveKit(String),
    /// `/hocuspocus/...`; what stands behind.
    SharedNotes(String),
    /// `/plugins/...`.
    Plugins,
    /// The page of the learning dashboard.
    LearningDashboard,
    /// `/pad/...`; what stands behind.
    Pad(String),
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
    /// The whole presentation with what was drawn on it, from an export.
    Annotated,
}

impl Route {
    /// The route of a path on a node of a release.
    pub(crate) fn of(path: &str, release: &Release) -> Self {
        if let Some(call) = Call::of_path(path, release) {
            return Self::Api(call);
        }
        if let Some(call) = HooksCall::of_path(path) {
            return Self::Hooks(call);
        }
        if let Some(rest) = path.strip_prefix("/bigbluebutton/") {
            return match rest.strip_prefix("presentation/") {
                Some(rest) => Self::of_presentation(rest),
                None if rest == "rtt-check" && !release.has_meteor() => Self::RoundTrip,
                None => Self::UnknownOfWeb,
            };
        }
        let dashboard = if release.has_old_dashboard_path() {
            "/learning-dashboard/"
        } else {
            "/learning-analytics-dashboard/"
        };
        let below = |prefix: &str| {
            path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')).map(str::to_owned)
        };
        match path {
            "/" => return Self::Welcome,
            "/bbb-webrtc-sfu" => return Self::Sfu,
            "/ws" => return Self::Sip,
            "/bigbluebutton" => return Self::UnknownOfWeb,
            _ if path == dashboard => return Self::LearningDashboard,
            _ => {}
        }
        if let Some(rest) = below("/pad") {
            return Self::Pad(rest);
        }
        if release.has_meteor() {
            return Self::Unknown;
        }
        if path == "/graphql" {
            return Self::GraphQl;
        }
        if let Some(question) = path.strip_prefix("/api/rest/").and_then(Question::of_name)
            && (question != Question::ClientSettings || release.has_old_client_settings())
        {
            return Self::Engine(question);
        }
        if let Some(rest) = below("/livekit") {
            return Self::LiveKit(rest);
        }
        match below("/hocuspocus") {
            Some(rest) if release.has_shared_notes_server() => Self::SharedNotes(rest),
            _ if release.has_plugins_location() && path.starts_with("/plugins/") => Self::Plugins,
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
            ["download", meeting, presentation] if word(meeting) && word(presentation) => {
                Self::Download {
                    meeting: (*meeting).to_owned(),
                    presentation: (*presentation).to_owned(),
                }
            }
            [meeting, again, presentation, "pdf", job, "annotated_slides.pdf"]
                if meeting == again && word(meeting) && word(presentation) && word(job) =>
            {
                Self::Slide {
                    meeting: (*meeting).to_owned(),
                    presentation: (*presentation).to_owned(),
                    kind: SlideKind::Annotated,
                    page: 0,
                }
            }
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
            Self::Hooks(call) => Some(call.name()),
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
    use crate::{api::Call, engine::Question, release::Release};

    fn of(path: &str, release: &str) -> Route {
        Route::of(path, &Release::parse(release).unwrap())
    }

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
            (
                "/bigbluebutton/presentation/m-1/m-1/p-2/pdf/j/annotated_slides.pdf",
                Route::Slide {
                    meeting: "m-1".into(),
                    presentation: "p-2".into(),
                    kind: SlideKind::Annotated,
                    page: 0,
                },
            ),
            ("/bigbluebutton/presentation/m-1/m-2/p-2/svg/3", Route::UnknownOfWeb),
            ("/bigbluebutton/presentation/m-1/m-1/p-2/svg/x", Route::UnknownOfWeb),
            ("/api/rest/meetingStaticData", Route::Engine(Question::MeetingStaticData)),
            ("/api/rest/clientSettings", Route::Engine(Question::ClientSettings)),
            ("/api/rest/nonsense", Route::Unknown),
            ("/graphql", Route::GraphQl),
            ("/v1/graphql", Route::Unknown),
            ("/bbb-webrtc-sfu", Route::Sfu),
            ("/ws", Route::Sip),
            ("/hocuspocus/api/x", Route::SharedNotes("/api/x".into())),
            ("/livekit/rtc", Route::LiveKit("/rtc".into())),
            ("/plugins/x.js", Route::Plugins),
            ("/learning-analytics-dashboard/", Route::LearningDashboard),
            ("/pad/p/x", Route::Pad("/p/x".into())),
            ("/bbb-01/bigbluebutton/api", Route::Unknown),
        ];
        for (path, route) in table {
            assert_eq!(of(path, "3.0.28"), route, "{path}");
        }
    }

    #[test]
    fn what_came_with_3_0_is_not_on_2_7() {
        for path in ["/graphql", "/api/rest/meetingStaticData", "/plugins/x.js"] {
            assert_eq!(of(path, "2.7.17"), Route::Unknown, "{path}");
        }
        for path in ["/bigbluebutton/rtt-check", "/bigbluebutton/api/getJoinUrl"] {
            assert_eq!(of(path, "2.7.17"), Route::UnknownOfWeb, "{path}");
        }
        for (name, call) in [("enter", Call::Enter), ("guestWait", Call::GuestWait)] {
            let path = format!("/bigbluebutton/api/{name}");
            assert_eq!(of(&path, "2.7.17"), Route::Api(call));
            assert_eq!(of(&path, "3.0.28"), Route::UnknownOfWeb);
        }
    }

    #[test]
    fn what_moved_between_releases_is_where_it_was() {
        for (release, path) in
            [("2.4.3", "/learning-dashboard/"), ("2.4.4", "/learning-analytics-dashboard/")]
        {
            assert_eq!(of(path, release), Route::LearningDashboard, "{release}");
        }
        assert_eq!(of("/learning-dashboard/", "2.4.4"), Route::Unknown);
        assert_eq!(of("/hocuspocus/api/x", "3.0.19"), Route::Unknown);
        assert_eq!(of("/api/rest/clientSettings", "4.0.0"), Route::Unknown);
    }

    #[test]
    fn upload_tokens_are_not_recorded() {
        let path = "/bigbluebutton/presentation/secret/upload";
        assert!(!of(path, "3.0.28").redacted(path).contains("secret"));
    }
}
