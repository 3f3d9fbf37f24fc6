//! What a browser loads when its user joins on a second node.

use anyhow::Result;
use bluegate_testkit::{Page, browser::NetworkRequest, eventually};

use super::visit::{Desk, WITHIN};

/// The goal: the whole client is some twenty times that.
const MOST: u64 = 50_000;

#[tokio::test]
async fn a_second_node_costs_next_to_nothing() {
    next_to_nothing("3.0").await.unwrap();
}

#[tokio::test]
async fn a_second_node_of_meteors_client_costs_next_to_nothing() {
    next_to_nothing("2.7").await.unwrap();
}

#[expect(clippy::print_stdout, reason = "the figures are what a person runs this for")]
async fn next_to_nothing(bbb: &str) -> Result<()> {
    let desk = Desk::set_up(&["--nodes", "2", "--bbb", bbb]).await?;
    let page = desk.browser.first_page()?;
    let [(first, first_node), (second, second_node)] = desk.two_meetings().await?;
    let origin = desk.cluster.ready.proxy_origin.clone();
    let folder = |node: &str| format!("{origin}/{node}/html5client/");

    desk.join(&page, &first).await?;
    // What is fetched last: the sounds.
    let whole = eventually("the first client", WITHIN, || async {
        let loaded = below(&page, &folder(&first_node.name));
        loaded.iter().any(|request| request.url.ends_with(".mp3")).then_some(loaded)
    })
    .await?;
    desk.join(&page, &second).await?;
    let again = eventually("the second client", WITHIN, || async {
        let loaded = below(&page, &folder(&second_node.name));
        // Of a document Chromium at times tells no end: its renderer was swapped meanwhile.
        let arrived = loaded.iter().all(|r| r.finished || r.kind == "Document");
        (loaded.len() >= whole.len() && arrived).then_some(loaded)
    })
    .await?;
    let table: Vec<_> =
        again.iter().map(|request| format!("{:>7} {}", request.received, request.url)).collect();
    println!(
        "{bbb}, first node: {} bytes in {} files; second: {} bytes in {} files",
        sum(&whole),
        whole.len(),
        sum(&again),
        again.len()
    );
    assert!(sum(&again) < MOST && sum(&again) < sum(&whole) / 2, "{table:#?}");

    // Back on the first node nothing but what must be asked for is asked for.
    let before = below(&page, &folder(&first_node.name)).len();
    desk.join(&page, &first).await?;
    let back = below(&page, &folder(&first_node.name)).split_off(before);
    let asked: Vec<_> =
        back.iter().filter(|r| !r.from_cache).map(|r| (r.received, r.url.as_str())).collect();
    println!("back on the first: {} bytes in {} files", sum(&back), asked.len());
    assert!(!back.is_empty() && asked.len() * 4 < back.len(), "{asked:#?}");
    desk.browser.close().await
}

fn below(page: &Page, folder: &str) -> Vec<NetworkRequest> {
    page.requests().into_iter().filter(|request| request.url.starts_with(folder)).collect()
}

fn sum(requests: &[NetworkRequest]) -> u64 {
    requests.iter().map(|request| request.received).sum()
}
