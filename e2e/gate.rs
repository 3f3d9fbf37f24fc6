//! `[scaler] gate = "doctor"`: what the doctor of the same process sees keeps a node from new
//! meetings, and never more than the scaler can do without.

use std::{fs, time::Duration};

use bluegate_testkit::{Process, eventually, http::Request};
use serde_json::{Value, json};

use crate::{
    admin::TOKEN,
    cluster::{BLUEGATE, Cluster, element, sign},
    command_line::free_port,
};

const WITHIN: Duration = Duration::from_secs(50);
const SECRET: &str = "secret-of-the-school";

/// `bluegate serve` with scaler and doctor, over the nodes of a demo whose proxy is the cluster's.
struct Served {
    folder: tempfile::TempDir,
    process: Process,
    api: u16,
    admin: u16,
}

impl Served {
    /// Starts it, and waits until the doctor has looked.
    async fn start(cluster: &Cluster) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (api, admin) = (free_port(), free_port());
        let mut text = format!(
            "[cluster]\norigin = \"{}\"\n\
             [scaler]\norigin = \"http://api.cluster.localhost:{api}\"\n\
             listen = \"127.0.0.1:{api}\"\nstore = \"sqlite://{}\"\ngate = \"doctor\"\n\
             [doctor]\n\
             [[tenant]]\nname = \"school\"\nsecret_file = \"school\"\n\
             [admin]\nlisten = \"127.0.0.1:{admin}\"\ntoken_file = \"token\"\n",
            cluster.ready.proxy_origin,
            folder.path().join("bluegate.db").display()
        );
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        for node in &cluster.ready.nodes {
            write(&node.name, &node.secret);
            text += &format!(
                "[[node]]\nname = \"{0}\"\norigin = \"{1}\"\naddress = \"{2}\"\nsecret_file = \"{0}\"\n\
                 bbb = \"{3}\"\n",
                node.name, node.origin, node.address, node.bbb
            );
        }
        write("school", SECRET);
        write("token", TOKEN);
        write("bluegate.toml", &text);
        let file = folder.path().join("bluegate.toml").display().to_string();
        let process = Process::start(BLUEGATE.as_ref(), ["serve", "-c", &file]).unwrap();
        let this = Self { folder, process, api, admin };
        eventually("the doctor has looked", WITHIN, || async {
            let latest = this.shown("/v1/doctor").await?;
            (!latest.is_null()).then_some(())
        })
        .await
        .unwrap_or_else(|error| panic!("{error:#}: {}", this.process.stderr()));
        this
    }

    async fn shown(&self, target: &str) -> Option<Value> {
        let request = Request::get(target).header("Authorization", &format!("Bearer {TOKEN}"));
        let answer = request.send(&format!("127.0.0.1:{}", self.admin)).await.ok()?;
        serde_json::from_str(&answer.text()).ok()
    }

    /// The nodes with findings that hurt users, by the doctor's last look.
    async fn broken(&self) -> Vec<String> {
        let latest = self.shown("/v1/doctor").await.unwrap();
        let nodes = latest["report"]["nodes"].as_array().unwrap();
        let is_broken = |node: &&Value| {
            let checks = node["checks"].as_array().unwrap().iter();
            let mut findings = checks.filter_map(|check| check["findings"].as_array()).flatten();
            findings.any(|finding| finding["severity"] == "problem")
        };
        let names = nodes.iter().filter(is_broken);
        names.map(|node| node["name"].as_str().unwrap().to_owned()).collect()
    }

    async fn held_back(&self) -> Vec<String> {
        let health = self.shown("/v1/health").await.unwrap();
        let nodes = health["nodes"].as_object().unwrap().iter();
        let held = nodes.filter(|(_, node)| node["held_back"] == true);
        held.map(|(name, _)| name.clone()).collect()
    }

    async fn call(&self, call: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let target = format!("/bigbluebutton/api/{call}?{}", sign(call, parameters, SECRET));
        let answer = Request::get(&target).send(&format!("127.0.0.1:{}", self.api)).await.unwrap();
        let location = answer.header("location").map(str::to_owned);
        (answer.status, location.unwrap_or_else(|| answer.text()))
    }

    /// How many of so many new classes each node gets.
    async fn classes(&self, cluster: &Cluster, prefix: &str, count: usize) -> Vec<usize> {
        let mut on = vec![0; cluster.ready.nodes.len()];
        for class in 0..count {
            let id = format!("{prefix}-{class}");
            let (_, answer) = self.call("create", &[("meetingID", &id), ("name", "Class")]).await;
            assert_eq!(element(&answer, "returncode"), "SUCCESS", "{answer}");
            let join = [("meetingID", id.as_str()), ("fullName", "x"), ("role", "VIEWER")];
            let (status, to) = self.call("join", &join).await;
            assert_eq!(status, 302, "{to}");
            let mut nodes = cluster.ready.nodes.iter();
            let at = nodes.position(|node| to.starts_with(&format!("{}/", node.origin)));
            on[at.unwrap()] += 1;
        }
        on
    }
}

#[tokio::test]
async fn a_node_that_browsers_would_stumble_at_gets_no_new_meetings() {
    let cluster = Cluster::start(&["--nodes", "4"]).await;
    // bbb-web is well, so a poll sees nothing; but no client gets its data.
    let refused = json!({"path": "/graphql", "times": 100_000, "action": "error"});
    cluster.ready.nodes[1].fault(refused.clone()).await;
    let served = Served::start(&cluster).await;
    assert_eq!(served.broken().await, ["bbb-02"]);
    eventually("the gate has closed", WITHIN, || async {
        (served.held_back().await == ["bbb-02"]).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(served.classes(&cluster, "one", 6).await, [2, 0, 2, 2]);
    let health = served.shown("/v1/health").await.unwrap();
    assert_eq!(health["nodes"]["bbb-02"]["health"], "healthy", "{health:#}");
    let file = served.folder.path().join("bluegate.toml").display().to_string();
    let why = crate::command_line::bluegate(&["meeting", "show", "one-0", "-c", &file]);
    let why = crate::command_line::seen(&why);
    assert!(why.contains("bbb-02") && why.contains("found broken by the doctor"), "{why}");

    drop(served);
    // What two of four have is no reason to prefer the others: the gate stays open.
    cluster.ready.nodes[2].fault(refused).await;
    let again = Served::start(&cluster).await;
    assert_eq!(again.broken().await, ["bbb-02", "bbb-03"]);
    assert_eq!(again.held_back().await, Vec::<String>::new());
    assert_eq!(again.classes(&cluster, "two", 4).await, [1, 1, 1, 1]);
}
