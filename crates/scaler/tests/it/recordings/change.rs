//! Calls that change recordings, and what a tenant may have of them.

use bluegate_simnode::{Fault, FaultAction};

use super::{TIME, listed, meetings, nodes, stamped, start, until};
use crate::{
    cluster::{eventually, node_secret},
    simulated::Simulated,
};

/// The state that each node has a recording in.
async fn at_nodes(simulated: &Simulated, record_id: &str) -> Vec<Vec<(String, String, u64)>> {
    let mut found = Vec::new();
    for (index, node) in simulated.nodes.iter().enumerate() {
        let mut direct = simulated.cluster.frontend_with_secret(node_secret(index).expose());
        direct.base = format!("http://{}/bigbluebutton/api", node.address());
        found.push(listed(&direct, &format!("recordID={record_id}&state=any")).await);
    }
    found
}

#[tokio::test]
async fn calls_that_write_go_to_whoever_keeps_what_they_name() {
    let mut simulated = nodes(3).await;
    let mechanics = stamped(0, "physics", "mechanics", TIME);
    let optics = stamped(1, "physics", "optics", TIME + 1);
    let rome = stamped(1, "history", "rome", TIME + 2);
    simulated.nodes[0].add_recording(mechanics.clone());
    simulated.nodes[1].add_recording(optics.clone());
    // A copy of it on another server.
    simulated.nodes[2].add_recording(optics.clone());
    simulated.nodes[1].add_recording(rome.clone());
    simulated.cluster.boot().await;
    let physics = simulated.cluster.frontend("physics");
    let history = simulated.cluster.frontend("history");
    until(&physics, "", &["optics", "mechanics"]).await;
    until(&history, "", &["rome"]).await;
    let scaler = simulated.cluster.scaler();
    let kept = async || scaler.recordings().keepers.values().map(|k| k.recordings).sum::<u64>();
    eventually("copies are known too", async || kept().await == 4).await;

    let (one, two, three) = (&mechanics.record_id, &optics.record_id, &rome.record_id);
    let all = format!("{one},{two},{three},none");
    let answer = physics.get("publishRecordings", &format!("recordID={all}&publish=false")).await;
    assert_eq!(
        answer.text,
        "<response><returncode>SUCCESS</returncode><published>false</published></response>"
    );
    // Seen at once, and so at every node that has it; the stranger's is as it was.
    assert_eq!(meetings(&physics, "state=published").await, Vec::<String>::new());
    assert_eq!(meetings(&physics, "state=unpublished").await, ["optics", "mechanics"]);
    assert_eq!(meetings(&history, "state=published").await, ["rome"]);
    for (id, wanted) in [
        (one, ["unpublished", "", ""]),
        (two, ["", "unpublished", "unpublished"]),
        (three, ["", "published", ""]),
    ] {
        let states = at_nodes(&simulated, id).await;
        let states: Vec<String> = states
            .into_iter()
            .map(|found| found.into_iter().map(|(_, state, _)| state).collect())
            .collect();
        assert_eq!(states, wanted, "{id}");
    }

    let query = format!("recordID={all}&meta_Course=1&meta_bluegate-stamp=x&meta_other=");
    let updated = physics.get("updateRecordings", &query).await;
    assert!(updated.text.contains("<updated>true</updated>"), "{}", updated.text);
    assert_eq!(meetings(&physics, "meta_course=1").await, ["optics", "mechanics"]);
    assert_eq!(meetings(&history, "meta_course=1").await, Vec::<String>::new());

    let deleted = physics.get("deleteRecordings", &format!("recordID={two}")).await;
    assert!(deleted.text.contains("<deleted>true</deleted>"), "{}", deleted.text);
    assert_eq!(meetings(&physics, "").await, ["mechanics"]);
    assert_eq!(meetings(&physics, "state=deleted").await, ["optics"]);
    for (call, query) in [
        ("deleteRecordings", format!("recordID={two}")),
        ("deleteRecordings", format!("recordID={three}")),
        ("publishRecordings", format!("recordID={three}&publish=false")),
        ("updateRecordings", format!("recordID={three}&meta_a=b")),
        // The beginning of an ID is none.
        ("deleteRecordings", format!("recordID={}", start(one, 40))),
        ("updateRecordings", format!("recordID={}&meta_a=b", start(three, 1))),
    ] {
        assert_eq!(physics.get(call, &query).await.failure(), "notFound", "{call}?{query}");
    }
    assert_eq!(meetings(&history, "").await, ["rome"]);

    // What nodes say when they are asked again is the same.
    simulated.cluster.stop().await;
    simulated.cluster.lose_store();
    simulated.cluster.boot().await;
    let physics = simulated.cluster.frontend("physics");
    until(&physics, "state=any&meta_course=1", &["optics", "mechanics"]).await;
    until(&physics, "", &["mechanics"]).await;
}

#[tokio::test]
async fn a_call_that_did_not_reach_every_keeper_failed_and_can_be_repeated() {
    let mut simulated = nodes(2).await;
    let mechanics = stamped(0, "physics", "mechanics", TIME);
    let optics = stamped(1, "physics", "optics", TIME + 1);
    simulated.nodes[0].add_recording(mechanics.clone());
    simulated.nodes[1].add_recording(optics.clone());
    simulated.cluster.boot().await;
    let frontend = simulated.cluster.frontend("physics");
    until(&frontend, "", &["optics", "mechanics"]).await;
    let fault = Fault::on_call("publishRecordings", 1, FaultAction::Error);
    simulated.nodes[0].faults().order(fault).unwrap();
    let both = format!("recordID={},{}&publish=false", mechanics.record_id, optics.record_id);
    assert_eq!(frontend.get("publishRecordings", &both).await.failure(), "internalError");
    assert_eq!(meetings(&frontend, "state=published").await, ["mechanics"]);
    assert_eq!(meetings(&frontend, "state=unpublished").await, ["optics"]);
    let again = frontend.get("publishRecordings", &both).await;
    assert!(again.text.contains("<published>false</published>"), "{}", again.text);
    assert_eq!(meetings(&frontend, "state=published").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_tenant_with_all_its_recordings_records_no_more() {
    let mut simulated = nodes(1).await;
    simulated.cluster.set_tenant("physics", r#"{"limits": {"recordings": 1}}"#);
    simulated.nodes[0].add_recording(stamped(0, "physics", "mechanics", TIME));
    simulated.nodes[0].add_recording(stamped(0, "history", "rome", TIME));
    simulated.cluster.boot().await;
    let frontend = simulated.cluster.frontend("physics");
    until(&frontend, "", &["mechanics"]).await;
    let create = async |more: &str| {
        frontend.get("create", &format!("name=Class&meetingID=class{more}")).await
    };
    assert_eq!(create("&record=True").await.failure(), "recordingLimitReached");
    create("").await.answer();
    // What is there is there, whatever is asked of it.
    create("&record=true").await.answer();
    let id = stamped(0, "physics", "mechanics", TIME).record_id;
    frontend.get("deleteRecordings", &format!("recordID={id}")).await.answer();
    let other = frontend.get("create", "name=Class&meetingID=other&record=true").await;
    assert_eq!(other.answer().key(), "");
}
