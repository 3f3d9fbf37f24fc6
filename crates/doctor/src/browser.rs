//! A real browser, headless: does a user who joins end up in the client, and
//! what does the browser complain of?

mod devtools;

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::{Instant, timeout, timeout_at},
};

use devtools::{Devtools, DevtoolsError};

/// The names a Chromium has.
const PROGRAMS: [&str; 4] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// How long it may take to start.
const START: Duration = Duration::from_secs(20);
/// How long it may take to go.
const CLOSE: Duration = Duration::from_secs(5);
/// A page that was quiet for so long has loaded.
const QUIET: Duration = Duration::from_secs(3);
/// The longest a page is watched.
const VISIT: Duration = Duration::from_secs(25);
/// The most complaints kept of one visit.
const MAX_ERRORS: usize = 20;
/// The longest complaint.
const MAX_TEXT: usize = 300;

/// Chromium, where it was found.
#[derive(Clone, Debug)]
pub struct Browser {
    program: PathBuf,
}

/// There is no browser.
#[derive(Debug, thiserror::Error)]
#[error("there is no Chromium in PATH ({}); install the package `chromium`", PROGRAMS.join(", "))]
pub struct NoBrowser;

/// What a browser met on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrowserVisit {
    /// The origins of the pages it showed, in their order.
    pub pages: Vec<String>,
    /// Every origin it asked for anything.
    pub origins: Vec<String>,
    /// What stands in its console as an error.
    pub errors: Vec<String>,
}

