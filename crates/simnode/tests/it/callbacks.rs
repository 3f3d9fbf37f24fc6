//! What a node tells frontends: ended, recording ready, analytics.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bluegate_simnode::CallbackKind;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};

use crate::{
    node::{Node, SECRET, Setup, eventually},
    receiver::{Got, Receiver},
};

fn encoded(url: &str) -> String {
    url.replace('?', "%3F").replace('&', "%26").replace('=', "%3D")
}

async fn create(node: &Node, meeting: &str, more: &str) {
    node.api("create", &format!("name=Class&meetingID={meeting}{more}")).await.success();
}

async fn got(receiver: &Receiver, count: usize) -> Vec<Got> {
    eventually("it came", || receiver.got().len() >= count).await;
    let mut got = receiver.got();
    got.sort_by(|left, right| left.target.cmp(&right.target));
    got
}

/// The header and claims of a token, which must be signed with the node's secret.
fn opened(token: &str) -> (Value, Value) {
    let (text, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = text.split_once('.').unwrap();
    let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let header: Value = read(header);
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let key = SECRET.as_bytes();
    match header["alg"].as_str().unwrap() {
        "HS256" => {
            let mac = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text);
            mac.verify_slice(&signature).unwrap();
        }
        _ => {
            let mac = Hmac::<Sha512>::new_from_slice(key).unwrap().chain_update(text);
            mac.verify_slice(&signature).unwrap();
        }
    }
    (header, read(claims))
}

#[tokio::test]
async fn an_end_is_told_to_both_urls() {
    for release in ["2.7.17", "3.0.28"] {
        let (node, receiver) =
            (Setup::stock().release(release).start().await, Receiver::start().await);
        let more = format!(
            "&meetingEndedURL={}&meta_endCallbackUrl={}",
            encoded(&receiver.url("/ended?a=1")),
            encoded(&receiver.url("/end?meetingID=room"))
        );
        create(&node, "room", &more).await;
        assert_eq!(receiver.got().len(), 0);
        node.api("end", "meetingID=room").await.success();
        let got = got(&receiver, 2).await;
        let seen: Vec<_> = got.iter().map(|got| (got.method.as_str(), &got.target[..])).collect();
        let end = "/end?meetingID=room&recordingmarks=false&meetingID=room";
        assert_eq!(seen, [("GET", end), ("GET", "/ended?a=1")]);
        eventually("kept", || node.sim.callbacks().len() == 2).await;
        assert!(node.sim.callbacks().iter().all(|callback| callback.status == Some(200)));
    }
}

#[tokio::test]
async fn breakout_rooms_end_in_silence_and_so_does_a_node_without_power() {
    let (node, receiver) = (Setup::stock().start().await, Receiver::start().await);
    let url = format!("&meta_endCallbackUrl={}", encoded(&receiver.url("/end")));
    create(&node, "room", &url).await;
    let breakout = "&isBreakout=true&parentMeetingID=room&sequence=1";
    create(&node, "breakout", &format!("{url}{breakout}")).await;
    node.api("end", "meetingID=breakout").await.success();
    node.sim.power_off();
    node.sim.power_on().unwrap();
    // Told after them, so nothing of them is still to come.
    create(&node, "last", &url).await;
    node.api("end", "meetingID=last").await.success();
    let got = got(&receiver, 1).await;
    assert_eq!(got.len(), 1);
    assert!(got[0].target.ends_with("meetingID=last"), "{got:?}");
}

#[tokio::test]
async fn a_recording_is_told_of_with_a_token_of_the_nodes_secret() {
    let (node, receiver) = (Setup::stock().start().await, Receiver::start().await);
    node.sim.recording_ready("room", "record-1", &receiver.url("/ready"));
    let order = json!({
        "meeting_id": "room", "record_id": "record-2", "url": receiver.url("/ready")
    });
    let path = "/_simnode/recording-ready";
    let answer = node.send("POST", path, &[], order.to_string().as_bytes()).await;
    assert_eq!(answer.status, 202);
    let mut records: Vec<String> = Vec::new();
    for got in got(&receiver, 2).await {
        assert_eq!((got.method.as_str(), &got.target[..]), ("POST", "/ready"));
        assert_eq!(got.headers["content-type"], "application/x-www-form-urlencoded");
        let body = String::from_utf8(got.body.to_vec()).unwrap();
        let (header, claims) = opened(body.strip_prefix("signed_parameters=").unwrap());
        assert_eq!(header, json!({"alg": "HS256"}));
        assert_eq!(claims["meeting_id"], "room");
        records.push(claims["record_id"].as_str().unwrap().to_owned());
    }
    records.sort();
    assert_eq!(records, ["record-1", "record-2"]);
    let shown = node.get("/_simnode/callbacks").await.json();
    eventually("kept", || node.sim.callbacks().len() == 2).await;
    assert!(shown["callbacks"].is_array());
}

#[tokio::test]
async fn analytics_come_of_meetings_whose_events_are_kept() {
    let (node, receiver) = (Setup::stock().start().await, Receiver::start().await);
    let url = format!("&meta_analytics-callback-url={}", encoded(&receiver.url("/a")));
    for (meeting, more) in
        [("neither", ""), ("kept", "&meetingKeepEvents=true&meta_Course-Id=7&meta_gl_x=y")]
    {
        create(&node, meeting, &format!("{url}{more}")).await;
        node.api("end", &format!("meetingID={meeting}")).await.success();
    }
    let got = got(&receiver, 1).await.remove(0);
    assert_eq!(got.headers["user-agent"], "BigBlueButton Analytics Callback");
    let bearer = got.headers["authorization"].to_str().unwrap();
    let (header, claims) = opened(bearer.strip_prefix("Bearer ").unwrap());
    assert_eq!(header, json!({"alg": "HS512", "typ": "JWT"}));
    assert!(claims["exp"].as_u64().unwrap() > 1_700_000_000);
    let document: Value = serde_json::from_slice(&got.body).unwrap();
    assert_eq!(document["meeting_id"], "kept");
    let metadata = &document["data"]["metadata"];
    assert_eq!(metadata["course_id"], "7");
    assert_eq!(metadata["analytics_callback_url"], receiver.url("/a"));
    assert_eq!(metadata.get("gl_x"), None);
    assert_eq!(receiver.got().len(), 1);
}

#[tokio::test]
async fn a_callback_can_be_sent_again_as_it_was() {
    let (node, receiver) = (Setup::stock().start().await, Receiver::start().await);
    receiver.answer(401);
    node.sim.recording_ready("room", "record", &receiver.url("/ready"));
    eventually("kept", || node.sim.callbacks().len() == 1).await;
    let sent = node.sim.callbacks().remove(0);
    assert_eq!((sent.kind, sent.status), (CallbackKind::RecordingReady, Some(401)));
    assert_eq!(node.sim.send_again(&sent).await, Some(401));
    let got = got(&receiver, 2).await;
    assert_eq!(got[0].body, got[1].body);
}

#[tokio::test]
async fn other_machines_are_not_called() {
    let node = Setup::stock().start().await;
    node.sim.recording_ready("room", "record", "http://lms.example.org/ready");
    eventually("kept", || node.sim.callbacks().len() == 1).await;
    assert_eq!(node.sim.callbacks()[0].status, None);
}
