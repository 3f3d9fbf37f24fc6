//! What a browser loads when its user joins on a second node.

use anyhow::{Context as _, Result};
use bluegate_testkit::{
    Browser, BrowserOptions, Display, Page, browser::NetworkRequest, eventually,
};
use serde_json::json;

use super::{
    door::Door,
    visit::{Desk, WITHIN},
};
use crate::cluster::{Cluster, ReadyNode};

/// The goal: the whole client is some twenty times that.
const MOST: u64 = 50_000;

/// How long brotli's best may take over a whole client.
const PACKING: std::time::Duration = std::time::Duration::from_secs(150);

#[tokio::test]
async fn a_second_node_costs_next_to_nothing() {
    next_to_nothing(&["--bbb", "3.0"]).await.unwrap();
}

#[tokio::test]
async fn a_second_node_of_meteors_client_costs_next_to_nothing() {
    next_to_nothing(&["--bbb", "2.7"]).await.unwrap();
}

/// Over HTTP/2 and TLS, whose authority the browser trusts: with a mere
/// exception it would use no dictionaries.
#[tokio::test]
async fn a_second_node_over_https_costs_next_to_nothing() {
    next_to_nothing(&["--bbb", "3.0", "--tls"]).await.unwrap();
}

#[tokio::test]
async fn a_second_node_of_meteors_client_over_https_costs_next_to_nothing() {
    next_to_nothing(&["--bbb", "2.7", "--tls"]).await.unwrap();
}

#[tokio::test]
async fn a_browser_without_dictionaries_loads_little_too() {
    without_dictionaries().await.unwrap();
}

#[tokio::test]
async fn the_first_load_is_smaller_than_nginxs_and_a_restart_costs_no_more() {
    beside_nginx("3.0").await.unwrap();
}

#[tokio::test]
async fn meteors_first_load_is_smaller_than_nginxs_and_a_restart_costs_no_more() {
    beside_nginx("2.7").await.unwrap();
}

#[expect(clippy::print_stdout, reason = "the figures are what a person runs this for")]
async fn next_to_nothing(arguments: &[&str]) -> Result<()> {
    let desk = Desk::set_up(&[&["--nodes", "2"], arguments].concat()).await?;
    let page = desk.browser.first_page()?;
    let [(first, first_node), (second, second_node)] = desk.two_meetings().await?;
    let origin = desk.cluster.ready.proxy_origin.clone();

    let whole = load(&desk, &page, &first, &first_node).await?;
    let protocol = page.text("performance.getEntriesByType('navigation')[0].nextHopProtocol");
    let wanted = if arguments.contains(&"--tls") { "h2" } else { "http/1.1" };
    assert_eq!(protocol.await?, wanted);
    dictionary_is_kept(&page, &whole).await?;
    let again = load_again(&desk, &page, &second, &second_node, whole.len()).await?;
    println!(
        "{arguments:?}, first node: {} bytes in {} files; second: {} bytes in {} files",
        sum(&whole),
        whole.len(),
        sum(&again),
        again.len()
    );
    assert!(sum(&again) < MOST && sum(&again) < sum(&whole) / 2, "{:#?}", table(&again));

    // Back on the first node nothing but what must be asked for is asked for.
    let folder = folder(&origin, &first_node);
    let before = below(&page, &folder).len();
    desk.join(&page, &first).await?;
    let back = below(&page, &folder).split_off(before);
    let asked: Vec<_> =
        back.iter().filter(|r| !r.from_cache).map(|r| (r.received, r.url.as_str())).collect();
    println!("back on the first: {} bytes in {} files", sum(&back), asked.len());
    assert!(!back.is_empty() && asked.len() * 4 < back.len(), "{asked:#?}");
    desk.browser.close().await
}

