use super::*;
use crate::xml::Document;

const CREATED: &str = "<response><returncode>SUCCESS</returncode><meetingID>abc</meetingID>\
    <internalMeetingID>x-1</internalMeetingID><parentMeetingID>bbb-none</parentMeetingID>\
    <attendeePW>ap</attendeePW><moderatorPW>mp</moderatorPW><createTime>1</createTime>\
    <voiceBridge>70757</voiceBridge><dialNumber>613</dialNumber><createDate>Mon</createDate>\
    <hasUserJoined>false</hasUserJoined><duration>0</duration>\
    <hasBeenForciblyEnded>false</hasBeenForciblyEnded><messageKey></messageKey>\
    <message></message></response>";

const MEETING: &str = "<meeting><meetingName>n</meetingName><meetingID>bg1.t.abc</meetingID>\
    <internalMeetingID>x-1</internalMeetingID><createTime>1700000000000</createTime>\
    <voiceBridge>1,234</voiceBridge><running>true</running>\
    <participantCount>1,234</participantCount><attendees><attendee><fullName>&#39;</fullName>\
    </attendee></attendees><metadata><a>1</a><bluegate-stamp>s</bluegate-stamp>\
    <bluegate-x>1</bluegate-x></metadata><isBreakout>false</isBreakout><new>kept</new></meeting>";

fn meeting() -> Element {
    Document::parse(MEETING).unwrap().root().clone()
}

#[test]
fn a_probe_is_known_by_its_mark() {
    let text =
        MEETING.replace("<bluegate-x>1</bluegate-x>", "<bluegate-probe>doctor</bluegate-probe>");
    let probe = Document::parse(&text).unwrap();
    assert!(MeetingFacts::read(probe.root()).unwrap().is_probe);
    assert!(!MeetingFacts::read(&meeting()).unwrap().is_probe);
}

#[test]
fn facts_are_read_past_thousands_separators() {
    assert_eq!(
        MeetingFacts::read(&meeting()),
        Some(MeetingFacts {
            external_id: "bg1.t.abc".into(),
            internal_id: "x-1".into(),
            create_time: 1_700_000_000_000,
            users: 1234,
            audio: 0,
            video: 0,
            running: true,
            is_breakout: false,
            parent: None,
            is_probe: false,
            stamp: Some("s".into()),
            store: None,
            voice_bridge: Some("1,234".into()),
        })
    );
    assert_eq!(MeetingFacts::read(&Element::new("meeting")), None);
    for (text, wanted) in [
        ("7", Some(7)),
        ("1,234", Some(1234)),
        ("1\u{202f}234", Some(1234)),
        ("x", None),
        ("-1", None),
    ] {
        assert_eq!(count(text), wanted, "{text}");
    }
}

#[test]
fn a_tenant_sees_its_own_id_and_none_of_our_metadata() {
    let mut shown = meeting();
    show_to_tenant(&mut shown, Some("abc"));
    let wanted = MEETING
        .replace("bg1.t.abc", "abc")
        .replace("<bluegate-stamp>s</bluegate-stamp><bluegate-x>1</bluegate-x>", "");
    assert_eq!(shown.to_string(), wanted);
}

#[test]
fn a_new_meeting_is_described_in_bbbs_order() {
    let created = Answer::parse(CREATED.as_bytes()).unwrap();
    let parameters = Parameters::of_query(
        "name=A+%26+B&meetingID=abc&record=TRUE&maxParticipants=20&meta_Course=7&meta_a_b=1\
         &meta_bluegate-stamp=s",
    );
    insta::assert_snapshot!(
        meeting_from_create(&created, &parameters).to_string().replace("><", ">\n<")
    );
}

#[test]
fn a_lost_create_answer_is_made_again_from_the_info() {
    let created = Answer::parse(CREATED.as_bytes()).unwrap();
    let meeting = meeting_from_create(&created, &Parameters::of_query("name=n"));
    let info = info_from_meeting(&meeting);
    assert_eq!(created_from_info(info.root()).to_string(), CREATED);
}

#[test]
fn a_duplicate_answer_becomes_plain() {
    let warned = CREATED
        .replace("<messageKey>", "<messageKey>duplicateWarning")
        .replace("<message>", "<message>This conference was already in existence.");
    let mut answer = Answer::parse(warned.as_bytes()).unwrap();
    plain_from_duplicate(&mut answer);
    assert_eq!(answer.to_string(), CREATED);
}
