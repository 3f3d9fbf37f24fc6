//! The API as bbb-web's sources and documentation describe it, table by table:
//! the scaler is compared with the simulated node, so that is held to these.

use crate::node::{Node, Setup, sign};

const USERS: &str = "attendeePW=ap&moderatorPW=mp";

/// A node of a release with the meeting `class`.
async fn with_class(release: &'static str) -> Node {
    let node = Setup::stock().release(release).start().await;
    node.api("create", &format!("name=Class&meetingID=class&{USERS}")).await.success();
    node
}

/// Keys and texts of a checksum that is not right.
#[tokio::test]
async fn checksum_errors() {
    let node = with_class("3.0.28").await;
    for call in [
        "create",
        "isMeetingRunning",
        "end",
        "getMeetingInfo",
        "getMeetings",
        "getSessions",
        "sendChatMessage",
    ] {
        for query in ["", "checksum=", "checksum=abc", "name=&meetingID=,&checksum=0"] {
            let answer = node.get(&format!("/bigbluebutton/api/{call}?{query}")).await;
            assert_eq!(answer.status, 200, "{call}?{query}");
            assert_eq!(answer.failure(), "checksumError", "{call}?{query}");
        }
    }
    for call in [
        "getRecordings",
        "publishRecordings",
        "deleteRecordings",
        "updateRecordings",
        "getRecordingTextTracks",
    ] {
        let answer = node.get(&format!("/bigbluebutton/api/{call}?recordID=a&publish=true")).await;
        let message = answer.element("message").unwrap();
        assert_eq!(message, "You did not pass the checksum security check", "{call}");
    }
    let track = "/bigbluebutton/api/putRecordingTextTrack";
    let missing = node.send("POST", track, &[], b"").await;
    assert_eq!(missing.json()["response"]["message"], "Missing param checksum.");
}

/// A mistake of bbb-web that nobody may rely on.
#[tokio::test]
async fn an_external_upload_address_skips_every_check() {
    let address = "presentationUploadExternalUrl=https%3A%2F%2Fa.example.org";
    for (release, skips) in [("2.5.9", false), ("2.6.0", true), ("3.0.28", true)] {
        let node = with_class(release).await;
        let unsigned = node.get(&format!("/bigbluebutton/api/getMeetings?{address}")).await;
        assert_eq!(unsigned.text().contains("<returncode>SUCCESS"), skips, "{release}");
        if skips {
            let query = "presentationUploadExternalUrl=nonsense&meetingID=class";
            let bad = node.get(&format!("/bigbluebutton/api/getMeetingInfo?{query}")).await;
            assert_eq!(bad.failure(), "validationError");
            assert_eq!(
                bad.element("message").as_deref(),
                Some("Param &#39;presentationUploadExternalUrl&#39; is not a valid URL")
            );
        }
    }
}

