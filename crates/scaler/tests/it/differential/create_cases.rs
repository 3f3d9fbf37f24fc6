//! create: every parameter, every fault, every way to repeat it.

use super::request::Case;

/// Parameters of create with a value that is taken.
const TAKEN: &[(&str, &str)] = &[
    ("welcome", "Hello+%3Cb%3E%25%25CONFNAME%25%25"),
    ("dialNumber", "%2B49+30+1234"),
    ("voiceBridge", "712345678"),
    ("webVoice", "812345678"),
    ("maxParticipants", "25"),
    ("maxParticipants", "many"),
    ("logoutURL", "https%3A%2F%2Flms.example.org%2F%3Fa%3D1"),
    ("loginURL", "https%3A%2F%2Flms.example.org"),
    ("record", "true"),
    ("record", "True"),
    ("record", "1"),
    ("duration", "90"),
    ("isBreakout", "false"),
    ("isBreakoutRoom", "false"),
    ("parentMeetingID", ""),
    ("breakoutRoomsEnabled", "false"),
    ("breakoutRoomsPrivateChatEnabled", "false"),
    ("breakoutRoomsRecord", "true"),
    ("breakoutRoomsCaptureSlides", "true"),
    ("breakoutRoomsCaptureNotesFilename", "%25%25CONFNAME%25%25"),
    ("meta_Course", "Physik+I"),
    ("meta_bbb-origin", "Moodle"),
    ("meta_bad_name", "ignored"),
    ("meta_1bad", "ignored"),
    ("meta_", "ignored"),
    ("meta_empty", ""),
    ("meta_html", "%3Cscript%3E%26%22%27"),
    ("meta_endCallbackUrl", "https%3A%2F%2Flms.example.org%2Fend"),
    ("meetingEndedURL", "https%3A%2F%2Flms.example.org%2Fended"),
    ("moderatorOnlyMessage", "Only+you"),
    ("autoStartRecording", "true"),
    ("allowStartStopRecording", "false"),
    ("recordFullDurationMedia", "true"),
    ("webcamsOnlyForModerator", "true"),
    ("multiUserWhiteboardEnabled", "true"),
    ("logo", "https%3A%2F%2Flms.example.org%2Fl.png"),
    ("darklogo", "https%3A%2F%2Flms.example.org%2Fd.png"),
    ("bannerText", "Exam"),
    ("bannerColor", "%23FF0000"),
    ("copyright", "me"),
    ("muteOnStart", "true"),
    ("allowModsToUnmuteUsers", "true"),
    ("requireUserConsentBeforeUnmuting", "true"),
    ("lockSettingsDisableCam", "true"),
    ("lockSettingsDisableMic", "true"),
    ("lockSettingsDisablePrivateChat", "true"),
    ("lockSettingsDisablePublicChat", "true"),
    ("lockSettingsDisableNotes", "true"),
    ("lockSettingsDisableNote", "true"),
    ("lockSettingsHideUserList", "true"),
    ("lockSettingsLockOnJoin", "false"),
    ("lockSettingsLockOnJoinConfigurable", "true"),
    ("lockSettingsHideViewersCursor", "true"),
    ("lockSettingsHideViewersAnnotation", "true"),
    ("lockSettingsPresenterPolicy", "freeForAll"),
    ("guestPolicy", "ASK_MODERATOR"),
    ("guestPolicy", "SOMETHING"),
    ("allowPromoteGuestToModerator", "true"),
    ("keepEvents", "true"),
    ("meetingKeepEvents", "true"),
    ("endWhenNoModerator", "true"),
    ("endWhenNoModeratorDelayInMinutes", "5"),
    ("meetingLayout", "VIDEO_FOCUS"),
    ("learningDashboardEnabled", "false"),
    ("learningDashboardCleanupDelayInMinutes", "0"),
    ("allowModsToEjectCameras", "true"),
    ("allowRequestsWithoutSession", "true"),
    ("virtualBackgroundsDisabled", "true"),
    ("userCameraCap", "2"),
    ("meetingCameraCap", "10"),
    ("maxPinnedCameras", "2"),
    ("meetingExpireIfNoUserJoinedInMinutes", "30"),
    ("meetingExpireWhenLastUserLeftInMinutes", "0"),
    ("logoutTimer", "10"),
    ("groups", "%5B%7B%22id%22%3A%221%22%2C%22roster%22%3A%5B%5D%7D%5D"),
    ("disabledFeatures", "chat,polls"),
    ("disabledFeaturesExclude", "chat"),
    ("preUploadedPresentationOverrideDefault", "false"),
    ("preUploadedPresentation", "https%3A%2F%2Flms.example.org%2Fs.pdf"),
    ("preUploadedPresentationName", "s.pdf"),
    ("notifyRecordingIsOn", "true"),
    ("presentationUploadExternalDescription", "Here"),
    ("presentationUploadExternalUrl", "https%3A%2F%2Flms.example.org%2Fup"),
    ("presentationConversionCacheEnabled", "true"),
    ("maxNumPages", "20"),
    ("allowOverrideClientSettingsOnCreateCall", "true"),
    ("clientSettingsOverrideJsonUrl", "https%3A%2F%2Flms.example.org%2Fs.json"),
    ("pluginManifests", "%5B%5D"),
    ("plugin_Poll", "x"),
    ("cameraBridge", "livekit"),
    ("sharedNotesEditor", "blockNote"),
    ("sharedNotesInitialContentMarkdown", "%23+Notes"),
    ("joinViaHtml5", "true"),
    ("random", "12345"),
    ("unknownParameter", "%E2%9C%93"),
];

