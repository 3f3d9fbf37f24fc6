//! What the client settings of a node behind the cluster's proxy are to be.
//!
//! Our own table, from BBB's documentation and sources: it judges what others
//! of our parts write.

use crate::check::Case;

/// One setting below `public`.
pub(crate) struct Expected {
    /// Its path with dots, below `public`.
    pub(crate) key: &'static str,
    /// Its value.
    pub(crate) value: String,
    /// What users notice when it is wrong.
    pub(crate) effect: &'static str,
}

/// The settings that count on this node.
pub(crate) fn settings(case: &Case<'_>) -> Vec<Expected> {
    let node = &case.node.origin;
    let mount = &case.node.name;
    let socket = node.web_socket();
    let release = case.release;
    let old_dashboard = release.is_since(2, 4, 0) && release.is_before(2, 4, 4);
    let dashboard =
        if old_dashboard { "learning-dashboard" } else { "learning-analytics-dashboard" };
    let mut all = vec![
        expected(
            "app.basename",
            format!("/{mount}/html5client"),
            "sounds, avatars and backgrounds are missing",
        ),
        expected(
            "app.bbbWebBase",
            format!("{node}/bigbluebutton"),
            "the client asks the cluster's origin for what only the node has",
        ),
        expected(
            "app.learningDashboardBase",
            format!("{node}/{dashboard}"),
            "the learning dashboard does not open",
        ),
        expected(
            "media.stunTurnServersFetchAddress",
            format!("{node}/bigbluebutton/api/stuns"),
            "no STUN and TURN servers: audio and video fail behind firewalls",
        ),
        expected("media.sip_ws_host", node.authority(), "the microphone does not connect"),
        expected(
            "kurento.wsUrl",
            format!("{socket}/bbb-webrtc-sfu"),
            "cameras and screen sharing do not connect",
        ),
        expected(
            "presentation.uploadEndpoint",
            format!("{node}/bigbluebutton/presentation/upload"),
            "presentations cannot be uploaded",
        ),
    ];
    if release.is_before(2, 5, 0) {
        all.push(expected("note.url", format!("{node}/pad"), "shared notes stay empty"));
    } else {
        all.push(expected("pads.url", format!("{node}/pad"), "shared notes stay empty"));
    }
    if release.is_static() {
        all.push(expected(
            "media.livekit.url",
            format!("{socket}/livekit"),
            "audio and video over LiveKit do not connect",
        ));
        if case.has_shared_notes_server() {
            all.push(expected(
                "sharedNotes.serverHostname",
                node.host().to_owned(),
                "shared notes do not connect",
            ));
        }
    }
    all
}

fn expected(key: &'static str, value: String, effect: &'static str) -> Expected {
    Expected { key, value, effect }
}
