//! Emptying a node of our own scaler: by `bluegate node drain`, and by `node apply --drain`.

use std::{
    path::Path,
    process::{Child, Output, Stdio},
    time::Duration,
};

use bluegate_testkit::{Process, eventually, http::Request};
use serde_json::Value;

use crate::{
    admin::TOKEN,
    cluster::{BLUEGATE, Cluster, ReadyNode, element, sign},
    command_line::{bluegate, free_port, seen},
    live_node::LiveNode,
};

const WITHIN: Duration = Duration::from_secs(50);
const SECRET: &str = "secret-of-the-school";

/// `bluegate serve` over two nodes of a demo.
struct Served {
    cluster: Cluster,
    folder: tempfile::TempDir,
    text: String,
    process: Process,
    api: u16,
    admin: u16,
}

impl Served {
    async fn start() -> Self {
        let cluster = Cluster::start(&["--nodes", "2"]).await;
        let folder = tempfile::tempdir().unwrap();
        let (api, admin) = (free_port(), free_port());
        let mut text = format!(
            "[cluster]\norigin = \"http://bbb.cluster.localhost:{api}\"\n\
             [scaler]\norigin = \"http://api.cluster.localhost:{api}\"\n\
             listen = \"127.0.0.1:{api}\"\nstore = \"sqlite://{}\"\npoll_interval = \"300ms\"\n\
             [[tenant]]\nname = \"school\"\nsecret_file = \"school\"\n\
             [admin]\nlisten = \"127.0.0.1:{admin}\"\ntoken_file = \"token\"\n\
             scalelite_secret_file = \"scalelite\"\n",
            folder.path().join("bluegate.db").display()
        );
        text += &nodes(&cluster);
        for (name, text) in files(&cluster, &text) {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let process = serve(folder.path());
        let this = Self { cluster, folder, text, process, api, admin };
        this.is_ready().await;
        this
    }

    async fn is_ready(&self) {
        eventually("every node is healthy", WITHIN, || async {
            let nodes = self.nodes()?;
            let nodes = nodes.as_object()?;
            nodes.values().all(|node| node["health"] == "healthy").then_some(())
        })
        .await
        .unwrap();
    }

    /// The process is started again on the same store.
    async fn start_again(&mut self) {
        self.process.interrupt(WITHIN).await.unwrap();
        self.process = serve(self.folder.path());
        self.is_ready().await;
    }

    fn file(&self) -> String {
        self.folder.path().join("bluegate.toml").display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        bluegate(&[arguments, &["-c", &self.file()]].concat())
    }

    fn nodes(&self) -> Option<Value> {
        let output = self.run(&["node", "list", "--from", "admin", "--json"]);
        let mut list: Value = serde_json::from_slice(&output.stdout).ok()?;
        Some(list["scaler"].take())
    }

    async fn is_cordoned(&self, name: &str, wanted: bool) {
        eventually(&format!("{name} cordoned: {wanted}"), WITHIN, || async {
            let nodes = self.nodes()?;
            (nodes[name]["cordoned_at"].is_i64() == wanted).then_some(())
        })
        .await
        .unwrap();
    }

    async fn call(&self, call: &str, meeting: &str) -> String {
        let parameters = [("meetingID", meeting), ("name", "Class")];
        let target = format!("/bigbluebutton/api/{call}?{}", sign(call, &parameters, SECRET));
        let answer = Request::get(&target).send(&format!("127.0.0.1:{}", self.api)).await.unwrap();
        let text = answer.text();
        assert_eq!(element(&text, "returncode"), "SUCCESS", "{text}");
        text
    }

    /// Creates classes until each node has one; the class on the first.
    async fn class_on_first(&self) -> String {
        for class in 0..2 {
            self.call("create", &format!("class-{class}")).await;
        }
        let on_it = self.cluster.ready.nodes[0].meetings().await;
        assert_eq!(on_it.len(), 1, "{on_it:?}");
        let id = on_it[0]["meeting_id"].as_str().unwrap();
        id.rsplit('.').next().unwrap().to_owned()
    }

    fn first(&self) -> &ReadyNode {
        &self.cluster.ready.nodes[0]
    }
}

/// The nodes of a configuration file.
fn nodes(cluster: &Cluster) -> String {
    let section = |node: &ReadyNode| {
        format!(
            "[[node]]\nname = \"{0}\"\norigin = \"{1}\"\naddress = \"{2}\"\nsecret_file = \"{0}\"\n",
            node.name, node.origin, node.address
        )
    };
    cluster.ready.nodes.iter().map(section).collect()
}

/// The files beside the configuration, and it.
fn files(cluster: &Cluster, text: &str) -> Vec<(String, String)> {
    let nodes = cluster.ready.nodes.iter().map(|node| (node.name.clone(), node.secret.clone()));
    let others =
        [("school", SECRET), ("token", TOKEN), ("scalelite", "lb-secret"), ("bluegate.toml", text)];
    nodes.chain(others.map(|(name, text)| (name.to_owned(), text.to_owned()))).collect()
}

fn serve(folder: &Path) -> Process {
    let file = folder.join("bluegate.toml").display().to_string();
    Process::start(Path::new(BLUEGATE), ["serve", "-c", &file]).unwrap()
}

fn piped(command: &mut std::process::Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_outlives_a_restart_of_the_scaler() {
    let mut served = Served::start().await;
    let name = served.first().name.clone();
    let class = served.class_on_first().await;
    let file = served.file();
    let draining = piped(
        std::process::Command::new(BLUEGATE).args(["node", "drain", &name, "--wait", "-c", &file]),
    );
    served.is_cordoned(&name, true).await;
    served.start_again().await;
    served.is_cordoned(&name, true).await;
    // What is new goes elsewhere, and what runs goes on.
    served.call("create", "afterwards").await;
    served.call("getMeetingInfo", &class).await;
    assert_eq!(served.first().meetings().await.len(), 1);
    served.call("end", &class).await;
    let output = draining.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", seen(&output));
    assert!(seen(&output).contains(&format!("{name}: empty")), "{}", seen(&output));
    served.is_cordoned(&name, true).await;
}

/// `node apply --drain` with this file on the node: no new meetings until what
/// ran there has ended and the plan is applied.
async fn drained_apply(served: &Served, text: &str, balancer: &str) {
    let name = served.first().name.clone();
    let class = served.class_on_first().await;
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodeconf/tests/fixtures/3.0-stock");
    let machine = LiveNode::start(&fixture);
    for (file, text) in files(&served.cluster, text) {
        machine.write(&format!("/etc/bluegate/{file}"), &text);
    }
    let properties = machine.read("/etc/bigbluebutton/bbb-web.properties");
    let mut apply = machine.command(&[BLUEGATE, "node", "apply", &name, "--yes", "--drain"]);
    let applying = piped(&mut apply);
    served.is_cordoned(&name, true).await;
    served.call("create", "meanwhile").await;
    assert_eq!(served.first().meetings().await.len(), 1, "it went elsewhere");
    assert_eq!(machine.read("/etc/bigbluebutton/bbb-web.properties"), properties);
    served.call("end", &class).await;
    let output = applying.wait_with_output().unwrap();
    let text = seen(&output);
    assert!(output.status.success(), "{text}");
    let cordoned = format!("cordoned in {balancer}: no new meetings");
    for said in [
        cordoned.as_str(),
        "waiting for 1 meeting to end, for 240 more minutes at most",
        "no meetings run",
        "gives it new meetings again",
    ] {
        assert!(text.contains(said), "{said} in {text}");
    }
    assert_ne!(machine.read("/etc/bigbluebutton/bbb-web.properties"), properties);
    served.is_cordoned(&name, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_that_drains_tells_our_scaler() {
    let served = Served::start().await;
    drained_apply(&served, &served.text, "the scaler").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_that_drains_tells_our_scaler_as_a_scalelite() {
    let served = Served::start().await;
    // What a node's file says where a Scalelite places meetings: nothing of a scaler.
    let origin = format!("http://127.0.0.1:{}", served.admin);
    let text = format!(
        "[cluster]\norigin = \"http://bbb.cluster.localhost:{}\"\n\
         [balancer]\nscalelite = {{ url = \"{origin}\", secret_file = \"scalelite\" }}\n{}",
        served.api,
        nodes(&served.cluster)
    );
    drained_apply(&served, &text, &format!("Scalelite at `{origin}`")).await;
    let output = served.run(&["audit", "--json"]);
    let log: Value = serde_json::from_slice(&output.stdout).unwrap();
    let told = log["entries"].as_array().unwrap().iter().map(|entry| {
        let part = |name: &str| entry[name].as_str().unwrap().to_owned();
        [part("actor"), part("action"), part("subject"), part("detail"), part("outcome")]
            .join(" | ")
    });
    let update = "scalelite_secret_1 | POST /scalelite/api/updateServer";
    let name = &served.first().name;
    let wanted = [
        format!("{update} | {name} | cordoned false | done"),
        format!("{update} | {name} | cordoned true | done"),
    ];
    assert_eq!(told.collect::<Vec<_>>(), wanted);
}
