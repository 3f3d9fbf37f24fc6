//! What one client may take of a listener.

use std::sync::Arc;

use bluegate_net::{Bucket, ClientLimits, ClientReport, Clients, Policy};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsConnector;

use crate::{
    front::{Front, ask_who, behind_a_balancer, read_to_end, tls},
    site::eventually,
};

/// No more than `open` connections at once, as fast as they come.
fn at_once(open: u32) -> ClientLimits {
    ClientLimits { open, ..ClientLimits::default() }
}

#[tokio::test]
async fn a_client_with_its_share_is_told_to_come_back_and_others_are_not() {
    let clients = Clients::new(at_once(2));
    let policy = Policy { clients: Some(clients.clone()), ..behind_a_balancer(true) };
    let front = Front::start(policy, None);
    let come = async |client: &str| {
        let mut stream = front.connect().await;
        let header = format!("PROXY TCP4 {client} 127.0.0.1 1 2\r\n");
        stream.write_all(header.as_bytes()).await.unwrap();
        stream
    };
    let mut first = come("192.0.2.1").await;
    let mut second = come("192.0.2.1").await;
    assert_eq!(ask_who(&mut first, "").await, "192.0.2.1");
    assert_eq!(ask_who(&mut second, "").await, "192.0.2.1");

    let answer = read_to_end(&mut come("192.0.2.1").await).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("Retry-After"), "{answer}");
    assert_eq!(clients.report().shed_open, 1);
    assert_eq!(ask_who(&mut come("192.0.2.2").await, "").await, "192.0.2.2");
    assert_eq!(ask_who(&mut first, "").await, "192.0.2.1");

    drop(second);
    eventually(|| (clients.report().open == 1).then_some(())).await;
    assert_eq!(ask_who(&mut come("192.0.2.1").await, "").await, "192.0.2.1");
}

#[tokio::test]
async fn too_many_handshakes_are_turned_away_before_they_cost_anything() {
    let clients = Clients::new(ClientLimits { rate: 1, burst: 3, ..ClientLimits::default() });
    let policy = Policy { clients: Some(clients.clone()), ..Policy::default() };
    let (server, client) = tls();
    let front = Front::start(policy, Some(server));
    let mut refused = 0;
    for _ in 0..10 {
        let stream = front.connect().await;
        let connector = TlsConnector::from(client.clone());
        match connector.connect("localhost".try_into().unwrap(), stream).await {
            Ok(mut stream) => assert_eq!(ask_who(&mut stream, "").await, "127.0.0.1"),
            Err(_) => refused += 1,
        }
    }
    // The rate lets one more through with every second that this takes.
    assert!((5..=7).contains(&refused), "{refused}");
    assert_eq!(clients.report().shed_rate, refused);
}

#[tokio::test]
async fn whole_handshakes_run_out_and_resumed_ones_do_not() {
    let handshakes = Bucket { rate: 1, burst: 3 };
    let clients = Clients::new(ClientLimits { handshakes, ..ClientLimits::default() });
    let policy = Policy { clients: Some(clients.clone()), ..Policy::default() };
    let (server, client) = tls();
    let front = Front::start(policy, Some(server));
    let come = async |client: &Arc<rustls::ClientConfig>| {
        let connector = TlsConnector::from(client.clone());
        let stream = front.connect().await;
        match connector.connect("localhost".try_into().unwrap(), stream).await {
            // The tickets for the next time come with the answer.
            Ok(mut stream) => ask_who(&mut stream, "").await == "127.0.0.1",
            Err(_) => false,
        }
    };
    for visit in 0..10 {
        assert!(come(&client).await, "visit {visit} of one that comes back");
    }
    let mut refused = 0;
    for _ in 0..10 {
        let mut stranger = (*client).clone();
        stranger.resumption = rustls::client::Resumption::disabled();
        refused += u64::from(!come(&Arc::new(stranger)).await);
    }
    // Two were left, and the rate lets one more through with every second.
    assert!((5..=8).contains(&refused), "{refused}");
    assert_eq!(clients.report().over_handshakes, refused);
    assert_eq!(clients.report().shed_rate, 0);
}

#[tokio::test]
async fn balancers_have_no_bound_of_their_own() {
    let clients = Clients::new(at_once(1));
    let policy = Policy { clients: Some(clients.clone()), ..behind_a_balancer(false) };
    let front = Front::start(policy, None);
    let mut connections = Vec::new();
    for number in 0..4 {
        let mut stream = front.connect().await;
        let header = format!("X-Forwarded-For: 192.0.2.{number}\r\n");
        assert_eq!(ask_who(&mut stream, &header).await, format!("192.0.2.{number}"));
        connections.push(stream);
    }
    // Whom it names has an account for requests, and no connection.
    let report = ClientReport { clients: 4, ..ClientReport::default() };
    assert_eq!(clients.report(), report);
}
