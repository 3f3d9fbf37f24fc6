//! The node's meetings by id, and the sessions of browsers.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngCore;

use super::{Happening, Meeting, Presentation, User, token};
use crate::{checksum::Algorithm, spool::Made};

/// How many upload tokens are valid at a time; beyond it the first one goes.
const UPLOADS_MAX: usize = 10_000;

/// How many session tokens a node holds at most.
const SESSIONS_MAX: usize = 100_000;

/// A user of a meeting, by internal ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UserKey {
    /// The meeting's internal id.
    pub(crate) meeting: String,
    /// The user's internal id.
    pub(crate) user: String,
}

/// All that a node knows of its meetings.
#[derive(Debug, Default)]
pub(crate) struct Meetings {
    /// By internal id.
    meetings: BTreeMap<String, Meeting>,
    /// Session tokens and whose they are.
    sessions: BTreeMap<String, UserKey>,
    /// Servlet sessions (`JSESSIONID`) and the session tokens each one holds.
    servlet_sessions: BTreeMap<String, BTreeSet<String>>,
    /// Upload tokens and the meeting each one is for.
    uploads: BTreeMap<String, String>,
    /// Presentations made since somebody last asked.
    made: Vec<Made>,
    /// What happened since somebody last asked.
    pub(super) happened: Vec<Happening>,
    /// Recorded meetings that ended since somebody last asked.
    recorded: Vec<Meeting>,
    /// The newest create time given out.
    pub(super) last_create_time: u64,
}

