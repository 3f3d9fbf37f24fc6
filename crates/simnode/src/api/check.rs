//! What bbb-web checks before a call, and which of several errors it reports.

use super::{ApiRequest, Call};
use crate::{
    checksum,
    meeting::Meetings,
    query::{Parameters, encode_as_java},
};

/// A broken rule: `messageKey` and `message` of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) key: &'static str,
    pub(crate) message: &'static str,
}

const fn violation(key: &'static str, message: &'static str) -> Violation {
    Violation { key, message }
}

/// The checksum is missing or wrong.
pub(crate) const CHECKSUM: Violation = violation("checksumError", "Checksums do not match");

/// The same on recording calls.
pub(crate) const RECORDING_CHECKSUM: Violation =
    violation("checksumError", "You did not pass the checksum security check");

const EXTERNAL_UPLOAD: Violation =
    violation("validationError", "Param 'presentationUploadExternalUrl' is not a valid URL");

const CONTENT_TYPE: Violation =
    violation("unsupportedContentType", "POST request Content-Type is missing or unsupported");

/// What the rules need to know of the node.
pub(crate) struct Rules<'a> {
    pub(crate) secret: &'a str,
    pub(crate) algorithms: &'a str,
    /// Whether the checksum of a POST covers its query alone, and the type of
    /// its body matters.
    pub(crate) posts_are_strict: bool,
    /// Whether `presentationUploadExternalUrl` means anything.
    pub(crate) has_external_upload: bool,
    pub(crate) meetings: &'a Meetings,
}

impl Rules<'_> {
    /// Whether the request carries the right checksum.
    pub(crate) fn checksum_is_right(&self, request: &ApiRequest) -> bool {
        request.parameters.filled("checksum").is_some_and(|given| {
            let of_body = !self.posts_are_strict && request.raw_query.is_empty();
            let signed =
                if of_body { sorted_form(&request.parameters) } else { request.raw_query.clone() };
            checksum::verify(request.call.name(), &signed, given, self.secret, self.algorithms)
        })
    }

    /// The violation bbb-web would report, if any rule is broken.
    pub(crate) fn check(&self, request: &ApiRequest) -> Option<Violation> {
        // A mistake of bbb-web: nothing else is looked at, the checksum neither.
        let upload = request.parameters.filled("presentationUploadExternalUrl");
        if let Some(url) = upload.filter(|_| self.has_external_upload) {
            return (!is_address(url)).then_some(EXTERNAL_UPLOAD);
        }
        if !self.checksum_is_right(request) {
            return Some(CHECKSUM);
        }
        if self.posts_are_strict && request.has_body && !content_type_is_allowed(request) {
            return Some(CONTENT_TYPE);
        }
        first(&self.violations(request))
    }

    fn violations(&self, request: &ApiRequest) -> Vec<Violation> {
        let parameters = &request.parameters;
        let id = parameters.get("meetingID");
        let exists = id.is_some_and(|id| self.meetings.find(id).is_some());
        let mut found = Vec::new();
        if let Some(id) = id {
            found.extend(meeting_id(id));
        }
        match request.call {
            Call::Create => create(request, &mut found),
            Call::Join => {
                if !exists {
                    found.extend([
                        violation(
                            "meetingForciblyEnded",
                            "You can not join a meeting that has already been forcibly ended",
                        ),
                        violation(
                            "invalidMeetingIdentifier",
                            "A meeting with that ID does not exist",
                        ),
                        violation(
                            "invalidPassword",
                            "The provided password is neither a moderator or attendee password",
                        ),
                    ]);
                }
                join(parameters, &mut found);
            }
            Call::End | Call::GetMeetingInfo if !exists => {
                found.push(violation("notFound", "A meeting with that ID does not exist"));
            }
            Call::SendChatMessage => chat(parameters, &mut found),
            _ => {}
        }
        if matches!(request.call, Call::Create | Call::Join | Call::End) {
            let names = ["attendeePW", "moderatorPW", "password"];
            let bad = |value: &str| !(2..=64).contains(&value.chars().count());
            if names.iter().any(|name| parameters.filled(name).is_some_and(bad)) {
                found.push(violation("invalidPassword", "Invalid password"));
            }
        }
        found
    }
}

/// Before 2.7.8 a POST whose parameters are all in its body is signed over
/// them, sorted by name and encoded as Java's `URLEncoder` does.
fn sorted_form(parameters: &Parameters) -> String {
    let mut pairs: Vec<(&str, &str)> =
        parameters.iter().filter(|(name, _)| *name != "checksum").collect();
    pairs.sort_unstable();
    let encoded: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name}={}", encode_as_java(value))).collect();
    encoded.join("&")
}

/// Violations lie in a Java hash map by key; this is the order of its buckets.
fn bucket(key: &str) -> u8 {
    match key {
        "unsupportedContentType" | "checksumError" => 1,
        "guestDeny" => 3,
        "emptyError" => 4,
        "maxParticipantsReached" => 5,
        "missingParamFullName" => 6,
        "meetingForciblyEnded" => 7,
        "invalidPassword" => 8,
        "notFound" | "invalidMeetingIdentifier" => 10,
        "sizeError" => 11,
        "validationError" | "nullError" => 14,
        _ => 15,
    }
}

