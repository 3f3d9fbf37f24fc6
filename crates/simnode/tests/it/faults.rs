//! Ordered faults, power, and the control interface.

use std::time::Duration;

use bluegate_simnode::{Fault, FaultAction};

use crate::node::{PATIENCE, Setup, eventually};

#[tokio::test]
async fn a_cut_answer_leaves_the_meeting() {
    let node = Setup::stock().start().await;
    node.sim.faults().order(Fault::on_call("create", 1, FaultAction::Cut)).unwrap();
    let path = node.signed("create", "name=Class&meetingID=room");
    assert!(node.try_send("GET", &path, &[], b"").await.is_none());
    assert_eq!(node.sim.meetings().len(), 1);
    let again = node.get(&path).await.success();
    assert_eq!(again.element("messageKey").as_deref(), Some("duplicateWarning"));
    assert_eq!(node.sim.records()[0].status, 0);
}

#[tokio::test]
async fn half_an_answer_is_announced_whole() {
    let node = Setup::stock().start().await;
    node.sim.faults().order(Fault::on_call("create", 1, FaultAction::CutHalf)).unwrap();
    let answer = node.api("create", "name=Class&meetingID=room").await;
    let announced: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert!(answer.body.len() < announced && !answer.body.is_empty());
    assert_eq!(node.sim.meetings().len(), 1);
}

#[tokio::test]
async fn errors_and_garbage_do_not_take_effect_unless_ordered() {
    let node = Setup::stock().start().await;
    let faults = node.sim.faults();
    faults.order(Fault::on_call("*", 1, FaultAction::Error)).unwrap();
    faults.order(Fault::on_call("*", 1, FaultAction::Garbage)).unwrap();
    assert_eq!(node.api("create", "name=Class&meetingID=room").await.status, 500);
    assert!(!node.api("create", "name=Class&meetingID=room").await.text().contains("returncode"));
    assert_eq!(node.sim.meetings().len(), 0);
    let late =
        Fault { takes_effect: Some(true), ..Fault::on_call("create", 1, FaultAction::Error) };
    faults.order(late).unwrap();
    assert_eq!(node.api("create", "name=Class&meetingID=room").await.status, 500);
    assert_eq!(node.sim.meetings().len(), 1);
}

#[tokio::test]
async fn delays_and_hangs() {
    let node = Setup::stock().start().await;
    let delay = Duration::from_millis(60);
    node.sim.faults().order(Fault::delay_call("index", 1, delay)).unwrap();
    let started = std::time::Instant::now();
    node.get("/bigbluebutton/api").await.success();
    assert!(started.elapsed() >= delay);

    node.sim.faults().order(Fault::on_path("/html5client/", 1, FaultAction::Hang)).unwrap();
    let hanging = node.get("/html5client/");
    let while_it_hangs = async {
        while node.sim.faults().waiting().len() == 1 {
            tokio::task::yield_now().await;
        }
        node.get("/bigbluebutton/api").await.success();
    };
    tokio::select! {
        biased;
        () = while_it_hangs => {}
        answer = hanging => panic!("answered: {answer:?}"),
    }
}

#[tokio::test]
async fn faults_over_http() {
    let node = Setup::stock().start().await;
    let order = br#"{"call":"create","times":2,"action":"cut"}"#;
    assert_eq!(node.send("POST", "/_simnode/faults", &[], order).await.status, 204);
    assert_eq!(node.get("/_simnode/faults").await.json()["faults"][0]["times"], 2);
    let path = node.signed("create", "name=Class&meetingID=room");
    assert!(node.try_send("GET", &path, &[], b"").await.is_none());
    assert_eq!(node.get("/_simnode/meetings").await.json()["meetings"][0]["meeting_id"], "room");
    assert_eq!(node.send("DELETE", "/_simnode/faults", &[], b"").await.status, 204);
    node.get(&path).await.success();
    assert_eq!(node.send("POST", "/_simnode/faults", &[], b"{}").await.status, 400);
    let foreign =
        node.send("POST", "/_simnode/faults", &[("Origin", "https://evil.example")], order).await;
    assert_eq!(foreign.status, 403);
}

#[tokio::test]
async fn power_off_refuses_and_power_on_forgets() {
    let node = Setup::stock().start().await;
    node.api("create", "name=Class&meetingID=room").await.success();
    node.sim.power_off();
    assert!(tokio::net::TcpStream::connect(node.address).await.is_err());
    node.sim.power_on().unwrap();
    assert_eq!(node.api("getMeetingInfo", "meetingID=room").await.failure(), "notFound");
}

#[tokio::test]
async fn power_off_cuts_what_hangs() {
    let node = Setup::stock().start().await;
    node.sim.faults().order(Fault::on_call("getMeetings", 1, FaultAction::Hang)).unwrap();
    let path = node.signed("getMeetings", "");
    let (answer, ()) = tokio::join!(node.try_send("GET", &path, &[], b""), async {
        while !node.sim.faults().waiting().is_empty() {
            tokio::task::yield_now().await;
        }
        node.sim.power_off();
    });
    assert!(answer.is_none());
}

#[tokio::test]
async fn an_outage_over_http_ends_by_itself() {
    let node = Setup::stock().start().await;
    node.api("create", "name=Class&meetingID=room").await.success();
    assert_eq!(node.send("POST", "/_simnode/power", &[], br#"{"off_ms":20}"#).await.status, 202);
    let back = async {
        loop {
            let path = node.signed("getMeetings", "");
            if let Some(answer) = node.try_send("GET", &path, &[], b"").await
                && answer.text().contains("noMeetings")
            {
                return;
            }
        }
    };
    tokio::time::timeout(*PATIENCE, back).await.unwrap();
}

#[tokio::test]
async fn shutdown_is_prompt_even_with_open_connections() {
    let node = Setup::stock().start().await;
    node.sim.faults().order(Fault::on_call("getMeetings", 1, FaultAction::Hang)).unwrap();
    let _idle = tokio::net::TcpStream::connect(node.address).await.unwrap();
    let address = node.address;
    tokio::time::timeout(Duration::from_secs(4), node.sim.shutdown()).await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_meeting_nobody_joins_is_ended_by_the_node() {
    let node = Setup::stock().start().await;
    let query = "name=Class&meetingID=room&meetingExpireIfNoUserJoinedInMinutes=2";
    node.api("create", query).await.success();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(110)).await;
    tokio::task::yield_now().await;
    assert_eq!(node.sim.meetings().len(), 1);
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    eventually("the meeting has ended", || node.sim.meetings().is_empty()).await;
}