/// A Chromium without what Firefox and Safari lack, that does not say it is
/// one.
#[expect(clippy::print_stdout, reason = "the figures are what a person runs this for")]
async fn without_dictionaries() -> Result<()> {
    let cluster = Cluster::start(&["--nodes", "2", "--tls"]).await;
    let ca = std::fs::read_to_string(cluster.ready.ca.as_deref().context("an authority")?)?;
    let display = Display::start().await?;
    let without =
        "--disable-features=CompressionDictionaryTransport,CompressionDictionaryTransportBackend";
    let options = BrowserOptions::on(&display).trusting(&ca).argument(without);
    let desk = Desk { browser: Browser::launch(options).await?, display, cluster };
    let page = desk.browser.first_page()?;
    let name = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    page.call("Network.setUserAgentOverride", json!({ "userAgent": name })).await?;
    let [(first, first_node), (second, second_node)] = desk.two_meetings().await?;
    let origin = desk.cluster.ready.proxy_origin.clone();
    let shared = |page: &Page| below(page, &format!("{origin}/_client/"));

    let whole = load(&desk, &page, &first, &first_node).await?;
    let moved = shared(&page);
    let again = load_again(&desk, &page, &second, &second_node, whole.len()).await?;
    let moved_again = shared(&page).split_off(moved.len());
    let bytes = |own: &[NetworkRequest], shared: &[NetworkRequest]| sum(own) + sum(shared);
    println!(
        "without dictionaries, first node: {} bytes, {} files elsewhere; second: {} bytes",
        bytes(&whole, &moved),
        moved.len(),
        bytes(&again, &moved_again)
    );
    assert!(moved.len() > 5 && moved_again.iter().all(|request| request.from_cache));
    let loaded = bytes(&again, &moved_again);
    assert!(loaded < bytes(&whole, &moved) / 15, "{loaded}: {:#?}", table(&again));
    assert_eq!(page.errors(), Vec::<String>::new());
    desk.browser.close().await
}

/// The same nodes behind nginx, and behind a Bluegate that forgets everything
/// between two meetings.
#[expect(clippy::print_stdout, reason = "the figures are what a person runs this for")]
async fn beside_nginx(bbb: &str) -> Result<()> {
    let cluster = Cluster::start(&["--nodes", "2", "--tls", "--bbb", bbb]).await;
    // It packs in the background while nginx has its turn.
    let mut door = Door::bluegate(&cluster, "").await?;
    let nginx = Door::nginx(&cluster).await?;
    let desk = at_door(cluster, &nginx).await?;
    let [(first, first_node), (second, second_node)] = desk.two_meetings().await?;
    let page = desk.browser.first_page()?;
    let by_nginx = load(&desk, &page, &first, &first_node).await?;
    let again_by_nginx = load_again(&desk, &page, &second, &second_node, by_nginx.len()).await?;
    desk.browser.close().await?;
    drop(desk.display);

    // It is packed last.
    let largest = largest_script(&by_nginx)?;
    let largest = largest.strip_prefix(&desk.cluster.ready.proxy_origin).context("its path")?;
    door.packs(&desk.cluster, largest, PACKING).await?;
    let desk = at_door(desk.cluster, &door).await?;
    // Meetings end when nobody is in them for a minute.
    let [(first, first_node), (second, second_node)] = desk.two_meetings().await?;
    let page = desk.browser.first_page()?;
    let whole = load(&desk, &page, &first, &first_node).await?;
    dictionary_is_kept(&page, &whole).await?;
    door.restart().await?;
    let again = load_again(&desk, &page, &second, &second_node, whole.len()).await?;
    println!(
        "{bbb}, nginx: {} and {} bytes; Bluegate: {} and, after a restart, {} bytes",
        sum(&by_nginx),
        sum(&again_by_nginx),
        sum(&whole),
        sum(&again)
    );
    assert!(sum(&whole) < sum(&by_nginx), "{:#?}", table(&whole));
    assert!(sum(&again) < MOST, "{:#?}", table(&again));
    desk.browser.close().await
}

