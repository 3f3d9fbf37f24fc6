//! Behind the proxy all meetings come from one origin: the browser asks once.

use anyhow::Result;

use super::visit::{CAMERA, Desk, Device, MICROPHONE, node_of, origin_of};

async fn is_asked_for_once(device: Device, arguments: &[&str], name: &str) -> Result<()> {
    let desk = Desk::set_up(arguments).await?;
    let [(one, first_node), (two, second_node)] = desk.two_meetings().await?;
    let origin = desk.cluster.ready.proxy_origin.clone();

    let page = desk.browser.first_page()?;
    desk.join(&page, &one).await?;
    assert_eq!((node_of(&page).await?, origin_of(&page).await?), (first_node.name, origin.clone()));
    desk.open_with_prompt(&page, device, &format!("{name}-1-first-node")).await?;

    desk.join(&page, &two).await?;
    let seen = (node_of(&page).await?, origin_of(&page).await?);
    assert_eq!(seen, (second_node.name.clone(), origin.clone()));
    desk.open_without_prompt(&page, device, &format!("{name}-2-second-node")).await?;

    let room = desk.open_breakout(&page).await?;
    let meeting = "document.documentElement.dataset.meeting";
    assert_ne!(room.text(meeting).await?, page.text(meeting).await?);
    assert_eq!((node_of(&room).await?, origin_of(&room).await?), (second_node.name, origin));
    desk.open_without_prompt(&room, device, &format!("{name}-3-breakout-room")).await?;

    for page in desk.browser.pages() {
        assert_eq!(page.errors(), Vec::<String>::new());
    }
    desk.browser.close().await
}

#[tokio::test]
async fn the_microphone_is_asked_for_once() {
    is_asked_for_once(MICROPHONE, &["--nodes", "3"], "proxy-microphone").await.unwrap();
}

#[tokio::test]
async fn the_camera_is_asked_for_once() {
    is_asked_for_once(CAMERA, &["--nodes", "3"], "proxy-camera").await.unwrap();
}

#[tokio::test]
async fn the_microphone_is_asked_for_once_over_2_7_nodes() {
    let arguments = ["--nodes", "2", "--bbb", "2.7"];
    is_asked_for_once(MICROPHONE, &arguments, "proxy-2.7-microphone").await.unwrap();
}

#[tokio::test]
async fn the_microphone_is_asked_for_once_over_https() {
    is_asked_for_once(MICROPHONE, &["--nodes", "2", "--tls"], "proxy-https").await.unwrap();
}
