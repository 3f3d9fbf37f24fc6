//! One page, a tab of the browser.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::connection::Connection;
use super::events::{exception, text};
use super::records::{ConsoleMessage, NetworkRequest, PageRecords};
use crate::eventually::eventually;

/// A tab. It stays open when this handle is dropped.
#[derive(Clone, Debug)]
pub struct Page {
    connection: Arc<Connection>,
    session: String,
}

impl Page {
    pub(super) fn new(connection: &Arc<Connection>, session: String) -> Self {
        Self { connection: Arc::clone(connection), session }
    }

    /// The browser's own name for the tab.
    #[must_use]
    pub fn target(&self) -> String {
        self.record(|page| page.target.clone())
    }

    /// The address it shows. Mind that it may hold a session token.
    #[must_use]
    pub fn address(&self) -> String {
        self.record(|page| page.address.clone())
    }

    /// The address without what follows `?`, for messages.
    #[must_use]
    pub fn address_without_query(&self) -> String {
        without_query(&self.address()).to_owned()
    }

    /// Goes to an address and waits until it, or where it redirects to, has loaded.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, or has not loaded within the time.
    pub async fn goto(&self, url: &str, within: Duration) -> Result<()> {
        let answer = self.call("Page.navigate", json!({ "url": url })).await?;
        let place = without_query(url);
        if let Some(failure) = answer["errorText"].as_str().filter(|failure| !failure.is_empty()) {
            bail!("cannot open {place}: {failure}");
        }
        self.wait_for("document.readyState === 'complete'", within)
            .await
            .with_context(|| format!("loading {place}"))
    }

    /// Runs JavaScript in the page and gives its value; a promise is awaited.
    ///
    /// # Errors
    ///
    /// When it throws, or the page is left meanwhile.
    pub async fn evaluate(&self, expression: &str) -> Result<Value> {
        let parameters = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true,
        });
        let mut answer = self.call("Runtime.evaluate", parameters).await?;
        if let Some(details) = answer.get("exceptionDetails") {
            bail!("`{expression}` threw {}", exception(details));
        }
        Ok(answer["result"]["value"].take())
    }

    /// Runs JavaScript in the page and gives its value as text.
    ///
    /// # Errors
    ///
    /// When it throws, or gives anything but a string.
    pub async fn text(&self, expression: &str) -> Result<String> {
        let value = self.evaluate(expression).await?;
        let string = value.as_str().map(str::to_owned);
        string.with_context(|| format!("`{expression}` gave {value} and no string"))
    }

    /// Waits until a JavaScript expression is `true`.
    ///
    /// # Errors
    ///
    /// When it is not within the time; the message has what it was last.
    pub async fn wait_for(&self, expression: &str, within: Duration) -> Result<()> {
        let last = Mutex::new(Value::Null);
        let note = |value| *last.lock().unwrap_or_else(PoisonError::into_inner) = value;
        let waited = eventually(format!("`{expression}`"), within, || async {
            // A page that is being left cannot be asked for a moment.
            match self.evaluate(expression).await {
                Ok(Value::Bool(true)) => return Some(()),
                Ok(value) => note(value),
                Err(error) => note(Value::String(format!("{error:#}"))),
            }
            None
        });
        let waited = waited.await;
        let last = last.into_inner().unwrap_or_else(PoisonError::into_inner);
        waited.with_context(|| {
            format!("at {}, where it was last {last}", self.address_without_query())
        })
    }

    /// Clicks the middle of the element that a CSS selector names, as a user does.
    ///
    /// # Errors
    ///
    /// When there is no such element, or something else lies over it.
    pub async fn click(&self, selector: &str) -> Result<()> {
        self.bring_to_front().await?;
        // Chromium drops the input of a tab that it has not drawn yet.
        self.drawn().await?;
        let quoted = Value::from(selector);
        let place = self
            .evaluate(&format!(
                "(() => {{
                    const element = document.querySelector({quoted});
                    if (!element) return 'there is none';
                    element.scrollIntoView({{ block: 'nearest', behavior: 'instant' }});
                    const box = element.getBoundingClientRect();
                    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
                    const hit = document.elementFromPoint(x, y);
                    if (!hit || !(element.contains(hit) || hit.contains(element))) return 'it is covered';
                    return {{ x, y }};
                }})()"
            ))
            .await?;
        ensure!(place.is_object(), "cannot click `{selector}`: {place}");
        for (kind, buttons) in [("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let parameters = json!({
                "type": kind, "x": place["x"], "y": place["y"],
                "button": button, "buttons": buttons, "clickCount": 1,
            });
            self.call("Input.dispatchMouseEvent", parameters).await?;
        }
        Ok(())
    }

    /// Clicks into a field and types.
    ///
    /// # Errors
    ///
    /// When the field cannot be clicked.
    pub async fn type_into(&self, selector: &str, text: &str) -> Result<()> {
        self.click(selector).await?;
        self.call("Input.insertText", json!({ "text": text })).await.map(drop)
    }

    /// Waits until what the page's scripts have done so far is drawn.
    ///
    /// # Errors
    ///
    /// When the page is closed or hidden: what is not seen is not drawn.
    pub async fn drawn(&self) -> Result<()> {
        let frames =
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))";
        self.evaluate(&format!("{frames}.then(() => true)")).await?;
        // A picture is taken of a whole frame that has reached the screen.
        self.call("Page.captureScreenshot", json!({ "format": "png" })).await.map(drop)
    }

    /// Makes it the tab that is seen.
    ///
    /// # Errors
    ///
    /// When it is closed.
    pub async fn bring_to_front(&self) -> Result<()> {
        self.call("Page.bringToFront", json!({})).await.map(drop)
    }

    /// Closes the tab.
    ///
    /// # Errors
    ///
    /// When it is closed already.
    pub async fn close(&self) -> Result<()> {
        let parameters = json!({ "targetId": self.target() });
        self.connection.call("Target.closeTarget", parameters).await.map(drop)
    }

    /// Saves what the page shows, without the browser's frame, as a PNG.
    ///
    /// # Errors
    ///
    /// When the browser gives none or the file cannot be written.
    pub async fn save_screenshot(&self, path: &Path) -> Result<()> {
        let answer = self.call("Page.captureScreenshot", json!({ "format": "png" })).await?;
        let bytes = STANDARD.decode(text(&answer["data"]))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The requests it has made, since it was opened.
    #[must_use]
    pub fn requests(&self) -> Vec<NetworkRequest> {
        self.record(|page| page.requests.clone())
    }

    /// Its console, since it was opened.
    #[must_use]
    pub fn console(&self) -> Vec<ConsoleMessage> {
        self.record(|page| page.console.clone())
    }

    /// The exceptions that nothing in the page has caught.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        self.record(|page| page.errors.clone())
    }

    /// Sends a command of the protocol that has no method of its own here.
    ///
    /// # Errors
    ///
    /// When the browser refuses it.
    pub async fn call(&self, method: &str, parameters: Value) -> Result<Value> {
        self.connection.call_page(&self.session, method, parameters).await
    }

    fn record<T: Default>(&self, read: impl FnOnce(&PageRecords) -> T) -> T {
        self.connection.records().page(&self.session).map(read).unwrap_or_default()
    }
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}