/// Every text, and which of two is reported.
#[tokio::test]
async fn broken_rules_in_bbbs_words() {
    let node = with_class("3.0.28").await;
    let long = "x".repeat(257);
    let id_size = "Meeting ID must be between 2 and 256 characters";
    let name_size = "Meeting name must be between 2 and 256 characters";
    let message_size = "Param message must be between 1 and 500 characters";
    for (call, query, key, message) in [
        ("create", "name=Class&meetingID=".to_owned(), "sizeError", id_size),
        ("create", format!("name=Class&meetingID={long}"), "sizeError", id_size),
        (
            "create",
            "name=Class&meetingID=a,b".to_owned(),
            "validationError",
            "Meeting ID cannot contain &#39;,&#39;",
        ),
        ("create", "name=Class".to_owned(), "validationError", "Invalid meeting ID"),
        ("create", "name=Class&meetingID=+ab".to_owned(), "validationError", "Invalid meeting ID"),
        ("create", "meetingID=ab".to_owned(), "nullError", "You must provide a meeting name"),
        (
            "create",
            "name=&meetingID=ab".to_owned(),
            "emptyError",
            "You must provide a meeting name",
        ),
        ("create", "name=x&meetingID=ab".to_owned(), "sizeError", name_size),
        ("create", format!("name={long}&meetingID=ab"), "sizeError", name_size),
        (
            "create",
            "name=Class&meetingID=ab&moderatorPW=x".to_owned(),
            "invalidPassword",
            "Invalid password",
        ),
        (
            "create",
            "name=Class&meetingID=ab&voiceBridge=x".to_owned(),
            "validationError",
            "Voice bridge must be an integral value",
        ),
        (
            "create",
            "name=Class&meetingID=ab&record=x".to_owned(),
            "validationError",
            "Record must be a boolean value (true or false)",
        ),
        (
            "create",
            "name=Class&meetingID=ab&isBreakoutRoom=x".to_owned(),
            "validationError",
            "You must provide a boolean value (true or false) for the breakout room",
        ),
        (
            "create",
            "name=Class&meetingID=class&moderatorPW=other".to_owned(),
            "idNotUnique",
            "A meeting already exists with that meeting ID.  Please use a different meeting ID.",
        ),
        (
            "create",
            "name=Class&meetingID=ab&isBreakout=true".to_owned(),
            "parentMeetingIDMissing",
            "No parent meeting ID was provided for the breakout room",
        ),
        (
            "create",
            "name=Class&meetingID=ab&isBreakout=true&parentMeetingID=x".to_owned(),
            "parentMeetingDoesNotExist",
            "No parent meeting exists for the breakout room",
        ),
        // Of two, the one in the earlier bucket.
        (
            "create",
            "name=&meetingID=a,b".to_owned(),
            "emptyError",
            "You must provide a meeting name",
        ),
        (
            "create",
            "name=Class&meetingID=x&moderatorPW=x".to_owned(),
            "invalidPassword",
            "Invalid password",
        ),
        ("create", "name=x&meetingID=a,b".to_owned(), "sizeError", name_size),
        ("end", "meetingID=none".to_owned(), "notFound", "A meeting with that ID does not exist"),
        ("end", "meetingID=none&password=x".to_owned(), "invalidPassword", "Invalid password"),
        ("end", "meetingID=class&password=x".to_owned(), "invalidPassword", "Invalid password"),
        (
            "getMeetingInfo",
            "meetingID=a,b".to_owned(),
            "notFound",
            "A meeting with that ID does not exist",
        ),
        ("isMeetingRunning", "meetingID=x".to_owned(), "sizeError", id_size),
        (
            "sendChatMessage",
            "meetingID=class".to_owned(),
            "nullError",
            "You must provide the param message",
        ),
        ("sendChatMessage", "meetingID=class&message=".to_owned(), "sizeError", message_size),
        (
            "sendChatMessage",
            format!("meetingID=class&message=hi&userName={long}"),
            "sizeError",
            "Param userName must not exceed 255 characters",
        ),
        (
            "sendChatMessage",
            "meetingID=none&message=hi".to_owned(),
            "meetingNotFound",
            "Meeting not found",
        ),
    ] {
        let answer = node.api(call, &query).await;
        assert_eq!(answer.failure(), key, "{call}?{query}");
        assert_eq!(answer.element("message").as_deref(), Some(message), "{call}?{query}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{call}?{query}");
    }
}

