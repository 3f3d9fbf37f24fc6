//! Which fault of a request BBB reports, for the faults that are ours to
//! report: those of a create whose meeting ID is at fault, and those of a call
//! about a meeting that is not there. All others are the node's to find.
//!
//! BBB collects every violation in a hash table by `messageKey` and reports the
//! first of its buckets; of those with one key, the one found last.

use crate::{
    call::Call,
    failure::Failure,
    ids::{MAX_LENGTH, java_length},
    parameters::Parameters,
    query::sanitise,
};

const MIN_LENGTH: usize = 2;
const PASSWORD_LENGTHS: std::ops::RangeInclusive<usize> = 2..=64;
const MESSAGE_LENGTHS: std::ops::RangeInclusive<usize> = 1..=500;
const USER_NAME_LENGTH: usize = 255;

/// The meeting ID of a create call.
///
/// # Errors
/// The failure BBB reports when the meeting ID is at fault, which may be
/// another fault of the same request.
pub fn meeting_id_of_create(parameters: &Parameters) -> Result<String, Failure> {
    let given = parameters.get("meetingID").and_then(|value| value.decoded());
    if let Some(id) = given
        && fault_of(&id).is_none()
        && sanitise(&id) == id
    {
        return Ok(id);
    }
    Err(reported(&faults_of_create(parameters)).unwrap_or(Failure::InvalidMeetingId))
}

/// What BBB reports of a call about a meeting that is not there; absent when
/// that is not a failure, or one that has no key.
#[must_use]
pub fn fault_without_meeting(call: Call, parameters: &Parameters) -> Option<Failure> {
    let id = parameters.get("meetingID").and_then(|value| value.decoded());
    let mut found: Vec<Failure> = id.as_deref().and_then(fault_of).into_iter().collect();
    match call {
        Call::Join => {
            found.push(Failure::MeetingForciblyEnded);
            if text(parameters, "fullName").is_some_and(|name| name.is_empty()) {
                found.push(Failure::FullNameEmpty);
            }
        }
        Call::End => {
            found.push(Failure::NotFound);
            found.extend(fault_of_passwords(parameters, &["password"]));
        }
        Call::GetMeetingInfo => found.push(Failure::NotFound),
        Call::IsMeetingRunning if id.is_none() => found.push(Failure::InvalidMeetingId),
        Call::SendChatMessage => found.extend(faults_of_chat(parameters)),
        _ => {}
    }
    let fault = reported(&found);
    fault.or_else(|| (call == Call::SendChatMessage).then_some(Failure::MeetingNotFound))
}

/// The one of several faults that BBB reports.
fn reported(found: &[Failure]) -> Option<Failure> {
    let first = found.iter().min_by_key(|fault| bucket(**fault))?.key();
    found.iter().rev().find(|fault| fault.key() == first).copied()
}

/// Java's bucket of the fault's key, among the sixteen of a small hash table.
fn bucket(fault: Failure) -> u8 {
    match fault.key() {
        "emptyError" => 4,
        "missingParamFullName" => 6,
        "meetingForciblyEnded" => 7,
        "invalidPassword" => 8,
        "notFound" => 10,
        "sizeError" => 11,
        // `validationError` and `nullError`.
        _ => 14,
    }
}

fn fault_of(meeting_id: &str) -> Option<Failure> {
    let meeting_id = sanitise(meeting_id);
    if !(MIN_LENGTH..=MAX_LENGTH).contains(&java_length(&meeting_id)) {
        Some(Failure::MeetingIdSize)
    } else if meeting_id.contains(',') {
        Some(Failure::MeetingIdComma)
    } else {
        None
    }
}

fn faults_of_create(parameters: &Parameters) -> Vec<Failure> {
    let id = parameters.get("meetingID").and_then(|value| value.decoded());
    let mut found = Vec::new();
    match id.as_deref().map(|id| (fault_of(id), sanitise(id) == id)) {
        Some((Some(fault), _)) => found.push(fault),
        Some((None, true)) => {}
        Some((None, false)) | None => found.push(Failure::InvalidMeetingId),
    }
    // A name that is missing comes behind every fault of the meeting ID.
    if let Some(name) = text(parameters, "name") {
        if name.is_empty() {
            found.push(Failure::NameEmpty);
        }
        if !(MIN_LENGTH..=MAX_LENGTH).contains(&java_length(&name)) {
            found.push(Failure::NameSize);
        }
    }
    let filled = |name: &str| text(parameters, name).filter(|text| !text.is_empty());
    if filled("voiceBridge").is_some_and(|number| number.parse::<i64>().is_err()) {
        found.push(Failure::VoiceBridgeNotInteger);
    }
    if filled("record").is_some_and(|value| !is_boolean(&value)) {
        found.push(Failure::RecordNotBoolean);
    }
    if filled("isBreakoutRoom").is_some_and(|value| !is_boolean(&value)) {
        found.push(Failure::BreakoutNotBoolean);
    }
    found.extend(fault_of_passwords(parameters, &["attendeePW", "moderatorPW"]));
    found
}

fn faults_of_chat(parameters: &Parameters) -> Vec<Failure> {
    let mut found = Vec::new();
    match text(parameters, "message") {
        None => found.push(Failure::MessageMissing),
        Some(message) if !MESSAGE_LENGTHS.contains(&java_length(&message)) => {
            found.push(Failure::MessageSize);
        }
        Some(_) => {}
    }
    if text(parameters, "userName").is_some_and(|name| java_length(&name) > USER_NAME_LENGTH) {
        found.push(Failure::UserNameSize);
    }
    found
}

