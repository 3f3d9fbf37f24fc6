//! The table of requests, in the order in which they are sent: what one makes,
//! later ones meet.

use bluegate_bbb_api::checksum::Algorithm;

use super::{
    create_cases, hook_cases, participant_cases, recording_cases,
    request::{Case, Signed},
};

pub(super) const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const XML: &str = "application/xml";
pub(super) const SLIDES: &str = "<modules><module name=\"presentation\">\
    <document url=\"https://slides.example.org/a.pdf\" filename=\"a.pdf\"/></module></modules>";

/// Every request.
pub(super) fn all() -> Vec<Case> {
    let mut cases = index();
    cases.extend(empty_server());
    cases.extend(create_cases::all());
    cases.extend(reads());
    cases.extend(joins());
    cases.extend(checksums());
    cases.extend(bodies());
    cases.extend(documents_and_chat());
    cases.extend(recordings());
    cases.extend(other_calls());
    cases.extend(json());
    cases.extend(ends());
    cases.extend(recording_cases::all());
    cases.extend(participant_cases::all());
    // Last: the hooks of 2.x are named 1, 2, 3, which other answers say as well.
    cases.extend(hook_cases::all());
    cases
}

fn index() -> Vec<Case> {
    let plain = |name: &str, path: &str| Case {
        path: path.to_owned(),
        signed: Signed::Missing,
        ..Case::get(name, "", "")
    };
    vec![
        plain("index", ""),
        plain("index with a slash", "/"),
        plain("index in JSON", "").with_header("content-type", "application/json"),
        plain("index by POST", "").by("POST"),
        plain("index by PUT", "/").by("PUT"),
        plain("index signed", "/").signed(Signed::Ampersand),
        plain("index with a wrong checksum", "/").signed(Signed::NoDigest),
    ]
}

fn empty_server() -> Vec<Case> {
    vec![
        Case::get("no meetings", "getMeetings", ""),
        Case::get("no meetings, with a random number", "getMeetings", "random=123"),
        Case::post("no meetings, by POST", "getMeetings", "", (XML, "")),
        Case::get("no sessions", "getSessions", ""),
        Case::get("no recordings", "getRecordings", ""),
        Case::get("connection check", "isMeetingRunning", "meetingID=connection_check"),
    ]
}

fn reads() -> Vec<Case> {
    let mut cases = vec![
        Case::get("list", "getMeetings", ""),
        Case::get("list, with a trailing slash", "getMeetings/", ""),
        Case::get("sessions of nobody", "getSessions", ""),
    ];
    for (call, of) in [
        ("getMeetingInfo", "info"),
        ("isMeetingRunning", "running"),
        ("end", "end of a meeting that is not there"),
    ] {
        for (name, query) in [
            ("without meetingID", ""),
            ("of an empty meetingID", "meetingID="),
            ("of blanks", "meetingID=%20%20"),
            ("of one letter", "meetingID=x"),
            ("with a comma", "meetingID=a%2Cb"),
            ("of a meeting that is not", "meetingID=none"),
            ("with meetingId", "meetingId=class"),
            ("with MEETINGID", "MEETINGID=class"),
            ("with a short password", "meetingID=none&password=x"),
            ("with an empty password", "meetingID=none&password="),
        ] {
            cases.push(Case::get(format!("{of}: {name}"), call, query));
        }
        let long = format!("meetingID={}", "x".repeat(257));
        cases.push(Case::get(format!("{of}: of 257 letters"), call, long));
    }
    for (call, of) in [("getMeetingInfo", "info"), ("isMeetingRunning", "running")] {
        for (name, query) in [
            ("by meetingID", "meetingID=class"),
            ("with an escape", "meetingID=%63lass"),
            ("with blanks around", "meetingID=+class%20"),
            ("with a control character", "meetingID=cl%00ass"),
            ("with an escaped name", "meeting%49D=class"),
            ("twice, the first counts", "meetingID=class&meetingID=other"),
            ("among others", "a=1&meetingID=class&b=2&c"),
            ("with empty parts", "meetingID=class&&a=1&"),
            ("with a password", "meetingID=class&password=mp"),
            ("by its internal ID", "meetingID={class.internalMeetingID}"),
        ] {
            cases.push(Case::get(format!("{of}: {name}"), call, query));
        }
        let post = ("", "");
        cases.push(Case::post(format!("{of}: by POST"), call, "meetingID=class", post));
        cases.push(Case::get(
            format!("{of}: trailing slash"),
            &format!("{call}/"),
            "meetingID=class",
        ));
        cases.push(Case::get(format!("{of}: by DELETE"), call, "meetingID=class").by("DELETE"));
    }
    cases
}