/// Why a visit shows nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VisitError {
    #[error("the browser does not start")]
    Start(#[source] std::io::Error),
    #[error("the browser does not say where it is steered")]
    Silent,
    #[error("the browser cannot be steered")]
    Steer(#[from] DevtoolsError),
}

impl Browser {
    /// Looks for one in `PATH`.
    ///
    /// # Errors
    /// [`NoBrowser`], with what to install.
    pub fn find() -> Result<Self, NoBrowser> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = env::split_paths(&path).collect();
        let program = PROGRAMS
            .iter()
            .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
            .find(|program| program.is_file());
        program.map(|program| Self { program }).ok_or(NoBrowser)
    }

    /// Opens a URL in a new, empty profile and watches until it is quiet.
    pub(crate) async fn visit(&self, url: &str) -> Result<BrowserVisit, VisitError> {
        let profile = tempfile::Builder::new()
            .prefix("bluegate-doctor-")
            .tempdir()
            .map_err(VisitError::Start)?;
        let mut child = self.start(profile.path())?;
        let visited = watch(&mut child, url).await;
        // It was asked to close; its profile goes only after it.
        if timeout(CLOSE, child.wait()).await.is_err() {
            drop(child.kill().await);
        }
        visited
    }

    fn start(&self, profile: &Path) -> Result<Child, VisitError> {
        let mut command = Command::new(&self.program);
        command
            .arg(format!("--user-data-dir={}", profile.display()))
            .args([
                "--headless=new",
                "--remote-debugging-port=0",
                "--no-first-run",
                "--no-default-browser-check",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--mute-audio",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if rustix::process::geteuid().is_root() {
            // Chromium refuses its own sandbox to root.
            command.arg("--no-sandbox");
        }
        command.spawn().map_err(VisitError::Start)
    }
}

async fn watch(child: &mut Child, url: &str) -> Result<BrowserVisit, VisitError> {
    let address = timeout(START, address(child)).await.ok().flatten().ok_or(VisitError::Silent)?;
    let mut devtools = Devtools::open(&address).await?;
    let target = devtools.call("Target.createTarget", json!({"url": "about:blank"}), None).await?;
    let attach = json!({"targetId": target["targetId"], "flatten": true});
    let attached = devtools.call("Target.attachToTarget", attach, None).await?;
    let session = attached["sessionId"].as_str().unwrap_or_default().to_owned();
    for domain in ["Page", "Network", "Runtime", "Log"] {
        devtools.call(&format!("{domain}.enable"), json!({}), Some(&session)).await?;
    }
    let mut visit = BrowserVisit::default();
    devtools.call("Page.navigate", json!({"url": url}), Some(&session)).await?;
    let end = Instant::now() + VISIT;
    loop {
        let until = end.min(Instant::now() + QUIET);
        match timeout_at(until, devtools.event()).await {
            Ok(event) => visit.note(&event?),
            Err(_) => break,
        }
    }
    // Answered or not, it goes.
    drop(timeout(CLOSE, devtools.call("Browser.close", json!({}), None)).await);
    Ok(visit)
}

/// Where the browser says that it is steered.
async fn address(child: &mut Child) -> Option<String> {
    let mut lines = BufReader::new(child.stderr.take()?).lines();
    let address = loop {
        let line = lines.next_line().await.ok()??;
        if let Some(address) = line.trim().strip_prefix("DevTools listening on ") {
            break address.to_owned();
        }
    };
    // Nobody reads what else it says, but a full pipe would stop it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Some(address)
}

impl BrowserVisit {
    fn note(&mut self, event: &Value) {
        let of = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        match of("/method") {
            "Page.frameNavigated" if event.pointer("/params/frame/parentId").is_none() => {
                add_origin(&mut self.pages, of("/params/frame/url"));
                // What stands behind the browser's own error page.
                add_origin(&mut self.pages, of("/params/frame/unreachableUrl"));
            }
            "Network.requestWillBeSent" => {
                add_origin(&mut self.origins, of("/params/request/url"));
            }
            "Network.webSocketCreated" => add_origin(&mut self.origins, of("/params/url")),
            "Log.entryAdded" if of("/params/entry/level") == "error" => {
                let (text, url) = (of("/params/entry/text"), of("/params/entry/url"));
                self.complain(&format!("{text} {url}"));
            }
            "Runtime.consoleAPICalled" if of("/params/type") == "error" => {
                let words = event.pointer("/params/args").and_then(Value::as_array);
                let words = words.into_iter().flatten().filter_map(|word| {
                    word.get("value").or_else(|| word.get("description"))?.as_str()
                });
                self.complain(&words.collect::<Vec<_>>().join(" "));
            }
            "Runtime.exceptionThrown" => {
                let text = of("/params/exceptionDetails/exception/description");
                let text = if text.is_empty() { of("/params/exceptionDetails/text") } else { text };
                self.complain(text);
            }
            _ => {}
        }
    }

    fn complain(&mut self, text: &str) {
        let text: String = without_tokens(text.trim()).chars().take(MAX_TEXT).collect();
        if self.errors.len() < MAX_ERRORS && !self.errors.contains(&text) {
            self.errors.push(text);
        }
    }
}

fn add_origin(origins: &mut Vec<String>, url: &str) {
    let Ok(url) = url::Url::parse(url) else { return };
    if !matches!(url.scheme(), "http" | "https" | "ws" | "wss") {
        return;
    }
    // A WebSocket's origin is that of the page it could be of.
    let origin = url.origin().ascii_serialization();
    let origin = match origin.strip_prefix("ws") {
        Some(rest) => format!("http{rest}"),
        None => origin,
    };
    if !origins.contains(&origin) {
        origins.push(origin);
    }
}

/// A text without the values of session tokens and checksums in it.
fn without_tokens(text: &str) -> String {
    let mut out = text.to_owned();
    for name in ["sessionToken=", "checksum=", "password="] {
        let mut parts = out.split(name);
        let mut clean = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
            clean.push_str(name);
            clean.push('…');
            clean.push_str(rest);
        }
        out = clean;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_pages_origins_and_complaints() {
        let mut visit = BrowserVisit::default();
        for event in [
            json!({"method": "Page.frameNavigated", "params": {"frame": {"url": "about:blank"}}}),
            json!({"method": "Page.frameNavigated", "params": {"frame": {"url": "https://bbb.example.org/bbb-01/html5client/?sessionToken=abc"}}}),
            json!({"method": "Page.frameNavigated", "params": {"frame": {"url": "https://pad.example.org/", "parentId": "1"}}}),
            json!({"method": "Network.requestWillBeSent", "params": {"request": {"url": "https://bbb.example.org/x"}}}),
            json!({"method": "Network.webSocketCreated", "params": {"url": "wss://bbb-01.example.org/graphql"}}),
            json!({"method": "Log.entryAdded", "params": {"entry": {"level": "error", "text": "Failed", "url": "https://a/?sessionToken=abc123&x=1"}}}),
            json!({"method": "Log.entryAdded", "params": {"entry": {"level": "warning", "text": "no"}}}),
        ] {
            visit.note(&event);
        }
        assert_eq!(visit.pages, ["https://bbb.example.org"]);
        assert_eq!(visit.origins, ["https://bbb.example.org", "https://bbb-01.example.org"]);
        assert_eq!(visit.errors, ["Failed https://a/?sessionToken=…&x=1"]);
    }
}
