//! bbb-webhooks: its calls, and the events it sends.

use bluegate_simnode::Unit;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use crate::{
    node::{Answer, Node, SECRET, Setup, eventually},
    receiver::{Got, Receiver},
    sockets::joined,
};

fn sha1(text: &str) -> String {
    Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A signed call; bbb-webhooks 2 knows SHA-1 only.
async fn hooks(node: &Node, call: &str, query: &str) -> Answer {
    let checksum = sha1(&format!("hooks/{call}{query}{SECRET}"));
    let joint = if query.is_empty() { "" } else { "&" };
    node.get(&format!("/bigbluebutton/api/hooks/{call}?{query}{joint}checksum={checksum}")).await
}

/// The fields of a form, decoded.
fn form(body: &[u8]) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8().unwrap().into_owned()
    };
    let pairs =
        std::str::from_utf8(body).unwrap().split('&').map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

fn field(got: &Got, name: &str) -> String {
    form(&got.body).into_iter().find(|(key, _)| key == name).unwrap().1
}

fn event(got: &Got) -> Value {
    let events: Value = serde_json::from_str(&field(got, "event")).unwrap();
    events[0].clone()
}

fn ids(receiver: &Receiver) -> Vec<String> {
    let id = |got: &Got| event(got)["data"]["id"].as_str().unwrap_or("raw").to_owned();
    receiver.got().iter().map(id).collect()
}

async fn meeting(node: &Node, id: &str) {
    node.api("create", &format!("name=Class&meetingID={id}&meta_a=b")).await.success();
    node.api("end", &format!("meetingID={id}")).await.success();
}

#[tokio::test]
async fn there_are_no_hooks_where_the_package_is_not() {
    let node = Setup::stock().start().await;
    assert_eq!(hooks(&node, "list", "").await.status, 404);
    assert_eq!(node.get("/bigbluebutton/api/hooks/ping").await.status, 404);
}

#[tokio::test]
async fn hooks_are_made_listed_and_removed() {
    for (release, up) in [("2.7.17", "bbb-webhooks up!"), ("3.0.28", "bbb-webhooks API up!")] {
        let node = Setup::stock().release(release).webhooks().start().await;
        assert_eq!(node.get("/bigbluebutton/api/hooks/ping").await.text(), up);
        assert_eq!(
            hooks(&node, "list", "").await.text(),
            "<response><returncode>SUCCESS</returncode><hooks></hooks></response>"
        );
        let query = "callbackURL=http%3A%2F%2Fa%2F%3Fb&meetingID=room&eventID=User-Joined,x";
        let made = hooks(&node, "create", query).await.success();
        assert_eq!(made.header("content-type"), Some("text/xml; charset=utf-8"));
        let id = made.element("hookID").unwrap();
        assert_eq!(id.len() == 36, release.starts_with('3'), "{id}");
        let again = hooks(&node, "create", "callbackURL=http%3A%2F%2Fa%2F%3Fb").await.success();
        assert_eq!(again.element("hookID"), Some(id.clone()));
        assert_eq!(again.element("messageKey").as_deref(), Some("duplicateWarning"));
        let listed = format!(
            "<hook><hookID>{id}</hookID><callbackURL><![CDATA[http://a/?b]]></callbackURL>\
             <meetingID><![CDATA[room]]></meetingID><eventID>user-joined,x</eventID>\
             <permanentHook>false</permanentHook><rawData>false</rawData></hook>"
        );
        // Redis is not lost with the power.
        node.sim.power_off();
        node.sim.power_on().unwrap();
        assert!(hooks(&node, "list", "meetingID=room").await.text().contains(&listed));
        assert!(!hooks(&node, "list", "meetingID=other").await.text().contains("<hook>"));
        for (call, query, key) in [
            ("create", "", "missingParamCallbackURL"),
            ("destroy", "", "missingParamHookID"),
            ("destroy", "hookID=none", "destroyMissingHook"),
        ] {
            assert_eq!(hooks(&node, call, query).await.failure(), key);
        }
        let destroy = format!("hookID={id}");
        assert_eq!(hooks(&node, "destroy", &destroy).await.element("removed").unwrap(), "true");
        assert!(!hooks(&node, "list", "").await.text().contains("<hook>"));
    }
}