fn fault_of_passwords(parameters: &Parameters, names: &[&str]) -> Option<Failure> {
    let is_bad = |password: String| {
        !password.is_empty() && !PASSWORD_LENGTHS.contains(&java_length(&password))
    };
    let bad = names.iter().any(|name| text(parameters, name).is_some_and(is_bad));
    bad.then_some(Failure::InvalidPassword)
}

/// A value as BBB validates it.
fn text(parameters: &Parameters, name: &str) -> Option<String> {
    parameters.text(name).map(|text| sanitise(&text).into_owned())
}

fn is_boolean(value: &str) -> bool {
    ["true", "false", "0", "1"].iter().any(|known| value.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_create_are_reported_as_bbb_does() {
        let long = format!("name=Class&meetingID={}", "x".repeat(257));
        let longest = "x".repeat(256);
        let fits = format!("name=Class&meetingID={longest}");
        for (query, wanted) in [
            ("name=Class&meetingID=abc", Ok("abc")),
            ("name=Class&meetingID=%C3%A4%20b", Ok("ä b")),
            (fits.as_str(), Ok(longest.as_str())),
            ("name=Class", Err(Failure::InvalidMeetingId)),
            ("name=Class&meetingID=%ff%ff", Err(Failure::InvalidMeetingId)),
            ("name=Class&meetingID=", Err(Failure::MeetingIdSize)),
            ("name=Class&meetingID=a", Err(Failure::MeetingIdSize)),
            (long.as_str(), Err(Failure::MeetingIdSize)),
            ("name=Class&meetingID=a,b", Err(Failure::MeetingIdComma)),
            ("name=Class&meetingID=,", Err(Failure::MeetingIdSize)),
            ("name=Class&meetingID=abc+", Err(Failure::InvalidMeetingId)),
            ("name=Class&meetingID=ab%00c", Err(Failure::InvalidMeetingId)),
            ("name=&meetingID=a,b", Err(Failure::NameEmpty)),
            ("name=Class&meetingID=a,b&attendeePW=x", Err(Failure::InvalidPassword)),
            ("name=x&meetingID=a,b", Err(Failure::NameSize)),
            ("name=x&meetingID=x", Err(Failure::NameSize)),
            ("meetingID=a,b", Err(Failure::MeetingIdComma)),
            ("meetingID=x", Err(Failure::MeetingIdSize)),
            ("name=Class&voiceBridge=x", Err(Failure::VoiceBridgeNotInteger)),
            ("name=Class&record=maybe&isBreakoutRoom=1", Err(Failure::RecordNotBoolean)),
            ("name=Class&record=1&isBreakoutRoom=maybe", Err(Failure::BreakoutNotBoolean)),
            ("name=&meetingID=abc", Ok("abc")),
        ] {
            let got = meeting_id_of_create(&Parameters::of_query(query));
            assert_eq!(got, wanted.map(str::to_owned), "{query}");
        }
    }

    #[test]
    fn faults_of_calls_about_no_meeting() {
        let long = format!("meetingID=abc&message={}", "x".repeat(501));
        let named = format!("meetingID=abc&message=hi&userName={}", "x".repeat(256));
        for (call, query, wanted) in [
            (Call::IsMeetingRunning, "meetingID=abc", None),
            (Call::IsMeetingRunning, "meetingID=+abc+", None),
            (Call::IsMeetingRunning, "meetingID=", Some(Failure::MeetingIdSize)),
            (Call::IsMeetingRunning, "meetingID=a,b", Some(Failure::MeetingIdComma)),
            (Call::IsMeetingRunning, "", Some(Failure::InvalidMeetingId)),
            (Call::GetMeetingInfo, "", Some(Failure::NotFound)),
            (Call::GetMeetingInfo, "meetingID=a,b", Some(Failure::NotFound)),
            (Call::GetMeetingInfo, "meetingID=abc&password=x", Some(Failure::NotFound)),
            (Call::End, "meetingID=abc", Some(Failure::NotFound)),
            (Call::End, "meetingID=abc&password=", Some(Failure::NotFound)),
            (Call::End, "meetingID=abc&password=x", Some(Failure::InvalidPassword)),
            (Call::Join, "meetingID=abc&fullName=x", Some(Failure::MeetingForciblyEnded)),
            (Call::Join, "meetingID=abc&password=x", Some(Failure::MeetingForciblyEnded)),
            (Call::Join, "meetingID=abc&fullName=+", Some(Failure::FullNameEmpty)),
            (Call::InsertDocument, "meetingID=abc", None),
            (Call::InsertDocument, "", None),
            (Call::InsertDocument, "meetingID=", Some(Failure::MeetingIdSize)),
            (Call::SendChatMessage, "meetingID=abc&message=hi", Some(Failure::MeetingNotFound)),
            (Call::SendChatMessage, "meetingID=abc", Some(Failure::MessageMissing)),
            (Call::SendChatMessage, "meetingID=abc&message=", Some(Failure::MessageSize)),
            (Call::SendChatMessage, "meetingID=a,b", Some(Failure::MeetingIdComma)),
            (Call::SendChatMessage, "meetingID=&message=hi", Some(Failure::MeetingIdSize)),
            (Call::SendChatMessage, long.as_str(), Some(Failure::MessageSize)),
            (Call::SendChatMessage, named.as_str(), Some(Failure::UserNameSize)),
        ] {
            let got = fault_without_meeting(call, &Parameters::of_query(query));
            assert_eq!(got, wanted, "{call:?} {query}");
        }
    }
}
