//! `join`: a user, a session, and the way into the client.

use http::{HeaderValue, StatusCode, header};

use super::{ApiRequest, check, failure, violation};
use crate::{
    answer::{self, Answer, Caching},
    checksum::Algorithm,
    meeting::{GuestStatus, JoinOutcome, JoinRequest, Joined, Meeting, Role},
    query::{Parameters, encode},
    state::NodeState,
    xml::Xml,
};

/// Carries out a join call. Since 3.0 broken rules redirect whatever `redirect`
/// says, and later errors honour it; 2.7 honours it always, and before that
/// nothing does.
pub(super) fn answer(node: &NodeState, request: &ApiRequest) -> Answer {
    let parameters = &request.parameters;
    let release = &node.services.release;
    let redirects = parameters.flag("redirect", true) || !release.failed_joins_are_directed();
    if let Some(broken) = violation(node, request) {
        if !redirects && !release.broken_rules_always_redirect() {
            return failure(request, broken.key, broken.message);
        }
        // Without a valid checksum nobody may choose where users are sent.
        let base = if broken == check::CHECKSUM {
            node.services.web().logout_url()
        } else {
            error_base(node, parameters)
        };
        return error_redirect(&base, broken.key, broken.message);
    }
    let fail = |key: &str, message: &str| {
        if redirects {
            error_redirect(&error_base(node, parameters), key, message)
        } else {
            failure(request, key, message)
        }
    };
    let id = parameters.get("meetingID").unwrap_or_default();
    let Some(name) = parameters.get("fullName") else {
        return answer::page(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let Some(meeting) = node.read(|meetings| meetings.find(id).cloned()) else {
        return answer::page(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let is_3_0 = !node.services.release.has_meteor();
    let since_3_0 = |name: &str| parameters.filled(name).filter(|_| is_3_0);
    let existing_user = since_3_0("existingUserID").map(str::to_owned);
    let role = match role(parameters, &meeting) {
        Ok(role) => role,
        Err(_) if existing_user.is_some() => Role::Viewer,
        Err(message) => {
            return answer::xml(Xml::failure("Params required", message), Caching::NoCache);
        }
    };
    if parameters.number("createTime").is_some_and(|time| time != meeting.create_time) {
        return fail(
            "mismatchCreateTimeParam",
            "The createTime parameter submitted mismatches with the current meeting.",
        );
    }
    let wanted = JoinRequest {
        name: name.to_owned(),
        external_id: parameters.filled("userID").map(str::to_owned),
        role,
        guest: parameters.flag("guest", false),
        authenticated: match parameters.filled("guest") {
            None => true,
            Some(_) => parameters.flag("auth", false),
        },
        bot: is_3_0 && parameters.flag("bot", false),
        custom_data: custom_data(parameters),
        logout_url: since_3_0("logoutURL")
            .map_or_else(|| node.services.web().logout_url(), str::to_owned),
        existing_user,
    };
    let outcome = node.change(|meetings, _| {
        meetings.join(&meeting.internal_id, wanted, request.servlet_session(), &mut rand::rng())
    });
    match outcome {
        JoinOutcome::Joined(joined) => welcome(node, parameters, &joined),
        JoinOutcome::Full => fail(
            "maxParticipantsReached",
            "The number of participants allowed for this meeting has been reached.",
        ),
        JoinOutcome::Denied => fail(
            "guestDeniedAccess",
            "You have been denied access to this meeting based on the meeting's guest policy",
        ),
        JoinOutcome::UserNotFound => answer::xml(
            Xml::failure("userNotFound", "No active session found for the provided user ID."),
            Caching::NoCache,
        ),
        // The meeting ended since we looked.
        JoinOutcome::NoMeeting => fail(
            "meetingForciblyEnded",
            "You can not join a meeting that has already been forcibly ended",
        ),
    }
}

fn role(parameters: &Parameters, meeting: &Meeting) -> Result<Role, &'static str> {
    if let Some(role) = parameters.filled("role").and_then(Role::parse) {
        return Ok(role);
    }
    match parameters.filled("password") {
        Some(password) if password == meeting.moderator_password => Ok(Role::Moderator),
        Some(password) if password == meeting.attendee_password => Ok(Role::Viewer),
        Some(_) => Err("You must enter a valid password"),
        None => Err(
            "You must either send the valid role of the user, or the password, sould the meeting has one.",
        ),
    }
}

/// `userdata-KEY`: only names that split into exactly two parts at `-`.
fn custom_data(parameters: &Parameters) -> Vec<(String, String)> {
    parameters
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("userdata-")?, value)))
        .filter(|(key, _)| !key.is_empty() && !key.contains('-'))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn welcome(node: &NodeState, parameters: &Parameters, joined: &Joined) -> Answer {
    let url = client_url(node, parameters, joined);
    let mut answer = if parameters.flag("redirect", true) {
        answer::redirect(StatusCode::FOUND, &url)
    } else {
        let text = Xml::success(|xml| {
            xml.value("messageKey", "successfullyJoined");
            xml.value("message", "You have joined successfully.");
            xml.value("meeting_id", &joined.key.meeting);
            xml.value("user_id", &joined.key.user);
            xml.value("auth_token", &joined.auth_token);
            xml.value("session_token", &joined.session_token);
            xml.value("guestStatus", joined.guest_status.as_str());
            xml.value("url", &url);
        });
        answer::xml(text, Caching::NoCache)
    };
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if joined.new_servlet_session {
        let cookie = servlet_cookie(node, &joined.servlet_session);
        let cookie = HeaderValue::from_str(&cookie).expect("hex digits and attributes");
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}

/// Where the browser goes: the client, and on 2.7 the lobby for who has to wait.
fn client_url(node: &NodeState, parameters: &Parameters, joined: &Joined) -> String {
    let token = &joined.session_token;
    let of = |key: &str| node.services.web().property(key);
    let client = of("defaultHTML5ClientUrl");
    if node.services.release.has_meteor() {
        if joined.guest_status == GuestStatus::Wait {
            return format!("{}?sessionToken={token}", of("defaultGuestWaitURL"));
        }
    } else if parameters.filled("enforceLayout").is_some() {
        return format!("{client}?waitLayout=1&sessionToken={token}");
    }
    format!("{client}?sessionToken={token}")
}

/// The cookie of the servlet session. `Secure` goes with the node's origin: on
/// plain HTTP (only ever on loopback) browsers would drop a secure cookie.
fn servlet_cookie(node: &NodeState, id: &str) -> String {
    let mut cookie = format!("JSESSIONID={id}; Path=/; HttpOnly");
    if node.services.web().origin.is_secure() {
        cookie.push_str("; Secure");
    }
    if let Some(same_site) = node
        .services
        .web()
        .same_site
        .as_ref()
        .filter(|value| value.chars().all(char::is_alphanumeric))
    {
        cookie.push_str("; SameSite=");
        cookie.push_str(same_site);
    }
    cookie
}

fn error_base(node: &NodeState, parameters: &Parameters) -> String {
    parameters
        .filled("errorRedirectUrl")
        .filter(|_| node.services.release.failed_joins_are_directed())
        .or_else(|| parameters.filled("logoutURL"))
        .map_or_else(|| node.services.web().logout_url(), str::to_owned)
}

fn error_redirect(base: &str, key: &str, message: &str) -> Answer {
    let errors = serde_json::json!([{"key": key, "message": message}]).to_string();
    let separator = if base.contains('?') { '&' } else { '?' };
    let mut answer = answer::redirect(
        StatusCode::FOUND,
        &format!("{base}{separator}errors={}", encode(&errors)),
    );
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}

/// A join URL of this node's own, signed with its secret. `lead` stands before
/// the first parameter.
pub(crate) fn signed_join_url(
    node: &NodeState,
    lead: &str,
    pairs: &[(&str, &str)],
    algorithm: Algorithm,
) -> String {
    let query: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let query = format!("{lead}{}", query.join("&"));
    let checksum = algorithm.hex(&format!("join{query}{}", node.services.web().secret));
    format!("{}/bigbluebutton/api/join?{query}&checksum={checksum}", node.services.web().origin)
}