fn joins() -> Vec<Case> {
    let mut cases = Vec::new();
    let user = "meetingID=class&fullName=J+D";
    for (name, more) in [
        ("by role", "&role=VIEWER"),
        ("by role in lower case", "&role=moderator"),
        ("by password of moderators", "&password=mp"),
        ("by password of viewers", "&password=ap"),
        ("role before password", "&role=VIEWER&password=mp"),
        ("by a wrong password", "&password=wrong"),
        ("by a password of one letter", "&password=x"),
        ("by an empty password and a role", "&password=&role=VIEWER"),
        ("with neither role nor password", ""),
        ("with an unknown role", "&role=TEACHER"),
        ("with the right createTime", "&role=VIEWER&createTime={class.createTime}"),
        ("with another createTime", "&role=VIEWER&createTime=1234567890123"),
        ("with createTime 0", "&role=VIEWER&createTime=0"),
        ("with an empty createTime", "&role=VIEWER&createTime="),
        ("with createTime in words", "&role=VIEWER&createTime=now"),
        ("with a user ID", "&role=VIEWER&userID=u-1"),
        ("as guest", "&role=VIEWER&guest=true"),
        ("as guest in capitals", "&role=VIEWER&guest=TRUE"),
        ("as guest by number", "&role=VIEWER&guest=1"),
        ("as guest, perhaps", "&role=VIEWER&guest=perhaps"),
        ("with auth", "&role=VIEWER&guest=false&auth=true"),
        ("with auth, perhaps", "&role=VIEWER&auth=perhaps"),
        ("with an avatar", "&role=VIEWER&avatarURL=https%3A%2F%2Fa.example.org%2Fa.png"),
        (
            "with a background",
            "&role=VIEWER&webcamBackgroundURL=https%3A%2F%2Fa.example.org%2Fb.png",
        ),
        ("outside the dashboard", "&role=VIEWER&excludeFromDashboard=true"),
        ("with user data", "&role=VIEWER&userdata-bbb_auto_join_audio=true&userdata-a=%7B%7D"),
        ("with user data of another kind", "&role=VIEWER&userdata-a-b=1&userdata-=2"),
        ("with a layout", "&role=VIEWER&defaultLayout=VIDEO_FOCUS"),
        ("with an enforced layout", "&role=VIEWER&enforceLayout=VIDEO_FOCUS"),
        ("as a bot", "&role=VIEWER&bot=true"),
        ("as somebody who is not in", "&existingUserID=w_aaaaaaaaaaaa"),
        ("with first and last name", "&role=VIEWER&firstName=J&lastName=D"),
        ("with joinViaHtml5 as Python writes it", "&role=VIEWER&joinViaHtml5=False"),
        ("with a logout address", "&role=VIEWER&logoutURL=https%3A%2F%2Flms.example.org%2F"),
    ] {
        for (kind, redirect) in [("redirected", ""), ("as XML", "&redirect=false")] {
            cases.push(Case::get(
                format!("join {name}, {kind}"),
                "join",
                format!("{user}{more}{redirect}"),
            ));
        }
    }
    for (name, query) in [
        ("redirect=True", "meetingID=class&fullName=J&role=VIEWER&redirect=True"),
        ("redirect=False", "meetingID=class&fullName=J&role=VIEWER&redirect=False"),
        ("redirect=0", "meetingID=class&fullName=J&role=VIEWER&redirect=0"),
        ("an empty name", "meetingID=class&fullName=&role=VIEWER"),
        ("a name of blanks", "meetingID=class&fullName=++&role=VIEWER"),
        (
            "a name of every kind",
            "meetingID=class&fullName=%C3%84%20%3Cb%3E%26%22'!()*~&role=VIEWER&redirect=false",
        ),
        ("the internal ID", "meetingID={class.internalMeetingID}&fullName=J&role=VIEWER"),
        ("an escaped meetingID", "meetingID=%63lass&fullName=J&role=VIEWER"),
        (
            "a meeting that asks, as guest",
            "meetingID=asks&fullName=J&role=VIEWER&guest=true&redirect=false",
        ),
        ("a meeting that asks, redirected", "meetingID=asks&fullName=J&role=VIEWER&guest=true"),
        ("a meeting that denies", "meetingID=denies&fullName=J&role=VIEWER&redirect=false"),
        (
            "a meeting that denies, with a way back",
            "meetingID=denies&fullName=J&role=VIEWER&errorRedirectUrl=https%3A%2F%2Flms.example.org%2Fe%3Fa%3D1",
        ),
        (
            "another createTime, with a way back",
            "meetingID=class&fullName=J&role=VIEWER&createTime=1&logoutURL=https%3A%2F%2Flms.example.org",
        ),
        ("no meetingID", "fullName=J&role=VIEWER"),
        ("an empty meetingID", "meetingID=&fullName=J&role=VIEWER"),
        ("no such meeting", "meetingID=none&fullName=J&role=VIEWER"),
        (
            "no such meeting and no name",
            "meetingID=none&fullName=&role=VIEWER&logoutURL=https%3A%2F%2Flms.example.org",
        ),
        (
            "no such meeting, with a way back",
            "meetingID=none&fullName=J&logoutURL=https%3A%2F%2Flms.example.org%2F%3Fa%3D1",
        ),
        (
            "no such meeting, with two ways back",
            "meetingID=none&fullName=J&logoutURL=https%3A%2F%2Fa.example.org&errorRedirectUrl=https%3A%2F%2Fb.example.org",
        ),
        (
            "no such meeting, as XML",
            "meetingID=none&fullName=J&redirect=false&logoutURL=https%3A%2F%2Flms.example.org",
        ),
        (
            "no such meeting, a bad password and a way back",
            "meetingID=none&fullName=J&password=x&logoutURL=https%3A%2F%2Flms.example.org",
        ),
    ] {
        cases.push(Case::get(format!("join with {name}"), "join", query));
    }
    cases.push(Case::get("join, trailing slash", "join/", format!("{user}&role=VIEWER")));
    cases.push(Case::post("join by POST", "join", format!("{user}&role=VIEWER"), (FORM, "")));
    cases
}

