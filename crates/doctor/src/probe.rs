//! The probes that need no session: what is asked of the proxy and of a node,
//! as data.

use bluegate_cluster::{Node, Origin};
use http::{Method, header};

use crate::{release::Release, wire::Request};

/// A page of nobody, which nothing may trust.
pub(crate) const HOSTILE: &str = "https://hostile.invalid";

/// A request that is made once per node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Probe {
    /// The version document, from the node.
    IndexOnNode,
    /// The client, through the proxy.
    ClientThroughProxy,
    /// The client under its mount, from the node.
    ClientOnNode,
    /// The client where the package serves it, from the node.
    ClientUnmounted,
    /// The client without the slash at its end, through the proxy.
    ClientWithoutSlash,
    /// A file of texts, through the proxy.
    LocaleThroughProxy,
    /// What tells the client which languages there are, through the proxy.
    LocalesThroughProxy,
    /// A WebAssembly file, through the proxy.
    WasmThroughProxy,
    /// The defaults of the client settings, from the node.
    SettingsFile,
    /// The version document, through the proxy.
    IndexThroughProxy,
    /// A call of the API that only frontends make, through the proxy.
    ApiThroughProxy,
    /// A socket of the node, through the proxy.
    SocketThroughProxy,
    /// A slide, through the proxy.
    SlideThroughProxy,
    /// The client of a mount whose name this mount's only begins.
    LookAlikeMount,
    /// A file beside the client's folder, from the node.
    BesideClient,
    /// A call that a page makes, from the node.
    WebCall,
    /// The same, for a page of nobody.
    WebCallHostile,
    /// The same, for a page of the node itself.
    WebCallOwn,
    /// A preflight of bbb-web.
    WebPreflight,
    /// A preflight of the GraphQL engine's REST calls.
    RestPreflight,
    /// The same, for a page of nobody.
    RestPreflightHostile,
    /// A preflight of the other REST call, for what users were joined with.
    UserMetadataPreflight,
    /// A REST call without a session.
    RestWithoutSession,
    /// The GraphQL socket.
    GraphQlSocket,
    /// The same, for a page of nobody.
    GraphQlSocketHostile,
    /// A slide that does not exist.
    Slide,
    /// Its small image.
    Thumbnail,
    /// Its text.
    SlideText,
    /// The measurement of round trips.
    RoundTrip,
    /// The socket of video and screen sharing.
    SfuSocket,
    /// The socket of SIP audio.
    SipSocket,
    /// LiveKit's front page.
    LiveKit,
    /// LiveKit's socket.
    LiveKitSocket,
    /// What a page asks LiveKit when its socket was refused.
    LiveKitValidation,
    /// A preflight of the shared notes' export.
    SharedNotes,
    /// The same, for a page of nobody.
    SharedNotesHostile,
    /// The socket of the shared notes.
    SharedNotesSocket,
    /// A plugin that does not exist.
    Plugins,
    /// The learning dashboard's page.
    Dashboard,
    /// The learning dashboard's texts.
    DashboardTexts,
    /// A pad without a session.
    Pad,
    /// A preflight of an upload with a token of nobody.
    Upload,
    /// The language of the guest lobby, on 2.x.
    GuestLocale,
    /// What SockJS says of itself, on 2.x.
    SockJs,
}

/// Which side a probe asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Proxy,
    Node,
}

/// Who is asked, by name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'a> {
    pub(crate) cluster: &'a Origin,
    pub(crate) node: &'a Node,
    pub(crate) release: &'a Release,
}

/// A token that belongs to nobody: a missing one may be a 500 of nginx.
const NOBODY: &str = "bluegatedoctor00";

