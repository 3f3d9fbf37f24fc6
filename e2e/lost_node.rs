//! A node that dies under a running `bluegate serve`: its classes live on
//! elsewhere, the others' users notice nothing, and nothing splits.

use std::{path::Path, process::Output, time::Duration};

use bluegate_testkit::{Process, eventually, http::Request};
use serde_json::{Value, json};

use crate::{
    cluster::{BLUEGATE, Cluster, ReadyNode, element, sign},
    command_line::{bluegate, free_port, seen},
};

const WITHIN: Duration = Duration::from_secs(50);
const SECRET: &str = "secret-of-the-school";

/// `bluegate serve` over a demo's nodes, for a tenant that the demo's own scaler
/// does not know.
struct Served {
    cluster: Cluster,
    folder: tempfile::TempDir,
    process: Process,
    api: u16,
    admin: u16,
}

impl Served {
    /// With these further lines of `[scaler]` and sections.
    async fn start(scaler: &str, sections: &str) -> Self {
        let cluster = Cluster::start(&["--nodes", "6"]).await;
        let folder = tempfile::tempdir().unwrap();
        let (api, admin) = (free_port(), free_port());
        let store = folder.path().join("bluegate.db");
        let mut file = format!(
            "[cluster]\norigin = \"http://bbb.cluster.localhost:{api}\"\n\
             [scaler]\norigin = \"http://api.cluster.localhost:{api}\"\n\
             listen = \"127.0.0.1:{api}\"\nstore = \"sqlite://{}\"\n{scaler}\n\
             [[tenant]]\nname = \"school\"\nsecret_file = \"school\"\n\
             [admin]\nlisten = \"127.0.0.1:{admin}\"\ntoken_file = \"token\"\n\
             routes_file = \"routes.json\"\n{sections}\n",
            store.display()
        );
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("school", SECRET).unwrap();
        write("token", "an-admin-token-of-this-test").unwrap();
        for node in &cluster.ready.nodes {
            write(&node.name, &node.secret).unwrap();
            file += &format!(
                "[[node]]\nname = \"{}\"\norigin = \"{}\"\naddress = \"{}\"\nsecret_file = \"{}\"\n",
                node.name, node.origin, node.address, node.name
            );
        }
        write("bluegate.toml", &file).unwrap();
        let path = folder.path().join("bluegate.toml");
        let arguments = ["serve", "-c", path.to_str().unwrap()];
        let process = Process::start(Path::new(BLUEGATE), arguments).unwrap();
        let this = Self { cluster, folder, process, api, admin };
        eventually("every node is healthy", WITHIN, || async {
            let health = this.health().await?;
            let nodes = health["nodes"].as_object()?;
            let polled =
                |node: &Value| node["health"] == "healthy" && !node["list_seconds"].is_null();
            (nodes.len() == 6 && nodes.values().all(polled)).then_some(())
        })
        .await
        .unwrap_or_else(|error| panic!("{error:#}: {}", this.process.stderr()));
        this
    }

    async fn call(&self, call: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let target = format!("/bigbluebutton/api/{call}?{}", sign(call, parameters, SECRET));
        let answer = Request::get(&target).send(&format!("127.0.0.1:{}", self.api)).await.unwrap();
        let location = answer.header("location").map(str::to_owned);
        (answer.status, location.unwrap_or_else(|| answer.text()))
    }

    async fn create(&self, meeting: &str) -> String {
        let (status, answer) =
            self.call("create", &[("meetingID", meeting), ("name", "Class")]).await;
        assert_eq!((status, element(&answer, "returncode")), (200, "SUCCESS"), "{answer}");
        element(&answer, "createTime").to_owned()
    }

    /// Where this old link leads.
    async fn join(&self, meeting: &str, create_time: &str) -> String {
        let parameters = [
            ("meetingID", meeting),
            ("fullName", "x"),
            ("role", "VIEWER"),
            ("createTime", create_time),
        ];
        let (status, location) = self.call("join", &parameters).await;
        assert_eq!(status, 302, "{location}");
        location
    }

    async fn get_admin(&self, target: &str) -> Option<String> {
        let request =
            Request::get(target).header("Authorization", "Bearer an-admin-token-of-this-test");
        let answer = request.send(&format!("127.0.0.1:{}", self.admin)).await;
        answer.ok().filter(|answer| answer.status == 200).map(|answer| answer.text())
    }

    async fn health(&self) -> Option<Value> {
        serde_json::from_str(&self.get_admin("/v1/health").await?).ok()
    }

    async fn health_is(&self, node: &str, wanted: &str) {
        eventually(format!("{node} is {wanted}"), WITHIN, || async {
            (self.health().await?["nodes"][node]["health"] == wanted).then_some(())
        })
        .await
        .unwrap_or_else(|error| panic!("{error:#}: {}", self.process.stderr()));
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let file = self.folder.path().join("bluegate.toml");
        bluegate(&[arguments, &["-c", file.to_str().unwrap()]].concat())
    }
}

