//! Callbacks that were given up, as people see and mend them: `bluegate callback`.

use std::time::Duration;

use bluegate_testkit::{eventually, http::Request};
use insta::assert_snapshot;
use serde_json::Value;

use crate::{admin::narrow, cluster::sign, command_line::seen, tenants::Served};

const WITHIN: Duration = Duration::from_secs(40);
const SECRET: &str = "secret-of-school-a";
const HOST: &str = "school-a.localhost";

/// Calls the scaler as `school-a` does.
pub(crate) async fn call(served: &Served, call: &str, parameters: &[(&str, &str)]) -> String {
    let query = sign(call, parameters, SECRET);
    let request = Request::get(&format!("/bigbluebutton/api/{call}?{query}"))
        .header("Host", &format!("{HOST}:{}", served.port));
    request.send(&format!("127.0.0.1:{}", served.port)).await.unwrap().text()
}

/// The path of the callback URL that the meeting's node was given.
async fn callback_path(served: &Served) -> String {
    for node in &served.cluster.ready.nodes {
        let target =
            format!("/bigbluebutton/api/getMeetings?{}", sign("getMeetings", &[], &node.secret));
        let request =
            Request::get(&target).header("Host", node.origin.split("://").nth(1).unwrap());
        let text = request.send(&node.address).await.unwrap().text();
        if let Some(rest) = text.split("<endcallbackurl>").nth(1) {
            let url = rest.split("</endcallbackurl>").next().unwrap();
            let url = url.trim_start_matches("<![CDATA[").trim_end_matches("]]>");
            return format!("/bigbluebutton/{}", url.split_once("/bigbluebutton/").unwrap().1);
        }
    }
    panic!("no node has the meeting");
}

fn dead(served: &Served) -> Vec<Value> {
    let listed = served.json(&["callback", "list", "--state", "dead", "--json"]);
    listed["callbacks"].as_array().unwrap().clone()
}

/// A callback of `school-a` that was given up: its target is private, which is
/// refused at the first attempt.
pub(crate) async fn dead_letter(served: &Served) -> Value {
    let parameters = [
        ("meetingID", "m-1"),
        ("name", "One"),
        ("meta_endCallbackUrl", "http://127.0.0.1:9/end?secret=hush"),
    ];
    assert!(call(served, "create", &parameters).await.contains("SUCCESS"));
    let path = callback_path(served).await;
    assert!(call(served, "end", &[("meetingID", "m-1")]).await.contains("SUCCESS"));
    let told = Request::get(&format!("{path}?recordingmarks=false&meetingID=m-1"))
        .header("Host", &format!("api.cluster.localhost:{}", served.port));
    let answer = told.send(&format!("127.0.0.1:{}", served.port)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    eventually("it is given up", WITHIN, || async { dead(served).pop() }).await.unwrap()
}

#[tokio::test]
async fn what_was_given_up_is_listed_tried_again_and_dropped() {
    let served = Served::start().await;
    assert_eq!(dead(&served), Vec::<Value>::new());
    let given_up = dead_letter(&served).await;
    let id = given_up["id"].as_str().unwrap();
    assert!(!given_up.to_string().contains("hush"), "{given_up}");
    let shown = seen(&served.run(&["callback", "list", "--tenant", "school-a"]));
    let without_id = |text: &str| text.replace(id, "ID");
    assert!(shown.contains("http://127.0.0.1:9"), "{shown}");
    let lines: Vec<String> = narrow(&without_id(&shown)).lines().map(str::to_owned).collect();
    assert_snapshot!(lines[..3].join("\n"), @r"
    exit 0
    --- stdout
    CALLBACK STATE TENANT KIND TARGET ATTEMPTS AGE NEXT IN LAST ERROR
    ");
    let begins = "ID dead school-a end http://127.0.0.1:9 1 ";
    assert!(lines[3].starts_with(begins), "{}", lines[3]);
    assert!(!shown.contains("hush"), "{shown}");
    let others = served.json(&["callback", "list", "--tenant", "school-b", "--json"]);
    assert_eq!(others["callbacks"], Value::Array(Vec::new()));

    let all = served.json(&["callback", "retry", "--dead", "--json"]);
    assert_eq!(all["retried"], serde_json::json!([id]));
    let tried = eventually("it is given up again", WITHIN, || async { dead(&served).pop() });
    assert_eq!(tried.await.unwrap()["id"], id);
    assert_snapshot!(without_id(&seen(&served.run(&["callback", "retry", id]))), @r"
    exit 0
    --- stdout
    retried: 1 callback
    --- stderr
    ");
    eventually("and again", WITHIN, || async { dead(&served).pop() }).await.unwrap();
    assert_snapshot!(without_id(&seen(&served.run(&["callback", "drop", id]))), @r"
    exit 0
    --- stdout
    dropped: 1 callback
    --- stderr
    ");
    assert_eq!(dead(&served), Vec::<Value>::new());
    let unknown = served.run(&["callback", "drop", id]);
    assert_eq!(unknown.status.code(), Some(2), "{}", seen(&unknown));
    let neither = served.run(&["callback", "retry"]);
    assert_eq!(neither.status.code(), Some(2), "{}", seen(&neither));
}
