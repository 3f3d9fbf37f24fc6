//! Tenants of a running `bluegate serve`: by SIGHUP, and by `bluegate tenant`.

use std::{path::Path, time::Duration};

use bluegate_testkit::{
    Process, eventually,
    http::{Request, Response},
};
use insta::assert_snapshot;
use serde_json::Value;

use crate::{
    admin::TOKEN,
    cluster::{BLUEGATE, Cluster, sign},
    command_line::{bluegate, free_port, seen, signal},
};

const WITHIN: Duration = Duration::from_secs(40);

/// `bluegate serve` with proxy and scaler on one listener, over a demo's nodes.
pub(crate) struct Served {
    pub(crate) cluster: Cluster,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) process: Process,
    pub(crate) port: u16,
    pub(crate) admin: u16,
}

impl Served {
    pub(crate) async fn start() -> Self {
        Self::over(Cluster::start(&["--nodes", "2"]).await, "").await
    }

    /// Over the nodes of this demo, with more at the end of the file.
    pub(crate) async fn over(cluster: Cluster, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, admin) = (free_port(), free_port());
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), format!("{text}\n")).unwrap();
        };
        write("token", TOKEN);
        write("school-a", "secret-of-school-a");
        let mut file = format!(
            "[cluster]\norigin = \"http://bbb.cluster.localhost:{port}\"\n\
             [proxy]\nlisten = \"127.0.0.1:{port}\"\nallow_nodes = \"*.example.org\"\n\
             [scaler]\norigin = \"http://api.cluster.localhost:{port}\"\n\
             listen = \"127.0.0.1:{port}\"\nstore = \"sqlite://{}/bluegate.db\"\n\
             [admin]\nlisten = \"127.0.0.1:{admin}\"\ntoken_file = \"token\"\n\
             routes_file = \"routes.json\"\n",
            folder.path().display()
        );
        for node in &cluster.ready.nodes {
            write(&node.name, &node.secret);
            file += &format!(
                "[[node]]\nname = \"{0}\"\norigin = \"{1}\"\naddress = \"{2}\"\nsecret_file = \"{0}\"\n",
                node.name, node.origin, node.address
            );
        }
        file += "[[tenant]]\nname = \"school-a\"\nsecret_file = \"school-a\"\n\
             hosts = \"school-a.localhost\"\n";
        file += more;
        let path = folder.path().join("bluegate.toml");
        std::fs::write(&path, &file).unwrap();
        let process = serve(&path);
        let this = Self { cluster, folder, process, port, admin };
        this.serves().await;
        this
    }

    pub(crate) async fn serves(&self) {
        eventually("it serves", WITHIN, || async {
            self.run(&["tenant", "list"]).status.success().then_some(())
        })
        .await
        .unwrap();
    }

    /// Ends the process and starts another one with the same file.
    pub(crate) async fn restart(&mut self) {
        self.process.interrupt(WITHIN).await.unwrap();
        self.process = serve(&self.folder.path().join("bluegate.toml"));
        self.serves().await;
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> std::process::Output {
        let file = self.folder.path().join("bluegate.toml");
        bluegate(&[arguments, &["-c", file.to_str().unwrap()]].concat())
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", seen(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A signed call to this host.
    async fn call(&self, host: &str, secret: &str, call: &str) -> Response {
        let query = sign(call, &[("meetingID", "m-1"), ("name", "One")], secret);
        let request = Request::get(&format!("/bigbluebutton/api/{call}?{query}"))
            .header("Host", &format!("{host}:{}", self.port));
        request.send(&format!("127.0.0.1:{}", self.port)).await.unwrap()
    }

    async fn metrics(&self) -> String {
        let request = Request::get("/metrics").header("Authorization", &format!("Bearer {TOKEN}"));
        request.send(&format!("127.0.0.1:{}", self.admin)).await.unwrap().text()
    }

    pub(crate) async fn answers(&self, host: &str, secret: &str, call: &str) -> String {
        String::from_utf8(self.call(host, secret, call).await.body).unwrap()
    }
}

fn serve(file: &Path) -> Process {
    Process::start(Path::new(BLUEGATE), ["serve", "-c", file.to_str().unwrap()]).unwrap()
}

#[tokio::test]
async fn a_tenant_is_added_changed_and_removed_while_it_serves() {
    let served = Served::start().await;
    let api = "api.cluster.localhost";
    let added = served.run(&["tenant", "add", "school-b", "--host", "school-b.localhost"]);
    let text = seen(&added);
    let secret = text.split("shown this once: ").nth(1).unwrap().lines().next().unwrap();
    assert_eq!(secret.len(), 64, "{text}");
    // Proxy and scaler share the listener: each host is its tenant's at once.
    let created = served.answers("school-b.localhost", secret, "create").await;
    assert!(created.contains("SUCCESS"), "{created}");
    let of_a = "secret-of-school-a";
    for (host, secret, works) in [
        ("school-a.localhost", of_a, true),
        ("school-a.localhost", secret, false),
        ("school-b.localhost", of_a, false),
        (api, secret, true),
    ] {
        let listed = served.answers(host, secret, "getMeetings").await;
        assert_eq!(listed.contains("SUCCESS"), works, "{host}: {listed}");
    }
    assert_eq!(served.call("school-c.localhost", of_a, "getMeetings").await.status, 421);

    std::fs::write(
        served.folder.path().join("b.toml"),
        "hosts = \"b.localhost\"\nlimits = { meetings = 1 }\n[create]\nrecord = { set = false }\n",
    )
    .unwrap();
    let file = served.folder.path().join("b.toml");
    let set = ["tenant", "set", "school-b", "--settings", file.to_str().unwrap(), "--disable"];
    assert_snapshot!(seen(&served.run(&set)), @r"
    exit 0
    --- stdout
    changed school-b
    --- stderr
    ");
    assert!(served.answers("b.localhost", secret, "getMeetings").await.contains("SUCCESS"));
    assert_snapshot!(seen(&served.run(&["tenant", "list"])));
    assert_snapshot!(seen(&served.run(&["tenant", "show", "school-b"])));
    let shown = served.json(&["tenant", "show", "school-b", "--json"]);
    assert!(!shown.to_string().contains(secret), "{shown}");

    for (arguments, wanted) in [
        (&["tenant", "add", "school-a"][..], "is in the configuration file"),
        (&["tenant", "remove", "school-a"], "is in the configuration file"),
        (&["tenant", "remove", "school-b"], "has 1 open meetings"),
        (&["tenant", "remove", "school-x"], "there is no tenant `school-x`"),
        (&["tenant", "set", "school-b"], "nothing to set"),
        (&["tenant", "set", "school-b", "--host", "school-a.localhost"], "is a host of tenant"),
    ] {
        let output = served.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", seen(&output));
        assert!(seen(&output).contains(wanted), "{arguments:?}: {}", seen(&output));
    }
    assert!(served.answers(api, secret, "end").await.contains("SUCCESS"));
    eventually("it has no meeting left", WITHIN, || async {
        served.run(&["tenant", "remove", "school-b"]).status.success().then_some(())
    })
    .await
    .unwrap();
    assert!(served.answers(api, secret, "getMeetings").await.contains("checksumError"));
}

#[tokio::test]
async fn a_hangup_applies_the_files_tenants_or_nothing() {
    let served = Served::start().await;
    let path = served.folder.path().join("bluegate.toml");
    let before = std::fs::read_to_string(&path).unwrap();
    std::fs::write(served.folder.path().join("school-c"), "secret-of-school-c\n").unwrap();
    let new = "[[tenant]]\nname = \"school-c\"\nsecret_file = \"school-c\"\n";
    std::fs::write(&path, format!("{before}{new}")).unwrap();
    signal(&served.process, "-HUP");
    let source = |name: &str| {
        let tenants = served.json(&["tenant", "list", "--json"])["tenants"].clone();
        let found = tenants.as_array().unwrap().iter().find(|tenant| tenant["name"] == name);
        found.map(|tenant| tenant["source"].as_str().unwrap().to_owned())
    };
    eventually("the file's tenant is in force", WITHIN, || async {
        (source("school-c").as_deref() == Some("file")).then_some(())
    })
    .await
    .unwrap();
    let api = "api.cluster.localhost";
    assert!(served.answers(api, "secret-of-school-c", "create").await.contains("SUCCESS"));

    // A name that was added meanwhile, beside a tenant that goes.
    served.json(&["tenant", "add", "school-d", "--json"]);
    let clash = new.replace("school-c\"\nsecret", "school-d\"\nsecret");
    std::fs::write(&path, format!("{before}{clash}")).unwrap();
    let check = served.run(&["config", "check"]);
    assert!(check.status.code() == Some(2), "{}", seen(&check));
    assert!(seen(&check).contains("`school-d`"), "{}", seen(&check));
    signal(&served.process, "-HUP");
    // Nothing says when a signal was refused; what is asked later comes after it.
    std::fs::write(&path, format!("{before}{new}limits = {{ meetings = 7 }}\n")).unwrap();
    eventually("the next file is in force", WITHIN, || async {
        signal(&served.process, "-HUP");
        let shown = served.json(&["tenant", "show", "school-c", "--json"]);
        (shown["settings"]["limits"]["meetings"] == 7).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(source("school-d").as_deref(), Some("api"));
    assert!(served.answers(api, "secret-of-school-c", "getMeetings").await.contains("m-1"));
}

/// The samples of a metric, by their labels.
fn samples(text: &str, metric: &str) -> Vec<(String, f64)> {
    let of = |line: &str| {
        let rest = line.strip_prefix(metric)?.strip_prefix('{')?;
        let (labels, value) = rest.split_once("} ")?;
        Some((labels.to_owned(), value.parse().unwrap()))
    };
    text.lines().filter_map(of).collect()
}

#[tokio::test]
async fn metrics_are_each_tenants_own_and_clients_do_not_name_labels() {
    let served = Served::start().await;
    let added = served.json(&["tenant", "add", "school-b", "--limit", "meetings=1", "--json"]);
    let of_b = added["secret"].as_str().unwrap();
    let (api, of_a) = ("api.cluster.localhost", "secret-of-school-a");
    for (secret, call) in [(of_a, "create"), (of_b, "create"), (of_a, "getMeetings")] {
        assert!(served.answers(api, secret, call).await.contains("SUCCESS"), "{call}");
    }
    // Whatever clients make up is one series; who signs nothing is in none.
    for number in 0..40 {
        served.call(api, of_a, &format!("madeUp{number}")).await;
        served.call(api, "nobody's secret", "getMeetings").await;
    }
    let metrics = served.metrics().await;
    let requests = samples(&metrics, "bluegate_tenant_requests_total");
    let count = |tenant: &str, call: &str, outcome: &str| {
        let labels = format!("tenant=\"{tenant}\",call=\"{call}\",outcome=\"{outcome}\"");
        let found = requests.iter().find(|(known, _)| *known == labels);
        found.map_or(0.0, |(_, value)| *value)
    };
    assert_eq!(count("school-a", "create", "success"), 1.0, "{metrics}");
    assert_eq!(count("school-b", "create", "success"), 1.0);
    assert_eq!(count("school-a", "getMeetings", "success"), 1.0);
    assert_eq!(count("school-b", "getMeetings", "success"), 0.0);
    let unknown = requests.iter().filter(|(labels, _)| labels.contains("call=\"other\""));
    assert_eq!(unknown.map(|(_, count)| count).sum::<f64>(), 40.0, "{requests:?}");
    assert!(!metrics.contains("madeUp"), "{metrics}");
    assert!(requests.iter().all(|(labels, _)| {
        labels.contains("tenant=\"school-a\"") || labels.contains("tenant=\"school-b\"")
    }));
    assert!(requests.len() <= 6, "{requests:?}");
    let b = "tenant=\"school-b\"".to_owned();
    assert!(samples(&metrics, "bluegate_tenant_meetings").contains(&(b.clone(), 1.0)), "{metrics}");
    let limits = samples(&metrics, "bluegate_tenant_limit");
    assert_eq!(limits, [(format!("{b},limit=\"meetings\",kind=\"hard\""), 1.0)]);

    // A tenant that goes takes its series along.
    assert!(served.run(&["tenant", "remove", "school-b", "--force"]).status.success());
    let metrics = served.metrics().await;
    assert!(!metrics.contains("school-b") && metrics.contains("school-a"), "{metrics}");
}
