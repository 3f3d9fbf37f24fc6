//! Every release we know, as whoever was there before left its nodes: our plan is applied, the
//! doctor finds nothing, a browser takes every step of the client, and everything is taken back.

use anyhow::{Context as _, Result, ensure};
use bluegate_testkit::{Browser, BrowserOptions};

use super::steps;
use crate::{
    command_line::seen,
    fleet::{Fleet, MATRIX, SITE},
};

/// As on 2.5, but there the client has no such step.
#[tokio::test(flavor = "multi_thread")]
async fn on_2_4() {
    works("2.4.9", "").await.unwrap();
}

/// Etherpad lets any page read an export, which browsers do not take for a call with cookies
/// (BBB#15436): there is no setting that cures it.
#[tokio::test(flavor = "multi_thread")]
async fn on_2_5() {
    works("2.5.18", "pad-export").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_2_6_before_its_tenth() {
    works("2.6.9", "").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_2_6() {
    works("2.6.18", "").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_2_7() {
    works("2.7.17", "").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_3_0_before_its_28th() {
    works("3.0.18", "").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_3_0() {
    works("3.0.28", "").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_4_0() {
    works("4.0.0", "").await.unwrap();
}

/// Nodes of this release work but for these steps.
async fn works(release: &str, without: &str) -> Result<()> {
    let row = MATRIX.iter().find(|(known, _)| *known == release);
    let (_, nodes) = row.context("a release of the matrix")?;
    let fleet = Fleet::start(release, nodes, SITE, &[]).await?;
    let report = fleet.doctor();
    // What no setting cures is a note on each node.
    let notes = if without.is_empty() { 0 } else { nodes.len() };
    let well = seen(&report).contains(&format!("0 problems, 0 warnings, {notes} notes"));
    ensure!(report.status.code() == Some(0) && well, "{}", seen(&report));

    let options = BrowserOptions::headless().trusting(&fleet.authority);
    // Prompts are another test's matter.
    let browser = Browser::launch(options.argument("--use-fake-ui-for-media-stream")).await?;
    for node in &fleet.nodes {
        let page = browser.new_page().await?;
        let join = node.join_url(&fleet.authority, "lesson").await?;
        let failed = steps::failed_steps(&page, &join, &fleet.origin).await;
        let failed = failed.with_context(|| format!("{:?}", node.before))?;
        ensure!(failed == without, "{:?}: {failed}", node.before);
        page.close().await?;
    }
    browser.close().await?;
    fleet.roll_back().await
}