/// Every call with every right and every wrong checksum.
fn checksums() -> Vec<Case> {
    let calls: [(&str, &str, &str); 15] = [
        ("GET", "create", "name=Class&meetingID=class"),
        ("GET", "join", "meetingID=class&fullName=J+D&role=VIEWER&redirect=false"),
        ("GET", "isMeetingRunning", "meetingID=class"),
        ("GET", "end", "meetingID=none"),
        ("GET", "getMeetingInfo", "meetingID=class&x=%2f+%20!'()*~"),
        ("GET", "getMeetings", ""),
        ("GET", "getSessions", "random=1"),
        ("POST", "insertDocument", "meetingID=none"),
        ("GET", "sendChatMessage", "meetingID=none&message=hello"),
        ("GET", "getRecordings", "meetingID=class&recordID="),
        ("GET", "publishRecordings", "recordID=a&publish=true"),
        ("GET", "deleteRecordings", "recordID=a"),
        ("GET", "updateRecordings", "recordID=a&meta_a=b"),
        ("GET", "getRecordingTextTracks", "recordID=a"),
        ("POST", "putRecordingTextTrack", "recordID=a&kind=subtitles&lang=en"),
    ];
    let ways = || Signed::RIGHT.into_iter().chain(Signed::WRONG);
    let mut cases = Vec::new();
    for (method, call, query) in calls {
        for signed in ways() {
            let body = match call {
                "insertDocument" => Some((XML, SLIDES.to_owned())),
                _ => None,
            };
            let name = format!("checksum of {call}: {signed:?}");
            cases.push(Case { method, body, signed, ..Case::get(name, call, query) });
        }
    }
    for signed in Signed::WRONG {
        let query =
            "meetingID=class&fullName=J+D&role=VIEWER&logoutURL=https%3A%2F%2Fa.example.org";
        let name = format!("checksum of a join that is redirected: {signed:?}");
        cases.push(Case::get(name, "join", query).signed(signed));
        cases.push(
            Case::get(
                format!("presentationUploadExternalUrl, {signed:?}"),
                "getMeetings",
                "presentationUploadExternalUrl=https%3A%2F%2Fa.example.org",
            )
            .signed(signed),
        );
    }
    cases
}

