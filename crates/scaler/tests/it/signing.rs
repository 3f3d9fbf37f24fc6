//! Calls are signed as each node takes them.

use crate::{
    cluster::{eventually, node_secret},
    simulated::{Kind, Simulated},
};

/// The length in hex of the checksum that a join is sent to a node with.
fn digest_length(location: &str) -> usize {
    location.rsplit_once("&checksum=").unwrap().1.len()
}

#[tokio::test]
async fn every_node_is_called_with_the_strongest_digest_it_takes() {
    for (kind, length) in [
        (Kind { release: "2.4.9", ..Kind::STOCK }, 64),
        (Kind { release: "2.5.3", ..Kind::STOCK }, 128),
        (
            Kind {
                release: "2.7.17",
                properties: "supportedChecksumAlgorithms=sha1",
                ..Kind::STOCK
            },
            40,
        ),
        (Kind { properties: "supportedChecksumAlgorithms=sha1,sha384", ..Kind::STOCK }, 96),
        (Kind { properties: "supportedChecksumAlgorithms=sha256", ..Kind::STOCK }, 64),
        (Kind::STOCK, 128),
        (Kind { earlier_secret: Some("before"), ..Kind::STOCK }, 128),
        (
            Kind {
                earlier_secret: Some("before"),
                properties: "supportedChecksumAlgorithms=sha1",
                ..Kind::STOCK
            },
            40,
        ),
    ] {
        let simulated = Simulated::start(&[kind]).await;
        let frontend = simulated.cluster.frontend("physics");
        frontend.create("class").await;
        let query = "meetingID=class&fullName=J+D&role=VIEWER";
        let join = frontend.get("join", query).await;
        assert_eq!(digest_length(join.location()), length, "{kind:?}");
        let joined = simulated.follow(&frontend, join.location()).await;
        assert!(joined.location().contains("/html5client"), "{kind:?} {}", joined.location());
        // Found out once: no call is refused any more.
        let before = simulated.nodes[0].records().len();
        frontend.get("end", "meetingID=class").await.answer();
        let ends = |record: &&bluegate_simnode::Record| record.call.as_deref() == Some("end");
        let records = simulated.nodes[0].records();
        assert_eq!(records[before.min(records.len())..].iter().filter(ends).count(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_node_that_takes_another_digest_or_secret_from_now_on_is_followed() {
    let simulated =
        Simulated::start(&[Kind { earlier_secret: Some("before"), ..Kind::STOCK }]).await;
    let frontend = simulated.cluster.frontend("default");
    frontend.create("first").await;
    let new = node_secret(0).expose().to_owned();
    for (number, secret, properties) in [
        (1, "before", "supportedChecksumAlgorithms=sha256"),
        (2, new.as_str(), "supportedChecksumAlgorithms=sha256"),
        (3, new.as_str(), "supportedChecksumAlgorithms=sha1"),
        (4, "before", ""),
    ] {
        simulated.reconfigure(0, secret, properties);
        frontend.create(&format!("class-{number}")).await;
    }
}

#[tokio::test]
async fn a_node_that_takes_no_way_to_sign_is_left_out() {
    let simulated = Simulated::start(&[Kind::STOCK, Kind::STOCK]).await;
    let frontend = simulated.cluster.frontend("default");
    simulated.reconfigure(0, "another", "");
    for number in 0..4 {
        frontend.create(&format!("class-{number}")).await;
    }
    assert_eq!(simulated.nodes[1].meetings().len(), 4);
    // Its operator gives it the secret that we know.
    simulated.reconfigure(0, node_secret(0).expose(), "");
    let mut number = 4;
    eventually("it takes meetings again", async || {
        number += 1;
        frontend.create(&format!("class-{number}")).await;
        !simulated.nodes[0].meetings().is_empty()
    })
    .await;
}
