//! Who comes and goes: sockets that open and close, guests that are let in.

use super::{GuestStatus, Happening, Meeting, Meetings, Role, User, UserKey};

impl Meetings {
    /// A GraphQL socket of the user opened: the user is in the meeting. The
    /// first moderator becomes presenter.
    pub(crate) fn connect(&mut self, key: &UserKey, now: u64) {
        let Some(meeting) = self.get_mut(&key.meeting) else { return };
        let has_presenter = meeting.present().any(|user| user.presenter);
        let happening = meeting.change_user(&key.user, now, |user| {
            user.sockets += 1;
            user.presenter |= !has_presenter && user.role == Role::Moderator;
        });
        self.happened.extend(happening);
    }

    /// A GraphQL socket of the user closed; with the last one the user leaves.
    pub(crate) fn disconnect(&mut self, key: &UserKey, now: u64) {
        let Some(meeting) = self.get_mut(&key.meeting) else { return };
        let happening = meeting.change_user(&key.user, now, |user| {
            user.sockets = user.sockets.saturating_sub(1);
            if user.sockets == 0 {
                user.presenter = false;
            }
        });
        self.happened.extend(happening);
    }

    /// A moderator lets a waiting user in.
    pub(crate) fn admit(&mut self, meeting: &str, user: &str, now: u64) {
        let Some(meeting) = self.get_mut(meeting) else { return };
        let happening =
            meeting.change_user(user, now, |user| user.guest_status = GuestStatus::Allow);
        self.happened.extend(happening);
    }

    /// Decides about all who wait in the lobby of the meeting with this external
    /// id; how many they were, `None` when there is no such meeting.
    pub(crate) fn decide_on_guests(
        &mut self,
        external_id: &str,
        decision: GuestStatus,
        now: u64,
    ) -> Option<usize> {
        let id = self.id_of_external(external_id)?;
        let meeting = self.get_mut(&id)?;
        let waiting: Vec<String> = meeting
            .users
            .iter()
            .filter(|user| user.guest_status == GuestStatus::Wait)
            .map(|user| user.internal_id.clone())
            .collect();
        let mut happenings = Vec::new();
        for user in &waiting {
            happenings.extend(meeting.change_user(user, now, |user| user.guest_status = decision));
        }
        meeting.attendance_changed(now);
        self.happened.extend(happenings);
        Some(waiting.len())
    }
}

impl Meeting {
    /// Changes a user, and says whether that brought the user in or out.
    fn change_user(
        &mut self,
        internal_id: &str,
        now: u64,
        change: impl FnOnce(&mut User),
    ) -> Option<Happening> {
        let meeting = self.ids();
        let found = self.users.iter_mut().find(|user| user.internal_id == internal_id);
        let happening = found.and_then(|user| {
            let was_present = user.is_present();
            change(user);
            let user = Box::new(user.clone());
            match (was_present, user.is_present()) {
                (false, true) => Some(Happening::Joined { meeting, user }),
                (true, false) => Some(Happening::Left { meeting, user }),
                _ => None,
            }
        });
        self.attendance_changed(now);
        happening
    }
}
