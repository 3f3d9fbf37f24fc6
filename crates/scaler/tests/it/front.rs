//! The front: checksums, methods, the FAILED dialect, the fixed answers.

use crate::cluster::{Cluster, eventually};

#[tokio::test]
async fn the_index_needs_no_checksum() {
    let cluster = Cluster::start(1).await;
    let frontend = cluster.frontend("default");
    for path in ["", "/", "?checksum=0"] {
        let reply = frontend.raw("GET", path, None).await;
        assert!(reply.text.contains("<version>2.0</version>"), "{path} {}", reply.text);
        assert_eq!(reply.headers["content-type"], "text/xml;charset=utf-8");
    }
    let reply = frontend.raw("GET", "", Some(("application/json", ""))).await;
    assert!(reply.text.starts_with(r#"{"response":{"returncode":"SUCCESS","version":"2.0""#));
}

#[tokio::test]
async fn every_form_of_a_checksum_is_taken_and_no_other() {
    let cluster = Cluster::start(1).await;
    let frontend = cluster.frontend("default");
    let good = frontend.sign("getMeetings", "");
    let with_parameter = frontend.sign("getMeetings", "random=1+2");
    let (parameter, checksum) = with_parameter.split_once('&').unwrap();
    // As they are sent by clients that escape less, and do not sort.
    let unescaped = frontend.sign("getMeetings", "z=!'()*~&a=@:$,;/?");
    let both = frontend.sign("getMeetings", "random=1+2&a=%20");
    let (_, of_both) = both.rsplit_once('&').unwrap();
    for query in [
        format!("?{good}"),
        format!("?&{good}"),
        format!("?{with_parameter}"),
        format!("?{checksum}&{parameter}"),
        format!("?random=1+2&{of_both}&a=%20"),
        format!("?{unescaped}"),
        format!("/?{good}"),
        format!("?{}", good.to_uppercase().replace("CHECKSUM", "checksum")),
    ] {
        let reply = frontend.raw("GET", &format!("/getMeetings{query}"), None).await;
        assert!(reply.text.contains("noMeetings"), "{query} {}", reply.text);
        assert_eq!(reply.headers["cache-control"], "no-cache");
    }
    for (path, key, message) in [
        ("/getMeetings", "checksumError", "You must provide the checksum"),
        ("/getMeetings?checksum=", "checksumError", "You must provide the checksum"),
        ("/getMeetings?checksum=abc", "checksumError", "Checksums do not match"),
        ("/getRecordings", "checksumError", "You did not pass the checksum security check"),
        ("/join?meetingID=x", "checksumError", "You must provide the checksum"),
    ] {
        let reply = frontend.raw("GET", path, None).await;
        assert_eq!(reply.failure(), key, "{path}");
        assert!(reply.text.contains(message), "{path} {}", reply.text);
    }
    let stranger = cluster.frontend_with_secret("nobody");
    assert_eq!(stranger.get("getMeetings", "").await.failure(), "checksumError");
    assert_eq!(cluster.nodes[0].calls(), Vec::<String>::new());
}

#[tokio::test]
async fn posts_are_taken_in_every_form() {
    let cluster = Cluster::start(1).await;
    let frontend = cluster.frontend("physics");
    frontend.create("abc").await;
    let form = "application/x-www-form-urlencoded";

    let empty = frontend.post("getMeetingInfo", "meetingID=abc", ("application/xml", "")).await;
    assert!(empty.text.contains("<meetingID>abc</meetingID>"), "{}", empty.text);
    let in_body = frontend.post("getMeetingInfo", "", (form, "meetingID=abc")).await;
    assert!(in_body.text.contains("<meetingID>abc</meetingID>"), "{}", in_body.text);
    // Everything in the body, signed over the empty query or over the sorted body.
    let signed_empty = format!("meetingID=abc&{}", frontend.sign("getMeetingInfo", ""));
    let signed_sorted = frontend.sign("getMeetingInfo", "meetingID=abc");
    for body in [signed_empty, signed_sorted] {
        let reply = frontend.raw("POST", "/getMeetingInfo", Some((form, &body))).await;
        assert!(reply.text.contains("<meetingID>abc</meetingID>"), "{body} {}", reply.text);
    }
    for (content_type, wanted) in
        [("text/plain", "unsupportedContentType"), ("", "unsupportedContentType")]
    {
        let reply = frontend.post("getMeetingInfo", "meetingID=abc", (content_type, "x")).await;
        assert_eq!(reply.failure(), wanted, "{content_type}");
    }
    let unsigned = frontend.raw("POST", "/getMeetingInfo", Some(("text/plain", "x"))).await;
    assert_eq!(unsigned.failure(), "checksumError");
}

#[tokio::test]
async fn methods_and_paths_that_bbb_does_not_know() {
    let cluster = Cluster::start(1).await;
    let frontend = cluster.frontend("default");
    let join = frontend.sign("join", "meetingID=abc&fullName=x");
    let post = frontend.raw("POST", &format!("/join?{join}"), None).await;
    assert_eq!(
        (post.status.as_u16(), &post.headers["allow"]),
        (405, &"GET, HEAD".parse().unwrap())
    );
    let get = frontend.get("insertDocument", "meetingID=abc").await;
    assert_eq!((get.status.as_u16(), &get.headers["allow"]), (405, &"POST".parse().unwrap()));
    let put = frontend.raw("PUT", "/create", None).await;
    assert_eq!(put.status, 405);
    for path in ["/Create", "/create/x", "/../secret", "/hooks/list", "x"] {
        assert_eq!(frontend.raw("GET", path, None).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn faults_of_a_meeting_id_are_reported_as_bbb_does() {
    let cluster = Cluster::start(1).await;
    let frontend = cluster.frontend("default");
    let long = format!("name=Class&meetingID={}", "x".repeat(257));
    for (call, query, wanted) in [
        ("create", "name=Class", "validationError"),
        ("create", "name=Class&meetingID=", "sizeError"),
        ("create", "name=Class&meetingID=a,b", "validationError"),
        ("create", long.as_str(), "sizeError"),
        ("isMeetingRunning", "meetingID=", "sizeError"),
        ("getMeetingInfo", "", "notFound"),
        ("getMeetingInfo", "meetingID=", "notFound"),
        ("end", "meetingID=none", "notFound"),
        ("join", "fullName=x", "meetingForciblyEnded"),
        ("join", "fullName=x&meetingID=none", "meetingForciblyEnded"),
    ] {
        assert_eq!(frontend.get(call, query).await.failure(), wanted, "{call}?{query}");
    }
    let running = frontend.get("isMeetingRunning", "meetingID=none").await;
    assert_eq!(
        running.text,
        "<response><returncode>SUCCESS</returncode><running>false</running></response>"
    );
    assert_eq!(cluster.nodes[0].calls(), Vec::<String>::new());
}

#[tokio::test]
async fn recordings_and_sessions_are_those_of_an_empty_server() {
    let cluster = Cluster::start(1).await;
    let frontend = cluster.frontend("default");
    for (call, query, wanted) in [
        ("getRecordings", "meetingID=abc&recordID=", "noRecordings"),
        ("publishRecordings", "recordID=x&publish=true", "notFound"),
        ("publishRecordings", "recordID=x", "missingParamPublish"),
        ("publishRecordings", "publish=true", "missingParamRecordID"),
        ("deleteRecordings", "recordID=x", "notFound"),
        ("updateRecordings", "recordID=x&meta_a=b", "notFound"),
        ("getSessions", "", "noSessions"),
    ] {
        assert_eq!(frontend.get(call, query).await.answer().key(), wanted, "{call}?{query}");
    }
    let tracks = frontend.get("getRecordingTextTracks", "recordID=x").await;
    assert_eq!(tracks.headers["content-type"], "application/json;charset=utf-8");
    assert!(tracks.text.contains(r#""messageKey":"noRecordings""#), "{}", tracks.text);
}

#[tokio::test]
async fn elements_that_only_newer_nodes_have_pass_through() {
    let cluster = Cluster::start(1).await;
    let frontend = cluster.frontend("physics");
    let has = |text: &str| text.contains("<novelty>kept</novelty>");
    let created = frontend.get("create", "name=Class&meetingID=abc").await;
    assert!(has(&created.text), "{}", created.text);
    let info = frontend.get("getMeetingInfo", "meetingID=abc").await;
    assert!(has(&info.text), "{}", info.text);
    eventually("a poll has brought it", async || has(&frontend.get("getMeetings", "").await.text))
        .await;
}

#[tokio::test]
async fn join_is_a_redirect_to_the_nodes_own_join() {
    let cluster = Cluster::start(1).await;
    let frontend = cluster.frontend("physics");
    let created = frontend.create("abc").await;
    let time = created.text("createTime").unwrap();
    let query =
        format!("fullName=J%20D+X&meetingID=abc&role=VIEWER&createTime={time}&userdata-x=%7b");
    let reply = frontend.get("join", &query).await;
    assert_eq!(reply.headers["cache-control"], "no-cache");
    let port = cluster.nodes[0].address.port();
    let unsigned = query.replace("meetingID=abc", "meetingID=bg1.physics.abc");
    let wanted =
        format!("http://bbb-01.cluster.localhost:{port}/bigbluebutton/api/join?{unsigned}");
    let (address, checksum) = reply.location().rsplit_once("&checksum=").unwrap();
    assert_eq!(address, wanted);
    let secret = crate::cluster::node_secret(0);
    let algorithm = bluegate_bbb_api::checksum::Algorithm::Sha512;
    assert_eq!(checksum, bluegate_bbb_api::checksum::sign("join", &unsigned, &secret, algorithm));
    assert_eq!(cluster.nodes[0].count("join"), 0);

    // A plain tenant's query is the client's own, byte for byte.
    let plain = cluster.frontend("default");
    plain.create("room-7").await;
    let reply = plain.get("join", "meetingID=%72oom-7&fullName=x+%20y").await;
    let location = reply.location();
    assert!(location.contains("/join?meetingID=%72oom-7&fullName=x+%20y&checksum="), "{location}");
}

#[tokio::test]
async fn a_join_without_meeting_goes_back_to_the_frontend() {
    let cluster = Cluster::start(1).await;
    let frontend = cluster.frontend("default");
    let query =
        "meetingID=gone&fullName=x&redirect=false&logoutURL=https%3A%2F%2Flms.org%2Fc%3Fid%3D1";
    let reply = frontend.get("join", query).await;
    let location = reply.location();
    assert!(location.starts_with("https://lms.org/c?id=1&errors=%5B%7B"), "{location}");
    assert!(location.contains("meetingForciblyEnded"), "{location}");
}

#[tokio::test]
async fn bodies_have_a_bound() {
    let bounds =
        bluegate_scaler::Bounds { body_bytes: 1000, form_bytes: 100, ..crate::cluster::quick() };
    let cluster = Cluster::start_with(1, bounds).await;
    let frontend = cluster.frontend("default");
    let long = "x".repeat(1001);
    let xml = frontend.post("create", "name=Class&meetingID=abc", ("text/xml", &long)).await;
    assert!(xml.text.contains("too large"), "{}", xml.text);
    let long = "x".repeat(101);
    let form = ("application/x-www-form-urlencoded", long.as_str());
    let reply = frontend.post("getMeetings", "", form).await;
    assert!(reply.text.contains("too large"), "{}", reply.text);
    assert_eq!(cluster.spread(), [0]);
}

#[tokio::test]
async fn all_bodies_that_are_held_at_once_have_a_bound() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let bounds = bluegate_scaler::Bounds { buffered_bytes: 4 * 1024, ..crate::cluster::quick() };
    let cluster = Cluster::start_with(1, bounds).await;
    let frontend = cluster.frontend("default");
    let (_, rest) = frontend.base.split_once("://").unwrap();
    let (address, path) = rest.split_once('/').unwrap();
    let signed = frontend.sign("create", "name=Class&meetingID=slow");
    let slides = format!("<modules>{}</modules>", " ".repeat(3000));

    // One that comes slowly holds what it has announced ...
    let mut slow = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /{path}/create?{signed} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/xml\r\nContent-Length: {}\r\n\r\n<modules>",
        slides.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let big = async || {
        let query = "name=Class&meetingID=quick";
        frontend.post("create", query, ("application/xml", &slides)).await
    };
    eventually("the next is refused", async || big().await.text.contains("Too many requests"))
        .await;
    // ... which a small one does not need.
    let small = frontend.post("create", "name=Class&meetingID=small", ("text/xml", "<modules/>"));
    assert!(small.await.text.contains("<returncode>SUCCESS"));

    let (_, tail) = slides.split_once("<modules>").unwrap();
    slow.write_all(tail.as_bytes()).await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("<returncode>SUCCESS"), "{answer}");
    eventually("what it held is free again", async || {
        big().await.text.contains("<returncode>SUCCESS")
    })
    .await;
}
