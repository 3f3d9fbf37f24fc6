//! One browser window on a display of its own; the mouse answers its prompts.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use bluegate_testkit::prompt::wait_for_prompt;
use bluegate_testkit::{
    Browser, BrowserOptions, Display, Page, answer_permission_prompt, eventually, no_prompt,
};

use crate::page_server::PageServer;

const WITHIN: Duration = Duration::from_secs(20);

/// Where a person can look at what the browser showed.
fn picture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("testkit-screenshots").join(name)
}

/// Presses a button that opens a device, where the answer is already known: no prompt, no click.
async fn uses_without_prompt(display: &Display, page: &Page, device: &str) -> Result<()> {
    page.click(&format!("#{device}")).await?;
    page.wait_for("document.body.dataset.state === 'ok'", WITHIN).await?;
    no_prompt(display)?;
    assert_eq!(page.text("document.body.dataset.before").await?, "granted", "{device}");
    Ok(())
}

/// Presses a button that opens a device, and answers the prompt that this brings.
async fn uses_with_prompt(display: &Display, page: &Page, device: &str) -> Result<()> {
    page.click(&format!("#{device}")).await?;
    let answered = answer_permission_prompt(display, WITHIN).await?;
    answered.screen.save_png(&picture(&format!("prompt-{device}.png")))?;
    page.wait_for("document.body.dataset.state === 'ok'", WITHIN).await?;
    assert_eq!(page.text("document.body.dataset.before").await?, "prompt", "{device}");
    assert!(page.text("document.body.dataset.label").await?.to_lowercase().contains("fake"));
    no_prompt(display)
}

async fn asks_once_for_an_origin(device: &str) -> Result<()> {
    let (server, display) = (PageServer::start().await?, Display::start().await?);
    let browser = Browser::launch(BrowserOptions::on(&display)).await?;
    let page = browser.first_page()?;

    page.goto(&server.at("a"), WITHIN).await?;
    no_prompt(&display)?;
    uses_with_prompt(&display, &page, device).await?;
    page.goto(&server.at("a"), WITHIN).await?;
    uses_without_prompt(&display, &page, device).await?;

    let known = browser.pages();
    page.click("#tab").await?;
    let tab = browser.page_besides(&known, WITHIN).await?;
    tab.wait_for("location.search === '?second' && document.readyState === 'complete'", WITHIN)
        .await?;
    uses_without_prompt(&display, &tab, device).await?;
    display.save_screenshot(&picture(&format!("second-tab-{device}.png")))?;

    tab.goto(&server.at("b"), WITHIN).await?;
    uses_with_prompt(&display, &tab, device).await?;
    browser.close().await
}

#[tokio::test]
async fn the_microphone_is_asked_for_once_for_an_origin() {
    asks_once_for_an_origin("microphone").await.unwrap();
}

#[tokio::test]
async fn the_camera_is_asked_for_once_for_an_origin() {
    asks_once_for_an_origin("camera").await.unwrap();
}

#[tokio::test]
async fn an_unanswered_prompt_keeps_the_page_waiting() {
    let (server, display) = (PageServer::start().await.unwrap(), Display::start().await.unwrap());
    let browser = Browser::launch(BrowserOptions::on(&display)).await.unwrap();
    let page = browser.first_page().unwrap();
    page.goto(&server.at("a"), WITHIN).await.unwrap();
    page.click("#microphone").await.unwrap();
    wait_for_prompt(&display, WITHIN).await.unwrap();
    assert!(no_prompt(&display).is_err());
    assert_eq!(page.evaluate("'state' in document.body.dataset").await.unwrap(), false);
}

#[tokio::test]
async fn pages_tell_what_they_requested_and_printed() {
    let server = PageServer::start().await.unwrap();
    let browser = Browser::launch(BrowserOptions::headless()).await.unwrap();
    let page = browser.new_page().await.unwrap();
    page.goto(&server.at("a"), WITHIN).await.unwrap();
    let answer = page.evaluate("fetch('/x').then(answer => answer.status)").await.unwrap();
    assert_eq!(answer, 200);
    // Of a document Chromium at times tells no end: its renderer was swapped meanwhile.
    let made = eventually("both requests are told", WITHIN, || async {
        let mut made = page.requests();
        made.retain(|request| !request.url.starts_with("data:"));
        let fetched = made.get(1).is_some_and(|request| request.finished);
        (made.len() == 2 && fetched).then_some(made)
    })
    .await
    .unwrap();
    assert_eq!((made[0].kind.as_str(), made[1].kind.as_str()), ("Document", "Fetch"));
    assert!(made.iter().all(|request| request.status == Some(200)));
    assert!(made[1].received > 1_000);

    let error = page.evaluate("(() => { throw new Error('no') })()").await.unwrap_err();
    assert!(error.to_string().contains("Error: no"), "{error}");
    let error = page.click("#nothing").await.unwrap_err();
    assert!(error.to_string().contains("there is none"), "{error}");
    page.evaluate("setTimeout(() => { console.warn('careful'); boom() })").await.unwrap();
    page.wait_for("document.readyState === 'complete'", WITHIN).await.unwrap();
    eventually("the error is recorded", WITHIN, || async {
        (page.errors().len() == 1).then_some(())
    })
    .await
    .unwrap();
    assert!(page.errors()[0].contains("boom is not defined"), "{:?}", page.errors());
    assert_eq!(page.console().last().unwrap().text, "careful");
    browser.close().await.unwrap();
}
