//! Captions, and nodes that are away when they are asked for.

use serde_json::Value;

use super::{TIME, listed, nodes, stamped, until};
use crate::cluster::{Frontend, eventually, node_secret};

/// With a part that is named as a parameter, which the query has.
pub(crate) const FORM: (&str, &str) = (
    "multipart/form-data; boundary=b",
    "--b\r\nContent-Disposition: form-data; name=\"recordID\"\r\n\r\nnone\r\n\
     --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.vtt\"\r\n\
     Content-Type: text/vtt\r\n\r\nWEBVTT\r\n--b--\r\n",
);

async fn tracks(frontend: &Frontend, id: &str) -> Value {
    let reply = frontend.get("getRecordingTextTracks", &format!("recordID={id}")).await;
    serde_json::from_str::<Value>(&reply.text).unwrap()["response"].clone()
}

async fn put(frontend: &Frontend, id: &str, more: &str) -> Value {
    let query = format!("recordID={id}&kind=subtitles&lang=en_US{more}");
    let reply = frontend.post("putRecordingTextTrack", &query, FORM).await;
    serde_json::from_str::<Value>(&reply.text).unwrap()["response"].clone()
}

#[tokio::test]
async fn captions_go_to_the_recordings_node_and_come_from_it() {
    let mut simulated = nodes(2).await;
    let optics = stamped(1, "physics", "optics", TIME);
    simulated.nodes[1].add_recording(optics.clone());
    simulated.cluster.boot().await;
    let frontend = simulated.cluster.frontend("physics");
    until(&frontend, "", &["optics"]).await;
    let id = &optics.record_id;
    assert_eq!(tracks(&frontend, id).await["messageKey"], "noCaptionsFound");
    let query = format!("recordID={id}&kind=subtitles&lang=en_US&label=English");
    let put = frontend.post("putRecordingTextTrack", &query, FORM).await;
    assert!(put.text.contains("upload_text_track_success"), "{}", put.text);
    let shown = tracks(&frontend, id).await;
    assert_eq!(shown["returncode"], "SUCCESS");
    assert_eq!(shown["tracks"][0]["label"], "English");
    assert_eq!(shown["tracks"][0]["lang"], "en-US");

    let stranger = simulated.cluster.frontend("history");
    let refused = tracks(&stranger, id).await;
    assert_eq!(refused["messageKey"], "noRecordings");
    assert_eq!(refused["message"], format!("No recording found for {id}"));
    let put = stranger.post("putRecordingTextTrack", &query, FORM).await;
    assert!(put.text.contains("No recording was found for"), "{}", put.text);
}

#[tokio::test]
async fn captions_go_to_every_copy_and_come_from_one_that_answers() {
    let mut simulated = nodes(2).await;
    let optics = stamped(0, "physics", "optics", TIME);
    let id = &optics.record_id;
    for node in &simulated.nodes {
        node.add_recording(optics.clone());
    }
    simulated.cluster.boot().await;
    let scaler = simulated.cluster.scaler();
    let kept = async || scaler.recordings().keepers.values().map(|k| k.recordings).sum::<u64>();
    eventually("both copies are known", async || kept().await == 2).await;
    let frontend = simulated.cluster.frontend("physics");
    assert_eq!(put(&frontend, id, "").await["messageKey"], "upload_text_track_success");
    for index in 0..2 {
        let mut direct = simulated.cluster.frontend_with_secret(node_secret(index).expose());
        direct.base = format!("http://{}/bigbluebutton/api", simulated.nodes[index].address());
        assert_eq!(tracks(&direct, id).await["tracks"][0]["lang"], "en-US", "{index}");
    }
    let mistaken = format!("recordID={id}&kind=songs&lang=en");
    let told = frontend.post("putRecordingTextTrack", &mistaken, FORM).await.text;
    assert!(told.contains("invalidKind"), "{told}");
    simulated.nodes[0].power_off();
    assert_eq!(tracks(&frontend, id).await["returncode"], "SUCCESS");
    // Not all can take it: the call has failed, and may be repeated.
    assert_eq!(put(&frontend, id, "&label=New").await["messageKey"], "internalError");
    simulated.nodes[0].power_on().unwrap();
    let again = async || put(&frontend, id, "&label=New").await["returncode"] == "SUCCESS";
    eventually("it can be repeated", again).await;
}

#[tokio::test]
async fn a_recording_whose_only_node_is_away_is_listed_and_every_other_call_says_why_not() {
    let mut simulated = nodes(2).await;
    let optics = stamped(0, "physics", "optics", TIME);
    let id = &optics.record_id;
    simulated.nodes[0].add_recording(optics.clone());
    simulated.cluster.boot().await;
    let frontend = simulated.cluster.frontend("physics");
    until(&frontend, "", &["optics"]).await;
    simulated.nodes[0].power_off();
    let why = "The server of some of these recordings does not answer at the moment. \
               Please try again.";
    for (call, more) in [
        ("publishRecordings", "&publish=false"),
        ("updateRecordings", "&meta_a=b"),
        ("deleteRecordings", ""),
    ] {
        let answer = frontend.get(call, &format!("recordID={id}{more}")).await.answer();
        assert_eq!(answer.key(), "internalError", "{call}");
        assert_eq!(answer.text("message").as_deref(), Some(why), "{call}");
    }
    for answer in [tracks(&frontend, id).await, put(&frontend, id, "").await] {
        assert_eq!(answer["messageKey"], "internalError");
        assert_eq!(answer["message"], why);
    }
    assert_eq!(listed(&frontend, "").await[0].1, "published");
}
