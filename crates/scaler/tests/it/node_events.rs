//! Events of users and of recordings, end to end: to their tenant alone, under its
//! own meeting IDs.

use bluegate_cluster::Mount;
use bluegate_simnode::SimNode;

use crate::{
    cluster::{Frontend, eventually},
    node_callbacks::Calling,
    node_hooks::{event, hook, kind, told},
    participant::{Devices, Participant},
    receiver::Receiver,
};

/// Somebody joins through the scaler, and is in the meeting.
pub(crate) async fn enter(calling: &Calling, frontend: &Frontend, meeting: &str) -> Participant {
    let query = format!("meetingID={meeting}&fullName=Ada&role=VIEWER");
    let join = frontend.get("join", &query).await;
    let joined = calling.simulated.follow(frontend, join.location()).await;
    let direct = calling.simulated.direct();
    Participant::enter(&direct, calling.node().address(), &joined, Devices::None).await
}

fn names(receiver: &Receiver) -> Vec<(String, String)> {
    let mut told = told(receiver);
    told.retain(|(id, _)| id.starts_with("user-") || id.starts_with("rap-"));
    told
}

#[tokio::test]
async fn who_comes_and_goes_is_told_to_the_tenant_of_the_meeting() {
    for release in ["2.7.17", "3.0.28"] {
        for tenant in ["physics", "default"] {
            let calling = Calling::start(&[kind(release)]).await;
            let frontend = calling.simulated.cluster.frontend(tenant);
            let other = calling.simulated.cluster.frontend("history");
            let others = Receiver::start().await;
            hook(&calling, &frontend, &calling.receiver.url("/"), "").await;
            hook(&calling, &other, &others.url("/"), "").await;
            // Both tenants have a class of this name.
            frontend.create("class-1").await;
            other.create("class-1").await;
            let ada = enter(&calling, &frontend, "class-1").await;
            eventually("told", async || names(&calling.receiver).len() == 1).await;
            drop(ada);
            eventually("told", async || names(&calling.receiver).len() == 2).await;
            let wanted =
                ["user-joined", "user-left"].map(|id| (id.to_owned(), "class-1".to_owned()));
            assert_eq!(names(&calling.receiver), wanted, "{release} {tenant}");
            let bob = enter(&calling, &other, "class-1").await;
            eventually("told", async || names(&others).len() == 1).await;
            drop(bob);
            eventually("told", async || names(&others).len() == 2).await;
            assert_eq!(names(&calling.receiver).len(), 2, "{release} {tenant}");
            for got in calling.receiver.got().iter().chain(&others.got()) {
                let event = event(got);
                let text = event.to_string();
                assert!(!text.contains("bg1.") && !text.contains("bluegate"), "{text}");
            }
        }
    }
}

/// The steps of a recording as BBB 2.7 and 3.0 take them, in part.
const STEPS: [&str; 4] =
    ["rap-archive-started", "rap-process-ended", "rap-publish-ended", "rap-post-publish-ended"];

/// A meeting that was recorded; gives its recording's ID.
async fn recorded(frontend: &Frontend, node: &SimNode, meeting: &str) -> String {
    let query = format!("name=Class&meetingID={meeting}&record=true&meta_course=optics");
    frontend.get("create", &query).await.answer();
    let meetings = node.meetings();
    frontend.get("end", &format!("meetingID={meeting}")).await.answer();
    let is_it = |found: &&bluegate_simnode::MeetingSummary| found.meeting_id.ends_with(meeting);
    meetings.iter().find(is_it).unwrap().internal_meeting_id.clone()
}

/// Waits until the scaler knows of the recording of its node.
async fn is_known(calling: &Calling) {
    let node: Mount = "bbb-01".parse().unwrap();
    let scaler = calling.simulated.cluster.scaler();
    let asked = async || {
        let keepers = scaler.recordings().keepers;
        keepers.get(node.as_str()).is_some_and(|keeper| keeper.recordings == 1)
    };
    eventually("the node was asked", asked).await;
}