/// The first key in bucket order, with the last message put under it.
fn first(found: &[Violation]) -> Option<Violation> {
    let key = found.iter().min_by_key(|violation| bucket(violation.key))?.key;
    found.iter().rev().find(|violation| violation.key == key).copied()
}

fn content_type_is_allowed(request: &ApiRequest) -> bool {
    let form = ["application/x-www-form-urlencoded", "multipart/form-data"];
    let xml = ["application/xml", "text/xml"];
    let media_type = request.media_type().unwrap_or_default();
    let (is_form, is_xml) =
        (form.contains(&media_type.as_str()), xml.contains(&media_type.as_str()));
    match request.call {
        Call::Create => is_form || is_xml,
        Call::InsertDocument => is_xml,
        Call::SendChatMessage => true,
        _ => is_form,
    }
}

fn meeting_id(id: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    if id.is_empty() {
        found.push(violation("missingParamMeetingID", "You must provide a meeting ID"));
    }
    if !(2..=256).contains(&id.encode_utf16().count()) {
        found.push(violation("sizeError", "Meeting ID must be between 2 and 256 characters"));
    }
    if id.is_empty() || id.contains(',') {
        found.push(violation("validationError", "Meeting ID cannot contain ','"));
    }
    found
}

fn create(request: &ApiRequest, found: &mut Vec<Violation>) {
    let parameters = &request.parameters;
    if parameters.get("meetingID").is_none() || meeting_id_was_changed(request) {
        found.push(violation("validationError", "Invalid meeting ID"));
    }
    match parameters.get("name") {
        None => found.push(violation("nullError", "You must provide a meeting name")),
        Some(name) => {
            if name.is_empty() {
                found.push(violation("emptyError", "You must provide a meeting name"));
            }
            if !(2..=256).contains(&name.encode_utf16().count()) {
                found.push(violation(
                    "sizeError",
                    "Meeting name must be between 2 and 256 characters",
                ));
            }
        }
    }
    if parameters.filled("voiceBridge").is_some_and(|value| !is_integer(value)) {
        found.push(violation("validationError", "Voice bridge must be an integral value"));
    }
    if parameters.filled("record").is_some_and(|value| !is_boolean(value)) {
        found.push(violation("validationError", "Record must be a boolean value (true or false)"));
    }
    if parameters.filled("isBreakoutRoom").is_some_and(|value| !is_boolean(value)) {
        found.push(violation(
            "validationError",
            "You must provide a boolean value (true or false) for the breakout room",
        ));
    }
}

/// Whether cleaning changed the ID: an ID is taken as sent or not at all.
fn meeting_id_was_changed(request: &ApiRequest) -> bool {
    request
        .raw_query
        .split('&')
        .find_map(|pair| pair.strip_prefix("meetingID="))
        .map(crate::query::decode)
        .is_some_and(|sent| Some(sent.as_str()) != request.parameters.get("meetingID"))
}

fn join(parameters: &Parameters, found: &mut Vec<Violation>) {
    if parameters.get("fullName").is_some_and(str::is_empty) {
        found.push(violation("missingParamFullName", "You must provide your name"));
    }
    if parameters.filled("createTime").is_some_and(|value| !is_integer(value)) {
        found.push(violation("validationError", "Value must be an integral number"));
    }
    if parameters.filled("guest").is_some_and(|value| !is_boolean(value)) {
        found.push(violation("validationError", "Guest must be a boolean value (true or false)"));
    }
    if parameters.filled("auth").is_some_and(|value| !is_boolean(value)) {
        found.push(violation("validationError", "Auth must be a boolean value (true or false)"));
    }
}

fn chat(parameters: &Parameters, found: &mut Vec<Violation>) {
    match parameters.get("message") {
        None => found.push(violation("nullError", "You must provide the param message")),
        Some(message) if !(1..=500).contains(&message.encode_utf16().count()) => {
            found
                .push(violation("sizeError", "Param message must be between 1 and 500 characters"));
        }
        Some(_) => {}
    }
    if parameters.get("userName").is_some_and(|name| name.encode_utf16().count() > 255) {
        found.push(violation("sizeError", "Param userName must not exceed 255 characters"));
    }
}

fn is_address(value: &str) -> bool {
    value.parse::<http::Uri>().is_ok_and(|uri| uri.scheme().is_some() && uri.host().is_some())
}

fn is_integer(value: &str) -> bool {
    value.parse::<i64>().is_ok()
}

fn is_boolean(value: &str) -> bool {
    ["true", "false", "0", "1"].iter().any(|known| value.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::{bucket, first, violation};

    #[test]
    fn reports_the_first_bucket_and_its_last_message() {
        let found = [
            violation("validationError", "late"),
            violation("sizeError", "one"),
            violation("sizeError", "two"),
        ];
        assert_eq!(first(&found), Some(violation("sizeError", "two")));
        assert_eq!(first(&[]), None);
        assert!(bucket("meetingForciblyEnded") < bucket("invalidPassword"));
        assert!(bucket("invalidPassword") < bucket("invalidMeetingIdentifier"));
        assert!(bucket("missingParamFullName") < bucket("meetingForciblyEnded"));
    }
}
