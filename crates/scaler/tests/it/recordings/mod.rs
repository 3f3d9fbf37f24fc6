//! Recordings of all nodes, as one server has them: over simulated nodes, which
//! share no code with us.

pub(crate) mod captions;
mod change;
mod delegate;
mod shared;

use std::time::Duration;

use bluegate_bbb_api::stamp::Stamp;
use bluegate_scaler::Health;
use bluegate_simnode::{Fault, FaultAction, Recording, RecordingState};

use crate::{
    cluster::{Frontend, eventually, node_secret},
    simulated::{Kind, Simulated},
};

pub(crate) const INTERVAL: Duration = Duration::from_millis(100);
pub(crate) const TIME: u64 = 1_700_000_000_000;

/// Simulated 3.0 nodes that are asked for their recordings all the time.
async fn nodes(count: usize) -> Simulated {
    let mut simulated = Simulated::prepare(&vec![Kind::STOCK; count]).await;
    simulated.cluster.recordings.interval = INTERVAL;
    simulated
}

/// A recording on a node, of a tenant's meeting, as Bluegate stamps it.
pub(crate) fn stamped(node: usize, tenant: &str, meeting_id: &str, time: u64) -> Recording {
    let on_node = match tenant {
        "default" | "imported" => meeting_id.to_owned(),
        _ => format!("bg1.{tenant}.{meeting_id}"),
    };
    let stamp = Stamp { tenant: tenant.parse().unwrap(), meeting_id: meeting_id.to_owned() };
    let mut recording = Recording::of_meeting(&on_node, time);
    meeting_id.clone_into(&mut recording.name);
    let signed = stamp.sign(&node_secret(node));
    recording.metadata.insert("bluegate-stamp".to_owned(), signed);
    recording
}

/// The beginning of an ID.
fn start(id: &str, length: usize) -> &str {
    id.get(..length).unwrap()
}

/// What a list shows: meeting IDs, states and start times.
async fn listed(frontend: &Frontend, query: &str) -> Vec<(String, String, u64)> {
    let answer = frontend.get("getRecordings", query).await.answer();
    let text = |element: &bluegate_bbb_api::Element, name| element.text_of(name).unwrap();
    answer
        .recordings()
        .map(|found| {
            (
                text(found, "meetingID"),
                text(found, "state"),
                text(found, "startTime").parse().unwrap(),
            )
        })
        .collect()
}

async fn meetings(frontend: &Frontend, query: &str) -> Vec<String> {
    listed(frontend, query).await.into_iter().map(|(meeting, _, _)| meeting).collect()
}

async fn until(frontend: &Frontend, query: &str, wanted: &[&str]) {
    let there = async || meetings(frontend, query).await == wanted;
    eventually(&format!("{query} lists {wanted:?}"), there).await;
}

#[tokio::test]
async fn recordings_of_all_nodes_are_one_list_of_each_tenant() {
    let mut simulated = nodes(2).await;
    simulated.nodes[0].add_recording(stamped(0, "physics", "mechanics", TIME));
    simulated.nodes[1].add_recording(stamped(1, "physics", "optics", TIME + 1));
    simulated.nodes[1].add_recording(stamped(1, "history", "rome", TIME + 2));
    simulated.nodes[0].add_recording(Recording::of_meeting("by-hand", TIME + 3));
    let mut forged = stamped(0, "imported", "forged", TIME + 4);
    let stamp = forged.metadata.get_mut("bluegate-stamp").unwrap();
    *stamp = stamp.replace("imported", "physics");
    simulated.nodes[0].add_recording(forged);
    simulated.cluster.boot().await;

    let [physics, history, default] =
        ["physics", "history", "default"].map(|tenant| simulated.cluster.frontend(tenant));
    until(&physics, "", &["optics", "mechanics"]).await;
    until(&history, "", &["rome"]).await;
    until(&default, "", &["by-hand"]).await;
    let report = simulated.cluster.scaler().recordings();
    assert_eq!((report.of_nobody, report.keepers.len()), (1, 2), "{report:?}");

    let shown = physics.get("getRecordings", "meetingID=optics").await.text;
    assert!(shown.contains("<meetingId>optics</meetingId>"), "{shown}");
    assert!(!shown.contains("bluegate") && !shown.contains("bg1."), "{shown}");
    for (query, wanted) in [
        ("meetingID=mechanics,optics,rome", vec!["mechanics", "optics"]),
        ("meetingID=bg1.physics.optics", vec![]),
        ("limit=1&offset=1", vec!["mechanics"]),
        ("state=deleted", vec![]),
        ("state=any&meta_meetingname=x", vec![]),
    ] {
        assert_eq!(meetings(&physics, query).await, wanted, "{query}");
    }
    let strangers = stamped(1, "history", "rome", TIME + 2).record_id;
    for prefix in [strangers.as_str(), start(&strangers, 40), start(&strangers, 1)] {
        let found = meetings(&physics, &format!("recordID={prefix}&state=any")).await;
        assert!(!found.contains(&"rome".to_owned()), "{prefix}: {found:?}");
    }
}

