//! One registered user of a meeting.

use std::collections::BTreeMap;

use super::media::Media;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Moderator,
    Viewer,
}

impl Role {
    /// As the API writes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Moderator => "MODERATOR",
            Self::Viewer => "VIEWER",
        }
    }

    /// Reads `role`, in any case of letters.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Moderator, Self::Viewer]
            .into_iter()
            .find(|role| role.as_str().eq_ignore_ascii_case(text))
    }
}

/// Whether a user may enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GuestStatus {
    Allow,
    Wait,
    Deny,
}

impl GuestStatus {
    /// As the API writes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Wait => "WAIT",
            Self::Deny => "DENY",
        }
    }
}

/// One registered user: a successful `join` call makes one.
#[derive(Debug, Clone)]
pub(crate) struct User {
    /// `w_` and twelve letters or digits.
    pub(crate) internal_id: String,
    /// The `userID` of the join call, else the internal id.
    pub(crate) external_id: String,
    /// The name shown.
    pub(crate) name: String,
    /// Moderator or viewer.
    pub(crate) role: Role,
    /// Allowed in, waiting or denied.
    pub(crate) guest_status: GuestStatus,
    /// The token of the media servers.
    pub(crate) auth_token: String,
    /// `userdata-*` parameters of the join call.
    pub(crate) custom_data: Vec<(String, String)>,
    /// Where this user goes after the meeting.
    pub(crate) logout_url: String,
    /// Whether this user is the presenter.
    pub(crate) presenter: bool,
    /// Whether this user does not count against `maxParticipants`.
    pub(crate) bot: bool,
    /// Open GraphQL sockets; a user with one is in the meeting.
    pub(crate) sockets: u32,
    /// Microphone and cameras, per open media socket.
    pub(crate) media: BTreeMap<u64, Media>,
}

impl User {
    /// Whether the user is in the meeting: connected and let in.
    pub(crate) fn is_present(&self) -> bool {
        self.sockets > 0 && self.guest_status == GuestStatus::Allow
    }

    /// Whether the user has joined with a microphone.
    pub(crate) fn has_voice(&self) -> bool {
        self.media.values().any(|media| media.microphone)
    }

    /// The number of cameras the user shares.
    pub(crate) fn cameras(&self) -> usize {
        self.media.values().map(|media| media.cameras.len()).sum()
    }
}
