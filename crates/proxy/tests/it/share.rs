//! What one client may have of the proxy, by class of cost.

use std::sync::Arc;

use bluegate_net::{Bucket, ClientLimits, Clients, Trust};
use bytes::Bytes;
use http::StatusCode;

use crate::{
    cache::{cached, static_file},
    fake_node::FakeNode,
    front::{Answer, Front, Setup},
};

/// Refills so slowly that nothing comes back within a test.
fn only(burst: u32) -> Bucket {
    Bucket { rate: 1, burst }
}

fn limited(mut setup: Setup, limits: ClientLimits) -> (Setup, Arc<Clients>) {
    let clients = Clients::new(limits);
    setup.policy.clients = Some(Arc::clone(&clients));
    (setup, clients)
}

async fn node() -> FakeNode {
    FakeNode::start(|seen| static_file(seen, "text/javascript", b"let it = 1;")).await
}

async fn get(front: &Front, file: &str) -> Answer {
    front.get(&format!("/bbb-01/html5client/{file}")).await
}

fn told_to_wait(answer: &Answer) -> bool {
    let wait = answer.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
    answer.status == StatusCode::TOO_MANY_REQUESTS
        && wait.is_some_and(|wait| (1..60).contains(&wait))
}

#[tokio::test]
async fn who_asks_for_ever_new_files_is_held_and_still_gets_those_in_memory() {
    let node = node().await;
    let limits = ClientLimits { upstream: only(3), ..ClientLimits::default() };
    let (setup, clients) = limited(cached(Setup::new().mount("bbb-01", &node)), limits);
    let front = setup.start().await;
    // Twice the same costs once.
    for file in ["a.js?v=1", "b.js?v=1", "a.js?v=1", "c.js?v=1", "b.js?v=1"] {
        assert_eq!(get(&front, file).await.status, StatusCode::OK, "{file}");
    }
    let asked = node.requests().len();
    let mut refused = 0;
    for number in 0..20 {
        refused += u64::from(told_to_wait(&get(&front, &format!("d{number}.js?v=1")).await));
    }
    // One comes back with each second that this takes.
    assert!(refused >= 15, "{refused} of 20 were refused");
    assert!(node.requests().len() - asked <= 5);
    assert_eq!(clients.report().over_upstream, refused);
    assert_eq!(get(&front, "c.js?v=1").await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_makes_up_digests_pays_for_each_node_that_is_asked() {
    let nodes = [node().await, node().await];
    let limits = ClientLimits { upstream: only(6), ..ClientLimits::default() };
    let setup = cached(Setup::new().mount("bbb-01", &nodes[0]).mount("bbb-02", &nodes[1]));
    let (setup, clients) = limited(setup, limits);
    let front = setup.start().await;
    let mut refused = 0;
    for number in 0..20_u64 {
        let answer = front.get(&format!("/_client/{number:064x}/d{number}.js")).await;
        let waits = told_to_wait(&answer);
        assert!(waits || answer.status == StatusCode::NOT_FOUND, "{answer:?}");
        refused += u64::from(waits);
    }
    // Two nodes each for three; one question comes back with each second.
    assert!(refused >= 15, "{refused} of 20 were refused");
    assert_eq!(clients.report().over_upstream, refused);
    assert!(nodes.iter().map(|node| node.requests().len()).sum::<usize>() <= 10);
}

#[tokio::test]
async fn without_a_cache_every_request_goes_to_the_node_and_counts() {
    let node = node().await;
    let limits = ClientLimits { upstream: only(3), ..ClientLimits::default() };
    let (setup, clients) = limited(Setup::new().mount("bbb-01", &node), limits);
    let front = setup.start().await;
    let mut refused = 0;
    for _ in 0..20 {
        refused += u64::from(told_to_wait(&get(&front, "a.js?v=1").await));
    }
    assert!((12..=17).contains(&refused), "{refused} of 20 were refused");
    assert_eq!(clients.report().over_upstream, refused);
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let node = node().await;
    let limits = ClientLimits { requests: only(3), ..ClientLimits::default() };
    let (setup, clients) = limited(cached(Setup::new().mount("bbb-01", &node)), limits);
    let front = setup.start().await;
    let mut refused = 0;
    for _ in 0..20 {
        refused += u64::from(told_to_wait(&get(&front, "a.js?v=1").await));
    }
    assert!((12..=17).contains(&refused), "{refused} of 20 were refused");
    assert_eq!(clients.report().over_requests, refused);
    assert_eq!(clients.report().over_upstream, 0);
}

#[tokio::test]
async fn behind_a_balancer_each_client_has_its_own_and_the_balancer_none() {
    let node = node().await;
    let limits = ClientLimits { requests: only(3), ..ClientLimits::default() };
    let (mut setup, _) = limited(cached(Setup::new().mount("bbb-01", &node)), limits);
    setup.policy.trust =
        Trust { networks: vec!["127.0.0.0/8".parse().unwrap()], proxy_protocol: false };
    let front = setup.start().await;
    let ask = async |client: Option<&str>| {
        let mut request = front.request("GET", "/bbb-01/html5client/a.js?v=1");
        if let Some(client) = client {
            request = request.header("x-forwarded-for", client);
        }
        front.send(request.body(Bytes::new()).unwrap()).await
    };
    let mut refused = 0;
    for _ in 0..10 {
        refused += u64::from(told_to_wait(&ask(Some("192.0.2.1")).await));
        assert_eq!(ask(None).await.status, StatusCode::OK);
    }
    assert!((4..=7).contains(&refused), "{refused} of 10 were refused");
    assert_eq!(ask(Some("192.0.2.2")).await.status, StatusCode::OK);
}