impl Probe {
    /// All of them.
    pub(crate) const ALL: [Self; 44] = [
        Self::IndexOnNode,
        Self::ClientThroughProxy,
        Self::ClientOnNode,
        Self::ClientUnmounted,
        Self::ClientWithoutSlash,
        Self::LocaleThroughProxy,
        Self::LocalesThroughProxy,
        Self::WasmThroughProxy,
        Self::SettingsFile,
        Self::IndexThroughProxy,
        Self::ApiThroughProxy,
        Self::SocketThroughProxy,
        Self::SlideThroughProxy,
        Self::LookAlikeMount,
        Self::BesideClient,
        Self::WebCall,
        Self::WebCallHostile,
        Self::WebCallOwn,
        Self::WebPreflight,
        Self::RestPreflight,
        Self::RestPreflightHostile,
        Self::UserMetadataPreflight,
        Self::RestWithoutSession,
        Self::GraphQlSocket,
        Self::GraphQlSocketHostile,
        Self::Slide,
        Self::Thumbnail,
        Self::SlideText,
        Self::RoundTrip,
        Self::SfuSocket,
        Self::SipSocket,
        Self::LiveKit,
        Self::LiveKitSocket,
        Self::LiveKitValidation,
        Self::SharedNotes,
        Self::SharedNotesHostile,
        Self::SharedNotesSocket,
        Self::Plugins,
        Self::Dashboard,
        Self::DashboardTexts,
        Self::Pad,
        Self::Upload,
        Self::GuestLocale,
        Self::SockJs,
    ];

    /// Whether a node of this release is asked this.
    pub(crate) fn applies(self, names: Names<'_>) -> bool {
        let is_static = names.release.is_static();
        match self {
            Self::IndexOnNode => true,
            _ if !names.node.proxied => false,
            Self::LocalesThroughProxy
            | Self::SettingsFile
            | Self::RestPreflight
            | Self::RestPreflightHostile
            | Self::UserMetadataPreflight
            | Self::RestWithoutSession
            | Self::GraphQlSocket
            | Self::GraphQlSocketHostile
            | Self::RoundTrip
            | Self::LiveKit
            | Self::LiveKitSocket
            | Self::LiveKitValidation
            | Self::SharedNotes
            | Self::SharedNotesHostile
            | Self::SharedNotesSocket
            | Self::Plugins
            | Self::IndexThroughProxy => is_static,
            Self::GuestLocale | Self::SockJs => !is_static,
            _ => true,
        }
    }

    /// Which side it asks.
    pub(crate) fn side(self) -> Side {
        match self {
            Self::ClientThroughProxy
            | Self::ClientWithoutSlash
            | Self::LocaleThroughProxy
            | Self::LocalesThroughProxy
            | Self::WasmThroughProxy
            | Self::IndexThroughProxy
            | Self::ApiThroughProxy
            | Self::SocketThroughProxy
            | Self::SlideThroughProxy
            | Self::LookAlikeMount => Side::Proxy,
            _ => Side::Node,
        }
    }

