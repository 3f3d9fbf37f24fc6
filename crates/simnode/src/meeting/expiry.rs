//! When meetings end by themselves.

use super::{Meeting, Meetings, Role};

const MINUTE: u64 = 60_000;

/// The longest time a create parameter may ask for, in minutes (a year).
const LONGEST: u64 = 525_600;

/// The clocks of one meeting. Durations are milliseconds, 0 switches one off.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timers {
    /// Ends when nobody joined for so long after create.
    pub(crate) if_no_user_joined: u64,
    /// Ends when it has been empty for so long.
    pub(crate) when_last_user_left: u64,
    /// Ends when no moderator has been in for so long; `None` for never.
    pub(crate) without_moderator: Option<u64>,
    /// Since when it is empty, once somebody was in.
    pub(crate) empty_since: Option<u64>,
    /// Since when no moderator is in, once one was.
    pub(crate) without_moderator_since: Option<u64>,
}

/// Minutes from a parameter as bounded milliseconds.
pub(crate) fn minutes(count: u64) -> u64 {
    count.min(LONGEST) * MINUTE
}

impl Meeting {
    /// Whether one of its clocks has run out.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        let passed = |since: u64, limit: u64| limit > 0 && now.saturating_sub(since) >= limit;
        let timers = &self.timers;
        passed(self.create_time, minutes(self.duration))
            || !self.has_user_joined && passed(self.create_time, timers.if_no_user_joined)
            || timers.empty_since.is_some_and(|since| passed(since, timers.when_last_user_left))
            || timers.without_moderator.is_some_and(|limit| {
                timers
                    .without_moderator_since
                    .is_some_and(|since| now.saturating_sub(since) >= limit)
            })
    }

    /// Starts and stops the clocks after somebody came or went.
    pub(crate) fn attendance_changed(&mut self, now: u64) {
        let running = self.is_running();
        let moderated = self.present().any(|user| user.role == Role::Moderator);
        let timers = &mut self.timers;
        if running {
            self.has_user_joined = true;
            timers.empty_since = None;
        } else if self.has_user_joined {
            timers.empty_since.get_or_insert(now);
        }
        if moderated {
            timers.without_moderator_since = None;
        } else if self.has_user_joined {
            timers.without_moderator_since.get_or_insert(now);
        }
    }
}

impl Meetings {
    /// Ends every meeting that is due; whether there was one.
    pub(crate) fn end_due(&mut self, now: u64) -> bool {
        let due: Vec<String> = self
            .iter()
            .filter(|meeting| meeting.is_due(now))
            .map(|meeting| meeting.internal_id.clone())
            .collect();
        for internal_id in &due {
            self.end(internal_id);
        }
        !due.is_empty()
    }
}
