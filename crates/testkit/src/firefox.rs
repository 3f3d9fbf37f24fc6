//! A real Firefox without a window, driven over Marionette, Firefox's own protocol for tests.
//!
//! Its cookies are kept apart by the site of the page, and its private windows are stricter still:
//! what Chromium does not show.

mod marionette;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::eventually::eventually;
use crate::process::{Process, find_program};
use crate::trust::trust;
use marionette::Marionette;

/// How long Firefox may take to start, on a machine that is busy.
const START_LIMIT: Duration = Duration::from_secs(60);

/// What the empty profile says: a free port for us, devices that need no hardware and no question,
/// and nothing asked of the internet.
const PREFERENCES: &str = r#"
user_pref("marionette.port", 0);
user_pref("media.navigator.streams.fake", true);
user_pref("permissions.default.microphone", 1);
user_pref("permissions.default.camera", 1);
user_pref("intl.accept_languages", "en-US");
user_pref("network.trr.mode", 5);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,");
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
"#;

/// Pages may use cookies of other sites, which users have to turn on themselves.
const THIRD_PARTY_COOKIES: &str = "user_pref(\"network.cookie.cookieBehavior\", 0);\n";

/// Which kind of window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// As the user usually has it.
    Normal,
    /// One that forgets.
    Private,
}

/// A running Firefox with a new, empty profile. Dropping it ends it and removes the profile; asked
/// to close it would take many seconds to put a profile in order that nobody needs.
#[derive(Debug)]
pub struct Firefox {
    _process: Process,
    marionette: Marionette,
    _profile: TempDir,
}

impl Firefox {
    /// Starts a browser that trusts certificate authorities, given as PEM.
    ///
    /// # Errors
    ///
    /// When there is no Firefox or it does not come up; the message has its own words.
    pub async fn launch(authorities: &[String]) -> Result<Self> {
        Self::with_preferences(authorities, PREFERENCES).await
    }

    /// The same, of a user who has allowed cookies of other sites.
    ///
    /// # Errors
    ///
    /// As [`Firefox::launch`].
    pub async fn launch_with_third_party_cookies(authorities: &[String]) -> Result<Self> {
        Self::with_preferences(authorities, &format!("{PREFERENCES}{THIRD_PARTY_COOKIES}")).await
    }

    async fn with_preferences(authorities: &[String], preferences: &str) -> Result<Self> {
        let program = find_program("BLUEGATE_TEST_FIREFOX", &["firefox-esr", "firefox"])?;
        let profile = tempfile::Builder::new().prefix("bluegate-test-profile-").tempdir()?;
        std::fs::write(profile.path().join("user.js"), preferences)?;
        trust(authorities, profile.path()).await?;
        let mut process = Process::spawn(command(&program, profile.path()))?;
        let port = port(&mut process, profile.path()).await?;
        let marionette = Marionette::connect(port).await?;
        marionette.call("WebDriver:NewSession", json!({})).await?;
        Ok(Self { _process: process, marionette, _profile: profile })
    }

    /// Opens a window; everything that follows happens there.
    ///
    /// # Errors
    ///
    /// When the browser does not open it.
    pub async fn open(&self, window: Window) -> Result<()> {
        let parameters = json!({ "type": "window", "private": window == Window::Private });
        let opened = self.marionette.call("WebDriver:NewWindow", parameters).await?;
        let parameters = json!({ "handle": opened["handle"] });
        self.marionette.call("WebDriver:SwitchToWindow", parameters).await.map(drop)
    }

    /// Goes to an address and waits until it, or where it redirects to, has loaded.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, or has not loaded within the time.
    pub async fn goto(&self, url: &str, within: Duration) -> Result<()> {
        let within = u64::try_from(within.as_millis())?;
        self.marionette.call("WebDriver:SetTimeouts", json!({ "pageLoad": within })).await?;
        let place = url.split(['?', '#']).next().unwrap_or(url);
        let gone = self.marionette.call("WebDriver:Navigate", json!({ "url": url })).await;
        gone.map(drop).with_context(|| format!("cannot open {place}"))
    }

    /// Runs JavaScript in the page and gives its value; a promise is awaited.
    ///
    /// # Errors
    ///
    /// When it throws, or the page is left meanwhile.
    pub async fn evaluate(&self, expression: &str) -> Result<Value> {
        // In the page's own scope, so that what one call leaves there the next one finds.
        let script = format!("return ({expression});");
        let parameters = json!({ "script": script, "args": [], "sandbox": null });
        let mut answer = self.marionette.call("WebDriver:ExecuteScript", parameters).await?;
        Ok(answer["value"].take())
    }

    /// Clicks the middle of the element that a CSS selector names, as a user does.
    ///
    /// # Errors
    ///
    /// When there is no such element, or something else lies over it.
    pub async fn click(&self, selector: &str) -> Result<()> {
        let parameters = json!({ "using": "css selector", "value": selector });
        let found = self.marionette.call("WebDriver:FindElement", parameters).await?;
        let Some(id) = found["value"].as_object().and_then(|element| element.values().next())
        else {
            bail!("`{selector}` is not an element");
        };
        self.marionette.call("WebDriver:ElementClick", json!({ "id": id })).await.map(drop)
    }
}

fn command(program: &Path, profile: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--headless", "--marionette", "--no-remote", "--profile"]).arg(profile);
    // Nothing of the user's is read or written.
    command.env("HOME", profile).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command
}

/// Reads where the browser listens from the file that it writes into its profile.
async fn port(process: &mut Process, profile: &Path) -> Result<u16> {
    let file = profile.join("MarionetteActivePort");
    let waited = eventually("Firefox listens", START_LIMIT, || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let port = text.trim().parse().ok();
        async move { port }
    });
    waited.await.with_context(|| format!("Firefox said: {}", process.stderr()))
}