    /// What is asked.
    pub(crate) fn request(self, names: Names<'_>) -> Request {
        let mount = &names.node.name;
        let page = names.cluster.to_string();
        let client = if names.release.is_static() { "" } else { "join" };
        let from_page = |target: String| Request::get(target).header(header::ORIGIN, page.clone());
        match self {
            Self::IndexOnNode => index("/bigbluebutton/api".to_owned()),
            Self::IndexThroughProxy => index(format!("/{mount}/bigbluebutton/api")),
            Self::ClientThroughProxy | Self::ClientOnNode => {
                Request::get(format!("/{mount}/html5client/{client}"))
            }
            Self::ClientUnmounted => Request::get(format!("/html5client/{client}")),
            Self::ClientWithoutSlash => {
                Request::get(format!("/{mount}/html5client?sessionToken={NOBODY}&doctor=1"))
            }
            Self::LocaleThroughProxy => {
                Request::get(format!("/{mount}/html5client/locales/en.json"))
            }
            Self::LocalesThroughProxy => Request::get(format!("/{mount}/html5client/locales/")),
            Self::WasmThroughProxy => {
                Request::of(Method::HEAD, format!("/{mount}/html5client/wasm/tflite-simd.wasm"))
            }
            Self::SettingsFile => Request::get("/html5client/private/config/settings.yml"),
            Self::ApiThroughProxy => Request::get(format!(
                "/{mount}/bigbluebutton/api/isMeetingRunning?meetingID=x&checksum=x"
            )),
            Self::SocketThroughProxy => {
                let target = format!("/{mount}/bbb-webrtc-sfu?sessionToken={NOBODY}");
                Request::web_socket(&target, &page, "")
            }
            Self::SlideThroughProxy => {
                Request::get(format!("/{mount}/bigbluebutton/presentation/a/a/b/svg/1"))
            }
            // No mount may end in a hyphen, so nobody has this name.
            Self::LookAlikeMount => Request::get(format!("/{mount}-/html5client/{client}")),
            Self::BesideClient => {
                Request::get(format!("/{mount}/html5client../nginx/bbb-html5.nginx"))
            }
            Self::WebCall => from_page(format!("/bigbluebutton/api/stuns?sessionToken={NOBODY}")),
            Self::WebCallHostile => {
                Request::get(format!("/bigbluebutton/api/stuns?sessionToken={NOBODY}"))
                    .header(header::ORIGIN, HOSTILE)
            }
            Self::WebCallOwn => {
                Request::get(format!("/bigbluebutton/api/stuns?sessionToken={NOBODY}"))
                    .header(header::ORIGIN, names.node.origin.to_string())
            }
            Self::WebPreflight => Request::preflight("/bigbluebutton/api/stuns", &page, "GET", ""),
            Self::RestPreflight => preflight_of_rest("meetingStaticData", &page),
            Self::RestPreflightHostile => preflight_of_rest("meetingStaticData", HOSTILE),
            Self::UserMetadataPreflight => preflight_of_rest("userMetadata", &page),
            Self::RestWithoutSession => from_page("/api/rest/meetingStaticData".to_owned()),
            Self::GraphQlSocket => Request::web_socket("/graphql", &page, "graphql-transport-ws"),
            Self::GraphQlSocketHostile => {
                Request::web_socket("/graphql", HOSTILE, "graphql-transport-ws")
            }
            Self::Slide => from_page(of_slide("svg")),
            Self::Thumbnail => from_page(of_slide("thumbnail")),
            Self::SlideText => from_page(of_slide("textfiles")),
            Self::RoundTrip => from_page("/bigbluebutton/rtt-check".to_owned()),
            Self::SfuSocket => socket("/bbb-webrtc-sfu", &page, ""),
            Self::SipSocket => socket("/ws", &page, "sip"),
            Self::LiveKit => Request::get("/livekit/"),
            Self::LiveKitSocket => {
                Request::web_socket("/livekit/rtc?access_token=doctor", &page, "")
            }
            Self::LiveKitValidation => {
                from_page("/livekit/rtc/validate?access_token=doctor".to_owned())
            }
            Self::SharedNotes => {
                Request::preflight("/hocuspocus/api/documents/x", &page, "GET", "")
            }
            Self::SharedNotesHostile => {
                Request::preflight("/hocuspocus/api/documents/x", HOSTILE, "GET", "")
            }
            Self::SharedNotesSocket => socket("/hocuspocus/collaboration", &page, ""),
            Self::Plugins => Request::preflight("/plugins/doctor.js", &page, "GET", ""),
            Self::Dashboard => {
                let old = names.release.version.is_some()
                    && names.release.is_before(2, 4, 4)
                    && names.release.is_since(2, 4, 0);
                let folder =
                    if old { "learning-dashboard" } else { "learning-analytics-dashboard" };
                Request::get(format!("/{folder}/"))
            }
            Self::DashboardTexts => Request::get("/html5client/locales/en.json"),
            Self::Pad => Request::get(format!("/pad/p/doctor?sessionToken={NOBODY}")),
            Self::Upload => {
                let target = format!("/bigbluebutton/presentation/{NOBODY}/upload");
                Request::preflight(&target, &page, "POST", "")
            }
            Self::GuestLocale => Request::get("/html5client/locale?locale=en&init=true"),
            Self::SockJs => from_page(format!("/{mount}/html5client/sockjs/info")),
        }
    }
}

/// The 3.x client asks with this type, and only then gets JSON.
fn index(target: String) -> Request {
    Request::get(target).header(header::CONTENT_TYPE, "application/json")
}

fn preflight_of_rest(call: &str, origin: &str) -> Request {
    Request::preflight(&format!("/api/rest/{call}"), origin, "GET", "x-session-token")
}

/// The first page of a presentation that nobody made.
fn of_slide(kind: &str) -> String {
    format!("/bigbluebutton/presentation/aaaa/aaaa/bbbb/{kind}/1?sessionToken={NOBODY}")
}

fn socket(path: &str, origin: &str, protocol: &'static str) -> Request {
    Request::web_socket(&format!("{path}?sessionToken={NOBODY}"), origin, protocol)
}