/// Which methods a line answers.
#[tokio::test]
async fn methods_by_line() {
    for release in ["2.7.17", "3.0.28"] {
        let node = with_class(release).await;
        for (call, get, post) in [
            ("create", true, true),
            ("isMeetingRunning", true, true),
            ("end", true, true),
            ("getMeetingInfo", true, true),
            ("getMeetings", true, true),
            ("getSessions", true, true),
            ("join", true, false),
            ("insertDocument", false, true),
            ("getRecordings", true, true),
            ("publishRecordings", true, false),
            ("deleteRecordings", true, false),
            ("updateRecordings", true, true),
            ("getRecordingTextTracks", true, true),
            ("putRecordingTextTrack", false, true),
        ] {
            for (method, allowed) in [("GET", get), ("POST", post), ("PUT", false)] {
                let path = format!("/bigbluebutton/api/{call}");
                let status = node.send(method, &path, &[], b"").await.status;
                assert_eq!(status != 405, allowed, "{release} {method} {call}");
            }
        }
    }
    for (release, status) in [("2.7.17", 404), ("3.0.28", 200)] {
        let node = with_class(release).await;
        let chat = node.api("sendChatMessage", "meetingID=class&message=hi").await;
        assert_eq!(chat.status, status, "{release}");
    }
    let node = with_class("3.0.28").await;
    for call in ["getDefaultConfigXML", "setConfigXML", "configXML", "hooks/list", "foo"] {
        assert_eq!(node.api(call, "meetingID=class").await.status, 404, "{call}");
    }
}

/// Joins that fail after the rules are kept.
#[tokio::test]
async fn failed_joins_in_bbbs_words() {
    let node = with_class("3.0.28").await;
    for (id, more) in [("denies", "guestPolicy=ALWAYS_DENY"), ("asks", "guestPolicy=ASK_MODERATOR")]
    {
        node.api("create", &format!("name=Class&meetingID={id}&{more}")).await.success();
    }
    let neither = "You must either send the valid role of the user, or the password, sould the \
        meeting has one.";
    for (query, key, message) in [
        ("meetingID=class&fullName=J", "Params required", neither),
        ("meetingID=class&fullName=J&role=TEACHER", "Params required", neither),
        (
            "meetingID=class&fullName=J&password=no",
            "Params required",
            "You must enter a valid password",
        ),
        (
            "meetingID=class&fullName=J&role=VIEWER&createTime=1",
            "mismatchCreateTimeParam",
            "The createTime parameter submitted mismatches with the current meeting.",
        ),
        (
            "meetingID=denies&fullName=J&role=VIEWER",
            "guestDeniedAccess",
            "You have been denied access to this meeting based on the meeting&#39;s guest policy",
        ),
        (
            "meetingID=class&fullName=J&existingUserID=w_none",
            "userNotFound",
            "No active session found for the provided user ID.",
        ),
    ] {
        let answer = node.api("join", &format!("{query}&redirect=false")).await;
        assert_eq!(answer.failure(), key, "{query}");
        assert_eq!(answer.element("message").as_deref(), Some(message), "{query}");
    }
    let waits =
        node.api("join", "meetingID=asks&fullName=J&role=VIEWER&guest=true&redirect=false").await;
    assert_eq!(waits.success().element("guestStatus").as_deref(), Some("WAIT"));
    let joined = node.api("join", "meetingID=class&fullName=J&password=mp&redirect=false").await;
    assert_eq!(
        joined.success().element_names(),
        [
            "response",
            "returncode",
            "messageKey",
            "message",
            "meeting_id",
            "user_id",
            "auth_token",
            "session_token",
            "guestStatus",
            "url"
        ]
    );
}

/// Where a failed join goes, by line.
#[tokio::test]
async fn failed_joins_by_line() {
    let back = "errorRedirectUrl=https%3A%2F%2Fe.example.org&logoutURL=https%3A%2F%2Fl.example.org%2F%3Fa%3D1";
    let none = format!("meetingID=none&fullName=J&{back}");
    let late = format!("meetingID=class&fullName=J&role=VIEWER&createTime=1&{back}");
    let (to_error, to_logout) =
        ("https://e.example.org?errors=", "https://l.example.org/?a=1&errors=");
    for (release, broken, broken_as_xml, failed_as_xml) in [
        ("2.6.10", to_logout, Some(to_logout), Some(to_logout)),
        ("2.7.17", to_error, None, None),
        ("3.0.28", to_error, Some(to_error), None),
    ] {
        let node = with_class(release).await;
        for (query, wanted) in [
            (none.clone(), Some(broken)),
            (format!("{none}&redirect=false"), broken_as_xml),
            (late.clone(), Some(broken)),
            (format!("{late}&redirect=false"), failed_as_xml),
        ] {
            let answer = node.api("join", &query).await;
            match wanted {
                Some(address) => {
                    let location = answer.header("location").unwrap();
                    assert!(location.starts_with(address), "{release} {query}: {location}");
                }
                None => assert_eq!(answer.status, 200, "{release} {query}"),
            }
        }
        // Nobody without a checksum chooses where users are sent.
        let unsigned = node.get(&format!("/bigbluebutton/api/join?{none}")).await;
        let location = unsigned.header("location").unwrap();
        assert!(location.starts_with(&format!("{}?errors=", node.origin)), "{release}: {location}");
    }
}

