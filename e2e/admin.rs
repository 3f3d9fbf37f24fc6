//! The admin listener of `bluegate serve`, and the commands that ask it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use bluegate_testkit::{
    Process,
    certificates::Authority,
    eventually,
    http::{Request, Response},
};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::oneshot, time::timeout};

use crate::{
    cluster::{BLUEGATE, Cluster},
    command_line::{bluegate, free_port, seen, signal},
};

const WITHIN: Duration = Duration::from_secs(40);

/// Far less than the 30 s that downloads may go on when it stops.
const SOON: Duration = Duration::from_secs(20);

pub(crate) const TOKEN: &str = "an-admin-token-of-this-test";

/// `bluegate serve` with a proxy and an admin listener, over a demo's nodes.
pub(crate) struct Served {
    pub(crate) cluster: Cluster,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) process: Process,
    pub(crate) proxy: u16,
    pub(crate) admin: u16,
}

impl Served {
    /// With `tls`, the admin listener's key, in files called `admin.pem` and
    /// `admin.key`.
    pub(crate) async fn start(tls: Option<&bluegate_testkit::certificates::Issued>) -> Self {
        let cluster = Cluster::start(&["--nodes", "2"]).await;
        let folder = tempfile::tempdir().unwrap();
        let (proxy, admin) = (free_port(), free_port());
        let mut file = format!(
            "[cluster]\norigin = \"http://bbb.cluster.localhost:{proxy}\"\n\
             [proxy]\nlisten = \"127.0.0.1:{proxy}\"\naccess_log = \"access.log\"\n\
             allow_nodes = [\"*.cluster.localhost\", \"127.0.0.1\"]\n\
             [admin]\nlisten = \"127.0.0.1:{admin}\"\ntoken_file = \"token\"\n\
             routes_file = \"routes.json\"\n"
        );
        std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
        if let Some(issued) = tls {
            file += "tls = { cert = \"admin.pem\", key = \"admin.key\" }\n";
            std::fs::write(folder.path().join("admin.pem"), &issued.certificate).unwrap();
            std::fs::write(folder.path().join("admin.key"), &issued.key).unwrap();
        }
        for node in &cluster.ready.nodes {
            file += &format!(
                "[[node]]\nname = \"{}\"\norigin = \"{}\"\naddress = \"{}\"\nbbb = \"{}\"\n",
                node.name, node.origin, node.address, node.bbb
            );
        }
        let path = folder.path().join("bluegate.toml");
        std::fs::write(&path, &file).unwrap();
        let process = serve(&path);
        let this = Self { cluster, folder, process, proxy, admin };
        this.serves().await;
        this
    }

    async fn serves(&self) {
        eventually("the admin listener serves", WITHIN, || async {
            self.run(&["routes", "list"]).status.success().then_some(())
        })
        .await
        .unwrap();
    }

    /// Ends the process and starts another one with the same file.
    pub(crate) async fn restart(&mut self) {
        self.process.interrupt(WITHIN).await.unwrap();
        self.process = serve(&self.file());
        self.serves().await;
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("bluegate.toml")
    }

    /// Runs `bluegate` with these arguments and the same file.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let file = self.file();
        bluegate(&[arguments, &["-c", file.to_str().unwrap()]].concat())
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", seen(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) async fn get_client(&self, mount: &str) -> Response {
        let request = Request::get(&format!("/{mount}/html5client/"))
            .header("Host", &format!("bbb.cluster.localhost:{}", self.proxy));
        request.send(&format!("127.0.0.1:{}", self.proxy)).await.unwrap()
    }

    async fn get_admin(&self, path: &str) -> Response {
        Request::get(path).send(&format!("127.0.0.1:{}", self.admin)).await.unwrap()
    }

    /// Without what differs from run to run.
    pub(crate) fn without_ports(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for node in &self.cluster.ready.nodes {
            text = text.replace(crate::cluster::port_of(&node.origin), "PORT");
        }
        text.replace(&self.proxy.to_string(), "PORT").replace(&self.admin.to_string(), "ADMIN")
    }
}

fn serve(file: &Path) -> Process {
    Process::start(Path::new(BLUEGATE), ["serve", "-c", file.to_str().unwrap()]).unwrap()
}

