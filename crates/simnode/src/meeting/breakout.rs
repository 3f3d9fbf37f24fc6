//! Breakout rooms that moderators make from within a meeting.

use rand::RngCore;

use super::{CreateOutcome, CreateRequest, Meetings, Role, Timers, UserKey};
use crate::checksum::Algorithm;

/// What ties a breakout room to its parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breakout {
    /// The parent's internal id.
    pub(crate) parent_internal_id: String,
    /// 1, 2, 3 ...
    pub(crate) sequence: usize,
    /// Whether anybody may choose this room.
    pub(crate) free_join: bool,
}

impl Meetings {
    /// Makes the next breakout room of the user's meeting and returns its
    /// internal id. `None` when the user is no moderator of a main meeting.
    ///
    /// The parent's metadata is copied: whoever stamped the parent finds the
    /// stamp on its rooms.
    pub(crate) fn create_breakout(
        &mut self,
        by: &UserKey,
        now: u64,
        dice: &mut dyn RngCore,
    ) -> Option<String> {
        let user = self.user(by)?;
        let parent = self.get(&by.meeting)?;
        if user.role != Role::Moderator || !user.is_present() || parent.breakout.is_some() {
            return None;
        }
        let sequence = parent.breakout_rooms.len() + 1;
        let parent_internal_id = parent.internal_id.clone();
        let seed = format!("{parent_internal_id}-{now}-{sequence}");
        let request = CreateRequest {
            external_id: format!("{}-{now}", Algorithm::Sha1.hex(&seed)),
            name: format!("{} (Room {sequence})", parent.name),
            attendee_password: Some(parent.attendee_password.clone()),
            moderator_password: Some(parent.moderator_password.clone()),
            voice_bridge: Some(format!("{}{sequence}", parent.voice_bridge)),
            voice_bridge_digits: 5,
            dial_number: parent.dial_number.clone(),
            metadata: parent.metadata.clone(),
            breakout: Some(Breakout {
                parent_internal_id: parent_internal_id.clone(),
                sequence,
                free_join: true,
            }),
            client_settings: parent.client_settings.clone(),
            guest_policy: "ALWAYS_ACCEPT".to_owned(),
            allow_requests_without_session: parent.allow_requests_without_session,
            timers: Timers {
                if_no_user_joined: parent.timers.if_no_user_joined,
                when_last_user_left: parent.timers.when_last_user_left,
                ..Timers::default()
            },
            ..CreateRequest::default()
        };
        let (internal_id, external_id) = match self.create(request, now, dice) {
            CreateOutcome::Created(room) => (room.internal_id.clone(), room.external_id.clone()),
            _ => return None,
        };
        self.get_mut(&parent_internal_id)?.breakout_rooms.push(external_id);
        Some(internal_id)
    }
}
