//! A real Chromium, driven over the DevTools protocol.
//!
//! The protocol only steers and watches pages. Permissions are left to the browser: nothing here
//! grants, denies or hides a prompt, so that a headed browser on a [`Display`] asks as it
//! would ask a person. Clicks are input events of the browser's own, which count as a user's gesture.

mod connection;
mod events;
mod page;
mod records;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use tempfile::TempDir;

pub use page::Page;
pub use records::{ConsoleMessage, NetworkRequest};

use crate::display::{self, Display};
use crate::eventually::eventually;
use crate::process::{Process, find_program};
use crate::trust::trust;
use connection::Connection;

/// How long the browser may take to start.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long the browser may take to close when asked to.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// How a browser is started.
#[derive(Clone, Debug, Default)]
pub struct BrowserOptions {
    display: Option<String>,
    arguments: Vec<String>,
    authorities: Vec<String>,
}

impl BrowserOptions {
    /// A browser without a window. It shows no permission prompts.
    #[must_use]
    pub fn headless() -> Self {
        Self::default()
    }

    /// A browser whose window fills a display.
    #[must_use]
    pub fn on(display: &Display) -> Self {
        Self { display: Some(display.name().to_owned()), ..Self::default() }
    }

    /// Trusts a certificate authority, given as PEM, as if the user had imported it: its
    /// certificates are as good as any, which features such as dictionaries ask for.
    #[must_use]
    pub fn trusting(mut self, authority: &str) -> Self {
        self.authorities.push(authority.to_owned());
        self
    }

    /// One more argument for the browser's command line.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }
}

/// A running Chromium with a new, empty profile. Dropping it ends it and removes the profile.
#[derive(Debug)]
pub struct Browser {
    process: Process,
    connection: Arc<Connection>,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser with one empty page.
    ///
    /// # Errors
    ///
    /// When there is no Chromium or it does not come up; the message has its own words.
    pub async fn launch(options: BrowserOptions) -> Result<Self> {
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let program = find_program("BLUEGATE_TEST_CHROMIUM", &names)?;
        let profile = tempfile::Builder::new().prefix("bluegate-test-profile-").tempdir()?;
        // Where the browser looks for it below its HOME.
        trust(&options.authorities, &profile.path().join(".pki/nssdb")).await?;
        let mut process = Process::spawn(command(&program, profile.path(), &options))?;
        let address = debugging_address(&mut process, profile.path()).await?;
        let connection = Connection::open(&address).await?;
        let browser = Self { process, connection, _profile: profile };
        browser.connection.watch_pages().await?;
        browser.page_where("the first page", START_LIMIT, |_| true).await?;
        Ok(browser)
    }

    /// The open pages, in the order in which they were opened.
    #[must_use]
    pub fn pages(&self) -> Vec<Page> {
        let sessions = self.connection.records().open_sessions();
        sessions.into_iter().map(|session| Page::new(&self.connection, session)).collect()
    }

    /// The page opened first of those still open.
    ///
    /// # Errors
    ///
    /// When none is open.
    pub fn first_page(&self) -> Result<Page> {
        self.pages().into_iter().next().context("the browser has no page")
    }

    /// Opens a new tab in front of the others.
    ///
    /// # Errors
    ///
    /// When the browser does not open it.
    pub async fn new_page(&self) -> Result<Page> {
        let opened = self.connection.call("Target.createTarget", json!({ "url": "about:blank" }));
        let opened = opened.await?;
        let target = opened["targetId"].as_str().context("the browser names its new page")?;
        self.page_where("the new page", START_LIMIT, |page| page.target() == target).await
    }

    /// Waits for a page whose address has this text in it, such as a tab that a page has opened.
    ///
    /// # Errors
    ///
    /// When there is none within the time.
    pub async fn page_at(&self, text: &str, within: Duration) -> Result<Page> {
        let what = format!("a page at `{text}`");
        self.page_where(&what, within, |page| page.address().contains(text)).await
    }

    /// Waits for a tab that was opened after `known` were listed.
    ///
    /// # Errors
    ///
    /// When there is none within the time.
    pub async fn page_besides(&self, known: &[Page], within: Duration) -> Result<Page> {
        self.page_where("a new tab", within, |page| {
            known.iter().all(|known| known.target() != page.target())
        })
        .await
    }

    /// Closes the browser and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it does not close in time.
    pub async fn close(mut self) -> Result<()> {
        // The answer may be cut off by the browser's end: what counts is that it ends.
        drop(self.connection.call("Browser.close", json!({})).await);
        self.process.wait(CLOSE_LIMIT).await?;
        Ok(())
    }

    async fn page_where(
        &self,
        what: &str,
        within: Duration,
        matches: impl Fn(&Page) -> bool,
    ) -> Result<Page> {
        eventually(what, within, || {
            let found = self.pages().into_iter().find(&matches);
            async move { found }
        })
        .await
        .with_context(|| {
            let pages = self.pages();
            let open: Vec<_> = pages.iter().map(Page::address_without_query).collect();
            format!("open pages: {open:?}")
        })
    }
}

fn command(program: &Path, profile: &Path, options: &BrowserOptions) -> Command {
    let mut command = Command::new(program);
    command.arg(format!("--user-data-dir={}", profile.display())).args([
        // The tests may run as root, in a container without user namespaces.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--password-store=basic",
        "--use-mock-keychain",
        "--lang=en-US",
        // A microphone and a camera that need no hardware. The prompt stays the browser's real one.
        "--use-fake-device-for-media-stream",
        "--remote-debugging-port=0",
    ]);
    // Shared folders such as the downloads folder and the font cache are looked for below HOME.
    command.env("HOME", profile).env("LANGUAGE", "en").env_remove("WAYLAND_DISPLAY");
    match &options.display {
        Some(name) => {
            let (width, height) = display::SIZE;
            command.env("DISPLAY", name).args([
                "--ozone-platform=x11".to_owned(),
                "--window-position=0,0".to_owned(),
                format!("--window-size={width},{height}"),
            ]);
        }
        None => {
            command.arg("--headless=new");
        }
    }
    command.args(&options.arguments).arg("about:blank");
    command
}

/// Reads where the browser listens from the file that it writes into its profile.
async fn debugging_address(process: &mut Process, profile: &Path) -> Result<String> {
    let file: PathBuf = profile.join("DevToolsActivePort");
    let waited = eventually("the browser listens", START_LIMIT, || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let mut lines = text.lines();
        let seen = match (lines.next(), lines.next()) {
            (Some(port), Some(path)) if path.starts_with('/') => {
                Some(format!("ws://127.0.0.1:{port}{path}"))
            }
            _ => None,
        };
        async move { seen }
    });
    waited.await.with_context(|| format!("the browser said: {}", process.stderr()))
}