/// One blank where there are several: columns are as wide as ports happen to be.
pub(crate) fn narrow(text: &str) -> String {
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn routes_and_cache_are_shown_and_purged() {
    let mut served = Served::start(None).await;

    let output = served.run(&["routes", "list"]);
    assert_snapshot!(narrow(&served.without_ports(&seen(&output))), @r"
    exit 0
    --- stdout
    http://bbb.cluster.localhost:PORT

    MOUNT NODE ADDRESS BBB SOURCE STATE
    bbb-01 http://bbb-01.cluster.localhost:PORT 127.0.0.1:PORT 3.0.28 file healthy
    bbb-02 http://bbb-02.cluster.localhost:PORT 127.0.0.1:PORT 3.0.28 file healthy
    --- stderr
    ");
    let routes = serde_json::to_string_pretty(&served.json(&["routes", "list", "--json"])).unwrap();
    assert_snapshot!(served.without_ports(&routes), @r#"
    {
      "origin": "http://bbb.cluster.localhost:PORT",
      "routes": [
        {
          "address": "127.0.0.1:PORT",
          "bbb": "3.0.28",
          "mount": "bbb-01",
          "origin": "http://bbb-01.cluster.localhost:PORT",
          "source": "file",
          "state": "healthy"
        },
        {
          "address": "127.0.0.1:PORT",
          "bbb": "3.0.28",
          "mount": "bbb-02",
          "origin": "http://bbb-02.cluster.localhost:PORT",
          "source": "file",
          "state": "healthy"
        }
      ]
    }
    "#);

    // What the cache fetches ahead of users settles by itself; then a user asks.
    assert_eq!(served.get_client("bbb-02").await.status, 200);
    let report = eventually("the cache holds both nodes' clients", WITHIN, || async {
        let report = served.json(&["cache", "show", "--json"]);
        let holds = |mount: &str| report["mounts"][mount]["entries"].as_u64() > Some(0);
        (holds("bbb-01") && holds("bbb-02")).then_some(report)
    })
    .await
    .unwrap();
    let answers = report["answers"].as_object().unwrap();
    assert!(answers.values().filter_map(Value::as_u64).sum::<u64>() > 0, "{report}");
    let shown = served.run(&["cache", "show", "--mount", "bbb-02"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("of 256 MiB") && shown.contains("\nbbb-02 "), "{shown}");
    assert!(!shown.contains("\nbbb-01 "), "{shown}");

    let purged = served.json(&["cache", "purge", "--mount", "bbb-02", "--json"]);
    assert_eq!(purged["mount"], "bbb-02");
    assert!(purged["removed"].as_u64() > Some(0), "{purged}");
    let output = served.run(&["cache", "purge"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("purged every mount: "), "{text}");
    assert_eq!(served.get_client("bbb-02").await.status, 200, "fetched anew");

    let output = served.run(&["cache", "purge", "--mount", "bbb-99"]);
    assert_snapshot!(seen(&output), @r"
    exit 2
    --- stdout
    --- stderr
    error: no node is mounted at `bbb-99` and nothing is cached for it

    ");
    assert_eq!(served.run(&["cache", "purge", "--mount", "NO/"]).status.code(), Some(2));

    // A reload is seen at once, and the access log is opened anew.
    let log = served.folder.path().join("access.log");
    std::fs::rename(&log, served.folder.path().join("access.log.1")).unwrap();
    let text = std::fs::read_to_string(served.file()).unwrap();
    std::fs::write(served.file(), text.rsplit_once("[[node]]").unwrap().0).unwrap();
    signal(&served.process, "-HUP");
    eventually("the route is gone", WITHIN, || async {
        let routes = served.json(&["routes", "list", "--json"]);
        (routes["routes"].as_array().unwrap().len() == 1 && log.exists()).then_some(())
    })
    .await
    .unwrap();

    let status = served.process.interrupt(WITHIN).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", served.process.stderr());
}

#[tokio::test]
async fn without_the_token_only_health_is_told() {
    let served = Served::start(None).await;
    for (path, wanted) in [
        ("/health", 200),
        ("/ready", 200),
        ("/metrics", 401),
        ("/v1/routes", 401),
        ("/v1/cache", 401),
        ("/bbb-01/html5client/", 401),
        ("/", 401),
    ] {
        let answer = served.get_admin(path).await;
        assert_eq!(answer.status, wanted, "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(!answer.text().contains("bbb-0"), "{path}: {}", answer.text());
    }
    let at_proxy =
        Request::get("/metrics").header("Host", &format!("bbb.cluster.localhost:{}", served.proxy));
    let at_proxy = at_proxy.send(&format!("127.0.0.1:{}", served.proxy)).await.unwrap();
    assert_eq!(at_proxy.status, 404, "the cluster's origin has no metrics");

    let metrics = Request::get("/metrics")
        .header("Authorization", &format!("Bearer {TOKEN}"))
        .send(&format!("127.0.0.1:{}", served.admin))
        .await
        .unwrap();
    assert!(metrics.text().contains("\nbluegate_routes 2\n"), "{}", metrics.text());
    assert!(metrics.text().contains("\nbluegate_cache_answers_total{result=\"hit\"} "));
    assert!(!metrics.text().contains("127.0.0.1") && !metrics.text().contains(TOKEN));

    std::fs::write(served.folder.path().join("token"), "another token\n").unwrap();
    let output = served.run(&["routes", "list"]);
    assert_snapshot!(seen(&output), @r"
    exit 2
    --- stdout
    --- stderr
    error: the admin listener refused the token: is the token file the one that the running `bluegate serve` has read?

    ");
}

#[tokio::test]
async fn over_tls_the_commands_trust_the_certificate_of_the_file() {
    let issued = Authority::new().unwrap().issue(&["admin.example.org"]).unwrap();
    let served = Served::start(Some(&issued)).await;
    let routes = served.json(&["routes", "list", "--json"]);
    assert_eq!(routes["routes"].as_array().unwrap().len(), 2);

    // Named by its address, it has to convince the system's authorities.
    let token = served.folder.path().join("token");
    let origin = format!("https://127.0.0.1:{}", served.admin);
    let output = Command::new(BLUEGATE)
        .args(["routes", "list", "--admin", &origin, "--token-file"])
        .arg(&token)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", seen(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be trusted"));
}

#[tokio::test]
async fn a_file_system_that_hangs_does_not_hold_up_the_end() {
    let issued = Authority::new().unwrap().issue(&["admin.example.org"]).unwrap();
    let mut served = Served::start(Some(&issued)).await;
    let (pipe, certificate) =
        (served.folder.path().join("pipe"), served.folder.path().join("admin.pem"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::fs::rename(&pipe, &certificate).unwrap();
    // Opened for writing, a pipe waits for its reader, which then waits for
    // what is never written.
    let (opened, read) = oneshot::channel();
    std::thread::spawn(move || opened.send(std::fs::File::create(certificate)));
    let _unwritten = timeout(WITHIN, read).await.expect("it is read anew").unwrap().unwrap();

    let ended = served.process.interrupt(SOON).await.unwrap();
    assert!(ended.success(), "{}", served.process.stderr());
}

#[tokio::test]
async fn while_it_stops_it_lives_but_is_not_ready() {
    let mut served = Served::start(None).await;
    let node = &served.cluster.ready.nodes[0];
    let path = format!("/{}/html5client/held.js", node.name);
    node.fault(json!({ "path": path, "action": "hang" })).await;
    let mut held = TcpStream::connect(("127.0.0.1", served.proxy)).await.unwrap();
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: bbb.cluster.localhost:{}\r\n\r\n", served.proxy);
    held.write_all(head.as_bytes()).await.unwrap();
    eventually("the node has the request", WITHIN, || async {
        let faults = Request::get("/_simnode/faults").send(&node.address).await.unwrap();
        faults.text().contains("[]").then_some(())
    })
    .await
    .unwrap();
    assert_eq!(served.get_admin("/ready").await.status, 200);

    signal(&served.process, "-INT");
    eventually("it says that it stops", WITHIN, || async {
        (served.get_admin("/ready").await.status == 503).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(served.get_admin("/health").await.status, 200);
    drop(held);
    let status = served.process.wait(WITHIN).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", served.process.stderr());
}

#[test]
fn when_nothing_listens_the_error_says_what_to_look_at() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bluegate.toml");
    let port = free_port();
    let cluster = "[cluster]\norigin = \"https://bbb.example.org\"\n";
    let admin = format!("[admin]\nlisten = \"127.0.0.1:{port}\"\ntoken_file = \"token\"\n");
    std::fs::write(folder.path().join("token"), "t\n").unwrap();
    std::fs::write(&file, format!("{cluster}{admin}")).unwrap();
    let output = bluegate(&["cache", "show", "-c", file.to_str().unwrap()]);
    assert_snapshot!(seen(&output).replace(&port.to_string(), "PORT"), @r"
    exit 3
    --- stdout
    --- stderr
    error: no admin listener at `127.0.0.1:PORT`: is `[admin]` in the file and `bluegate serve` running?
      because: cannot connect to the admin listener at `127.0.0.1:PORT`
      because: Connection refused (os error 111)

    ");

    std::fs::write(&file, cluster).unwrap();
    let output = bluegate(&["routes", "list", "-c", file.to_str().unwrap()]);
    assert_snapshot!(seen(&output).replace(folder.path().to_str().unwrap(), "FOLDER"), @r"
    exit 2
    --- stdout
    --- stderr
    error: `FOLDER/bluegate.toml` has no `[admin]`: there is nothing to ask

    ");
}
