//! What is believed: signatures, ends that are none, repetitions.

use bluegate_bbb_api::encode_value;
use bluegate_scaler::CallbackState;
use bluegate_simnode::{Fault, FaultAction, MeetingSummary, Recording};

use super::{Calling, RELEASES, assert_all_but_ready, kind};
use crate::{cluster::eventually, receiver::call, simulated::Kind};

#[tokio::test]
async fn what_a_node_did_not_sign_with_its_secret_is_refused() {
    for release in RELEASES {
        let calling = Calling::start(&[kind(release), kind(release)]).await;
        let second = "bbb-02".parse().unwrap();
        calling.simulated.cluster.scaler().cordon_node(&second, true).await.unwrap();
        let meeting = calling.create(&calling.simulated.cluster.frontend("physics")).await;
        let [ready, analytics] = ["bbb-recording-ready-url", "analytics-callback-url"]
            .map(|name| meeting.metadata[name].clone());
        let id = &meeting.meeting_id;
        // The other node is not the one that was given this URL.
        let other = &calling.simulated.nodes[1];
        other.recording_ready(id, &meeting.internal_meeting_id, &ready);
        eventually("answered", async || other.callbacks().len() == 1).await;
        assert_eq!(other.callbacks()[0].status, Some(401));
        // The right one, about another meeting.
        calling.node().recording_ready("other", &meeting.internal_meeting_id, &ready);
        calling.node().recording_ready(id, &format!("{}-1", "0".repeat(40)), &ready);
        // The right one with a secret that we were not told of.
        assert_eq!(calling.answered(2).await, [Some(403); 2]);
        calling.simulated.reconfigure(0, "changed", "");
        calling.publish(&meeting);
        let mut direct = calling.simulated.cluster.frontend_with_secret("changed");
        direct.base = format!("http://{}/bigbluebutton/api", calling.node().address());
        let query = format!(
            "name=Class&meetingID={id}&meetingKeepEvents=true&meta_analytics-callback-url={}",
            encode_value(&analytics)
        );
        assert_eq!(direct.get("create", &query).await.answer().key(), "");
        direct.get("end", &format!("meetingID={id}")).await.answer();
        assert_eq!(calling.answered(4).await, [Some(403), Some(403), Some(401), Some(401)]);
        assert_eq!(calling.count(CallbackState::Queued).await, 0);
        assert_eq!(calling.receiver.got().len(), 0);
    }
}

#[tokio::test]
async fn an_end_that_is_none_is_told_to_nobody() {
    let calling = Calling::start(&[Kind::STOCK]).await;
    let frontend = calling.simulated.cluster.frontend("physics");
    let meeting = calling.create(&frontend).await;
    // Somebody has seen the URL in the node's metadata and calls it.
    let url = &meeting.metadata["endcallbackurl"];
    let status = call("GET", &format!("{url}?recordingmarks=true"), &[], "").await;
    assert_eq!(status, 200);
    let asked = async || {
        let records = calling.node().records();
        records.iter().any(|record| record.call.as_deref() == Some("getMeetingInfo"))
    };
    eventually("the node was asked", asked).await;
    assert_eq!(calling.receiver.got().len(), 0);
    // Told that it goes on as often as it asks, the scaler gives it up.
    for attempt in 1..5 {
        eventually("asked", async || calling.least_attempts().await == Some(attempt)).await;
        calling.pass(60_000);
    }
    eventually("given up", async || calling.count(CallbackState::Dead).await == 1).await;
    // The real one is not taken for a repetition of it.
    frontend.get("end", "meetingID=class").await.answer();
    assert_all_but_ready(&calling.got(3).await);
}

/// The recording of a meeting, as its node has it in these formats.
fn recording(meeting: &MeetingSummary, formats: &[&str]) -> Recording {
    let (_, time) = meeting.internal_meeting_id.rsplit_once('-').unwrap();
    let mut recording = Recording::of_meeting(&meeting.meeting_id, time.parse().unwrap());
    recording.formats = formats.iter().map(ToString::to_string).collect();
    recording
}

#[tokio::test]
async fn a_replay_is_not_passed_on_not_even_after_a_restart() {
    let mut calling = Calling::start(&[Kind::STOCK]).await;
    let frontend = calling.simulated.cluster.frontend("physics");
    let meeting = calling.create(&frontend).await;
    frontend.get("end", "meetingID=class").await.answer();
    calling.node().add_recording(recording(&meeting, &["presentation"]));
    calling.publish(&meeting);
    calling.got(4).await;
    calling.answered(4).await;
    let sent = calling.node().callbacks();
    for restarted in [false, true] {
        if restarted {
            calling.simulated.cluster.stop().await;
            calling.simulated.cluster.boot().await;
        }
        for callback in &sent {
            assert_eq!(calling.node().send_again(callback).await, Some(200), "{callback:?}");
        }
    }
    // Another format is news, told in the same words.
    calling.node().add_recording(recording(&meeting, &["presentation", "video"]));
    calling.publish(&meeting);
    let got = calling.got(5).await;
    assert!(got[3..].iter().all(|got| got.target == "/ready"), "{got:?}");
    eventually("none waits", async || calling.count(CallbackState::Queued).await == 0).await;
    calling.got(5).await;
}

#[tokio::test]
async fn a_recording_that_its_node_does_not_show_is_told_of_each_time() {
    let calling = Calling::start(&[Kind::STOCK]).await;
    let meeting = calling.create(&calling.simulated.cluster.frontend("physics")).await;
    // It has been moved elsewhere, for all that is known.
    for count in [1, 2] {
        calling.publish(&meeting);
        calling.got(count).await;
    }
    // It is there, and the node cannot be asked: this may be news.
    calling.node().add_recording(recording(&meeting, &["presentation"]));
    for count in [3, 4] {
        let fault = Fault::on_call("getRecordings", 1, FaultAction::Error);
        calling.node().faults().order(fault).unwrap();
        calling.publish(&meeting);
        calling.got(count).await;
        calling.node().faults().clear();
    }
}
