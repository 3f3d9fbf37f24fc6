//! An API client nobody here wrote, against the scaler.

use std::{path::Path, process::Command, time::Duration};

use bluegate_testkit::Process;

use crate::cluster::Cluster;

/// Set by the Makefile: a Python with `bigbluebutton-api-python`.
const PYTHON: &str = "BLUEGATE_TEST_PYTHON";

#[tokio::test]
async fn bigbluebutton_api_python_creates_lists_inspects_and_ends_meetings() {
    let python = std::env::var_os(PYTHON)
        .unwrap_or_else(|| panic!("{PYTHON} is not set: run `make test`, which prepares it"));
    let cluster = Cluster::start(&["--nodes", "3"]).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/python/api_client.py");
    let mut command = Command::new(python);
    command.arg(script).args([&cluster.ready.api_base, &cluster.ready.secret]);
    let mut client = Process::spawn(command).unwrap();
    let status = client.wait(Duration::from_secs(60)).await.unwrap();
    assert!(status.success(), "{}", client.stderr());
    assert_eq!(client.stdout(), "ok\n");

    let mut used = 0;
    for node in &cluster.ready.nodes {
        let records = node.records().await;
        used += usize::from(records.iter().any(|record| record.to_string().contains("\"create\"")));
    }
    assert_eq!(used, 3, "four meetings were spread over all nodes");
}
