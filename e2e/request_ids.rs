//! One ID that runs through proxy, scaler, call to a node and logs.

use std::{path::Path, process::Command, time::Duration};

use bluegate_testkit::{
    Process, eventually,
    http::{Request, Response},
};

use crate::{
    admin::TOKEN,
    cluster::{BLUEGATE, sign},
    tenants::Served,
};

const WITHIN: Duration = Duration::from_secs(40);

/// Serves anew, with an access log and the log in JSON, and believes these.
async fn serve_anew(served: &mut Served, trusted: &str) {
    served.process.interrupt(WITHIN).await.unwrap();
    let file = served.folder.path().join("bluegate.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let keys = format!("[proxy]\naccess_log = \"access.log\"\n{trusted}");
    let text = text.replace("access_log = \"access.log\"\n", "").replace("[proxy]\n", &keys);
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(Path::new(BLUEGATE));
    command.args(["serve", "-c", file.to_str().unwrap()]).env("BLUEGATE_LOG_FORMAT", "json");
    served.process = Process::spawn(command).unwrap();
    served.serves().await;
}

async fn get(served: &Served, host: &str, target: &str, id: &str) -> Response {
    let request = Request::get(target)
        .header("Host", &format!("{host}:{}", served.port))
        .header("X-Request-Id", id);
    request.send(&format!("127.0.0.1:{}", served.port)).await.unwrap()
}

/// The IDs of requests to this path that the nodes saw.
async fn at_the_nodes(served: &Served, path: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for node in &served.cluster.ready.nodes {
        let records = node.records().await;
        let records = records.iter().filter(|record| record["path"] == path);
        ids.extend(records.filter_map(|record| Some(record["x_request_id"].as_str()?.to_owned())));
    }
    ids
}

#[tokio::test]
async fn one_id_runs_through_proxy_scaler_node_and_logs() {
    let mut served = Served::start().await;
    let (cluster, school) = ("bbb.cluster.localhost", "school-a.localhost");
    let index = format!("/{}/bigbluebutton/api", served.cluster.ready.nodes[0].name);

    // Of a client that nobody vouches for nothing is taken over.
    serve_anew(&mut served, "").await;
    let answer = get(&served, cluster, &index, "of-the-client").await;
    let made = answer.header("x-request-id").unwrap().to_owned();
    assert_eq!(made.len(), 32, "{made}");
    assert!(at_the_nodes(&served, "/bigbluebutton/api").await.contains(&made));
    let log = served.folder.path().join("access.log");
    eventually("it is in the access log", WITHIN, || async {
        let lines = std::fs::read_to_string(&log).ok()?;
        lines.contains(&format!("\"request_id\":\"{made}\"")).then_some(())
    })
    .await
    .unwrap();

    serve_anew(&mut served, "trusted_proxies = \"127.0.0.0/8\"\n").await;
    let answer = get(&served, cluster, &index, "trace-0001").await;
    assert_eq!(answer.header("x-request-id"), Some("trace-0001"));
    assert!(at_the_nodes(&served, "/bigbluebutton/api").await.contains(&"trace-0001".to_owned()));

    // A callback URL that is too long is left alone, with a warning in the log.
    let long = format!("https://moodle.example.org/{}", "x".repeat(2_000));
    let parameters = [("meetingID", "m-9"), ("name", "Nine"), ("meta_endCallbackUrl", &long)];
    let query = sign("create", &parameters, "secret-of-school-a");
    let create = format!("/bigbluebutton/api/create?{query}");
    let answer = get(&served, school, &create, "trace-0002").await;
    assert_eq!(answer.header("x-request-id"), Some("trace-0002"));
    assert!(answer.text().contains("SUCCESS"), "{}", answer.text());
    assert_eq!(at_the_nodes(&served, "/bigbluebutton/api/create").await, ["trace-0002"]);
    let log = served.process.stderr();
    // What changes state is told without being asked for.
    assert!(log.contains(r#""event":"process.serving""#), "{log}");
    let event =
        log.lines().find(|line| line.contains("trace-0002")).unwrap_or_else(|| panic!("{log}"));
    let event: serde_json::Value = serde_json::from_str(event).unwrap();
    assert_eq!(event["span"]["request.id"], "trace-0002", "{event}");
    assert!(!event.to_string().contains("moodle.example.org/x"), "{event}");

    // The admin listener believes nobody; what was changed there is found by its ID.
    let purge = Request::new("DELETE", "/v1/cache")
        .header("Authorization", &format!("Bearer {TOKEN}"))
        .header("X-Request-Id", "trace-0003");
    let answer = purge.send(&format!("127.0.0.1:{}", served.admin)).await.unwrap();
    let id = answer.header("x-request-id").unwrap();
    assert_ne!(id, "trace-0003");
    assert_eq!(served.json(&["audit", "--json"])["entries"][0]["request_id"], id);
}
