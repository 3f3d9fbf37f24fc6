//! A person's way: the demo's frontend page, two meetings, two nodes, one
//! prompt.

use anyhow::Result;
use bluegate_testkit::Page;

use super::{
    picture,
    visit::{Desk, MICROPHONE, WITHIN, node_of, origin_of, wait_until_joined},
};

/// Starts a meeting on the frontend's page and gives the node that it names.
async fn start(page: &Page, name: &str) -> Result<String> {
    page.type_into("input[name=name]", name).await?;
    page.click("form[action='/start'] button").await?;
    let row = format!(
        "[...document.querySelectorAll('tr[data-meeting]')].find(row => row.innerText.includes('{name}'))"
    );
    page.wait_for(&format!("!!{row}"), WITHIN).await?;
    page.text(&format!("{row}.dataset.node")).await
}

/// Joins the meeting on a node by its button, which opens a tab.
async fn join(desk: &Desk, page: &Page, node: &str) -> Result<Page> {
    let known = desk.browser.pages();
    page.click(&format!("tr[data-meeting][data-node='{node}'] a[href*='role=moderator']")).await?;
    let tab = desk.browser.page_besides(&known, WITHIN).await?;
    wait_until_joined(&tab).await?;
    Ok(tab)
}

#[tokio::test]
async fn two_meetings_two_nodes_one_prompt_from_the_frontend() {
    from_the_frontend().await.unwrap();
}

async fn from_the_frontend() -> Result<()> {
    let desk = Desk::set_up(&["--nodes", "2"]).await?;
    let page = desk.browser.first_page()?;
    page.goto(&desk.cluster.ready.frontend, WITHIN).await?;
    let one = start(&page, "Physics").await?;
    let two = start(&page, "Latin").await?;
    assert_ne!(one, two);
    page.save_screenshot(&picture("frontend.png")).await?;

    let first = join(&desk, &page, &one).await?;
    assert_eq!(node_of(&first).await?, one);
    desk.open_with_prompt(&first, MICROPHONE, "frontend-1-first-meeting").await?;
    let second = join(&desk, &page, &two).await?;
    assert_eq!(node_of(&second).await?, two);
    assert_eq!(origin_of(&first).await?, origin_of(&second).await?);
    desk.open_without_prompt(&second, MICROPHONE, "frontend-2-second-meeting").await?;
    desk.browser.close().await
}