/// Answers without a key, and bodies that are no slides.
#[tokio::test]
async fn documents() {
    let node = with_class("3.0.28").await;
    let slides = "<modules><module name=\"presentation\"><document url=\"https://a/x.pdf\"/></module></modules>";
    for (id, media_type, body, status, wanted) in [
        (
            "class",
            "application/xml",
            slides,
            200,
            "<returncode>SUCCESS</returncode><message>Presentation is being uploaded</message>",
        ),
        (
            "none",
            "text/xml",
            slides,
            200,
            "<returncode>FAILED</returncode><message>Meeting with id [none] not found.</message>",
        ),
        (
            "class",
            "application/x-www-form-urlencoded",
            "a=b",
            200,
            "<messageKey>unsupportedContentType</messageKey><message>POST request Content-Type is missing or unsupported</message>",
        ),
        ("class", "application/xml", "<modules/>", 404, ""),
        ("class", "application/xml", "<modules>", 500, ""),
    ] {
        let path = node.signed("insertDocument", &format!("meetingID={id}"));
        let answer =
            node.send("POST", &path, &[("Content-Type", media_type)], body.as_bytes()).await;
        assert_eq!(answer.status, status, "{id} {media_type} {body}");
        assert!(answer.text().contains(wanted), "{}", answer.text());
    }
}

/// What a repeated create compares, and what it changes.
#[tokio::test]
async fn repeated_creates() {
    let node = with_class("3.0.28").await;
    let first = node.api("getMeetingInfo", "meetingID=class").await.success();
    for (query, key) in [
        (USERS, "duplicateWarning"),
        ("", "duplicateWarning"),
        ("attendeePW=&moderatorPW=", "duplicateWarning"),
        ("attendeePW=ap", "idNotUnique"),
        ("moderatorPW=mp", "idNotUnique"),
        ("attendeePW=mp&moderatorPW=ap", "idNotUnique"),
        ("duration=5&record=true&meta_a=b&maxParticipants=2", "duplicateWarning"),
    ] {
        let again = node.api("create", &format!("name=Other&meetingID=class&{query}")).await;
        assert_eq!(again.element("messageKey").as_deref(), Some(key), "{query}");
    }
    let after = node.api("getMeetingInfo", "meetingID=class").await.success();
    assert_eq!(first.text(), after.text());
}

/// What a POST is signed over, by release.
#[tokio::test]
async fn posts_are_signed_over_their_query_or_their_form() {
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let path = "/bigbluebutton/api/getMeetingInfo";
    let over_empty = format!("meetingID=class&checksum={}", sign("getMeetingInfo", ""));
    let over_form =
        format!("meetingID=class&checksum={}", sign("getMeetingInfo", "meetingID=class"));
    for (release, empty, sorted) in [
        ("2.6.17", false, true),
        ("2.6.18", true, false),
        ("2.7.7", false, true),
        ("2.7.8", true, false),
        ("3.0.28", true, false),
    ] {
        let node = with_class(release).await;
        for (body, accepted) in [(&over_empty, empty), (&over_form, sorted)] {
            let answer = node.send("POST", path, &[form], body.as_bytes()).await;
            let found = answer.text().contains("<meetingID>class</meetingID>");
            assert_eq!(found, accepted, "{release} {body}");
        }
    }
}