impl Meetings {
    /// All meetings, ordered by internal id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Meeting> {
        self.meetings.values()
    }

    /// A meeting by internal id.
    pub(crate) fn get(&self, internal_id: &str) -> Option<&Meeting> {
        self.meetings.get(internal_id)
    }

    /// A meeting by internal id, to change.
    pub(crate) fn get_mut(&mut self, internal_id: &str) -> Option<&mut Meeting> {
        self.meetings.get_mut(internal_id)
    }

    pub(super) fn insert(&mut self, meeting: Meeting) -> &Meeting {
        self.made.push(meeting.made());
        self.happened.push(Happening::Created(Box::new(meeting.clone())));
        self.meetings.entry(meeting.internal_id.clone()).or_insert(meeting)
    }

    /// The internal id of the running meeting with this external id.
    pub(super) fn id_of_external(&self, external_id: &str) -> Option<String> {
        self.id_with_prefix(&Algorithm::Sha1.hex(external_id))
    }

    /// The meeting a `meetingID` of end, join or getMeetingInfo means: a prefix
    /// of an internal id, else an external id.
    pub(crate) fn find(&self, id: &str) -> Option<&Meeting> {
        if id.is_empty() {
            return None;
        }
        let internal_id = self.id_with_prefix(id).or_else(|| self.id_of_external(id))?;
        self.get(&internal_id)
    }

    fn id_with_prefix(&self, prefix: &str) -> Option<String> {
        let (id, _) = self.meetings.range(prefix.to_owned()..).next()?;
        id.starts_with(prefix).then(|| id.clone())
    }

    /// Ends a meeting and its breakout rooms: both are forgotten at once, and
    /// so are their users' sessions.
    pub(crate) fn end(&mut self, internal_id: &str) {
        let rooms: Vec<String> = self
            .iter()
            .filter(|meeting| {
                meeting
                    .breakout
                    .as_ref()
                    .is_some_and(|breakout| breakout.parent_internal_id == internal_id)
            })
            .map(|room| room.internal_id.clone())
            .collect();
        let ended = self.meetings.remove(internal_id);
        if let Some(breakout) = ended.as_ref().and_then(|meeting| meeting.breakout.as_ref())
            && let Some(parent) = self.meetings.get_mut(&breakout.parent_internal_id)
        {
            let external_id = ended.as_ref().map(|meeting| meeting.external_id.as_str());
            parent.breakout_rooms.retain(|room| Some(room.as_str()) != external_id);
        }
        self.recorded.extend(ended.iter().filter(|meeting| meeting.record).cloned());
        self.drop_sessions(|key| key.meeting == internal_id);
        self.uploads.retain(|_, meeting| meeting != internal_id);
        for room in rooms {
            self.end(&room);
        }
        self.happened.extend(ended.map(|meeting| Happening::Ended(Box::new(meeting))));
    }

    /// Forgets everything but the newest create time, which must stay unique.
    pub(crate) fn forget_all(&mut self) {
        *self = Self { last_create_time: self.last_create_time, ..Self::default() };
    }

    /// A user by key.
    pub(crate) fn user(&self, key: &UserKey) -> Option<&User> {
        self.get(&key.meeting)?.users.iter().find(|user| user.internal_id == key.user)
    }

    /// A user by key, to change.
    pub(crate) fn user_mut(&mut self, key: &UserKey) -> Option<&mut User> {
        let meeting = self.get_mut(&key.meeting)?;
        meeting.users.iter_mut().find(|user| user.internal_id == key.user)
    }

    /// Whether a user has this token of the media servers.
    pub(crate) fn has_auth_token(&self, token: &str) -> bool {
        self.iter().any(|meeting| meeting.users.iter().any(|user| user.auth_token == token))
    }

    /// The user leaves for good: sessions no longer count.
    pub(crate) fn leave(&mut self, key: &UserKey) {
        self.drop_sessions(|other| other == key);
    }

    /// Whether no further session fits.
    pub(super) fn is_full(&self) -> bool {
        self.sessions.len() >= SESSIONS_MAX
    }

    /// Ties a session token to a servlet session, a new one unless `cookie`
    /// names one; returns its id and whether it is new.
    pub(super) fn open_session(
        &mut self,
        session_token: &str,
        key: UserKey,
        cookie: Option<&str>,
        dice: &mut dyn RngCore,
    ) -> (String, bool) {
        self.sessions.insert(session_token.to_owned(), key);
        let known = cookie.filter(|id| self.servlet_sessions.contains_key(*id));
        let id = known.map_or_else(
            || {
                let mut bytes = [0; 16];
                dice.fill_bytes(&mut bytes);
                crate::checksum::hex(&bytes).to_uppercase()
            },
            str::to_owned,
        );
        self.servlet_sessions.entry(id.clone()).or_default().insert(session_token.to_owned());
        (id, known.is_none())
    }

    /// The user of a session token, when the browser's servlet session holds it
    /// (or the meeting, or the whole node, does not insist on that).
    pub(crate) fn authorize(
        &self,
        session_token: &str,
        cookie: Option<&str>,
        without_session: bool,
    ) -> Option<UserKey> {
        let key = self.sessions.get(session_token)?;
        let held = cookie
            .and_then(|id| self.servlet_sessions.get(id))
            .is_some_and(|tokens| tokens.contains(session_token));
        let lenient = without_session || self.get(&key.meeting)?.allow_requests_without_session;
        (held || lenient).then(|| key.clone())
    }

    /// Session token and user pairs, for `getSessions`.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = &UserKey> {
        self.sessions.values()
    }

    fn drop_sessions(&mut self, gone: impl Fn(&UserKey) -> bool) {
        self.sessions.retain(|_, key| !gone(key));
        let sessions = &self.sessions;
        self.servlet_sessions.retain(|_, tokens| {
            tokens.retain(|token| sessions.contains_key(token));
            !tokens.is_empty()
        });
    }

    /// Shows another presentation in a meeting; whether there is one.
    pub(crate) fn show_presentation(&mut self, meeting: &str, name: &str, now: u64) -> bool {
        match self.get_mut(meeting) {
            Some(found) => {
                found.presentation = Presentation::new(name, meeting, now);
                let made = found.made();
                self.made.push(made);
                true
            }
            None => false,
        }
    }

    /// The presentations made since the last call.
    pub(crate) fn take_made(&mut self) -> Vec<Made> {
        std::mem::take(&mut self.made)
    }

    /// What happened since the last call, in order.
    pub(crate) fn take_happened(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.happened)
    }

    /// The recorded meetings that ended since the last call.
    pub(crate) fn take_recorded(&mut self) -> Vec<Meeting> {
        std::mem::take(&mut self.recorded)
    }

    /// Gives out a token for one upload into a meeting.
    pub(crate) fn upload_token(&mut self, meeting: &str, dice: &mut dyn RngCore) -> String {
        if self.uploads.len() >= UPLOADS_MAX {
            self.uploads.pop_first();
        }
        let token = token(24, dice);
        self.uploads.insert(token.clone(), meeting.to_owned());
        token
    }

    /// The meeting an upload token is for; it stays valid, as a preflight and
    /// the upload itself both show it.
    pub(crate) fn upload_meeting(&self, token: &str) -> Option<&str> {
        self.uploads.get(token).map(String::as_str)
    }

    /// Uses up an upload token.
    pub(crate) fn finish_upload(&mut self, token: &str) -> Option<String> {
        self.uploads.remove(token)
    }
}
