//! The client's steps, taken and judged the same in every browser.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bluegate_testkit::{Firefox, Page, eventually};
use serde_json::Value;

use super::visit::WITHIN;

/// A tab of some browser.
pub(super) trait Tab {
    /// Goes to an address and waits until it, or where it redirects to, has loaded.
    async fn goto(&self, url: &str, within: Duration) -> Result<()>;
    /// Runs JavaScript and gives its value.
    async fn evaluate(&self, expression: &str) -> Result<Value>;
    /// Clicks an element as a user does.
    async fn click(&self, selector: &str) -> Result<()>;
}

impl Tab for Page {
    async fn goto(&self, url: &str, within: Duration) -> Result<()> {
        Self::goto(self, url, within).await
    }

    async fn evaluate(&self, expression: &str) -> Result<Value> {
        Self::evaluate(self, expression).await
    }

    async fn click(&self, selector: &str) -> Result<()> {
        Self::click(self, selector).await
    }
}

impl Tab for Firefox {
    async fn goto(&self, url: &str, within: Duration) -> Result<()> {
        Self::goto(self, url, within).await
    }

    async fn evaluate(&self, expression: &str) -> Result<Value> {
        Self::evaluate(self, expression).await
    }

    async fn click(&self, selector: &str) -> Result<()> {
        Self::click(self, selector).await
    }
}

/// Every step that runs by itself has ended, and those that failed and what the page says of itself.
///
/// Asked in one go: a step that runs again, as the round trip and the slide do, is `pending` then.
const BY_ITSELF: &str = "(() => {
    const rows = [...document.querySelectorAll('[data-step]')];
    const own = rows.filter(row =>
        !['upload', 'microphone', 'camera', 'breakout'].includes(row.dataset.step));
    if (own.length < 10 || !own.every(row => row.dataset.ended)) return null;
    const failed = own.filter(row => row.dataset.ended === 'failed').map(row => row.dataset.step);
    return { failed, complete: document.documentElement.dataset.complete === 'true' };
})()";

/// Remembers whether the page ever takes back that it is complete.
const WATCH: &str = "(() => {
    window.tookBack = false;
    const page = document.documentElement;
    const look = () => { window.tookBack ||= page.dataset.complete !== 'true'; };
    if (page.dataset.complete !== 'true') return false;
    new MutationObserver(look).observe(page, { attributes: true });
    return true;
})()";

/// The upload has ended, and the slide of what was uploaded too.
const UPLOADED: &str = "(() => {
    const row = step => document.querySelector(`[data-step=${step}]`);
    const { ended } = row('upload').dataset;
    if (ended === 'failed') return 'failed';
    const shown = row('slide').dataset.state === 'ok' && document.querySelector('#slide').alt;
    return ended === 'ok' && shown === 'slides.pdf' ? 'ok' : null;
})()";

/// Waits until an expression gives something, and gives that.
async fn value_of(tab: &impl Tab, expression: &str) -> Result<Value> {
    let waited = eventually(expression, WITHIN, || async {
        tab.evaluate(expression).await.ok().filter(|value| !value.is_null())
    });
    match waited.await {
        Ok(value) => Ok(value),
        Err(error) => {
            let rows = "[...document.querySelectorAll('[data-step]')].map(row => row.innerText)";
            Err(error.context(format!("the page shows {:?}", tab.evaluate(rows).await)))
        }
    }
}

/// What a user starts after that: the button and its step.
const BY_THE_USER: [(&str, &str); 3] =
    [("#join-audio", "microphone"), ("#share-camera", "camera"), ("#create-breakout", "breakout")];

/// Joins by an address, does everything that a user can do, and gives the steps that failed, joined by commas.
pub(super) async fn failed_steps(tab: &impl Tab, join: &str, origin: &str) -> Result<String> {
    tab.goto(join, WITHIN).await?;
    let outcome = value_of(tab, BY_ITSELF).await?;
    let failed = outcome["failed"].as_array().context("a list of steps")?;
    let mut failed: Vec<String> =
        failed.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let complete = outcome["complete"] == true;
    ensure!(complete == failed.is_empty(), "complete: {complete}, failed: {failed:?}");
    ensure!(tab.evaluate("location.origin").await? == *origin, "one page origin");
    let watched = tab.evaluate(WATCH).await?;
    ensure!(watched == complete, "the page says so for good");
    value_of(tab, "document.querySelector('#upload').disabled ? null : true").await?;
    tab.click("#upload").await?;
    if value_of(tab, UPLOADED).await? == "failed" {
        failed.push("upload".to_owned());
    }
    for (button, step) in BY_THE_USER {
        tab.click(button).await?;
        let ended = format!("document.querySelector('[data-step={step}]').dataset.ended ?? null");
        if value_of(tab, &ended).await? == "failed" {
            failed.push(step.to_owned());
        }
    }
    ensure!(tab.evaluate("window.tookBack").await? == false, "nothing of that changes it");
    Ok(failed.join(","))
}

/// Joins where it cannot work, and gives the step that fails first, as it is told to the user.
pub(super) async fn first_failure(tab: &impl Tab, join: &str) -> Result<(String, String)> {
    tab.goto(join, WITHIN).await?;
    let failed = "(() => {
        const row = document.querySelector('[data-ended=failed]');
        return row && [row.dataset.step, row.cells[3].textContent];
    })()";
    let failed = value_of(tab, failed).await?;
    let part = |at: usize| failed[at].as_str().map(str::to_owned).context("a text");
    Ok((part(0)?, part(1)?))
}
