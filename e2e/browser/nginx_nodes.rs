//! Nodes of every line behind a real nginx each, configured by us and loaded
//! through the proxy: the client takes every step it knows.
//!
//! nginx reads the files of the node as they are, so that what node
//! configuration wrote is judged by the program it was written for.

use anyhow::{Result, ensure};
use bluegate_testkit::{Browser, BrowserOptions};

use super::steps;
use crate::cluster::Cluster;

#[tokio::test]
async fn every_step_on_2_4() {
    every_step(&["--bbb", "2.4"]).await.unwrap();
}

/// Before 2.6 Etherpad lets any page read an export, which browsers do not take
/// for a call with cookies (BBB#15436): there is no setting that cures it.
#[tokio::test]
async fn every_step_but_one_on_2_5() {
    let failed = failed_steps(&["--bbb", "2.5"]).await.unwrap();
    assert_eq!(failed, "pad-export");
}

#[tokio::test]
async fn every_step_on_2_6() {
    every_step(&["--bbb", "2.6"]).await.unwrap();
}

#[tokio::test]
async fn every_step_on_2_7() {
    every_step(&["--bbb", "2.7"]).await.unwrap();
}

#[tokio::test]
async fn every_step_on_3_0() {
    every_step(&["--bbb", "3.0"]).await.unwrap();
}

#[tokio::test]
async fn every_step_on_4_0() {
    every_step(&["--bbb", "4.0"]).await.unwrap();
}

/// Over HTTPS cookies are `Secure`, and Etherpad's is for other sites too.
#[tokio::test]
async fn every_step_over_https() {
    every_step(&["--bbb", "3.0", "--tls"]).await.unwrap();
}

async fn every_step(arguments: &[&str]) -> Result<()> {
    let failed = failed_steps(arguments).await?;
    ensure!(failed.is_empty(), "{failed}");
    Ok(())
}

/// Joins as a moderator, uploads, and gives the steps that failed.
async fn failed_steps(arguments: &[&str]) -> Result<String> {
    let mut all = vec!["--nginx", "--nodes", "1"];
    all.extend(arguments);
    let cluster = Cluster::start(&all).await;
    // Prompts are another test's matter.
    let mut options = BrowserOptions::headless().argument("--use-fake-ui-for-media-stream");
    if let Some(ca) = &cluster.ready.ca {
        options = options.trusting(&std::fs::read_to_string(ca)?);
    }
    let browser = Browser::launch(options).await?;
    let page = browser.first_page()?;
    cluster.api("create", &[("meetingID", "lesson"), ("name", "Lesson")]).await;
    let join = cluster.join_url("lesson", "Ada Lovelace", "MODERATOR");
    let failed = steps::failed_steps(&page, &join, &cluster.ready.proxy_origin).await?;
    browser.close().await?;
    Ok(failed)
}
