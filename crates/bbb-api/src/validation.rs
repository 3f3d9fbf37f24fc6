//! Which fault of a request BBB reports, for the faults that are ours to
//! report: those of the meeting ID. All others are the node's to find.

use crate::{
    failure::Failure, ids::MAX_LENGTH, ids::java_length, parameters::Parameters, query::sanitise,
};

const MIN_LENGTH: usize = 2;
const PASSWORD_LENGTHS: std::ops::RangeInclusive<usize> = 2..=64;

/// The meeting ID of a create call.
///
/// # Errors
/// The failure BBB reports when the meeting ID is at fault. BBB collects all
/// violations and reports the first of a fixed order, so another fault of the
/// same request may be the one that is named.
pub fn meeting_id_of_create(parameters: &Parameters) -> Result<String, Failure> {
    let given = parameters.get("meetingID").and_then(|value| value.decoded());
    let fault = match given {
        Some(id) => match fault_of(&id) {
            None if sanitise(&id) == id => return Ok(id),
            None => Failure::InvalidMeetingId,
            Some(fault) => fault,
        },
        None => Failure::InvalidMeetingId,
    };
    Err(earlier_fault(parameters).unwrap_or(fault))
}

/// The fault `isMeetingRunning` reports for a meeting ID before looking it up.
#[must_use]
pub fn fault_of_running(meeting_id: Option<&str>) -> Option<Failure> {
    meeting_id.map_or(Some(Failure::InvalidMeetingId), fault_of)
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

/// Violations that come before any of the meeting ID's in BBB's order.
fn earlier_fault(parameters: &Parameters) -> Option<Failure> {
    let text = |name: &str| parameters.text(name).map(|text| sanitise(&text).into_owned());
    if text("name").is_some_and(|name| name.is_empty()) {
        return Some(Failure::NameEmpty);
    }
    let bad_password = ["attendeePW", "moderatorPW"].iter().any(|name| {
        text(name).is_some_and(|password| {
            !password.is_empty() && !PASSWORD_LENGTHS.contains(&java_length(&password))
        })
    });
    bad_password.then_some(Failure::InvalidPassword)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_create_are_reported_as_bbb_does() {
        let long = format!("name=n&meetingID={}", "x".repeat(257));
        let longest = "x".repeat(256);
        let fits = format!("name=n&meetingID={longest}");
        for (query, wanted) in [
            ("name=n&meetingID=abc", Ok("abc")),
            ("name=n&meetingID=%C3%A4%20b", Ok("ä b")),
            (fits.as_str(), Ok(longest.as_str())),
            ("name=n", Err(Failure::InvalidMeetingId)),
            ("name=n&meetingID=%ff%ff", Err(Failure::InvalidMeetingId)),
            ("name=n&meetingID=", Err(Failure::MeetingIdSize)),
            ("name=n&meetingID=a", Err(Failure::MeetingIdSize)),
            (long.as_str(), Err(Failure::MeetingIdSize)),
            ("name=n&meetingID=a,b", Err(Failure::MeetingIdComma)),
            ("name=n&meetingID=,", Err(Failure::MeetingIdSize)),
            ("name=n&meetingID=abc+", Err(Failure::InvalidMeetingId)),
            ("name=n&meetingID=ab%00c", Err(Failure::InvalidMeetingId)),
            ("name=&meetingID=a,b", Err(Failure::NameEmpty)),
            ("name=n&meetingID=a,b&attendeePW=x", Err(Failure::InvalidPassword)),
            ("name=&meetingID=abc", Ok("abc")),
        ] {
            let got = meeting_id_of_create(&Parameters::of_query(query));
            assert_eq!(got, wanted.map(str::to_owned), "{query}");
        }
    }

    #[test]
    fn faults_of_is_meeting_running() {
        for (id, wanted) in [
            (Some("abc"), None),
            (Some(" abc "), None),
            (Some(""), Some(Failure::MeetingIdSize)),
            (Some("a,b"), Some(Failure::MeetingIdComma)),
            (None, Some(Failure::InvalidMeetingId)),
        ] {
            assert_eq!(fault_of_running(id), wanted, "{id:?}");
        }
    }
}