/// A browser that finds the cluster's origin at this door.
async fn at_door(cluster: Cluster, door: &Door) -> Result<Desk> {
    let display = Display::start().await?;
    let ca = std::fs::read_to_string(cluster.ready.ca.as_deref().context("an authority")?)?;
    let options = BrowserOptions::on(&display)
        .trusting(&ca)
        .trusting(&door.authority.certificate())
        .argument(&door.rule(&cluster));
    let browser = Browser::launch(options).await?;
    Ok(Desk { browser, display, cluster })
}

/// The client's files of a first visit.
async fn load(
    desk: &Desk,
    page: &Page,
    meeting: &str,
    node: &ReadyNode,
) -> Result<Vec<NetworkRequest>> {
    let folder = folder(&desk.cluster.ready.proxy_origin, node);
    // A page of the same site, so that the client needs no other renderer: Chromium does not
    // tell all of what is loaded while it swaps them.
    page.goto(&desk.cluster.ready.frontend, WITHIN).await?;
    desk.join(page, meeting).await?;
    // What is fetched last: the sounds; but what is said of its scripts may come later.
    let whole = eventually("the first client", WITHIN, || async {
        let loaded = below(page, &folder);
        let has_sounds = loaded.iter().any(|request| request.url.ends_with(".mp3"));
        let whole = has_sounds && largest_script(&loaded).is_ok() && arrived(&loaded);
        whole.then_some(loaded)
    });
    whole.await.with_context(|| format!("so far: {:#?}", below(page, &folder)))
}

/// The same client's files from another node.
async fn load_again(
    desk: &Desk,
    page: &Page,
    meeting: &str,
    node: &ReadyNode,
    files: usize,
) -> Result<Vec<NetworkRequest>> {
    let folder = folder(&desk.cluster.ready.proxy_origin, node);
    desk.join(page, meeting).await?;
    eventually("the second client", WITHIN, || async {
        let loaded = below(page, &folder);
        (loaded.len() >= files && arrived(&loaded)).then_some(loaded)
    })
    .await
}

/// Waits until the browser has the largest script as a dictionary: it writes
/// some megabytes after it has run them, and users take longer than that to
/// their next meeting.
async fn dictionary_is_kept(page: &Page, loaded: &[NetworkRequest]) -> Result<()> {
    let largest = largest_script(loaded)?;
    let sign = if largest.contains('?') { '&' } else { '?' };
    let again = json!(format!("{largest}{sign}again="));
    // By an address that its cache does not have.
    let bytes = format!(
        "(async () => {{
            const url = {again} + performance.now();
            await (await fetch(url, {{ cache: 'no-store' }})).arrayBuffer();
            return String(performance.getEntriesByName(url)[0].encodedBodySize);
        }})()"
    );
    eventually("the dictionary", WITHIN, || async {
        let bytes = page.text(&bytes).await.ok()?.parse::<u64>().ok()?;
        (bytes > 0 && bytes < MOST).then_some(())
    })
    .await
}

/// Of a document Chromium at times tells no end: its renderer was swapped
/// meanwhile.
fn arrived(requests: &[NetworkRequest]) -> bool {
    requests.iter().all(|request| request.finished || request.kind == "Document")
}

fn largest_script(loaded: &[NetworkRequest]) -> Result<&str> {
    let scripts = loaded.iter().filter(|request| request.kind == "Script");
    let largest = scripts.max_by_key(|request| request.received).context("a script")?;
    Ok(&largest.url)
}

fn folder(origin: &str, node: &ReadyNode) -> String {
    format!("{origin}/{}/html5client/", node.name)
}

fn table(requests: &[NetworkRequest]) -> Vec<String> {
    requests.iter().map(|request| format!("{:>7} {}", request.received, request.url)).collect()
}

fn below(page: &Page, folder: &str) -> Vec<NetworkRequest> {
    page.requests().into_iter().filter(|request| request.url.starts_with(folder)).collect()
}

fn sum(requests: &[NetworkRequest]) -> u64 {
    requests.iter().map(|request| request.received).sum()
}
