//! Recordings that lie on nodes, as people see and change them: `bluegate recording`.

use std::time::Duration;

use bluegate_testkit::{eventually, http::Request};
use insta::assert_snapshot;
use serde_json::Value;

use crate::{
    admin::narrow,
    cluster::{Cluster, sign},
    command_line::seen,
    tenants::Served,
};

const WITHIN: Duration = Duration::from_secs(40);

/// A demo whose first node has a recording of each of these meetings, as it knows them.
pub(crate) async fn recorded(meetings: &[&str]) -> Cluster {
    let cluster = Cluster::start(&["--nodes", "2"]).await;
    let node = &cluster.ready.nodes[0];
    for meeting in meetings {
        for (call, parameters) in [
            ("create", &[("meetingID", *meeting), ("name", "Recorded"), ("record", "true")][..]),
            ("end", &[("meetingID", meeting)]),
        ] {
            let query = sign(call, parameters, &node.secret);
            let request = Request::get(&format!("/bigbluebutton/api/{call}?{query}"))
                .header("Host", node.origin.split("://").nth(1).unwrap());
            let text = request.send(&node.address).await.unwrap().text();
            assert!(text.contains("SUCCESS"), "{text}");
        }
    }
    cluster
}

/// The recordings that the scaler knows of, once it knows so many.
pub(crate) async fn known(served: &Served, count: usize) -> Vec<Value> {
    eventually("the recordings are known", WITHIN, || async {
        let listed = served.json(&["recording", "list", "--json"]);
        let listed = listed["recordings"].as_array()?.clone();
        (listed.len() == count).then_some(listed)
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn recordings_are_listed_hidden_published_and_deleted() {
    let cluster = recorded(&["bg1.school-a.lecture", "old-course"]).await;
    let served = Served::over(cluster, "").await;
    let listed = known(&served, 2).await;
    let own = listed.iter().find(|one| one["tenant"] == "school-a").unwrap();
    let others = listed.iter().find(|one| one["tenant"] != "school-a").unwrap();
    assert_eq!((&own["meeting_id"], &own["keepers"][0]), (&"lecture".into(), &"bbb-01".into()));
    assert_eq!(
        (&others["tenant"], &others["meeting_id"]),
        (&"default".into(), &"old-course".into())
    );
    let id = own["record_id"].as_str().unwrap();
    let run = |arguments: &[&str]| narrow(&seen(&served.run(arguments)).replace(id, "ID"));

    let of_meeting = ["recording", "list", "--tenant", "school-a", "--meeting", "lecture"];
    let shown = run(&of_meeting);
    assert!(
        shown.contains("\nRECORDING TENANT MEETING STATE AGE ON\nID school-a lecture published")
    );
    assert!(shown.trim_end().contains(" bbb-01\n") && !shown.contains("old-course"), "{shown}");
    assert_snapshot!(run(&["recording", "unpublish", id]), @r"
    exit 0
    --- stdout
    unpublished ID of school-a
    --- stderr
    ");
    assert_snapshot!(run(&["recording", "show", id]), @r"
    exit 0
    --- stdout
    recording ID
    tenant school-a
    meeting lecture
    state unpublished
    on bbb-01
    --- stderr
    ");
    let hidden = served.json(&["recording", "list", "--state", "unpublished", "--json"]);
    assert_eq!(hidden["recordings"].as_array().unwrap().len(), 1);
    assert_snapshot!(run(&["recording", "publish", id]), @r"
    exit 0
    --- stdout
    published ID of school-a
    --- stderr
    ");
    assert_snapshot!(run(&["recording", "delete", id]), @r"
    exit 0
    --- stdout
    deleted ID of school-a
    --- stderr
    ");
    let log = served.process.stderr();
    for event in ["recording.unpublished", "recording.published", "recording.deleted"] {
        assert_eq!(log.matches(&format!("event=\"{event}\"")).count(), 1, "{log}");
    }
    assert!(!log.contains(id), "{log}");
    let left = served.json(&["recording", "list", "--json"]);
    assert_eq!(left["recordings"].as_array().unwrap().len(), 1, "{left}");
    // Deleted is deleted, and nothing is found to be changed.
    for arguments in [
        &["recording", "publish", id][..],
        &["recording", "delete", "nobodys"],
        &["recording", "show", "nobodys"],
        &["recording", "delete", others["record_id"].as_str().unwrap(), "--tenant", "school-a"],
    ] {
        let refused = served.run(arguments);
        assert_eq!(refused.status.code(), Some(2), "{}", seen(&refused));
        assert!(
            seen(&refused).contains("no such recording") || seen(&refused).contains("no recording")
        );
    }
    // What the node itself says, whoever asks.
    let node = &served.cluster.ready.nodes[0];
    let query = sign("getRecordings", &[("state", "any")], &node.secret);
    let request = Request::get(&format!("/bigbluebutton/api/getRecordings?{query}"))
        .header("Host", node.origin.split("://").nth(1).unwrap());
    let text = request.send(&node.address).await.unwrap().text();
    let gone = text.split("<recording>").find(|one| one.contains(id)).unwrap_or_default();
    assert!(gone.is_empty() || gone.contains("<state>deleted</state>"), "{gone}");
    assert!(text.contains("old-course"), "{text}");
}