fn is_at(location: &str, node: &ReadyNode) -> bool {
    location.starts_with(&format!("{}/", node.origin))
}

fn says(output: &Output, code: i32, words: &str) {
    let seen = seen(output);
    assert!(output.status.code() == Some(code) && seen.contains(words), "{seen}");
}

#[tokio::test]
async fn the_classes_of_a_node_powered_off_live_on_elsewhere() {
    let proxy = format!(
        "[proxy]\nlisten = \"127.0.0.1:{}\"\nhealth_interval = \"300ms\"\nhealth_timeout = \"200ms\"",
        free_port()
    );
    let served = Served::start(
        "poll_interval = \"300ms\"\nlost_after = \"3s\"\ncall_timeout = \"2s\"",
        &proxy,
    )
    .await;
    let mut classes = Vec::new();
    for class in 0..60 {
        let id = format!("class-{class:02}");
        let time = served.create(&id).await;
        let to = served.join(&id, &time).await;
        classes.push((id, time, to));
    }
    let nodes = &served.cluster.ready.nodes;
    let (dead, hanging) = (&nodes[2], &nodes[4]);
    let on = |node: &ReadyNode| -> Vec<_> {
        classes.iter().filter(|(_, _, to)| is_at(to, node)).cloned().collect()
    };
    let struck = on(dead);
    assert_eq!(struck.len(), 10);
    // One is off for good; of another only the API is silent: the proxy hears it.
    hanging.fault(json!({"call": "*", "times": 100_000, "action": "hang"})).await;
    dead.power_off(25_000).await;
    served.health_is("bbb-03", "lost").await;

    for (id, old_time, _) in &struck {
        let new_time = served.create(id).await;
        assert_ne!(new_time, *old_time);
        let to = served.join(id, old_time).await;
        assert!(!is_at(&to, dead) && to.contains(&format!("createTime={new_time}")), "{to}");
    }
    // Everybody else is where they were.
    for (id, time, to) in classes.iter().filter(|class| !struck.contains(class)) {
        let now = served.join(id, time).await;
        assert_eq!(now.split('?').next(), to.split('?').next(), "{id}");
    }
    let health = served.health().await.unwrap();
    assert_eq!(health["nodes"]["bbb-05"]["health"], "suspect", "{health:#}");
    assert_eq!(health["nodes"]["bbb-05"]["losses"], 0);

    // Both come back: nothing splits.
    let clear = Request::new("DELETE", "/_simnode/faults");
    assert_eq!(clear.send(&hanging.address).await.unwrap().status, 204);
    served.health_is("bbb-03", "healthy").await;
    served.health_is("bbb-05", "healthy").await;
    let (_, list) = served.call("getMeetings", &[]).await;
    assert_eq!(list.matches("<meetingID>").count(), 60, "{list}");
    for (id, time, _) in &on(hanging) {
        assert!(is_at(&served.join(id, time).await, hanging), "{id}");
    }
    let mut alive = 0;
    for node in nodes {
        alive += node.meetings().await.len();
    }
    assert_eq!(alive, 60);
    let metrics = served.get_admin("/metrics").await.unwrap();
    for sample in [
        "bluegate_scaler_node_losses_total{node=\"bbb-03\"} 1",
        "bluegate_scaler_node_losses_total{node=\"bbb-05\"} 0",
        "bluegate_scaler_node_state{node=\"bbb-03\",state=\"healthy\"} 1",
        "bluegate_scaler_splits_total 0",
        "bluegate_scaler_freezes_total 0",
    ] {
        assert!(metrics.contains(&format!("{sample}\n")), "{sample} in\n{metrics}");
    }
}

#[tokio::test]
async fn an_operator_gives_up_a_node_that_is_silent_and_none_that_answers() {
    let served = Served::start("poll_interval = \"300ms\"\ncall_timeout = \"2s\"", "").await;
    let mut times = Vec::new();
    for class in 0..6 {
        times.push(served.create(&format!("class-{class}")).await);
    }
    says(&served.run(&["node", "lost", "bbb-01"]), 3, "would be split: drain it instead");
    says(&served.run(&["node", "lost", "bbb-09"]), 2, "no node is named `bbb-09`");

    let node = &served.cluster.ready.nodes[0];
    let mut struck = None;
    for (class, time) in times.iter().enumerate() {
        let id = format!("class-{class}");
        if is_at(&served.join(&id, time).await, node) {
            struck = Some((id, time));
        }
    }
    let (id, time) = struck.unwrap();
    node.fault(json!({"call": "*", "times": 100_000, "action": "hang"})).await;
    served.health_is("bbb-01", "suspect").await;
    says(&served.run(&["node", "lost", "bbb-01"]), 0, "bbb-01: lost;");
    served.create(&id).await;
    assert!(!is_at(&served.join(&id, time).await, node));
}