fn bodies() -> Vec<Case> {
    let mut cases = Vec::new();
    let multipart =
        "--b\r\nContent-Disposition: form-data; name=\"meetingID\"\r\n\r\nclass\r\n--b--\r\n";
    for call in ["getMeetingInfo", "isMeetingRunning"] {
        for (name, query, media_type, body) in [
            ("an empty form", "meetingID=class", FORM, ""),
            ("nothing as XML", "meetingID=class", XML, ""),
            ("nothing as JSON", "meetingID=class", "application/json", ""),
            (
                "a form with charset",
                "",
                "application/x-www-form-urlencoded; charset=UTF-8",
                "meetingID=class",
            ),
            ("a form", "", FORM, "meetingID=class"),
            ("a form with a blank", "", FORM, "meetingID=+class"),
            ("both, the query counts", "meetingID=class", FORM, "meetingID=none"),
            ("a multipart form", "", "multipart/form-data; boundary=b", multipart),
            ("XML", "meetingID=class", XML, "<modules/>"),
            ("text", "meetingID=class", "text/plain", "x"),
            ("JSON", "meetingID=class", "application/json", "{}"),
            ("a body without type", "meetingID=class", "", "x"),
        ] {
            cases.push(Case::post(format!("{call} with {name}"), call, query, (media_type, body)));
        }
        let form = || Case::post(String::new(), call, "", (FORM, "meetingID=class"));
        cases.push(Case {
            name: format!("{call} with the checksum in the form"),
            ..form().signed(Signed::InForm)
        });
        cases.push(Case {
            name: format!("{call} signed over its sorted form"),
            ..form().signed(Signed::OverSortedForm)
        });
        cases.push(Case {
            name: format!("{call} with an unsigned form"),
            ..form().signed(Signed::Missing)
        });
    }
    for (name, call, form) in [
        ("create by form", "create", "name=By+form&meetingID=by-form&moderatorPW=mp&attendeePW=ap"),
        (
            "create by form, again",
            "create",
            "name=By+form&meetingID=by-form&moderatorPW=mp&attendeePW=ap",
        ),
        ("list by form", "getMeetings", "random=1"),
        ("sessions by form", "getSessions", "random=1"),
        ("recordings by form", "getRecordings", "meetingID=class"),
        ("update of recordings by form", "updateRecordings", "recordID=a"),
        ("text tracks by form", "getRecordingTextTracks", "recordID=a"),
        ("end by form", "end", "meetingID=none"),
    ] {
        cases.push(Case::post(name, call, "", (FORM, form)));
        cases.push(
            Case::post(format!("{name}, signed in the form"), call, "", (FORM, form))
                .signed(Signed::InForm),
        );
    }
    for (name, media_type, body) in [
        ("slides", XML, SLIDES),
        ("slides as text/xml with charset", "text/xml; charset=UTF-8", SLIDES),
        ("slides with a prolog", "text/xml", "<?xml version='1.0' encoding='UTF-8'?><modules/>"),
        ("no modules", XML, "<modules/>"),
        ("XML that breaks off", XML, "<modules>"),
        ("slides announced as a form", FORM, SLIDES),
        ("slides as JSON", "application/json", SLIDES),
        ("slides without type", "", SLIDES),
    ] {
        let id = name.replace([' ', '/'], "-");
        let query = format!("name=Class&meetingID={id}");
        cases.push(Case::post(format!("create with {name}"), "create", query, (media_type, body)));
    }
    for call in ["publishRecordings", "deleteRecordings", "sendChatMessage"] {
        cases.push(Case::post(
            format!("{call} by POST"),
            call,
            "recordID=a&publish=true",
            ("", ""),
        ));
    }
    cases
}

