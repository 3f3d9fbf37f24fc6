//! What happened in meetings, for those who tell the world of it.

use super::{Meeting, User};
use crate::recording::Recording;

/// One thing that happened, with all that is told of it.
#[derive(Debug, Clone)]
pub(crate) enum Happening {
    /// A meeting was made.
    Created(Box<Meeting>),
    /// A user has come in.
    Joined {
        /// Where.
        meeting: MeetingIds,
        /// Who.
        user: Box<User>,
    },
    /// A user has left a meeting that goes on.
    Left {
        /// Where.
        meeting: MeetingIds,
        /// Who.
        user: Box<User>,
    },
    /// A meeting has ended; it is as it was then.
    Ended(Box<Meeting>),
    /// A step of a recording's processing began or ended, or a call of the API
    /// published, hid or deleted it.
    Step {
        /// What bbb-webhooks calls it, such as `rap-publish-ended`.
        event_id: &'static str,
        /// The recording as it is now.
        recording: Box<Recording>,
    },
}

/// What a meeting is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MeetingIds {
    /// The internal id.
    pub(crate) internal: String,
    /// The `meetingID` of the API.
    pub(crate) external: String,
}

impl Meeting {
    /// What it is called.
    pub(crate) fn ids(&self) -> MeetingIds {
        MeetingIds { internal: self.internal_id.clone(), external: self.external_id.clone() }
    }
}
