//! Callbacks through the built binary: from a node by `bluegate serve` to a
//! frontend's own server, a Python program that knows BBB's documentation.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use bluegate_testkit::{Process, eventually, http::Request};
use serde_json::{Value, json};

use crate::{
    cluster::{BLUEGATE, Cluster, ReadyNode, sign},
    command_line::free_port,
};

const WITHIN: Duration = Duration::from_secs(40);
/// The second of the tenant's secrets; the first one signs what no call made.
const SECRET: &str = "the-secret-that-makes-the-call";

/// `bluegate serve` with a scaler alone, over a demo's node, and a frontend's server.
struct Calling {
    cluster: Cluster,
    folder: tempfile::TempDir,
    port: u16,
    process: Process,
    frontend: Process,
    frontend_origin: String,
}

impl Calling {
    /// Starts all; the frontend ends when it was called back `count` times.
    async fn start(count: &str) -> Self {
        let cluster = Cluster::start(&["--nodes", "1"]).await;
        let node = &cluster.ready.nodes[0];
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), format!("{text}\n")).unwrap();
        };
        write("node", &node.secret);
        write("secrets", &format!("the-secret-that-signs\n{SECRET}"));
        let file = format!(
            "[cluster]\norigin = \"http://bbb.cluster.localhost:{port}\"\n\
             [scaler]\norigin = \"http://api.cluster.localhost:{port}\"\n\
             listen = \"127.0.0.1:{port}\"\nstore = \"sqlite://{}/bluegate.db\"\n\
             callback_targets = \"127.0.0.1\"\n\
             [[node]]\nname = \"{}\"\norigin = \"{}\"\naddress = \"{}\"\nsecret_file = \"node\"\n\
             [[tenant]]\nname = \"school\"\nsecret_file = \"secrets\"\n",
            folder.path().display(),
            node.name,
            node.origin,
            node.address
        );
        write("bluegate.toml", &file);
        let process = serve(folder.path());
        let (frontend, frontend_origin) = reader(count).await;
        Self { cluster, folder, port, process, frontend, frontend_origin }
    }

    fn node(&self) -> &ReadyNode {
        &self.cluster.ready.nodes[0]
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.frontend_origin)
    }

    /// What a call answers, once the scaler answers it with SUCCESS.
    async fn call(&self, call: &str, parameters: &[(&str, &str)]) -> String {
        let target = format!("/bigbluebutton/api/{call}?{}", sign(call, parameters, SECRET));
        let host = format!("api.cluster.localhost:{}", self.port);
        let request = || Request::get(&target).header("Host", &host);
        let answered = eventually(format!("{call} succeeds"), WITHIN, || async {
            let text = request().send(&format!("127.0.0.1:{}", self.port)).await.ok()?.text();
            text.contains("<returncode>SUCCESS</returncode>").then_some(text)
        });
        answered.await.unwrap()
    }

    /// Creates `class` with all four callbacks, and gives it as its node has it.
    async fn create(&self) -> Value {
        let urls = ["/ended?token=1", "/end", "/ready", "/analytics"].map(|path| self.url(path));
        let class = [
            ("meetingID", "class"),
            ("name", "Class"),
            ("record", "true"),
            ("meetingEndedURL", urls[0].as_str()),
            ("meta_endCallbackUrl", &urls[1]),
            ("meta_bbb-recording-ready-url", &urls[2]),
            ("meta_analytics-callback-url", &urls[3]),
        ];
        self.call("create", &class).await;
        self.node().meetings().await.remove(0)
    }

    /// Whether an answer has the frontend's URLs and none of ours.
    fn assert_shows_own_urls(&self, text: &str) {
        for (name, path) in [
            ("endcallbackurl", "/end"),
            ("bbb-recording-ready-url", "/ready"),
            ("analytics-callback-url", "/analytics"),
        ] {
            let wanted = format!("<{name}>{}</{name}>", self.url(path));
            assert!(text.contains(&wanted), "no {wanted} in {text}");
        }
        assert!(!text.contains("api/callback"), "{text}");
    }

    /// The node publishes the recording of a meeting that has ended.
    async fn publish(&self, meeting: &Value) {
        let order = json!({
            "meeting_id": meeting["meeting_id"],
            "record_id": meeting["internal_meeting_id"],
            "url": meeting["metadata"]["bbb-recording-ready-url"],
        });
        self.node().control("/_simnode/recording-ready", &order).await;
    }

    /// What the frontend got when it has all, in order.
    async fn told(&mut self) -> Vec<String> {
        let status = self.frontend.wait(WITHIN).await.unwrap();
        assert!(status.success(), "{}", self.frontend.stderr());
        let lines = self.frontend.stdout();
        let mut lines: Vec<String> = lines.lines().skip(1).map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

fn serve(folder: &Path) -> Process {
    let file = folder.join("bluegate.toml");
    Process::start(Path::new(BLUEGATE), ["serve", "-c", file.to_str().unwrap()]).unwrap()
}

/// A frontend's server for so many requests, and its origin.
async fn reader(count: &str) -> (Process, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/clients/callback_reader.py");
    let mut command = Command::new("python3");
    command.arg(script).args([SECRET, count]);
    let process = Process::spawn(command).unwrap();
    let listening = || async {
        let line = process.stdout();
        line.strip_prefix("listening ")?.strip_suffix('\n').map(str::to_owned)
    };
    let port = eventually("the frontend listens", WITHIN, listening).await.unwrap();
    (process, format!("http://127.0.0.1:{port}"))
}

/// All four, each once, with the tenant's own meeting ID.
fn all_four(meeting: &Value) -> [String; 4] {
    let id = meeting["internal_meeting_id"].as_str().unwrap();
    [
        "GET /end?recordingmarks=false&meetingID=class".to_owned(),
        "GET /ended?token=1".to_owned(),
        format!("POST /analytics class {id}"),
        format!("POST /ready class {id}"),
    ]
}

#[tokio::test]
async fn all_four_callbacks_reach_the_frontend_signed_with_the_secret_of_its_call() {
    let mut calling = Calling::start("4").await;
    let meeting = calling.create().await;
    let ours = format!("http://api.cluster.localhost:{}/bigbluebutton/api/callback/", calling.port);
    for name in ["endcallbackurl", "bbb-recording-ready-url", "analytics-callback-url"] {
        let held = meeting["metadata"][name].as_str().unwrap();
        assert!(held.starts_with(&ours), "the node was given {held}");
    }
    let info = calling.call("getMeetingInfo", &[("meetingID", "class")]).await;
    calling.assert_shows_own_urls(&info);
    calling.call("end", &[("meetingID", "class")]).await;
    calling.publish(&meeting).await;
    assert_eq!(calling.told().await, all_four(&meeting));
    // Who hears of a recording finds it.
    let recordings = calling.call("getRecordings", &[("meetingID", "class")]).await;
    assert!(recordings.contains("<meetingID>class</meetingID>"), "{recordings}");
    calling.assert_shows_own_urls(&recordings);
}

#[tokio::test]
async fn a_lost_store_and_a_restart_between_create_and_end_lose_no_callback() {
    let mut calling = Calling::start("4").await;
    let meeting = calling.create().await;
    calling.process.interrupt(WITHIN).await.unwrap();
    let store = |ending: &str| calling.folder.path().join(format!("bluegate.db{ending}"));
    std::fs::remove_file(store("")).unwrap();
    let rest: Vec<PathBuf> = ["-wal", "-shm"].map(store).into();
    rest.iter().filter(|path| path.exists()).for_each(|path| std::fs::remove_file(path).unwrap());
    calling.process = serve(calling.folder.path());
    // Whose meeting it is says its node.
    calling.call("end", &[("meetingID", "class")]).await;
    calling.publish(&meeting).await;
    assert_eq!(calling.told().await, all_four(&meeting));
}