fn documents_and_chat() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, query, media_type, body) in [
        ("into a meeting", "meetingID=class", XML, SLIDES),
        ("as text/xml", "meetingID=class", "text/xml", SLIDES),
        ("into no meeting", "meetingID=none", XML, SLIDES),
        ("into no meeting with an odd name", "meetingID=%3Cb%3E%26", XML, SLIDES),
        ("without meetingID", "", XML, SLIDES),
        ("with an empty meetingID", "meetingID=", XML, SLIDES),
        ("with a comma", "meetingID=a,b", XML, SLIDES),
        ("as a form", "meetingID=class", FORM, "a=b"),
        ("as a form that is XML", "meetingID=class", FORM, SLIDES),
        ("without a presentation", "meetingID=class", XML, "<modules/>"),
        ("without a presentation into no meeting", "meetingID=none", XML, "<modules/>"),
        ("that breaks off", "meetingID=class", XML, "<modules><module"),
        ("that breaks off into no meeting", "meetingID=none", XML, "<modules><module"),
        ("without body", "meetingID=class", XML, ""),
    ] {
        let name = format!("document {name}");
        cases.push(Case::post(name, "insertDocument", query, (media_type, body)));
    }
    cases.push(Case::get("document by GET", "insertDocument", "meetingID=class"));
    let long = format!("meetingID=class&message={}", "x".repeat(501));
    let name = format!("meetingID=class&message=hi&userName={}", "x".repeat(256));
    for (title, query) in [
        ("to a meeting", "meetingID=class&message=Hello+%3Cb%3E"),
        ("by name", "meetingID=class&message=Hello&userName=Me"),
        ("to no meeting", "meetingID=none&message=Hello"),
        ("without meetingID", "message=Hello"),
        ("with an empty meetingID", "meetingID=&message=Hello"),
        ("without message", "meetingID=class"),
        ("with an empty message", "meetingID=class&message="),
        ("of 501 letters", long.as_str()),
        ("by a name of 256 letters", name.as_str()),
        ("without message to no meeting", "meetingID=none"),
        ("with an empty message to no meeting", "meetingID=none&message="),
    ] {
        cases.push(Case::get(format!("chat {title}"), "sendChatMessage", query));
    }
    cases
}

fn recordings() -> Vec<Case> {
    let mut cases = Vec::new();
    for (call, query) in [
        ("getRecordings", "meetingID=class,other"),
        ("getRecordings", "recordID=x,y&state=any"),
        ("getRecordings", "meetingID=&recordID="),
        ("getRecordings", "offset=0&limit=10"),
        ("getRecordings", "meta_course=%25x%25"),
        ("publishRecordings", ""),
        ("publishRecordings", "recordID=a"),
        ("publishRecordings", "publish=true"),
        ("publishRecordings", "recordID=&publish=true"),
        ("publishRecordings", "recordID=a,b&publish=false"),
        ("deleteRecordings", ""),
        ("deleteRecordings", "recordID="),
        ("deleteRecordings", "recordID=a%2Cb"),
        ("updateRecordings", ""),
        ("updateRecordings", "recordID=a&meta_name="),
        ("getRecordingTextTracks", ""),
        ("getRecordingTextTracks", "recordID="),
        ("getRecordingTextTracks", "recordID=a"),
    ] {
        cases.push(Case::get(format!("{call}?{query}"), call, query));
        if call != "getRecordings" {
            let name = format!("{call}?{query} with a wrong checksum");
            cases.push(Case::get(name, call, query).signed(Signed::ByAStranger));
        }
    }
    for query in
        ["", "recordID=a", "recordID=a&kind=subtitles", "recordID=a&kind=subtitles&lang=en"]
    {
        let call = "putRecordingTextTrack";
        cases.push(Case::post(format!("{call}?{query}"), call, query, ("", "")));
        let name = format!("{call}?{query} with a wrong checksum");
        cases.push(Case::post(name, call, query, ("", "")).signed(Signed::ByAStranger));
    }
    cases.push(Case::get("text track by GET", "putRecordingTextTrack", "recordID=a"));
    cases
}