#[tokio::test]
async fn a_recorded_meeting_is_listed_when_it_has_ended() {
    let mut simulated = nodes(2).await;
    simulated.cluster.boot().await;
    let frontend = simulated.cluster.frontend("physics");
    let query = "name=Class&meetingID=class&record=true&meta_Course=Optics";
    let created = frontend.get("create", query).await.answer();
    let internal = created.text("internalMeetingID").unwrap();
    frontend.get("end", "meetingID=class").await.answer();
    until(&frontend, "meetingID=class&meta_course=Opt%25", &["class"]).await;
    let answer = frontend.get("getRecordings", "").await.answer();
    let recording = answer.recordings().next().unwrap();
    assert_eq!(recording.text_of("recordID").unwrap(), internal);
    assert_eq!(recording.text_of("name").unwrap(), "Class");
}

#[tokio::test]
async fn the_list_survives_a_restart_a_lost_store_and_a_lost_node() {
    let mut simulated = nodes(2).await;
    simulated.nodes[0].add_recording(stamped(0, "physics", "mechanics", TIME));
    simulated.nodes[1].add_recording(stamped(1, "physics", "optics", TIME + 1));
    simulated.cluster.boot().await;
    let both = ["optics", "mechanics"];
    until(&simulated.cluster.frontend("physics"), "", &both).await;

    // A node that is away: frontends forget what is not listed, so it stays.
    simulated.nodes[0].power_off();
    let health = async || simulated.cluster.scaler().health()[0].1 != Health::Healthy;
    eventually("it is noticed", health).await;
    simulated.cluster.stop().await;
    simulated.cluster.boot().await;
    let frontend = simulated.cluster.frontend("physics");
    assert_eq!(meetings(&frontend, "").await, both, "before anybody is asked");

    simulated.cluster.stop().await;
    simulated.cluster.lose_store();
    simulated.cluster.boot().await;
    let frontend = simulated.cluster.frontend("physics");
    until(&frontend, "", &["optics"]).await;
    simulated.nodes[0].power_on().unwrap();
    until(&frontend, "", &both).await;
}

#[tokio::test]
async fn what_a_node_has_no_more_goes_and_much_at_once_is_not_believed() {
    let mut simulated = nodes(1).await;
    for number in 0..30 {
        let meeting = format!("class-{number}");
        simulated.nodes[0].add_recording(stamped(0, "physics", &meeting, TIME + number));
    }
    simulated.cluster.boot().await;
    let frontend = simulated.cluster.frontend("physics");
    let count = async || meetings(&frontend, "").await.len();
    eventually("all are there", async || count().await == 30).await;
    simulated.nodes[0].lose_recording(&stamped(0, "physics", "class-7", TIME + 7).record_id);
    eventually("one is gone", async || count().await == 29).await;
    for number in 0..30 {
        let meeting = format!("class-{number}");
        let id = stamped(0, "physics", &meeting, TIME + number).record_id;
        simulated.nodes[0].lose_recording(&id);
    }
    let scaler = simulated.cluster.scaler();
    let doubted = async || scaler.recordings().keepers.values().any(|keeper| keeper.is_doubted);
    eventually("that is doubted", doubted).await;
    assert_eq!(count().await, 29);
    eventually("and then believed", async || count().await == 0).await;
}

#[tokio::test]
async fn more_than_a_page_is_asked_for_in_parts() {
    let mut simulated = nodes(1).await;
    for number in 0..250 {
        let meeting = format!("class-{number}");
        simulated.nodes[0].add_recording(stamped(0, "physics", &meeting, TIME + number));
    }
    // No hash: no part has it.
    let mut odd = stamped(0, "physics", "odd", TIME - 1);
    odd.record_id = "odd-1".to_owned();
    simulated.nodes[0].add_recording(odd);
    simulated.cluster.boot().await;
    let frontend = simulated.cluster.frontend("physics");
    let count = async || meetings(&frontend, "").await.len();
    eventually("all are there", async || count().await == 251).await;
    let page = frontend.get("getRecordings", "limit=100&offset=200").await.answer();
    assert_eq!((page.recordings().count(), page.total_recordings()), (51, Some(251)));
}

#[tokio::test]
async fn a_node_that_hangs_delays_nobody() {
    let mut simulated = nodes(2).await;
    let fault = Fault::on_call("getRecordings", 1_000, FaultAction::Hang);
    simulated.nodes[0].faults().order(fault).unwrap();
    simulated.nodes[1].add_recording(stamped(1, "physics", "optics", TIME));
    simulated.cluster.boot().await;
    let frontend = simulated.cluster.frontend("physics");
    until(&frontend, "", &["optics"]).await;
    frontend.create("class").await;
}

#[tokio::test]
async fn old_releases_have_no_pages_and_their_recordings_are_listed_too() {
    let old = Kind { release: "2.5.9", ..Kind::STOCK };
    let mut simulated = Simulated::prepare(&[old]).await;
    simulated.cluster.recordings.interval = INTERVAL;
    let mut deleted = stamped(0, "physics", "gone", TIME + 1);
    deleted.state = RecordingState::Deleted;
    simulated.nodes[0].add_recording(deleted);
    simulated.nodes[0].add_recording(stamped(0, "physics", "mechanics", TIME));
    simulated.cluster.boot().await;
    let frontend = simulated.cluster.frontend("physics");
    until(&frontend, "state=any", &["gone", "mechanics"]).await;
    until(&frontend, "", &["mechanics"]).await;
}
