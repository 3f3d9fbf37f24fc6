//! The scaler over simulated nodes that share no code with it.

use std::{collections::BTreeMap, time::Duration};

use bluegate_testkit::eventually;
use serde_json::json;

use crate::cluster::{Cluster, element};

#[tokio::test]
async fn a_hundred_creates_of_one_meeting_make_one_meeting() {
    let cluster = Cluster::start(&["--nodes", "3"]).await;
    let parameters =
        [("meetingID", "race"), ("name", "Race"), ("attendeePW", "ap"), ("moderatorPW", "mp")];
    let calls = (0..100).map(|_| cluster.api("create", &parameters));
    let answers = join_all(calls).await;

    let mut plain = 0;
    for answer in &answers {
        assert_eq!(element(answer, "returncode"), "SUCCESS", "{answer}");
        assert_eq!(element(answer, "meetingID"), "race");
        assert_eq!(element(answer, "internalMeetingID"), element(&answers[0], "internalMeetingID"));
        assert_eq!(element(answer, "createTime"), element(&answers[0], "createTime"));
        match element(answer, "messageKey") {
            "" => plain += 1,
            key => assert_eq!(key, "duplicateWarning"),
        }
    }
    assert_eq!(plain, 1, "one caller made it, the others found it, as on one server");
    let mut meetings = Vec::new();
    for node in &cluster.ready.nodes {
        meetings.extend(node.meetings().await);
    }
    assert_eq!(meetings.len(), 1, "{meetings:?}");

    let other =
        [("meetingID", "race"), ("name", "Race"), ("attendeePW", "x1"), ("moderatorPW", "x2")];
    assert_eq!(element(&cluster.api("create", &other).await, "messageKey"), "idNotUnique");
}

#[tokio::test]
async fn thirty_meetings_on_three_equal_nodes_are_ten_each() {
    let cluster = Cluster::start(&["--nodes", "3"]).await;
    let names: Vec<String> = (0..30).map(|number| format!("class-{number}")).collect();
    let parameters: Vec<_> =
        names.iter().map(|name| [("meetingID", name.as_str()), ("name", name.as_str())]).collect();
    let answers = join_all(parameters.iter().map(|p| cluster.api("create", p))).await;
    for answer in &answers {
        assert_eq!(element(answer, "returncode"), "SUCCESS", "{answer}");
    }
    let mut placed = BTreeMap::new();
    for node in &cluster.ready.nodes {
        placed.insert(node.name.clone(), node.meetings().await.len());
    }
    assert!(placed.values().all(|&number| number == 10), "{placed:?}");
}

#[tokio::test]
async fn a_create_whose_answer_is_cut_off_ends_as_exactly_one_meeting() {
    let cluster = Cluster::start(&["--nodes", "3"]).await;
    for action in ["cut", "cut_half"] {
        for node in &cluster.ready.nodes {
            node.fault(json!({ "call": "create", "times": 1, "action": action })).await;
        }
        let parameters = [("meetingID", action), ("name", "Cut off")];
        let answer = cluster.api("create", &parameters).await;
        assert_eq!(element(&answer, "returncode"), "SUCCESS", "{answer}");
        assert_eq!(element(&answer, "messageKey"), "", "for its caller it is the first create");
        let mut found = Vec::new();
        for node in &cluster.ready.nodes {
            let meetings = node.meetings().await;
            found.extend(meetings.into_iter().filter(|m| m.to_string().contains(action)));
        }
        assert_eq!(found.len(), 1, "{action}: {found:?}");
        let info = cluster.api("getMeetingInfo", &[("meetingID", action)]).await;
        assert_eq!(element(&info, "internalMeetingID"), element(&answer, "internalMeetingID"));
        // Orders that no create met must not strike the next round.
        for node in &cluster.ready.nodes {
            let request = bluegate_testkit::http::Request::new("DELETE", "/_simnode/faults");
            request.send(&node.address).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_dead_node_takes_no_new_meetings_and_the_others_go_on() {
    let cluster = Cluster::start(&["--nodes", "3"]).await;
    let dead = &cluster.ready.nodes[0];
    dead.power_off(600_000).await;
    for number in 0..6 {
        let name = format!("after-{number}");
        let answer = cluster.api("create", &[("meetingID", &name), ("name", "After")]).await;
        assert_eq!(element(&answer, "returncode"), "SUCCESS", "{answer}");
        assert_ne!(cluster.node_of(&name).await.name, dead.name);
    }
}

#[tokio::test]
async fn meetings_survive_a_node_that_is_silent_for_a_while_in_memory() {
    let cluster = Cluster::start(&["--nodes", "2"]).await;
    let parameters = [("meetingID", "quiet"), ("name", "Quiet"), ("meta_course", "x")];
    let created = cluster.api("create", &parameters).await;
    let node = cluster.node_of("quiet").await;
    node.fault(json!({ "call": "*", "times": 50, "action": "error" })).await;

    let listed = cluster.api("getMeetings", &[]).await;
    assert_eq!(element(&listed, "internalMeetingID"), element(&created, "internalMeetingID"));
    let info = cluster.api("getMeetingInfo", &[("meetingID", "quiet")]).await;
    assert_eq!(element(&info, "returncode"), "SUCCESS", "reads are answered from memory: {info}");
    assert!(!info.contains("bluegate-"), "our stamp must not show: {info}");
}

#[tokio::test]
async fn an_ended_meeting_is_gone_from_lists_and_can_be_made_again() {
    let cluster = Cluster::start(&["--nodes", "2"]).await;
    let parameters = [("meetingID", "twice"), ("name", "Twice")];
    let first = cluster.api("create", &parameters).await;
    let ended = cluster.api("end", &[("meetingID", "twice")]).await;
    assert_eq!(element(&ended, "messageKey"), "sentEndMeetingRequest");
    eventually("the list is empty", Duration::from_secs(10), || async {
        let listed = cluster.api("getMeetings", &[]).await;
        listed.contains("noMeetings").then_some(())
    })
    .await
    .unwrap();
    let second = cluster.api("create", &parameters).await;
    assert_eq!(element(&second, "returncode"), "SUCCESS");
    assert_ne!(element(&first, "createTime"), element(&second, "createTime"));
}

/// Runs all futures at once and gives their results in order.
async fn join_all<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures_util::future::join_all(futures).await
}