/// Calls with a session token, retired calls, and no calls at all.
fn other_calls() -> Vec<Case> {
    let mut cases = Vec::new();
    for call in
        ["getDefaultConfigXML", "setConfigXML", "configXML", "setPollXML", "feedback", "newCall"]
    {
        for (name, query) in
            [("about a meeting", "meetingID=class"), ("about none", "meetingID=none"), ("bare", "")]
        {
            cases.push(Case::get(format!("{call} {name}"), call, query));
        }
        cases.push(Case::get(format!("{call} unsigned"), call, "").signed(Signed::Missing));
        cases.push(Case::post(format!("{call} by POST"), call, "meetingID=class", (FORM, "a=b")));
    }
    for call in ["stuns", "signOut", "enter", "guestWait", "getJoinUrl", "learningDashboard"] {
        let unsigned = |name: &str, query: &str| {
            Case::get(format!("{call} {name}"), call, query).signed(Signed::Missing)
        };
        cases.push(unsigned("without token", ""));
        cases.push(unsigned("with an unknown token", "sessionToken=aaaaaaaaaaaaaaaa"));
        cases.push(unsigned("by POST", "sessionToken=aaaaaaaaaaaaaaaa").by("POST"));
        cases.push(unsigned("by PUT", "").by("PUT"));
        cases.push(Case::get(
            format!("{call} signed"),
            call,
            "sessionToken=aaaaaaaaaaaaaaaa&meetingID=class",
        ));
    }
    for path in ["Create", "create/x", "create//", "getmeetings", "x", ".", "create;a=b"] {
        cases.push(Case::get(format!("no call: {path}"), path, "name=Class&meetingID=class"));
    }
    for call in ["create", "getMeetings", "join"] {
        for method in ["PUT", "DELETE", "PATCH"] {
            cases.push(Case::get(format!("{call} by {method}"), call, "").by(method));
        }
    }
    cases
}

fn json() -> Vec<Case> {
    let mut cases = Vec::new();
    let browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    for (name, accept, agent) in [
        ("JSON", "application/json", None),
        ("JSON before XML", "application/json, text/xml;q=0.5", None),
        ("XML", "text/xml, application/json, text/plain, */*", None),
        ("anything", "*/*", None),
        ("JSON in a browser", "application/json", Some(browser)),
    ] {
        for (call, query) in [
            ("getMeetingInfo", "meetingID=none"),
            ("getMeetingInfo", "meetingID=class"),
            ("create", "name=&meetingID=json"),
            ("create", "name=Class&meetingID=class&moderatorPW=other"),
            ("end", "meetingID=none"),
            ("getMeetings", "x=1"),
            ("publishRecordings", "recordID=a&publish=true"),
        ] {
            let mut case = Case::get(format!("{call}?{query} for who takes {name}"), call, query)
                .with_header("accept", accept);
            if let Some(agent) = agent {
                case = case.with_header("user-agent", agent);
            }
            cases.push(case);
        }
        cases.push(
            Case::get(format!("a wrong checksum for who takes {name}"), "getMeetings", "")
                .signed(Signed::NoDigest)
                .with_header("accept", accept),
        );
    }
    cases
}

fn ends() -> Vec<Case> {
    let mut cases = vec![Case::get("list before the end", "getMeetings", "")];
    for (name, query) in [
        ("with a short password", "meetingID=class&password=x"),
        ("with a wrong password", "meetingID=class&password=wrong"),
        ("of what has ended", "meetingID=class"),
        ("by its internal ID", "meetingID={pw.internalMeetingID}"),
        ("with an empty password", "meetingID=asks&password="),
        ("with the password of moderators", "meetingID=denies&password=mp"),
    ] {
        cases.push(Case::get(format!("end {name}"), "end", query));
        let list = Case::get(format!("list after end {name}"), "getMeetings", "");
        cases.push(list.signed(Signed::Last(Algorithm::Sha256)));
    }
    cases.extend([
        Case::get("info of what has ended", "getMeetingInfo", "meetingID=class"),
        Case::get("running of what has ended", "isMeetingRunning", "meetingID=class"),
        Case::get("join of what has ended", "join", "meetingID=class&fullName=J&role=VIEWER"),
        Case::get("create of what has ended", "create", "name=Again&meetingID=class"),
        Case::get("info of what was made again", "getMeetingInfo", "meetingID=class"),
        Case::post("end by POST", "end", "meetingID=class", (XML, "")),
    ]);
    cases
}
