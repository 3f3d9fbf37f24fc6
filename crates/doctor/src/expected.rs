//! What the effective settings of a node behind the cluster's proxy are to be.
//!
//! Our own tables, from BBB's documentation and sources: they judge what others
//! of our parts write.

use bluegate_cluster::{BbbVersion, Node};

use crate::{
    check::Case,
    finding::Severity,
    release::{ClientKind, Release},
};

/// One client setting, below `public`.
pub(crate) struct Expected {
    /// Its path with dots.
    pub(crate) key: &'static str,
    /// What users notice when it is wrong.
    pub(crate) effect: &'static str,
    /// How bad that is.
    pub(crate) severity: Severity,
    counts: fn(&Release) -> bool,
    value: fn(&Node, &Release) -> String,
}

/// One variable of Meteor, in its page's runtime configuration and in its unit.
pub(crate) struct Variable {
    /// In the page.
    pub(crate) name: &'static str,
    /// In the unit.
    pub(crate) key: &'static str,
    /// What the page is to say.
    pub(crate) value: fn(&Node) -> String,
    /// What makes the page say it.
    pub(crate) written: fn(&Node) -> String,
}

/// Where the server of shared notes is, which only nodes with one have.
pub(crate) const SHARED_NOTES: &str = "sharedNotes.serverHostname";

/// Where LiveKit is, which only meetings that use it ask.
pub(crate) const LIVEKIT: &str = "media.livekit.url";

const SETTINGS: &[Expected] = &[
    Expected {
        key: "app.basename",
        effect: "sounds, avatars and backgrounds are missing",
        severity: Severity::Problem,
        counts: always,
        value: |node, _| format!("/{}/html5client", node.name),
    },
    Expected {
        key: "app.bbbWebBase",
        effect: "the client asks the cluster's origin for what only the node has",
        severity: Severity::Problem,
        counts: always,
        value: |node, _| format!("{}/bigbluebutton", node.origin),
    },
    Expected {
        key: "app.learningDashboardBase",
        effect: "the learning dashboard does not open",
        severity: Severity::Problem,
        counts: always,
        value: |node, release| {
            let is_old = release.is_since(2, 4, 0) && release.is_before(2, 4, 4);
            let folder = if is_old { "learning-dashboard" } else { "learning-analytics-dashboard" };
            format!("{}/{folder}", node.origin)
        },
    },
    Expected {
        key: "app.userSettingsStorage",
        effect: "what users set for themselves is forgotten with every meeting",
        severity: Severity::Note,
        counts: always,
        value: |_, _| "local".to_owned(),
    },
    Expected {
        key: "media.stunTurnServersFetchAddress",
        effect: "no STUN and TURN servers: audio and video fail behind firewalls",
        severity: Severity::Problem,
        counts: always,
        value: |node, _| format!("{}/bigbluebutton/api/stuns", node.origin),
    },
    Expected {
        key: "media.sip_ws_host",
        effect: "the microphone does not connect",
        severity: Severity::Problem,
        counts: always,
        value: |node, _| node.origin.authority(),
    },
    Expected {
        key: LIVEKIT,
        effect: "audio and video over LiveKit do not connect",
        severity: Severity::Problem,
        counts: Release::is_static,
        value: |node, _| format!("{}/livekit", node.origin.web_socket()),
    },
    Expected {
        key: "kurento.wsUrl",
        effect: "cameras and screen sharing do not connect",
        severity: Severity::Problem,
        counts: always,
        value: |node, _| format!("{}/bbb-webrtc-sfu", node.origin.web_socket()),
    },
    Expected {
        key: "presentation.uploadEndpoint",
        effect: "presentations cannot be uploaded",
        severity: Severity::Problem,
        counts: always,
        value: |node, _| format!("{}/bigbluebutton/presentation/upload", node.origin),
    },
    Expected {
        key: "note.url",
        effect: "shared notes stay empty",
        severity: Severity::Problem,
        counts: has_note,
        value: |node, _| format!("{}/pad", node.origin),
    },
    Expected {
        key: "pads.url",
        effect: "shared notes stay empty",
        severity: Severity::Problem,
        counts: |release| !has_note(release),
        value: |node, _| format!("{}/pad", node.origin),
    },
    Expected {
        key: SHARED_NOTES,
        effect: "shared notes do not connect",
        severity: Severity::Problem,
        counts: Release::is_static,
        value: |node, _| node.origin.host().to_owned(),
    },
];

/// Meteor's variables, on 2.x.
pub(crate) const VARIABLES: &[Variable] = &[
    Variable {
        name: "ROOT_URL_PATH_PREFIX",
        key: "Environment=ROOT_URL",
        value: |node| format!("/{}/html5client", node.name),
        written: |node| format!("https://127.0.0.1/{}/html5client", node.name),
    },
    Variable {
        name: "DDP_DEFAULT_CONNECTION_URL",
        key: "Environment=DDP_DEFAULT_CONNECTION_URL",
        value: |node| format!("{}/{}/html5client", node.origin, node.name),
        written: |node| format!("{}/{}/html5client", node.origin, node.name),
    },
];

fn always(_: &Release) -> bool {
    true
}

fn has_note(release: &Release) -> bool {
    release.is_before(2, 5, 0)
}

impl Expected {
    /// What it is to be on this node.
    pub(crate) fn value(&self, case: &Case<'_>) -> String {
        (self.value)(case.node, case.release)
    }
}

/// The client settings that count on a node of this release.
pub(crate) fn settings(release: &Release) -> impl Iterator<Item = &'static Expected> {
    SETTINGS.iter().filter(|expected| (expected.counts)(release))
}

/// The names of all effective settings that are compared on a node of this
/// release with everything that the release can have.
#[must_use]
pub fn compared_settings(version: &BbbVersion) -> Vec<String> {
    let is_static = version.major >= 3;
    let client = if is_static { ClientKind::Static } else { ClientKind::Meteor };
    let release = Release { version: Some(version.clone()), client, told_by_node: true };
    let client = settings(&release).map(|expected| format!("public.{}", expected.key));
    let variables = VARIABLES.iter().filter(|_| !is_static);
    client.chain(variables.map(|variable| variable.key.to_owned())).collect()
}
