//! Webhooks as a reader takes them that shares nothing with who signs them: a
//! Python program that knows the documentation.

use std::{path::Path, process::Command, time::Duration};

use bluegate_bbb_api::encode_value;
use bluegate_testkit::Process;

use crate::{
    cluster::eventually, node_callbacks::Calling, node_events::enter, receiver::call,
    simulated::Kind,
};

const PATH: &str = "/hook?a=1&b=%C3%BC";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A reader of so many POSTs, and its URL.
async fn reader(secret: &str, count: &str) -> (Process, String) {
    let script = "../../e2e/clients/webhook_reader.py";
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script)).args([PATH, secret, count]);
    let reader = Process::spawn(command).unwrap();
    eventually("it listens", async || reader.stdout().contains('\n')).await;
    let first = reader.stdout();
    let port = first.trim().strip_prefix("listening ").unwrap().to_owned();
    (reader, format!("http://127.0.0.1:{port}{PATH}"))
}

#[tokio::test]
async fn a_reader_of_the_documentation_accepts_every_event() {
    for (release, form) in [("2.7.17", "json"), ("3.0.28", "body")] {
        let kind = Kind { release, webhooks: true, ..Kind::STOCK };
        let calling = Calling::start(&[kind]).await;
        let frontend = calling.simulated.cluster.frontend("physics");
        let (mut mapped, mapped_url) = reader("physics-secret", "10").await;
        let (mut raw, raw_url) = reader("physics-secret", "8").await;
        for (url, more) in [(&mapped_url, ""), (&raw_url, "&getRaw=true")] {
            let query = format!("callbackURL={}{more}", encode_value(url));
            assert_eq!(frontend.get("hooks/create", &query).await.answer().key(), "");
        }
        eventually("registered", async || calling.node().hooks().len() == 2).await;
        // What it must not believe: unsigned, and signed by somebody else.
        for checksum in ["", &format!("&checksum={}", "0".repeat(40))] {
            let body = "domain=a&event=%5B%5D&timestamp=1";
            call("POST", &format!("{mapped_url}{checksum}"), &[FORM], body).await;
        }
        let name = "name=%C3%9Cbung+%22%5C%E2%80%A8%F0%9F%98%80&meetingID=%C3%9Cbung&record=true";
        assert_eq!(frontend.get("create", name).await.answer().key(), "");
        let recording = calling.node().meetings().remove(0).internal_meeting_id;
        let ada = enter(&calling, &frontend, "%C3%9Cbung").await;
        let told = async |count: usize| {
            let lines = async || raw.stdout().lines().count() == count + 1;
            eventually("told", lines).await;
        };
        told(2).await;
        drop(ada);
        told(3).await;
        frontend.get("end", "meetingID=%C3%9Cbung").await.answer();
        told(4).await;
        assert!(calling.node().recording_step("rap-publish-ended", &recording));
        told(5).await;
        let direct = calling.simulated.direct();
        for (call, more) in [
            ("publishRecordings", "&publish=false"),
            ("publishRecordings", "&publish=true"),
            ("deleteRecordings", ""),
        ] {
            let query = format!("recordID={recording}{more}");
            assert_eq!(direct.get(call, &query).await.answer().key(), "");
        }
        for process in [&mut mapped, &mut raw] {
            let status = process.wait(Duration::from_secs(20)).await;
            assert!(status.is_ok_and(|status| status.success()), "{}", process.stderr());
        }
        let lines = |process: &Process| -> Vec<String> {
            process.stdout().lines().skip(1).map(str::to_owned).collect()
        };
        let accepted = |event: &str| format!("accepted {form} {event} 127.0.0.1");
        assert_eq!(
            lines(&mapped),
            [
                "refused no checksum".to_owned(),
                "refused wrong checksum".to_owned(),
                accepted("meeting-created Übung"),
                accepted("user-joined Übung"),
                accepted("user-left Übung"),
                accepted("meeting-ended Übung"),
                accepted("rap-publish-ended Übung"),
                accepted("rap-unpublished Übung"),
                accepted("rap-published Übung"),
                accepted("rap-deleted Übung"),
            ]
        );
        assert_eq!(
            lines(&raw),
            [
                "MeetingCreatedEvtMsg",
                "UserJoinedMeetingEvtMsg",
                "UserLeftMeetingEvtMsg",
                "MeetingDestroyedEvtMsg",
                "publish_ended",
                "UnpublishedRecordingSysMsg",
                "PublishedRecordingSysMsg",
                "DeletedRecordingSysMsg",
            ]
            .map(accepted)
        );
    }
}
