//! Meetings, their users and their sessions: a state machine without I/O.
//!
//! Time and randomness are arguments. [`Meetings`] is the whole state of a
//! node; it is lost when the node is switched off, as after a reboot.

mod attendance;
mod breakout;
mod create;
mod expiry;
mod happening;
mod join;
mod media;
mod registry;
#[cfg(test)]
mod tests;
mod user;

use std::{collections::BTreeMap, sync::Arc};

use rand::{Rng, RngCore};
use serde_json::Value;

use crate::{checksum::Algorithm, spool::Made};

pub(crate) use breakout::Breakout;
pub(crate) use create::{CreateOutcome, CreateRequest};
pub(crate) use expiry::{Timers, minutes};
pub(crate) use happening::{Happening, MeetingIds};
pub(crate) use join::{JoinOutcome, JoinRequest, Joined};
pub(crate) use media::MediaReport;
pub(crate) use registry::{Meetings, UserKey};
pub(crate) use user::{GuestStatus, Role, User};

/// One running meeting.
#[derive(Debug, Clone)]
pub(crate) struct Meeting {
    /// `sha1(meetingID)-createTime`.
    pub(crate) internal_id: String,
    /// The `meetingID` of the API.
    pub(crate) external_id: String,
    /// Its title.
    pub(crate) name: String,
    /// The password of viewers.
    pub(crate) attendee_password: String,
    /// The password of moderators.
    pub(crate) moderator_password: String,
    /// Milliseconds since 1970.
    pub(crate) create_time: u64,
    /// The number of its voice conference.
    pub(crate) voice_bridge: String,
    /// The telephone number.
    pub(crate) dial_number: String,
    /// Minutes until it ends by itself, 0 for never.
    pub(crate) duration: u64,
    /// Whether it may be recorded.
    pub(crate) record: bool,
    /// The largest number of participants, 0 for any.
    pub(crate) max_users: u64,
    /// `meta_*` parameters, names in lower case.
    pub(crate) metadata: BTreeMap<String, String>,
    /// `meetingEndedURL` of the create call.
    pub(crate) ended_url: Option<String>,
    /// Whether its events are kept, recorded or not.
    pub(crate) keeps_events: bool,
    /// Present in breakout rooms.
    pub(crate) breakout: Option<Breakout>,
    /// Who has to wait.
    pub(crate) guest_policy: String,
    /// What users read on entering.
    pub(crate) welcome: String,
    /// `allowRequestsWithoutSession` of the create call.
    pub(crate) allow_requests_without_session: bool,
    /// When it ends by itself.
    pub(crate) timers: Timers,
    /// Whether anybody ever was in it.
    pub(crate) has_user_joined: bool,
    /// Registered users, in the meeting or not.
    pub(crate) users: Vec<User>,
    /// External ids of its breakout rooms.
    pub(crate) breakout_rooms: Vec<String>,
    /// The current presentation.
    pub(crate) presentation: Presentation,
    /// The client settings in force when it was made.
    pub(crate) client_settings: Arc<Value>,
    /// Whether somebody has fetched the cached static data before.
    pub(crate) static_data_cached: bool,
}

/// A presentation: its slides are drawn on demand.
#[derive(Debug, Clone)]
pub(crate) struct Presentation {
    /// `sha1-createTime`, as in slide URLs.
    pub(crate) id: String,
    /// The file name.
    pub(crate) name: String,
}

impl Presentation {
    /// A presentation with an id of its own, so that its slides have URLs that
    /// no browser has seen before.
    pub(crate) fn new(name: &str, meeting: &str, now: u64) -> Self {
        let id = Algorithm::Sha1.hex(&format!("{name}{meeting}{now}"));
        Self { id: format!("{id}-{now}"), name: name.to_owned() }
    }
}

impl Meeting {
    /// Where its presentation can be had as a file, below bbb-web's address.
    pub(crate) fn download_path(&self) -> String {
        let id = &self.presentation.id;
        format!("presentation/download/{}/{id}?presFilename={id}.pdf", self.internal_id)
    }

    /// Its presentation, for whoever writes the pages down.
    pub(crate) fn made(&self) -> Made {
        Made {
            meeting: self.internal_id.clone(),
            meeting_name: self.name.clone(),
            id: self.presentation.id.clone(),
            name: self.presentation.name.clone(),
        }
    }

    /// The name of its shared notes.
    pub(crate) fn pad_id(&self) -> String {
        format!("notes-{}", self.internal_id)
    }

    /// Users who are in the meeting.
    pub(crate) fn present(&self) -> impl Iterator<Item = &User> {
        self.users.iter().filter(|user| user.is_present())
    }

    /// At least one user is in.
    pub(crate) fn is_running(&self) -> bool {
        self.present().next().is_some()
    }
}

/// Counts for tests: what a node is doing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MeetingSummary {
    /// The `meetingID` of the API.
    pub meeting_id: String,
    /// The internal id.
    pub internal_meeting_id: String,
    /// Its title.
    pub name: String,
    /// Whether it is a breakout room.
    pub is_breakout: bool,
    /// Metadata, names in lower case.
    pub metadata: BTreeMap<String, String>,
    /// Users in the meeting.
    pub participants: usize,
    /// Of these, with a microphone.
    pub voices: usize,
    /// Open cameras.
    pub cameras: usize,
}

impl MeetingSummary {
    pub(crate) fn of(meeting: &Meeting) -> Self {
        Self {
            meeting_id: meeting.external_id.clone(),
            internal_meeting_id: meeting.internal_id.clone(),
            name: meeting.name.clone(),
            is_breakout: meeting.breakout.is_some(),
            metadata: meeting.metadata.clone(),
            participants: meeting.present().count(),
            voices: meeting.present().filter(|user| user.has_voice()).count(),
            cameras: meeting.present().map(User::cameras).sum(),
        }
    }
}

/// `length` random lower-case letters and digits.
pub(crate) fn token(length: usize, dice: &mut dyn RngCore) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    (0..length).map(|_| char::from(LETTERS[dice.random_range(0..LETTERS.len())])).collect()
}
