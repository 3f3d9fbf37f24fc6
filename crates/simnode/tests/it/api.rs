//! The API of bbb-web.

use crate::node::{SECRET, Setup, sign};

#[tokio::test]
async fn index_in_xml_and_in_json() {
    let node = Setup::stock().start().await;
    for path in ["/bigbluebutton/api", "/bigbluebutton/api/", "/bigbluebutton/"] {
        let answer = node.get(path).await.success();
        assert_eq!(answer.header("content-type"), Some("text/xml;charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert_eq!(
            answer.element_names(),
            [
                "response",
                "returncode",
                "version",
                "apiVersion",
                "bbbVersion",
                "graphqlWebsocketUrl",
                "graphqlApiUrl",
                "html5PluginSdkVersion"
            ]
        );
        assert_eq!(answer.element("bbbVersion").as_deref(), Some(""));
        assert_eq!(
            answer.element("graphqlWebsocketUrl"),
            Some(format!("ws://{}/graphql", node.host()))
        );
    }
    let answer = node.get_with("/bigbluebutton/api", &[("Content-Type", "application/json")]).await;
    assert_eq!(answer.header("content-type"), Some("application/json;charset=utf-8"));
    let response = &answer.json()["response"];
    assert_eq!(response["graphqlApiUrl"], format!("{}/api/rest", node.origin));
    assert_eq!(response["version"], "2.0");
}

#[tokio::test]
async fn the_version_is_shown_only_when_allowed() {
    let node = Setup::stock().properties("allowRevealOfBBBVersion=true").start().await;
    let answer = node.get("/bigbluebutton/api").await.success();
    assert_eq!(answer.element("bbbVersion").as_deref(), Some("3.0.28"));
}

#[tokio::test]
async fn create_answers_in_bbbs_order() {
    let node = Setup::stock().start().await;
    let query = "name=Test+Meeting&meetingID=abc123&attendeePW=111222&moderatorPW=333444";
    let path = format!(
        "/bigbluebutton/api/create?{query}&checksum=1fcbb0c4fc1f039f73aa6d697d2db9ba7f803f17"
    );
    let answer = node.get(&path).await.success();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/xml;charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    assert_eq!(
        answer.element_names(),
        [
            "response",
            "returncode",
            "meetingID",
            "internalMeetingID",
            "parentMeetingID",
            "attendeePW",
            "moderatorPW",
            "createTime",
            "voiceBridge",
            "dialNumber",
            "createDate",
            "hasUserJoined",
            "duration",
            "hasBeenForciblyEnded",
            "messageKey",
            "message"
        ]
    );
    let create_time = answer.element("createTime").unwrap();
    assert_eq!(
        answer.element("internalMeetingID"),
        Some(format!("6367c48dd193d56ea7b0baad25b19455e529f5ee-{create_time}"))
    );
    assert_eq!(answer.element("parentMeetingID").as_deref(), Some("bbb-none"));
    assert_eq!(answer.element("messageKey").as_deref(), Some(""));
    assert_eq!(answer.element("voiceBridge").unwrap().len(), 5);

    let again = node.get(&path).await.success();
    assert_eq!(again.element("messageKey").as_deref(), Some("duplicateWarning"));
    assert_eq!(again.element("createTime"), Some(create_time));
    let other =
        node.api("create", "name=Test&meetingID=abc123&attendeePW=xxx&moderatorPW=yyy").await;
    assert_eq!(other.failure(), "idNotUnique");
}

#[tokio::test]
async fn create_by_form_and_with_xml_modules() {
    let node = Setup::stock().start().await;
    let form = ("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8");
    let path = format!("/bigbluebutton/api/create?checksum={}", sign("create", ""));
    let answer = node.send("POST", &path, &[form], b"name=By+form&meetingID=form").await;
    assert_eq!(answer.success().element("meetingID").as_deref(), Some("form"));

    let path = node.signed("create", "name=By+XML&meetingID=modules");
    let modules = b"<modules><module name=\"presentation\"><document url=\"https://a.example/x.pdf\"/></module></modules>";
    for media_type in ["application/xml", "text/xml; charset=utf-8"] {
        node.send("POST", &path, &[("Content-Type", media_type)], modules).await.success();
    }
    let broken = node.send("POST", &path, &[("Content-Type", "text/xml")], b"<modules>").await;
    assert_eq!(broken.status, 500);
    let json = node.send("POST", &path, &[("Content-Type", "application/json")], b"{}").await;
    assert_eq!(json.failure(), "unsupportedContentType");
    let none = node.send("POST", &path, &[], b"{}").await;
    assert_eq!(none.failure(), "unsupportedContentType");
    // Without a body nobody looks at the type.
    node.send("POST", &path, &[("Content-Type", "application/json")], b"").await.success();
}

#[tokio::test]
async fn create_by_multipart_form() {
    let node = Setup::stock().start().await;
    let path = format!("/bigbluebutton/api/create?checksum={}", sign("create", ""));
    let body = "--b\r\nContent-Disposition: form-data; name=\"meetingID\"\r\n\r\nparts\r\n--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nBy parts\r\n--b--\r\n";
    let headers = [("Content-Type", "multipart/form-data; boundary=b")];
    let answer = node.send("POST", &path, &headers, body.as_bytes()).await;
    assert_eq!(answer.success().element("meetingID").as_deref(), Some("parts"));
}

#[tokio::test]
async fn broken_rules_are_reported_as_bbb_reports_them() {
    let node = Setup::stock().start().await;
    node.api("create", "name=Class&meetingID=room").await.success();
    let long = "x".repeat(257);
    let table = [
        ("create", "name=Class&meetingID=".to_owned(), "sizeError"),
        ("create", "name=Class&meetingID=x".to_owned(), "sizeError"),
        ("create", format!("name=Class&meetingID={long}"), "sizeError"),
        ("create", "name=Class&meetingID=a,b".to_owned(), "validationError"),
        ("create", "name=Class".to_owned(), "validationError"),
        ("create", "name=Class&meetingID=%20room".to_owned(), "validationError"),
        ("create", "meetingID=room".to_owned(), "nullError"),
        ("create", "name=&meetingID=room".to_owned(), "emptyError"),
        ("create", "name=x&meetingID=room".to_owned(), "sizeError"),
        ("create", "name=Class&meetingID=room&attendeePW=x".to_owned(), "invalidPassword"),
        ("create", "name=Class&meetingID=room&voiceBridge=x".to_owned(), "validationError"),
        ("create", "name=Class&meetingID=room&record=maybe".to_owned(), "validationError"),
        (
            "create",
            "name=Class&meetingID=other&isBreakout=true".to_owned(),
            "parentMeetingIDMissing",
        ),
        (
            "create",
            "name=Class&meetingID=other&isBreakout=true&parentMeetingID=no".to_owned(),
            "parentMeetingDoesNotExist",
        ),
        ("isMeetingRunning", "meetingID=".to_owned(), "sizeError"),
        ("end", "meetingID=unknown".to_owned(), "notFound"),
        ("end", "meetingID=".to_owned(), "notFound"),
        ("end", String::new(), "notFound"),
        ("getMeetingInfo", "meetingID=unknown".to_owned(), "notFound"),
        ("getMeetingInfo", "meetingID=".to_owned(), "notFound"),
        ("getMeetingInfo", String::new(), "notFound"),
        ("sendChatMessage", "meetingID=room".to_owned(), "nullError"),
        ("sendChatMessage", "meetingID=room&message=".to_owned(), "sizeError"),
        ("sendChatMessage", "meetingID=unknown&message=hello".to_owned(), "meetingNotFound"),
        ("publishRecordings", "publish=true".to_owned(), "missingParamRecordID"),
        ("publishRecordings", "recordID=x".to_owned(), "missingParamPublish"),
        ("publishRecordings", "recordID=x&publish=true".to_owned(), "notFound"),
        ("deleteRecordings", "recordID=x".to_owned(), "notFound"),
        ("updateRecordings", "recordID=x".to_owned(), "notFound"),
    ];
    for (call, query, key) in table {
        let answer = node.api(call, &query).await;
        assert_eq!(answer.status, 200, "{call} {query}");
        assert_eq!(answer.failure(), key, "{call} {query}");
    }
    let answer = node.api("create", "name=Class&meetingID=two&voiceBridge=70001").await;
    answer.success();
    let clash = node.api("create", "name=Class&meetingID=three&voiceBridge=70001").await;
    assert_eq!(
        clash.text(),
        "<response><returncode>FAILED</returncode><errors><error><key>nonUniqueVoiceBridge</key><message>The selected voice bridge is already in use.</message></error></errors></response>"
    );
    assert_eq!(node.api("isMeetingRunning", "").await.status, 500);
}

#[tokio::test]
async fn checksums_are_demanded() {
    let node = Setup::stock().start().await;
    for path in [
        "/bigbluebutton/api/getMeetings".to_owned(),
        "/bigbluebutton/api/getMeetings?checksum=".to_owned(),
        format!("/bigbluebutton/api/getMeetings?checksum={}", sign("getMeeting", "")),
        format!("/bigbluebutton/api/getMeetings?a=1&checksum={}", sign("getMeetings", "")),
        format!("/bigbluebutton/api/create?name=%00&checksum={}", sign("create", "")),
    ] {
        let answer = node.get(&path).await;
        assert_eq!(answer.failure(), "checksumError", "{path}");
        assert_eq!(answer.element("message").as_deref(), Some("Checksums do not match"));
    }
    let recordings = node.get("/bigbluebutton/api/getRecordings?checksum=x").await;
    assert_eq!(recordings.failure(), "checksumError");
    assert_eq!(
        recordings.element("message").as_deref(),
        Some("You did not pass the checksum security check")
    );
    for query in ["?checksum=", "?&checksum="] {
        let path = format!("/bigbluebutton/api/getMeetings{query}{}", sign("getMeetings", ""));
        node.get(&path).await.success();
    }
}

#[tokio::test]
async fn an_algorithm_that_is_not_supported_is_refused() {
    let node = Setup::stock().properties("supportedChecksumAlgorithms=sha256").start().await;
    let sha1 = "/bigbluebutton/api/getMeetings?checksum=2027baa7771026e9e93392f55031535d1444c41f";
    assert_eq!(node.get(sha1).await.failure(), "checksumError");
    node.api("getMeetings", "").await.success();
}

#[tokio::test]
async fn errors_in_json_for_a_client_that_prefers_it() {
    let node = Setup::stock().start().await;
    let path = node.signed("getMeetingInfo", "meetingID=unknown");
    let answer = node.get_with(&path, &[("Accept", "application/json")]).await;
    assert_eq!(answer.json()["response"]["messageKey"], "notFound");
    let browser = [("Accept", "application/json"), ("User-Agent", "Mozilla/5.0 Gecko/20100101")];
    assert_eq!(node.get_with(&path, &browser).await.failure(), "notFound");
}

#[tokio::test]
async fn methods_that_a_call_does_not_know() {
    let node = Setup::stock().start().await;
    let table = [
        ("POST", "join", 405),
        ("GET", "insertDocument", 405),
        ("PUT", "create", 405),
        ("POST", "publishRecordings", 405),
        ("GET", "enter", 404),
    ];
    for (method, call, status) in table {
        let path = node.signed(call, "meetingID=room");
        assert_eq!(node.send(method, &path, &[], b"").await.status, status, "{method} {call}");
    }
}

#[tokio::test]
async fn meeting_info_in_bbbs_order() {
    let node = Setup::stock().start().await;
    node.api("create", "name=Class&meetingID=room&meta_Bbb-Context=%3Cmath%3E&meta_bad_name=1")
        .await
        .success();
    let answer = node.api("getMeetingInfo", "meetingID=room").await.success();
    assert_eq!(answer.header("cache-control"), None);
    let names = [
        "response",
        "returncode",
        "meetingName",
        "meetingID",
        "internalMeetingID",
        "createTime",
        "createDate",
        "voiceBridge",
        "dialNumber",
        "attendeePW",
        "moderatorPW",
        "running",
        "duration",
        "hasUserJoined",
        "recording",
        "hasBeenForciblyEnded",
        "startTime",
        "endTime",
        "participantCount",
        "listenerCount",
        "voiceParticipantCount",
        "videoCount",
        "maxUsers",
        "moderatorCount",
        "attendees",
        "metadata",
        "bbb-context",
        "isBreakout",
    ];
    assert_eq!(answer.element_names(), names);
    assert_eq!(answer.element("bbb-context").as_deref(), Some("&lt;math&gt;"));
    assert_eq!(answer.element("running").as_deref(), Some("false"));

    let list = node.api("getMeetings", "").await.success();
    let mut expected = vec!["response", "returncode", "meetings", "meeting"];
    expected.extend(&names[2..]);
    assert_eq!(list.element_names(), expected);
    assert_eq!(list.header("cache-control"), Some("no-cache"));
}

#[tokio::test]
async fn an_empty_server() {
    let node = Setup::stock().start().await;
    assert_eq!(
        node.api("getMeetings", "").await.text(),
        "<response><returncode>SUCCESS</returncode><meetings/><messageKey>noMeetings</messageKey><message>no meetings were found on this server</message></response>"
    );
    assert_eq!(
        node.api("getSessions", "").await.text(),
        "<response><returncode>SUCCESS</returncode><sessions/><messageKey>noSessions</messageKey><message>no sessions were found on this serverr</message></response>"
    );
    assert_eq!(
        node.api("getRecordings", "meetingID=x").await.text(),
        "<response><returncode>SUCCESS</returncode><recordings></recordings><messageKey>noRecordings</messageKey><message>There are no recordings for the meeting(s).</message></response>"
    );
    let tracks = node.api("getRecordingTextTracks", "recordID=x").await;
    assert_eq!(tracks.json()["response"]["messageKey"], "noRecordings");
    let running = node.api("isMeetingRunning", "meetingID=connection_check").await;
    assert_eq!(
        running.text(),
        "<response><returncode>SUCCESS</returncode><running>false</running></response>"
    );
}

#[tokio::test]
async fn end_and_make_again() {
    let node = Setup::stock().start().await;
    let first = node.api("create", "name=Class&meetingID=room").await.success();
    let ended = node.api("end", "meetingID=room").await.success();
    assert_eq!(ended.element("messageKey").as_deref(), Some("sentEndMeetingRequest"));
    assert_eq!(node.api("getMeetingInfo", "meetingID=room").await.failure(), "notFound");
    let second = node.api("create", "name=Class&meetingID=room").await.success();
    assert_eq!(second.element("messageKey").as_deref(), Some(""));
    assert_ne!(first.element("internalMeetingID"), second.element("internalMeetingID"));
}

#[tokio::test]
async fn join_redirects_with_a_cookie() {
    let node = Setup::clustered().start().await;
    let browser = node.browser("room", "MODERATOR").await;
    assert!(
        browser
            .location
            .starts_with("http://bbb.cluster.localhost:8080/bbb-01/html5client/?sessionToken="),
        "{browser:?}"
    );
    assert_eq!(browser.token.len(), 16);
    let path = node.signed("join", "fullName=Bo&meetingID=room&role=viewer");
    let first = node.get(&path).await;
    let cookie = first.header("set-cookie").unwrap();
    let (value, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly");
    assert_eq!(value.len(), "JSESSIONID=".len() + 32);
    let again = node.get_with(&path, &[("Cookie", value)]).await;
    assert_eq!((again.status, again.header("set-cookie")), (302, None));
}

#[tokio::test]
async fn join_answers_in_xml_on_request() {
    let node = Setup::stock().start().await;
    node.api("create", "name=Class&meetingID=room&attendeePW=aaaa&moderatorPW=mmmm")
        .await
        .success();
    let answer =
        node.api("join", "fullName=Bo&meetingID=room&password=aaaa&redirect=false").await.success();
    assert_eq!(
        answer.element_names(),
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
    assert_eq!(answer.element("guestStatus").as_deref(), Some("ALLOW"));
    assert!(answer.element("user_id").unwrap().starts_with("w_"));
    assert!(answer.header("set-cookie").is_some());
    let url = answer.element("url").unwrap();
    assert_eq!(
        url,
        format!(
            "{}/html5client?sessionToken={}",
            node.origin,
            answer.element("session_token").unwrap()
        )
    );
}

#[tokio::test]
async fn join_errors() {
    let node = Setup::stock().start().await;
    let created = node
        .api("create", "name=Class&meetingID=room&maxParticipants=0&guestPolicy=ALWAYS_DENY")
        .await
        .success();
    let time = created.element("createTime").unwrap();
    let location = |answer: &crate::node::Answer| {
        assert_eq!(answer.status, 302, "{answer:?}");
        answer.header("location").unwrap().to_owned()
    };
    // A wrong checksum leads home, wherever the request wants to lead.
    let answer = node.get("/bigbluebutton/api/join?fullName=Bo&meetingID=room&role=VIEWER&logoutURL=https://evil.example&checksum=x").await;
    assert!(location(&answer).starts_with(&format!("{}?errors=", node.origin)));
    assert!(location(&answer).contains("checksumError"));
    // Broken rules redirect even when an answer in XML was asked for.
    let table = [
        ("meetingID=unknown&fullName=Bo&role=VIEWER&redirect=false", "meetingForciblyEnded"),
        ("fullName=Bo&role=VIEWER", "meetingForciblyEnded"),
        ("meetingID=room&fullName=&role=VIEWER", "missingParamFullName"),
        ("meetingID=room&fullName=Bo&role=VIEWER&createTime=x", "validationError"),
        ("meetingID=room&fullName=Bo&role=VIEWER&createTime=1", "mismatchCreateTimeParam"),
        ("meetingID=room&fullName=Bo&role=VIEWER", "guestDeniedAccess"),
    ];
    for (query, key) in table {
        let answer = node.api("join", query).await;
        assert!(location(&answer).contains(key), "{query}: {answer:?}");
        assert_eq!(answer.header("set-cookie"), None);
    }
    let query =
        "meetingID=room&fullName=Bo&role=VIEWER&logoutURL=https%3A%2F%2Fa.example%2F%3Fx%3D1";
    let answer = node.api("join", query).await;
    assert!(location(&answer).starts_with("https://a.example/?x=1&errors="), "{answer:?}");
    let query = format!("{query}&errorRedirectUrl=https%3A%2F%2Fb.example%2Foops");
    assert!(
        location(&node.api("join", &query).await).starts_with("https://b.example/oops?errors=")
    );
    let table = [
        (
            "meetingID=room&fullName=Bo&role=VIEWER&createTime=1&redirect=false",
            "mismatchCreateTimeParam",
        ),
        ("meetingID=room&fullName=Bo&role=VIEWER&redirect=false", "guestDeniedAccess"),
        ("meetingID=room&fullName=Bo&password=wrong", "Params required"),
        ("meetingID=room&fullName=Bo", "Params required"),
        ("meetingID=room&fullName=Bo&existingUserID=w_nobody", "userNotFound"),
    ];
    for (query, key) in table {
        let answer = node.api("join", query).await;
        assert_eq!((answer.status, answer.failure().as_str()), (200, key), "{query}");
    }
    let query = format!("meetingID=room&fullName=Bo&role=MODERATOR&password=&createTime={time}");
    assert!(location(&node.api("join", &query).await).contains("sessionToken="));
    assert_eq!(node.api("join", "meetingID=room&role=VIEWER").await.status, 500);
}

#[tokio::test]
async fn join_under_https_sets_a_secure_cookie() {
    // The origin decides; the listener of this test needs no certificate for that.
    let node = Setup::stock().start_with(None, "https").await;
    node.api("create", "name=Class&meetingID=room").await.success();
    let answer = node.api("join", "fullName=Bo&meetingID=room&role=VIEWER").await;
    assert!(answer.header("set-cookie").unwrap().ends_with("; Path=/; HttpOnly; Secure"));
}

#[tokio::test]
async fn insert_document() {
    let node = Setup::stock().start().await;
    node.api("create", "name=Class&meetingID=room").await.success();
    let xml = [("Content-Type", "application/xml")];
    let body = b"<modules><module name='presentation'><document url='https://a.example/new.pdf'/></module></modules>";
    let known =
        node.send("POST", &node.signed("insertDocument", "meetingID=room"), &xml, body).await;
    assert_eq!(
        known.text(),
        "<response><returncode>SUCCESS</returncode><message>Presentation is being uploaded</message></response>"
    );
    let unknown =
        node.send("POST", &node.signed("insertDocument", "meetingID=unknown"), &xml, body).await;
    assert_eq!(
        unknown.text(),
        "<response><returncode>FAILED</returncode><message>Meeting with id [unknown] not found.</message></response>"
    );
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let wrong =
        node.send("POST", &node.signed("insertDocument", "meetingID=room"), &form, b"a=b").await;
    assert_eq!(wrong.failure(), "unsupportedContentType");
}

#[tokio::test]
async fn session_calls() {
    let node = Setup::stock().start().await;
    let browser = node.browser("room", "MODERATOR").await;
    let cookie = [("Cookie", browser.cookie.as_str())];
    let token = &browser.token;
    let sessions = node.api("getSessions", "").await.success();
    assert_eq!(sessions.element("userName").as_deref(), Some("Ada"));
    let url = node
        .get_with(&format!("/bigbluebutton/api/getJoinUrl?sessionToken={token}"), &cookie)
        .await;
    let url = url.json()["response"]["url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(&node.origin).unwrap();
    assert!(path.starts_with("/bigbluebutton/api/join?&fullName=Ada"), "{path}");
    assert_eq!(node.get(path).await.status, 302);
    assert!(!url.contains(SECRET));
    node.get_with(&format!("/bigbluebutton/api/signOut?sessionToken={token}"), &cookie)
        .await
        .success();
    let stuns =
        node.get_with(&format!("/bigbluebutton/api/stuns?sessionToken={token}"), &cookie).await;
    assert_eq!(stuns.json()["returncode"], "FAILED");
}