/// Faults, beside a good name and meetingID unless the query has its own.
const FAULTS: &[(&str, &str)] = &[
    ("no parameters", ""),
    ("no meetingID", "name=Class"),
    ("an empty meetingID", "name=Class&meetingID="),
    ("a meetingID of blanks", "name=Class&meetingID=+%20+"),
    ("a meetingID of one letter", "name=Class&meetingID=x"),
    ("a meetingID with a comma", "name=Class&meetingID=a%2Cb"),
    ("a meetingID that is a comma", "name=Class&meetingID=,"),
    ("a meetingID with a blank before", "name=Class&meetingID=%20abc"),
    ("a meetingID with a blank behind", "name=Class&meetingID=abc+"),
    ("a meetingID with a control character", "name=Class&meetingID=a%01b"),
    ("no name", "meetingID=nameless"),
    ("an empty name", "name=&meetingID=nameless"),
    ("a name of one letter", "name=x&meetingID=nameless"),
    ("a name of blanks", "name=+++&meetingID=nameless"),
    ("an empty name and a comma", "name=&meetingID=a,b"),
    ("a short name and a comma", "name=x&meetingID=a,b"),
    ("no name and a comma", "meetingID=a,b"),
    ("no name and a short meetingID", "meetingID=x"),
    ("an attendee password of one letter", "name=Class&meetingID=faulty&attendeePW=x"),
    ("a moderator password of one letter", "name=Class&meetingID=faulty&moderatorPW=x"),
    ("a short password and a comma", "name=Class&meetingID=a,b&moderatorPW=x"),
    ("a short password and an empty name", "name=&meetingID=faulty&moderatorPW=x"),
    ("a voiceBridge in words", "name=Class&meetingID=faulty&voiceBridge=abc"),
    ("record=maybe", "name=Class&meetingID=faulty&record=maybe"),
    ("isBreakoutRoom=maybe", "name=Class&meetingID=faulty&isBreakoutRoom=maybe"),
    ("a room without parent", "name=Class&meetingID=faulty&isBreakout=true"),
    ("a room with an empty parent", "name=Class&meetingID=faulty&isBreakout=true&parentMeetingID="),
    (
        "a room of no meeting",
        "name=Class&meetingID=faulty&isBreakout=true&parentMeetingID=none&sequence=1",
    ),
    ("a used voiceBridge", "name=Class&meetingID=used-bridge&voiceBridge=712345678"),
    (
        "an external upload that is no address",
        "name=Class&meetingID=faulty&presentationUploadExternalUrl=nonsense",
    ),
];

