//! Registering users: what a join call does once its parameters are sound.

use rand::RngCore;

use super::{GuestStatus, Meeting, Meetings, Role, User, UserKey, token};

/// How many users a meeting registers at most, in it or not.
const USERS_PER_MEETING: usize = 5_000;

/// What a join call asks for, checked.
#[derive(Debug, Clone)]
pub(crate) struct JoinRequest {
    pub(crate) name: String,
    pub(crate) external_id: Option<String>,
    pub(crate) role: Role,
    pub(crate) guest: bool,
    pub(crate) authenticated: bool,
    pub(crate) bot: bool,
    pub(crate) custom_data: Vec<(String, String)>,
    pub(crate) logout_url: String,
    /// `existingUserID`: another session for a user who is registered already.
    pub(crate) existing_user: Option<String>,
}

/// What became of a join call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum JoinOutcome {
    /// The user is registered.
    Joined(Joined),
    /// The meeting has its number of participants.
    Full,
    /// The meeting's policy keeps this user out.
    Denied,
    /// `existingUserID` names nobody.
    UserNotFound,
    /// There is no such meeting.
    NoMeeting,
}

/// A registered user and the session that lets the browser in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) key: UserKey,
    pub(crate) auth_token: String,
    pub(crate) session_token: String,
    pub(crate) guest_status: GuestStatus,
    /// The servlet session that knows the token.
    pub(crate) servlet_session: String,
    /// Whether that session is new, so that its cookie has to be set.
    pub(crate) new_servlet_session: bool,
}

impl Meetings {
    /// Registers a user in a meeting and ties the session to `cookie` when that
    /// still names a live servlet session.
    pub(crate) fn join(
        &mut self,
        internal_id: &str,
        request: JoinRequest,
        cookie: Option<&str>,
        dice: &mut dyn RngCore,
    ) -> JoinOutcome {
        if self.is_full() {
            return JoinOutcome::Full;
        }
        let Some(meeting) = self.get_mut(internal_id) else { return JoinOutcome::NoMeeting };
        let index = match request.existing_user {
            Some(id) => match meeting.users.iter().position(|user| user.internal_id == id) {
                Some(index) => index,
                None => return JoinOutcome::UserNotFound,
            },
            None => {
                if is_full(meeting, &request) {
                    return JoinOutcome::Full;
                }
                let guest_status = guest_status(&meeting.guest_policy, &request);
                if guest_status == GuestStatus::Deny {
                    return JoinOutcome::Denied;
                }
                let internal = format!("w_{}", token(12, dice));
                meeting.users.push(User {
                    external_id: request.external_id.unwrap_or_else(|| internal.clone()),
                    internal_id: internal,
                    name: request.name,
                    role: request.role,
                    guest_status,
                    auth_token: token(12, dice),
                    custom_data: request.custom_data,
                    logout_url: request.logout_url,
                    presenter: false,
                    bot: request.bot,
                    sockets: 0,
                    media: std::collections::BTreeMap::new(),
                });
                meeting.users.len() - 1
            }
        };
        let user = &meeting.users[index];
        let key = UserKey { meeting: meeting.internal_id.clone(), user: user.internal_id.clone() };
        let (auth_token, guest_status) = (user.auth_token.clone(), user.guest_status);
        let session_token = token(16, dice);
        let (servlet_session, new_servlet_session) =
            self.open_session(&session_token, key.clone(), cookie, dice);
        JoinOutcome::Joined(Joined {
            key,
            auth_token,
            session_token,
            guest_status,
            servlet_session,
            new_servlet_session,
        })
    }
}

fn is_full(meeting: &Meeting, request: &JoinRequest) -> bool {
    if meeting.users.len() >= USERS_PER_MEETING {
        return true;
    }
    if meeting.max_users == 0 || request.bot {
        return false;
    }
    let mut inside: Vec<&str> =
        meeting.present().filter(|user| !user.bot).map(|user| user.external_id.as_str()).collect();
    inside.sort_unstable();
    inside.dedup();
    let already_in = request.external_id.as_deref().is_some_and(|id| inside.contains(&id));
    !already_in && u64::try_from(inside.len()).is_ok_and(|count| count >= meeting.max_users)
}

fn guest_status(policy: &str, request: &JoinRequest) -> GuestStatus {
    let wait_if = |waits: bool| if waits { GuestStatus::Wait } else { GuestStatus::Allow };
    match (request.role, policy) {
        (Role::Moderator, _) | (_, "ALWAYS_ACCEPT") => GuestStatus::Allow,
        (_, "ASK_MODERATOR") => wait_if(request.guest || request.authenticated),
        (_, "ALWAYS_ACCEPT_AUTH") => wait_if(request.guest),
        _ => GuestStatus::Deny,
    }
}
