//! Meetings with people in them.

use super::{
    cases::{FORM, SLIDES, XML},
    request::Case,
};
use crate::participant::Devices;

pub(super) fn all() -> Vec<Case> {
    let mut cases = vec![Case::get(
        "hall",
        "create",
        "name=Hall&meetingID=hall&moderatorPW=mp&attendeePW=ap&maxParticipants=3&meta_Course=P",
    )];
    cases.extend(looks("nobody"));
    for (who, user, devices) in [
        (
            "a teacher with a camera",
            "fullName=Ada&role=MODERATOR&userID=ada",
            Devices::MicrophoneAndCamera,
        ),
        (
            "a pupil without user ID",
            "fullName=Ben+%3Cb%3E&password=ap&userdata-bbb_a=1&userdata-b=%26",
            Devices::None,
        ),
        (
            "a guest with a microphone",
            "fullName=Cyd&role=VIEWER&guest=true&userID=cyd",
            Devices::Microphone,
        ),
    ] {
        let join = Case::get(format!("{who} enters"), "join", format!("meetingID=hall&{user}"));
        cases.push(join.entering(devices));
        cases.extend(looks(who));
    }
    for (who, user) in [
        ("one too many", "fullName=Dan&role=VIEWER&userID=dan"),
        (
            "one too many with a way back",
            "fullName=Dan&role=VIEWER&userID=dan&logoutURL=https%3A%2F%2Flms.example.org",
        ),
        ("the teacher again", "fullName=Ada&role=MODERATOR&userID=ada"),
    ] {
        for (kind, redirect) in [("redirected", ""), ("as XML", "&redirect=false")] {
            let query = format!("meetingID=hall&{user}{redirect}");
            cases.push(Case::get(format!("join of {who}, {kind}"), "join", query));
        }
    }
    cases.extend([
        Case::get(
            "create of what is running",
            "create",
            "name=Hall&meetingID=hall&moderatorPW=mp&attendeePW=ap",
        ),
        Case::get(
            "create of what is running, with other passwords",
            "create",
            "name=Hall&meetingID=hall&moderatorPW=x1",
        ),
        Case::post(
            "create of what is running, by form",
            "create",
            "",
            (FORM, "name=Hall&meetingID=hall"),
        ),
        Case::get("chat to people", "sendChatMessage", "meetingID=hall&message=Hello"),
        Case::post("document for people", "insertDocument", "meetingID=hall", (XML, SLIDES)),
        Case::get(
            "info by the internal ID, with people",
            "getMeetingInfo",
            "meetingID={hall.internalMeetingID}",
        ),
        Case::get(
            "running by the internal ID, with people",
            "isMeetingRunning",
            "meetingID={hall.internalMeetingID}",
        ),
        Case::get("info in JSON, with people", "getMeetingInfo", "meetingID=hall")
            .with_header("accept", "application/json"),
        Case::get("running after all have left", "isMeetingRunning", "meetingID=hall")
            .when_all_have_left(),
    ]);
    cases.extend(looks("people that have left"));
    let join =
        Case::get("the teacher comes back", "join", "meetingID=hall&fullName=Ada&password=mp");
    cases.push(join.entering(Devices::None));
    cases.extend(looks("the teacher back"));
    cases.extend([
        Case::get("end with people by a viewer's password", "end", "meetingID=hall&password=ap"),
        Case::get("end with people", "end", "meetingID=hall&password=mp"),
    ]);
    cases.extend(looks("a meeting that ended with people"));
    cases.extend([
        Case::get(
            "join of what ended with people",
            "join",
            "meetingID=hall&fullName=Ada&role=VIEWER",
        ),
        Case::get("end of what ended with people", "end", "meetingID=hall"),
    ]);
    cases
}

/// Every read.
fn looks(with: &str) -> Vec<Case> {
    vec![
        Case::get(format!("running with {with}"), "isMeetingRunning", "meetingID=hall"),
        Case::get(format!("info with {with}"), "getMeetingInfo", "meetingID=hall"),
        Case::get(format!("list with {with}"), "getMeetings", ""),
        Case::get(format!("sessions with {with}"), "getSessions", ""),
    ]
}