/// Every create call.
pub(super) fn all() -> Vec<Case> {
    let mut cases = vec![
        Case::get("create", "create", "name=Class&meetingID=class&attendeePW=ap&moderatorPW=mp"),
        Case::get("create without passwords", "create", "name=Class&meetingID=free"),
        Case::get(
            "create with a moderator password",
            "create",
            "name=Class&meetingID=half&moderatorPW=mp",
        ),
        Case::get(
            "create with every kind of letter",
            "create",
            "name=%C3%9Cbung%201+%26+2+%3C%F0%9F%8E%93%3E&meetingID=%C3%84-%2F%20%2B&attendeePW=%C3%A4%C3%B6&moderatorPW=p+w",
        ),
        Case::get("create with raw marks", "create", "name=It's!+(*~)&meetingID=marks"),
        Case::get(
            "create that asks",
            "create",
            "name=Class&meetingID=asks&guestPolicy=ASK_MODERATOR",
        ),
        Case::get(
            "create that denies",
            "create",
            "name=Class&meetingID=denies&guestPolicy=ALWAYS_DENY&moderatorPW=mp&attendeePW=ap",
        ),
        Case::get("create for an end by its internal ID", "create", "name=Class&meetingID=pw"),
        Case::get("create, trailing slash", "create/", "name=Class&meetingID=slash"),
        Case::post(
            "create by an empty POST",
            "create",
            "name=Class&meetingID=posted",
            ("application/xml", ""),
        ),
    ];
    let longest = format!("name={0}&meetingID={0}", "x".repeat(256));
    cases.push(Case::get("create with the longest name", "create", longest));
    let too_long = format!("name={}&meetingID=long-name", "x".repeat(257));
    cases.push(Case::get("create with a name that is too long", "create", too_long));
    let too_long = format!("name=Class&meetingID={}", "x".repeat(257));
    cases.push(Case::get("create with a meetingID that is too long", "create", too_long));
    let too_long = format!("name=Class&meetingID=long-password&moderatorPW={}", "x".repeat(65));
    cases.push(Case::get("create with a password that is too long", "create", too_long));

    for (index, (name, value)) in TAKEN.iter().enumerate() {
        let id = format!("taken-{index}");
        let query = format!("name=Class&meetingID={id}&{name}={value}");
        cases.push(Case::get(format!("create with {name}={value}"), "create", query));
        let query = format!("meetingID={id}");
        cases.push(Case::get(format!("info with {name}={value}"), "getMeetingInfo", query.clone()));
        if *name != "voiceBridge" {
            cases.push(Case::get(format!("end with {name}={value}"), "end", query));
        }
    }
    for (name, query) in FAULTS {
        cases.push(Case::get(format!("create with {name}"), "create", *query));
    }
    cases.push(Case::get("end after a used voiceBridge", "end", "meetingID=used-bridge"));
    for (name, query) in [
        ("the same", "name=Class&meetingID=class&attendeePW=ap&moderatorPW=mp"),
        ("without passwords", "name=Class&meetingID=class"),
        ("with empty passwords", "name=Class&meetingID=class&attendeePW=&moderatorPW="),
        ("with one password", "name=Class&meetingID=class&moderatorPW=mp"),
        ("with other passwords", "name=Class&meetingID=class&attendeePW=a2&moderatorPW=m2"),
        ("with passwords exchanged", "name=Class&meetingID=class&attendeePW=mp&moderatorPW=ap"),
        ("with another name", "name=Other&meetingID=class&record=true&meta_a=b"),
        ("with a name of one letter", "name=x&meetingID=class"),
        ("where none were given", "name=Class&meetingID=free"),
        (
            "where none were given, with some",
            "name=Class&meetingID=free&attendeePW=ap&moderatorPW=mp",
        ),
        (
            "where they were drawn, with those",
            "name=Class&meetingID=free&attendeePW={free.attendeePW}&moderatorPW={free.moderatorPW}",
        ),
        ("where one was given, with that", "name=Class&meetingID=half&moderatorPW=mp"),
        ("with its ID escaped", "name=Class&meetingID=%63%6Cass"),
    ] {
        cases.push(Case::get(format!("create again {name}"), "create", query));
    }
    for (name, id) in [("a room", "room"), ("a room with its parent's internal ID", "room-2")] {
        let parent = if id == "room" { "class" } else { "{class.internalMeetingID}" };
        let query = format!(
            "name=Room&meetingID={id}&isBreakout=true&parentMeetingID={parent}&sequence=1&freeJoin=true"
        );
        cases.push(Case::get(format!("create {name}"), "create", query));
        cases.push(Case::get(
            format!("info of {name}"),
            "getMeetingInfo",
            format!("meetingID={id}"),
        ));
    }
    cases
}
