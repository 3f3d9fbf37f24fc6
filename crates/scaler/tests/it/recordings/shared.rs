//! Several scalers on one store, and nodes that say that a recording is ready.

use std::time::Duration;

use bluegate_bbb_api::encode_value;
use bluegate_cluster::AllowedHosts;
use bluegate_scaler::{Bounds, CallbackConfig};
use bluegate_seal::Key;
use bluegate_testkit::Postgres;
use serde_json::json;

use super::{TIME, meetings, nodes, stamped, start, until};
use crate::{
    cluster::{eventually, node_secret, quick},
    receiver::{call, token},
    simulated::{Kind, Simulated},
};

#[tokio::test]
async fn two_scalers_of_one_store_show_the_same() {
    let postgres = Postgres::start().await.unwrap();
    let mut simulated = nodes(2).await;
    simulated.cluster.store = Some(postgres.database().unwrap());
    let refresh_interval = Duration::from_millis(20);
    simulated.cluster.set_bounds(Bounds { refresh_interval, ..quick() });
    let mechanics = stamped(0, "physics", "mechanics", TIME);
    simulated.nodes[0].add_recording(mechanics.clone());
    simulated.nodes[1].add_recording(stamped(1, "physics", "optics", TIME + 1));
    simulated.nodes[1].add_recording(stamped(1, "history", "rome", TIME + 2));
    simulated.cluster.boot().await;
    simulated.cluster.add_replica().await;
    let frontends = simulated.cluster.frontends("physics");
    for frontend in &frontends {
        until(frontend, "", &["optics", "mechanics"]).await;
    }
    let id = &mechanics.record_id;
    for query in [
        String::new(),
        "meetingID=mechanics,optics".to_owned(),
        format!("recordID={id}"),
        format!("recordID={}", start(id, 40)),
        "state=any".to_owned(),
        "state=unpublished".to_owned(),
        "meta_none=x".to_owned(),
        "limit=1&offset=1".to_owned(),
    ] {
        let one = frontends[0].get("getRecordings", &query).await.text;
        assert_eq!(frontends[1].get("getRecordings", &query).await.text, one, "{query}");
        assert!(!one.contains("rome"), "{one}");
    }

    let hide = format!("recordID={id}&publish=false");
    frontends[0].get("publishRecordings", &hide).await.answer();
    assert_eq!(meetings(&frontends[0], "state=published").await, ["optics"]);
    until(&frontends[1], "state=published", &["optics"]).await;
    simulated.nodes[0].lose_recording(id);
    for frontend in &frontends {
        until(frontend, "state=any", &["optics"]).await;
    }
}

#[tokio::test]
async fn a_recording_that_is_ready_is_listed_when_its_frontend_hears_of_it() {
    // Nodes are asked for all they have every ten minutes.
    let mut simulated = Simulated::prepare(&[Kind::STOCK]).await;
    let key = Key::open_or_create(&simulated.cluster.path("key")).unwrap();
    let tls = simulated.cluster.config().node_tls;
    simulated.cluster.callbacks = Some(CallbackConfig::new(key, AllowedHosts::default(), tls));
    simulated.cluster.boot().await;
    let scaler = simulated.cluster.scaler();
    let asked = async || scaler.recordings().keepers.values().any(|keeper| keeper.completed == 1);
    eventually("the node has been asked", asked).await;

    let frontend = simulated.cluster.frontend("physics");
    let url = encode_value("http://192.0.2.1/ready");
    let query =
        format!("name=Class&meetingID=class&record=true&meta_bbb-recording-ready-url={url}");
    frontend.get("create", &query).await.answer();
    let meeting = simulated.nodes[0].meetings().remove(0);
    frontend.get("end", "meetingID=class").await.answer();
    assert_eq!(meetings(&frontend, "").await, Vec::<String>::new());

    let says = json!({"meeting_id": meeting.meeting_id, "record_id": meeting.internal_meeting_id});
    let body = format!("signed_parameters={}", token("HS256", &says, node_secret(0).expose()));
    let ours = &meeting.metadata["bbb-recording-ready-url"];
    let path = ours.strip_prefix("http://api.example.org/bigbluebutton/api").unwrap();
    let form = ("content-type", "application/x-www-form-urlencoded");
    let status = call("POST", &format!("{}{path}", frontend.base), &[form], &body).await;
    assert_eq!(status, 200);
    assert_eq!(meetings(&frontend, "").await, ["class"]);
    let shown = frontend.get("getRecordings", "").await.text;
    assert!(shown.contains(">http://192.0.2.1/ready<"), "{shown}");
}
