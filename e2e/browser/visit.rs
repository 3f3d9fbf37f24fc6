//! A user in a meeting: a tab of the browser that shows the client.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bluegate_testkit::{
    Browser, BrowserOptions, Display, Page, answer_permission_prompt, no_prompt,
};

use super::picture;
use crate::cluster::{Cluster, ReadyNode, element};

/// How long anything on a page may take, on a machine that is busy.
pub(super) const WITHIN: Duration = Duration::from_secs(30);

/// `getUserMedia` without a question takes some milliseconds, and a prompt is
/// answered no sooner than it has stood still for longer than this.
pub(super) const WITHOUT_A_QUESTION_MS: u64 = 700;

/// A device, by the words of the simulated client.
#[derive(Clone, Copy)]
pub(super) struct Device {
    /// Its step, and the permission's name.
    pub(super) step: &'static str,
    /// The button that opens it.
    pub(super) button: &'static str,
}

pub(super) const MICROPHONE: Device = Device { step: "microphone", button: "#join-audio" };
pub(super) const CAMERA: Device = Device { step: "camera", button: "#share-camera" };

/// A browser window on a display of its own, in front of a demo.
pub(super) struct Desk {
    // Ended in this order.
    pub(super) browser: Browser,
    pub(super) display: Display,
    pub(super) cluster: Cluster,
}

impl Desk {
    /// Starts all three; the demo with these further arguments.
    pub(super) async fn set_up(arguments: &[&str]) -> Result<Self> {
        let cluster = Cluster::start(arguments).await;
        let display = Display::start().await?;
        let mut options = BrowserOptions::on(&display);
        if let Some(ca) = &cluster.ready.ca {
            options = options.trusting(&std::fs::read_to_string(ca)?);
        }
        let browser = Browser::launch(options).await?;
        Ok(Self { browser, display, cluster })
    }

    /// Creates meetings until two are on different nodes, and gives both with
    /// their nodes.
    pub(super) async fn two_meetings(&self) -> Result<[(String, ReadyNode); 2]> {
        let mut first: Option<(String, ReadyNode)> = None;
        for number in 1..=2 * self.cluster.ready.nodes.len() {
            let meeting = format!("lesson-{number}");
            let name = format!("Lesson {number}");
            let created = [("meetingID", meeting.as_str()), ("name", name.as_str())];
            let answer = self.cluster.api("create", &created).await;
            ensure!(element(&answer, "returncode") == "SUCCESS", "{answer}");
            let node = self.cluster.node_of(&meeting).await;
            match first.take() {
                None => first = Some((meeting, node)),
                Some(before) if before.1.name != node.name => return Ok([before, (meeting, node)]),
                same => first = same,
            }
        }
        anyhow::bail!("all meetings were placed on one node")
    }

    /// Joins a meeting as its moderator in a tab and waits until all that the
    /// client does by itself has succeeded.
    pub(super) async fn join(&self, page: &Page, meeting: &str) -> Result<()> {
        page.goto(&self.cluster.join_url(meeting, "Ada Lovelace", "MODERATOR"), WITHIN).await?;
        wait_until_joined(page).await
    }

    /// Makes a breakout room of the meeting in `page` and opens it as a user
    /// does: by its button, which opens a tab.
    pub(super) async fn open_breakout(&self, page: &Page) -> Result<Page> {
        page.click("#create-breakout").await?;
        page.wait_for("!!document.getElementById('open-breakout')", WITHIN).await?;
        let known = self.browser.pages();
        page.click("#open-breakout").await?;
        let tab = self.browser.page_besides(&known, WITHIN).await?;
        wait_until_joined(&tab).await?;
        Ok(tab)
    }

    /// Opens a device where the browser must ask, and answers it: one click.
    pub(super) async fn open_with_prompt(
        &self,
        page: &Page,
        device: Device,
        name: &str,
    ) -> Result<()> {
        page.click(device.button).await?;
        let answered = answer_permission_prompt(&self.display, WITHIN).await;
        let answered = answered.with_context(|| format!("{name}: no prompt to answer"))?;
        answered.screen.save_png(&picture(&format!("{name}-asks.png")))?;
        let opened = self.opened(page, device, name).await?;
        assert_eq!(opened.before, "prompt", "{name}");
        assert!(opened.took > WITHOUT_A_QUESTION_MS, "{name}: {} ms", opened.took);
        Ok(())
    }

    /// Opens a device where the browser must not ask: nobody clicks anything.
    pub(super) async fn open_without_prompt(
        &self,
        page: &Page,
        device: Device,
        name: &str,
    ) -> Result<()> {
        page.click(device.button).await?;
        let opened = self.opened(page, device, name).await;
        let opened = opened.with_context(|| format!("{name}: it does not open by itself"))?;
        assert_eq!(opened.before, "granted", "{name}");
        assert!(opened.took <= WITHOUT_A_QUESTION_MS, "{name}: {} ms", opened.took);
        Ok(())
    }

    async fn opened(&self, page: &Page, device: Device, name: &str) -> Result<Opened> {
        let row = row(device.step);
        let waited = page.wait_for(&format!("{row}.dataset.state === 'ok'"), WITHIN).await;
        page.drawn().await?;
        self.display.save_screenshot(&picture(&format!("{name}.png")))?;
        waited?;
        no_prompt(&self.display)?;
        assert_eq!(page.text(&format!("{row}.dataset.permissionAfter")).await?, "granted");
        Ok(Opened {
            before: page.text(&format!("{row}.dataset.permissionBefore")).await?,
            took: page.text(&format!("{row}.dataset.durationMs")).await?.parse()?,
        })
    }
}

struct Opened {
    before: String,
    took: u64,
}

/// The steps that the 3.0 client takes by itself.
const AUTOMATIC_3_0: [&str; 7] =
    ["api-index", "settings", "graphql", "stuns", "slide", "rtt", "assets"];

/// The steps that the 2.7 client takes by itself.
const AUTOMATIC_2_7: [&str; 6] = ["settings", "enter", "ddp", "stuns", "slide", "assets"];

/// Waits until all that the client does by itself has succeeded.
pub(super) async fn wait_until_joined(page: &Page) -> Result<()> {
    // Only the 2.7 client enters.
    let steps = format!(
        "({} ? {AUTOMATIC_2_7:?} : {AUTOMATIC_3_0:?}).every(step =>
            document.querySelector(`[data-step=\"${{step}}\"]`)?.dataset.state === 'ok')",
        row("enter")
    );
    let steps = steps.as_str();
    let shown = "Object.fromEntries([...document.querySelectorAll('[data-step]')]
        .map(row => [row.dataset.step, row.innerText]))";
    if let Err(error) = page.wait_for(steps, WITHIN).await {
        let shown = page.evaluate(shown).await;
        return Err(error.context(format!("the client shows {shown:?}")));
    }
    page.wait_for("document.documentElement.dataset.ready === 'true'", WITHIN).await?;
    page.wait_for("!document.querySelector('#join-audio').disabled", WITHIN).await?;
    page.wait_for("!!document.documentElement.dataset.node", WITHIN).await
}

/// JavaScript for the row of a step.
pub(super) fn row(step: &str) -> String {
    format!("document.querySelector('[data-step=\"{step}\"]')")
}

/// The node that serves the meeting in a tab, as the page says.
pub(super) async fn node_of(page: &Page) -> Result<String> {
    page.text("document.documentElement.dataset.node").await
}

/// The origin that the browser gives the page.
pub(super) async fn origin_of(page: &Page) -> Result<String> {
    page.text("location.origin").await
}
