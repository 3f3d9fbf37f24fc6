//! Webhooks: nodes with bbb-webhooks, hooks of tenants.

use bluegate_bbb_api::{RawQuery, encode_value};
use http::StatusCode;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use crate::{
    callbacks::Story,
    cluster::{Frontend, eventually, node_secret},
    fake_node::Meeting,
    receiver::{Receiver, call},
};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const NODE_HOOK: &str = "http://api.example.org/bigbluebutton/api/callback/hook/bbb-01";

fn sha1(text: &str) -> String {
    Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn create_hook(frontend: &Frontend, url: &str, more: &str) -> String {
    let query = format!("callbackURL={}{more}", encode_value(url));
    let answer = frontend.get("hooks/create", &query).await.answer();
    answer.text("hookID").unwrap()
}

/// An event as bbb-webhooks sends it, and the checksum it says.
fn event(id: &str, meeting: &Meeting) -> String {
    json!([{"data": {"type": "event", "id": id, "attributes": {"meeting": {
        "internal-meeting-id": meeting.internal, "external-meeting-id": meeting.external,
        "metadata": {"bluegate-stamp": "x", "other": "kept"},
    }}, "event": {"ts": 1}}}])
    .to_string()
}

fn body(event: &str) -> String {
    format!("domain=node.example.org&event={}&timestamp=1700000000123", encode_value(event))
}

async fn send(story: &Story, body: &str, checksum: &str) -> StatusCode {
    let url = format!("{}?checksum={checksum}", story.here(NODE_HOOK));
    call("POST", &url, &[FORM], body).await
}

async fn tell(story: &Story, id: &str, meeting: &Meeting) -> StatusCode {
    let body = body(&event(id, meeting));
    let checksum = sha1(&format!("{NODE_HOOK}{body}{}", node_secret(0).expose()));
    send(story, &body, &checksum).await
}

#[tokio::test]
async fn hooks_are_made_listed_and_removed_as_bbb_webhooks_does() {
    let mut story = Story::begin().await;
    let frontend = story.cluster.frontend("physics");
    let url = "https://lms.example.org/hook?a=1";
    let id = create_hook(&frontend, url, "&meetingID=class&eventID=user-joined").await;
    let again = frontend.get("hooks/create", &format!("callbackURL={}", encode_value(url))).await;
    assert_eq!(
        again.text,
        format!(
            "<response><returncode>SUCCESS</returncode><hookID>{id}</hookID>\
             <messageKey>duplicateWarning</messageKey>\
             <message>There is already a hook for this callback URL.</message></response>"
        )
    );
    // Durable, and the tenant's own.
    story.cluster.stop().await;
    story.cluster.boot().await;
    let frontend = story.cluster.frontend("physics");
    let listed = format!(
        "<response><returncode>SUCCESS</returncode><hooks><hook><hookID>{id}</hookID>\
         <callbackURL><![CDATA[{url}]]></callbackURL><meetingID><![CDATA[class]]></meetingID>\
         <eventID>user-joined</eventID><permanentHook>false</permanentHook>\
         <rawData>false</rawData></hook></hooks></response>"
    );
    let none = "<response><returncode>SUCCESS</returncode><hooks></hooks></response>";
    assert_eq!(frontend.get("hooks/list", "").await.text, listed);
    assert_eq!(frontend.get("hooks/list", "meetingID=class").await.text, listed);
    assert_eq!(frontend.get("hooks/list", "meetingID=other").await.text, none);
    let other = story.cluster.frontend("history");
    assert_eq!(other.get("hooks/list", "").await.text, none);
    let destroy = format!("hookID={id}");
    assert_eq!(other.get("hooks/destroy", &destroy).await.failure(), "destroyMissingHook");
    for (call, query, key) in [
        ("hooks/create", "", "missingParamCallbackURL"),
        ("hooks/create", "callbackURL=nonsense", "createHookError"),
        ("hooks/destroy", "", "missingParamHookID"),
    ] {
        assert_eq!(frontend.get(call, query).await.failure(), key);
    }
    let stranger = story.cluster.frontend_with_secret("guess");
    assert_eq!(stranger.get("hooks/list", "").await.failure(), "checksumError");
    let removed = frontend.get("hooks/destroy", &destroy).await.answer();
    assert_eq!(removed.text("removed").as_deref(), Some("true"));
    assert_eq!(frontend.get("hooks/list", "").await.text, none);
}

#[tokio::test]
async fn an_event_of_any_node_reaches_the_hooks_that_want_it() {
    let story = Story::begin().await;
    let meeting = story.create("physics").await;
    let frontend = story.cluster.frontend("physics");
    let other = Receiver::start().await;
    create_hook(&frontend, &story.receiver.url("/all?x=1"), "").await;
    create_hook(&frontend, &other.url("/other"), "&meetingID=other").await;
    create_hook(&frontend, &other.url("/ended"), "&eventID=meeting-ended,poll-started").await;
    create_hook(&story.cluster.frontend("history"), &other.url("/history"), "").await;
    assert_eq!(tell(&story, "user-joined", &meeting).await, StatusCode::OK);
    let got = story.got(1).await.remove(0);
    assert_eq!(other.got().len(), 0);
    assert_eq!(tell(&story, "meeting-ended", &meeting).await, StatusCode::OK);
    eventually("told", async || other.got().len() == 1).await;
    assert!(other.got()[0].target.starts_with("/ended?checksum="));

    // In bbb-webhooks' own form, signed with the tenant's secret.
    let url = story.receiver.url("/all?x=1");
    let checksum = sha1(&format!("{url}{}physics-secret", got.body));
    assert_eq!(got.target, format!("/all?x=1&checksum={checksum}"));
    let form = RawQuery::parse(&got.body);
    let text = |name: &str| form.get(name).unwrap().decoded().unwrap();
    assert_eq!(
        (text("domain").as_str(), text("timestamp").as_str()),
        ("api.example.org", "1700000000123")
    );
    let told: Value = serde_json::from_str(&text("event")).unwrap();
    let shown = &told[0]["data"]["attributes"]["meeting"];
    assert_eq!(shown["external-meeting-id"], "class");
    assert_eq!(shown["internal-meeting-id"], meeting.internal);
    assert_eq!(shown["metadata"], json!({"other": "kept"}));
}

#[tokio::test]
async fn an_event_signed_over_its_json_goes_on_signed_over_its_json() {
    let story = Story::begin().await;
    let meeting = story.create("physics").await;
    create_hook(&story.cluster.frontend("physics"), &story.receiver.url("/"), "").await;
    let event = event("user-left", &meeting);
    let text = json!(event);
    let covered =
        format!(r#"{{"event":{text},"timestamp":1700000000123,"domain":"node.example.org"}}"#);
    let checksum = sha1(&format!("{NODE_HOOK}{covered}{}", node_secret(0).expose()));
    assert_eq!(send(&story, &body(&event), &checksum).await, StatusCode::OK);
    let got = story.got(1).await.remove(0);
    let event = RawQuery::parse(&got.body).get("event").unwrap().decoded().unwrap();
    let covered = format!(
        r#"{{"event":{},"timestamp":1700000000123,"domain":"api.example.org"}}"#,
        json!(event)
    );
    let checksum = sha1(&format!("{}{covered}physics-secret", story.receiver.url("/")));
    assert_eq!(got.target, format!("/?checksum={checksum}"));
}

#[tokio::test]
async fn what_a_node_did_not_sign_is_no_event() {
    let story = Story::begin().await;
    let meeting = story.create("physics").await;
    create_hook(&story.cluster.frontend("physics"), &story.receiver.url("/"), "").await;
    let body = body(&event("user-joined", &meeting));
    for checksum in ["", "x", &sha1(&format!("{NODE_HOOK}{body}guess")), &"0".repeat(40)] {
        assert_eq!(send(&story, &body, checksum).await, StatusCode::UNAUTHORIZED);
    }
    let right = sha1(&format!("{NODE_HOOK}{body}{}", node_secret(0).expose()));
    let changed = body.replace("user-joined", "user-left");
    assert_eq!(send(&story, &changed, &right).await, StatusCode::UNAUTHORIZED);
    // Nobody's meeting.
    let stranger = Meeting { external: "stranger".into(), internal: "0-1".into(), ..meeting };
    assert_eq!(tell(&story, "user-joined", &stranger).await, StatusCode::OK);
    assert_eq!(story.receiver.got().len(), 0);
}

#[tokio::test]
async fn every_node_is_asked_for_a_hook_of_ours_while_somebody_has_one() {
    let story = Story::begin().await;
    let node = &story.cluster.nodes[0];
    assert_eq!(node.count("hooks/create"), 0);
    create_hook(&story.cluster.frontend("physics"), &story.receiver.url("/"), "").await;
    eventually("asked", async || node.count("hooks/create") > 0).await;
}