#[tokio::test]
async fn steps_of_a_recording_are_told_of_long_after_its_meeting() {
    for release in ["2.7.17", "3.0.28"] {
        for tenant in ["physics", "default"] {
            let mut calling = Calling::start(&[kind(release)]).await;
            let frontend = calling.simulated.cluster.frontend(tenant);
            let others = Receiver::start().await;
            let other = calling.simulated.cluster.frontend("history");
            hook(&calling, &frontend, &calling.receiver.url("/"), "").await;
            hook(&calling, &other, &others.url("/"), "").await;
            let only = "&eventID=rap-publish-ended";
            let published = Receiver::start().await;
            hook(&calling, &frontend, &published.url("/"), only).await;
            let id = recorded(&frontend, calling.node(), "class").await;
            for step in STEPS {
                assert!(calling.node().recording_step(step, &id));
            }
            eventually("told", async || names(&calling.receiver).len() == STEPS.len()).await;
            let wanted = STEPS.map(|step| (step.to_owned(), "class".to_owned()));
            assert_eq!(names(&calling.receiver), wanted, "{release} {tenant}");
            eventually("told", async || published.count() == 1).await;
            let event = event(&published.got()[0]);
            let attributes = &event["data"]["attributes"];
            assert_eq!(attributes["record-id"], id.as_str());
            assert_eq!(attributes["workflow"], "presentation");
            let metadata = serde_json::json!({ "course": "optics" });
            assert_eq!(attributes["recording"]["metadata"], metadata, "{release} {tenant}");
            assert_eq!(names(&others), []);

            // The store is lost, and with it hooks and meetings: whose recording it
            // is says the node's list.
            calling.simulated.cluster.stop().await;
            calling.simulated.cluster.lose_store();
            calling.simulated.cluster.boot().await;
            let frontend = calling.simulated.cluster.frontend(tenant);
            let again = Receiver::start().await;
            hook(&calling, &frontend, &again.url("/"), "").await;
            is_known(&calling).await;
            assert!(calling.node().recording_step("rap-process-ended", &id));
            eventually("told", async || names(&again).len() == 1).await;
            assert_eq!(names(&again)[0].1, "class", "{release} {tenant}");
        }
    }
}

/// What a frontend does to a recording: its call, and what hooks hear of it in either form.
const DONE: [(&str, &str, &str, &str); 3] = [
    ("publishRecordings", "&publish=false", "rap-unpublished", "UnpublishedRecordingSysMsg"),
    ("publishRecordings", "&publish=true", "rap-published", "PublishedRecordingSysMsg"),
    ("deleteRecordings", "", "rap-deleted", "DeletedRecordingSysMsg"),
];

#[tokio::test]
async fn what_is_done_to_a_recording_is_told_to_its_tenant_in_both_forms() {
    for release in ["2.7.17", "3.0.28"] {
        for tenant in ["physics", "default"] {
            let mut calling = Calling::start(&[kind(release)]).await;
            let frontend = calling.simulated.cluster.frontend(tenant);
            let id = recorded(&frontend, calling.node(), "class").await;
            // Nothing but the node's list says whose it is.
            calling.simulated.cluster.stop().await;
            calling.simulated.cluster.lose_store();
            calling.simulated.cluster.boot().await;
            let frontend = calling.simulated.cluster.frontend(tenant);
            let other = calling.simulated.cluster.frontend("history");
            let (raw, others) = (Receiver::start().await, Receiver::start().await);
            hook(&calling, &frontend, &calling.receiver.url("/"), "").await;
            hook(&calling, &frontend, &raw.url("/"), "&getRaw=true").await;
            hook(&calling, &other, &others.url("/"), "").await;
            is_known(&calling).await;
            for (index, (call, more, told, message)) in DONE.into_iter().enumerate() {
                frontend.get(call, &format!("recordID={id}{more}")).await.answer();
                let both = async || {
                    names(&calling.receiver).len() == index + 1 && raw.count() == index + 1
                };
                eventually(told, both).await;
                let wanted = (told.to_owned(), "class".to_owned());
                assert_eq!(names(&calling.receiver)[index], wanted, "{release} {tenant}");
                let raw = event(&raw.got()[index]);
                assert_eq!(raw["envelope"]["name"], message, "{release} {tenant}");
                assert_eq!(raw["core"]["body"]["recordId"], id.as_str(), "{release} {tenant}");
            }
            assert_eq!(others.count(), 0, "{release} {tenant}");
        }
    }
}
