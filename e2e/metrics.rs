//! What a running `bluegate serve` measures: its form, its words, its truth.

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use bluegate_testkit::{Process, eventually, http::Request};

use crate::{
    admin::{Served, TOKEN},
    cluster::BLUEGATE,
    command_line::{example, free_port},
};

const WITHIN: Duration = Duration::from_secs(40);

/// Set by the Makefile: a Python with `prometheus-client`.
const PYTHON: &str = "BLUEGATE_TEST_PYTHON";

async fn scrape(port: u16) -> String {
    let request = Request::get("/metrics").header("Authorization", &format!("Bearer {TOKEN}"));
    let answer = request.send(&format!("127.0.0.1:{port}")).await.unwrap();
    assert_eq!(answer.status, 200);
    answer.text()
}

/// The value of the sample that begins so.
fn value(metrics: &str, sample: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no `{sample}` in\n{metrics}")).parse().unwrap()
}

/// Names of families, as our text states them.
fn names(metrics: &str) -> BTreeSet<String> {
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

/// The same, as Prometheus' own reader sees them.
fn names_read_by_prometheus(metrics: &str) -> BTreeSet<String> {
    let python = std::env::var_os(PYTHON)
        .unwrap_or_else(|| panic!("{PYTHON} is not set: run `make test`, which prepares it"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/python/read_metrics.py");
    let mut reader = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    reader.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

/// A process with all that no plain proxy has: TLS by ACME, an access log, a
/// scaler.
async fn with_everything() -> String {
    let folder = tempfile::tempdir().unwrap();
    let (proxy, admin, nobody) = (free_port(), free_port(), free_port());
    let (api, store) = (free_port(), folder.path().join("bluegate.db"));
    let file = folder.path().join("bluegate.toml");
    let text = format!(
        "[cluster]\norigin = \"https://bbb.example.org\"\n\
         [proxy]\nlisten = \"127.0.0.1:{proxy}\"\naccess_log = \"access.jsonl\"\n\
         tls = {{ acme = {{ contact = \"a@example.org\", directory = \"https://127.0.0.1:{nobody}/\" }} }}\n\
         acme_folder = \"acme\"\n\
         [proxy.cache]\nfolder = \"cache\"\n\
         [admin]\nlisten = \"127.0.0.1:{admin}\"\ntoken_file = \"token\"\nroutes_file = \"routes\"\n\
         [scaler]\norigin = \"http://api.example.org\"\nlisten = \"127.0.0.1:{api}\"\n\
         store = \"sqlite://{store}\"\n\
         [[tenant]]\nname = \"default\"\nsecret_file = \"token\"\n\
         [[node]]\nname = \"bbb-01\"\norigin = \"http://127.0.0.1:{nobody}\"\n\
         secret_file = \"token\"\n",
        store = store.display()
    );
    std::fs::write(&file, text).unwrap();
    std::fs::write(folder.path().join("token"), TOKEN).unwrap();
    let process =
        Process::start(Path::new(BLUEGATE), ["serve", "-c", file.to_str().unwrap()]).unwrap();
    eventually("an attempt at a certificate failed", WITHIN, || async {
        let request = Request::get("/metrics").header("Authorization", &format!("Bearer {TOKEN}"));
        let answer = request.send(&format!("127.0.0.1:{admin}")).await.ok()?;
        let failed = "bluegate_acme_failures{name=\"bbb.example.org\"} 1";
        answer.text().contains(failed).then(|| answer.text())
    })
    .await
    .unwrap_or_else(|error| panic!("{error}: {}", process.stderr()))
}

#[tokio::test]
async fn every_metric_is_documented_and_every_documented_one_is_there() {
    let served = Served::start(None).await;
    assert_eq!(served.get_client("bbb-01").await.status, 200);
    let plain = scrape(served.admin).await;
    let full = with_everything().await;
    let mut measured = BTreeSet::new();
    for metrics in [&plain, &full] {
        assert_eq!(names_read_by_prometheus(metrics), names(metrics));
        measured.extend(names(metrics));
    }

    let page = std::fs::read_to_string(example("admin.md")).unwrap();
    let (_, table) = page.split_once("\n## Metrics\n").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let first_cells = rows.map(|row| row.split('|').nth(1).unwrap());
    let documented: BTreeSet<String> = first_cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(|name| name.split('{').next().unwrap().to_owned())
        .collect();
    assert_eq!(measured, documented);
}

#[tokio::test]
async fn what_is_measured_is_what_happened_and_goes_with_its_mount() {
    let served = Served::start(None).await;
    for _ in 0..3 {
        assert_eq!(served.get_client("bbb-02").await.status, 200);
    }
    assert_eq!(served.get_client("bbb-77").await.status, 404);
    let metrics = eventually("both nodes are healthy and were asked", WITHIN, || async {
        let metrics = scrape(served.admin).await;
        let asked = value(&metrics, "bluegate_node_response_seconds_count{mount=\"bbb-02\"}") > 0.0;
        asked.then_some(metrics)
    })
    .await
    .unwrap();
    let page = "bluegate_requests_total{mount=\"bbb-02\",class=\"page\",status=\"2xx\"}";
    assert_eq!(value(&metrics, page), 3.0);
    let own = "bluegate_requests_total{mount=\"\",class=\"own\",status=\"4xx\"}";
    assert_eq!(value(&metrics, own), 1.0);
    assert!(value(&metrics, "bluegate_sent_bytes_total{mount=\"bbb-02\"}") > 1000.0);
    assert!(value(&metrics, "bluegate_node_connections{mount=\"bbb-02\"}") >= 1.0);
    assert_eq!(value(&metrics, "bluegate_node_requests_limit{mount=\"bbb-02\"}"), 256.0);
    let healthy = "bluegate_node_state{mount=\"bbb-02\",state=\"healthy\"}";
    assert_eq!(value(&metrics, healthy), 1.0);
    // What a client writes into a request is in no label.
    assert!(!metrics.contains("bbb-77") && !metrics.contains("127.0.0.1"), "{metrics}");
    assert!(!metrics.contains(TOKEN));

    let text = std::fs::read_to_string(served.file()).unwrap();
    std::fs::write(served.file(), text.rsplit_once("[[node]]").unwrap().0).unwrap();
    crate::command_line::signal(&served.process, "-HUP");
    eventually("the mount's series are gone", WITHIN, || async {
        let metrics = scrape(served.admin).await;
        (!metrics.contains("bbb-02")).then_some(())
    })
    .await
    .unwrap();
}
