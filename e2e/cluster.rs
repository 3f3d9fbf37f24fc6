//! A demo cluster as a child process, and a frontend's calls to it.

use std::{path::Path, time::Duration};

use bluegate_testkit::{
    Process, eventually,
    http::{Request, Response},
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;

/// The binary under test.
pub(crate) const BLUEGATE: &str = env!("CARGO_BIN_EXE_bluegate");

/// How long a demo may take to start, on a machine that is busy with other tests.
const START: Duration = Duration::from_secs(40);

/// A running demo.
pub(crate) struct Cluster {
    pub(crate) ready: Ready,
    _process: Process,
    folder: tempfile::TempDir,
}

/// The ready file.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) proxy_origin: String,
    pub(crate) api_base: String,
    pub(crate) secret: String,
    pub(crate) frontend: String,
    pub(crate) nodes: Vec<ReadyNode>,
    pub(crate) access_log: String,
    pub(crate) ca: Option<String>,
    pub(crate) configuration: String,
}

/// A node of the ready file.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ReadyNode {
    pub(crate) name: String,
    pub(crate) origin: String,
    pub(crate) address: String,
    pub(crate) secret: String,
    pub(crate) bbb: String,
}

impl Cluster {
    /// Runs `bluegate demo` on free ports with these further arguments.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ready_file = folder.path().join("ready.json");
        let ready_text = ready_file.display().to_string();
        let data = folder.path().join("data").display().to_string();
        let fixed = ["demo", "--port-base", "0", "--ready-file", &ready_text, "--data", &data];
        let all = fixed.iter().chain(arguments);
        let mut process = Process::start(Path::new(BLUEGATE), all).unwrap();
        let ready = process.wait_for_json(&ready_file, START).await.unwrap();
        let ready = serde_json::from_value(ready).unwrap();
        Self { ready, _process: process, folder }
    }

    /// Where its nodes' folders are.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Host and port of the proxy's listener.
    pub(crate) fn proxy_address(&self) -> String {
        format!("127.0.0.1:{}", port_of(&self.ready.proxy_origin))
    }

    /// The authority that a browser names to the proxy.
    pub(crate) fn proxy_authority(&self) -> &str {
        self.ready.proxy_origin.split("://").nth(1).unwrap()
    }

    /// Gets a path from the proxy as a browser would name it.
    pub(crate) async fn get_at_proxy(&self, target: &str) -> Response {
        let request = Request::get(target).header("Host", self.proxy_authority());
        request.send(&self.proxy_address()).await.unwrap()
    }

    /// Calls the scaler's API and gives the whole answer.
    pub(crate) async fn call(&self, call: &str, parameters: &[(&str, &str)]) -> Response {
        let (address, path) = self.api_parts();
        let target = format!("{path}/{call}?{}", self.signed(call, parameters));
        let mut request = Request::get(&target);
        if let Some(file) = &self.ready.ca {
            request = request.trusting(&std::fs::read_to_string(file).unwrap());
        }
        request.send(address).await.unwrap()
    }

    /// Calls the scaler's API and gives the answer's XML.
    pub(crate) async fn api(&self, call: &str, parameters: &[(&str, &str)]) -> String {
        let answer = self.call(call, parameters).await;
        assert_eq!(answer.status, 200, "{call}");
        answer.text()
    }

    /// Where `join` sends a user: the node's own join.
    pub(crate) async fn join_location(&self, meeting: &str, user: &str, role: &str) -> String {
        let parameters = [("meetingID", meeting), ("fullName", user), ("role", role)];
        let answer = self.call("join", &parameters).await;
        assert_eq!(answer.status, 302, "{}", answer.text());
        answer.header("location").unwrap().to_owned()
    }

    /// The node a meeting is on, by where `join` leads.
    pub(crate) async fn node_of(&self, meeting: &str) -> ReadyNode {
        let location = self.join_location(meeting, "Somebody", "VIEWER").await;
        let mut nodes = self.ready.nodes.iter();
        let found = nodes.find(|node| location.starts_with(&format!("{}/", node.origin)));
        found.unwrap_or_else(|| panic!("join leads to no node")).clone()
    }

    /// A join URL on the scaler that a browser can open.
    pub(crate) fn join_url(&self, meeting: &str, user: &str, role: &str) -> String {
        let parameters = [("meetingID", meeting), ("fullName", user), ("role", role)];
        format!("{}/join?{}", self.ready.api_base, self.signed("join", &parameters))
    }

    fn api_parts(&self) -> (&str, &str) {
        let rest = self.ready.api_base.split("://").nth(1).unwrap();
        let slash = rest.find('/').unwrap();
        rest.split_at(slash)
    }

    fn signed(&self, call: &str, parameters: &[(&str, &str)]) -> String {
        sign(call, parameters, &self.ready.secret)
    }
}

/// A signed query, SHA-256, written independently of what it tests.
pub(crate) fn sign(call: &str, parameters: &[(&str, &str)], secret: &str) -> String {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    let query = pairs.join("&");
    let digest = Sha256::digest(format!("{call}{query}{secret}"));
    let checksum: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let separator = if query.is_empty() { "" } else { "&" };
    format!("{query}{separator}checksum={checksum}")
}

fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The port a URL names.
pub(crate) fn port_of(url: &str) -> &str {
    let rest = url.split("://").nth(1).unwrap();
    rest.split('/').next().unwrap().rsplit(':').next().unwrap()
}

impl ReadyNode {
    /// What the simulated node recorded of its requests.
    pub(crate) async fn records(&self) -> Vec<serde_json::Value> {
        let answer = Request::get("/_simnode/records").send(&self.address).await.unwrap();
        let records: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        records["records"].as_array().unwrap().clone()
    }

    /// The meetings that run on the simulated node.
    pub(crate) async fn meetings(&self) -> Vec<serde_json::Value> {
        let answer = Request::get("/_simnode/meetings").send(&self.address).await.unwrap();
        let meetings: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        meetings["meetings"].as_array().unwrap().clone()
    }

    /// Orders a fault.
    pub(crate) async fn fault(&self, fault: serde_json::Value) {
        self.control("/_simnode/faults", &fault).await;
    }

    /// Switches the node off for so long.
    pub(crate) async fn power_off(&self, milliseconds: u64) {
        self.control("/_simnode/power", &serde_json::json!({ "off_ms": milliseconds })).await;
        eventually("the node refuses connections", START, || async {
            TcpStream::connect(&self.address).await.is_err().then_some(())
        })
        .await
        .unwrap();
    }

    /// Gives the simulated node an order.
    pub(crate) async fn control(&self, target: &str, order: &serde_json::Value) {
        let request = Request::new("POST", target).body("application/json", order.to_string());
        let answer = request.send(&self.address).await.unwrap();
        assert!((200..300).contains(&answer.status), "{target}: {}", answer.text());
    }
}

/// The text of the first element of this name.
pub(crate) fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let Some((_, rest)) = xml.split_once(&open) else { panic!("no <{name}> in {xml}") };
    let Some((text, _)) = rest.split_once(&close) else { panic!("<{name}> does not end in {xml}") };
    text
}
