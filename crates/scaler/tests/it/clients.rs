//! API clients that nobody here wrote, as they come from their registries.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use bluegate_testkit::Process;

use crate::simulated::{Kind, Simulated};

/// Set by the Makefile: a Python with the clients in it.
const PYTHON: &str = "BLUEGATE_TEST_PYTHON";

/// A path below the project's folder.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Runs a client against a scaler over two nodes, for a tenant whose IDs are
/// others on the node.
async fn run(mut command: Command) {
    let simulated =
        Simulated::start(&[Kind::STOCK, Kind { release: "2.7.17", ..Kind::STOCK }]).await;
    command.args([simulated.cluster.frontend("physics").base.as_str(), "physics-secret"]);
    let mut client = Process::spawn(command).unwrap();
    let status = client.wait(Duration::from_secs(50)).await.unwrap();
    assert!(status.success(), "{}{}", client.stdout(), client.stderr());
    assert_eq!(client.stdout(), "ok\n");
}

fn python(script: &str) -> Command {
    let python = std::env::var_os(PYTHON);
    assert!(python.is_some(), "{PYTHON} is not set: run `make test`");
    let mut command = Command::new(python.unwrap());
    command.arg(project(script));
    command
}

#[tokio::test]
async fn bigbluebutton_api_python() {
    run(python("e2e/python/api_client.py")).await;
}

#[tokio::test]
async fn bigbluepy() {
    run(python("e2e/clients/bigbluepy_client.py")).await;
}

#[tokio::test]
async fn bigbluebutton_js() {
    let modules = project("target/tools/npm/node_modules");
    assert!(modules.exists(), "bigbluebutton-js is missing: run `make test`");
    let mut command = Command::new("node");
    command.arg(project("e2e/clients/bigbluebutton_js_client.js")).env("NODE_PATH", modules);
    run(command).await;
}

#[tokio::test]
async fn bigbluebutton_of_rust() {
    let client = project("target/clients/debug/bluegate-rust-client");
    assert!(client.exists(), "the Rust client is not built: run `make test`");
    run(Command::new(client)).await;
}