#[tokio::test]
async fn which_checksums_are_taken_differs() {
    let sha256 = "bad2823988b7bfd7f907736d9c2fd17c938f0183580fa428ce0cd54205779b3a";
    let sha1 = "15e0d31c1b67ccc0bc9af5d714c6557f02b62cc5";
    for (release, given, wanted) in [
        ("2.7.17", sha1, Ok(())),
        ("2.7.17", sha256, Err(200)),
        ("2.7.17", "abc", Err(200)),
        ("3.0.28", sha1, Ok(())),
        ("3.0.28", sha256, Ok(())),
        ("3.0.28", &sha1.to_uppercase(), Err(200)),
        ("3.0.28", "abc", Err(500)),
        ("3.0.28", "", Err(200)),
    ] {
        let node = Setup::stock().release(release).webhooks().start().await;
        let answer = node.get(&format!("/bigbluebutton/api/hooks/list?checksum={given}")).await;
        match wanted {
            Ok(()) => drop(answer.success()),
            Err(status) => {
                assert_eq!(answer.status, status, "{release} {given}");
                assert!(status == 500 || answer.failure() == "checksumError");
            }
        }
    }
}

#[tokio::test]
async fn events_are_signed_as_their_release_does() {
    for release in ["2.7.17", "3.0.28"] {
        let node = Setup::stock().release(release).webhooks().start().await;
        let receiver = Receiver::start().await;
        let url = receiver.url("/hook?a=1");
        let query = format!("callbackURL={}", url.replace('?', "%3F").replace('=', "%3D"));
        hooks(&node, "create", &query).await.success();
        meeting(&node, "room").await;
        eventually("told", || receiver.got().len() == 2).await;
        assert_eq!(ids(&receiver), ["meeting-created", "meeting-ended"]);
        let got = receiver.got().remove(0);
        let body = String::from_utf8(got.body.to_vec()).unwrap();
        let covered = if release.starts_with('3') {
            assert!(body.starts_with("domain=bbb-01.cluster.localhost&event=%5B%7B"), "{body}");
            body
        } else {
            assert!(body.starts_with("event=%5B%7B"), "{body}");
            let (text, domain) = (field(&got, "event"), field(&got, "domain"));
            let (text, domain) = (Value::from(text), Value::from(domain));
            let time = field(&got, "timestamp");
            format!(r#"{{"event":{text},"timestamp":{time},"domain":{domain}}}"#)
        };
        let checksum = sha1(&format!("{url}{covered}{SECRET}"));
        assert_eq!(got.target, format!("/hook?a=1&checksum={checksum}"));
        let attributes = &event(&got)["data"]["attributes"]["meeting"];
        assert_eq!(attributes["external-meeting-id"], "room");
        assert_eq!(attributes["metadata"]["a"], "b");
    }
}

#[tokio::test]
async fn who_comes_and_goes_is_told_in_order() {
    let node = Setup::clustered().webhooks().start().await;
    let receiver = Receiver::start().await;
    hooks(&node, "create", &format!("callbackURL={}", receiver.url("/"))).await.success();
    let (_, socket) = joined(&node, "room").await;
    eventually("in", || receiver.got().len() == 2).await;
    drop(socket);
    eventually("gone", || receiver.got().len() == 3).await;
    let (_, _socket) = joined(&node, "room").await;
    eventually("in again", || receiver.got().len() == 4).await;
    node.api("end", "meetingID=room").await.success();
    eventually("ended", || receiver.got().len() == 6).await;
    // 3.x makes up that those inside leave.
    assert_eq!(
        ids(&receiver),
        [
            "meeting-created",
            "user-joined",
            "user-left",
            "user-joined",
            "user-left",
            "meeting-ended"
        ]
    );
    let user = &event(&receiver.got()[1])["data"]["attributes"]["user"];
    assert_eq!((&user["name"], &user["role"]), (&"Ada".into(), &"MODERATOR".into()));
}

#[tokio::test]
async fn hooks_hear_of_what_they_asked_for() {
    for release in ["2.7.17", "3.0.28"] {
        let node = Setup::stock().release(release).webhooks().start().await;
        let [of_one, of_ends, raw, listed_raw] = [
            Receiver::start().await,
            Receiver::start().await,
            Receiver::start().await,
            Receiver::start().await,
        ];
        for (receiver, more) in [
            (&of_one, "&meetingID=second"),
            (&of_ends, "&eventID=MEETING-ended"),
            (&raw, "&getRaw=true"),
            (&listed_raw, "&getRaw=true&eventID=meeting-ended"),
        ] {
            let query = format!("callbackURL={}{more}", receiver.url("/"));
            hooks(&node, "create", &query).await.success();
        }
        meeting(&node, "first").await;
        meeting(&node, "second").await;
        eventually("told", || raw.got().len() == 4 && of_ends.got().len() == 2).await;
        eventually("told", || of_one.got().len() == 2).await;
        assert_eq!(ids(&of_ends), ["meeting-ended", "meeting-ended"]);
        let message = event(&raw.got()[0]);
        assert_eq!(message["envelope"]["name"], "MeetingCreatedEvtMsg");
        assert_eq!(message["core"]["body"]["props"]["meetingProp"]["extId"], "first");
        assert_eq!(listed_raw.got().len(), 0);
    }
}

/// Of a recording's making, and of what is done to it later: the forms of bbb-webhooks 2 and 3, and the
/// messages they are made from.
#[tokio::test]
async fn recordings_are_told_of_as_their_release_does() {
    for release in ["2.7.17", "3.0.28"] {
        let node = Setup::stock().release(release).webhooks().start().await;
        let (mapped, raw) = (Receiver::start().await, Receiver::start().await);
        node.api("create", "name=Class&meetingID=room&record=true&meta_a=b").await.success();
        let id = node.sim.meetings()[0].internal_meeting_id.clone();
        node.api("end", "meetingID=room").await.success();
        for (receiver, more) in [(&mapped, ""), (&raw, "&getRaw=true")] {
            let query = format!("callbackURL={}{more}", receiver.url("/"));
            hooks(&node, "create", &query).await.success();
        }
        for step in ["rap-archive-started", "rap-publish-ended"] {
            assert!(node.sim.recording_step(step, &id));
        }
        assert!(!node.sim.recording_step("rap-archive-started", "another"));
        for (call, more) in [
            ("publishRecordings", "&publish=false"),
            ("publishRecordings", "&publish=true"),
            ("deleteRecordings", ""),
        ] {
            node.api(call, &format!("recordID={id}{more}")).await.success();
        }
        eventually("told", || mapped.got().len() == 5 && raw.got().len() == 5).await;
        let third = release.starts_with('3');
        let both = json!({ "internal-meeting-id": id, "external-meeting-id": "room" });
        let step = json!({
            "meeting": both, "record-id": id, "success": true, "step-time": 1_234,
        });
        let done = if third {
            json!({ "meeting": { "external-meeting-id": "room" }, "record-id": id })
        } else {
            json!({ "meeting": both })
        };
        let mut events: Vec<Value> = mapped.got().iter().map(event).collect();
        let published = &mut events[1]["data"]["attributes"];
        let recording = published.as_object_mut().unwrap().remove("recording").unwrap();
        assert_eq!(
            (&recording["name"], &recording["metadata"]["a"]),
            (&"Class".into(), &"b".into())
        );
        assert_eq!(published.as_object_mut().unwrap().remove("workflow").unwrap(), "presentation");
        for (told, (id, attributes)) in events.iter().zip([
            ("rap-archive-started", &step),
            ("rap-publish-ended", &step),
            ("rap-unpublished", &done),
            ("rap-published", &done),
            ("rap-deleted", &done),
        ]) {
            let data = &told["data"];
            assert_eq!((&data["type"], &data["id"]), (&"event".into(), &id.into()), "{release}");
            assert_eq!(data["attributes"], *attributes, "{release} {id}");
            assert!(data["event"]["ts"].is_u64(), "{release} {id}");
        }
        let messages: Vec<Value> = raw.got().iter().map(event).collect();
        for (message, name) in messages.iter().zip(["archive_started", "publish_ended"]) {
            assert_eq!(message["header"]["name"], name);
            let payload = &message["payload"];
            let ids = ["record_id", "meeting_id", "external_meeting_id"].map(|key| &payload[key]);
            assert_eq!(ids, [&id, &id, "room"], "{release} {name}");
        }
        for (message, name) in messages[2..].iter().zip(["Unpublished", "Published", "Deleted"]) {
            let name = format!("{name}RecordingSysMsg");
            assert_eq!((&message["envelope"]["name"]), &name);
            let core = json!({ "header": { "name": name }, "body": { "recordId": id } });
            assert_eq!(message["core"], core, "{release}");
        }
    }
}

#[tokio::test]
async fn what_fails_is_sent_again_and_a_bearer_token_replaces_the_checksum() {
    let node = Setup::stock().webhooks().start().await;
    let own = "bbb:\n  auth2_0: true\n";
    node.write("etc/bigbluebutton/bbb-webhooks/production.yml", own);
    node.sim.restart(Unit::Webhooks).unwrap();
    let receiver = Receiver::start().await;
    hooks(&node, "create", &format!("callbackURL={}", receiver.url("/hook"))).await.success();
    assert_eq!(node.sim.hooks(), [receiver.url("/hook")]);
    receiver.answer(500);
    node.api("create", "name=Class&meetingID=room").await.success();
    eventually("tried", || receiver.got().len() == 2).await;
    receiver.answer(401);
    eventually("tried", || receiver.got().len() == 3).await;
    node.api("end", "meetingID=room").await.success();
    eventually("the next one", || receiver.got().len() == 4).await;
    let got = receiver.got();
    assert!(got.iter().all(|got| got.target == "/hook"));
    assert_eq!(got[0].headers["authorization"], format!("Bearer {SECRET}"));
    assert_eq!(got[0].body, got[2].body);
    node.sim.lose_hooks();
    assert_eq!(node.sim.hooks(), Vec::<String>::new());
}
