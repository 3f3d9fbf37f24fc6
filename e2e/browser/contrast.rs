//! The contrast: nodes that serve their client themselves are origins of their
//! own, and the browser asks for each of them.

use anyhow::Result;

use super::visit::{CAMERA, Desk, Device, MICROPHONE, node_of, origin_of};

async fn is_asked_for_by_each_node(device: Device, name: &str) -> Result<()> {
    let desk = Desk::set_up(&["--nodes", "2", "--without-proxy"]).await?;
    let meetings = desk.two_meetings().await?;
    let page = desk.browser.first_page()?;
    for (number, (meeting, node)) in (1..).zip(&meetings) {
        desk.join(&page, meeting).await?;
        let seen = (node_of(&page).await?, origin_of(&page).await?);
        assert_eq!(seen, (node.name.clone(), node.origin.clone()));
        desk.open_with_prompt(&page, device, &format!("contrast-{name}-{number}")).await?;
    }
    desk.browser.close().await
}

#[tokio::test]
async fn each_node_asks_for_the_microphone_without_the_proxy() {
    is_asked_for_by_each_node(MICROPHONE, "microphone").await.unwrap();
}

#[tokio::test]
async fn each_node_asks_for_the_camera_without_the_proxy() {
    is_asked_for_by_each_node(CAMERA, "camera").await.unwrap();
}
