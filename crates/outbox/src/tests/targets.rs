//! Which addresses are called, and which certificates believed.

use bluegate_store::CallbackState;

use super::{Desk, HOUR, count, new, reason, receiver::Receiver, until};
use crate::QueueError;

#[tokio::test]
async fn addresses_that_are_not_on_the_internet_are_never_connected_to() {
    let mut desk = Desk::new();
    desk.targets = &[];
    let receiver = Receiver::start().await;
    let port = receiver.address.port();
    desk.name("loopback.example.org", &["127.0.0.1"]);
    desk.name("private.example.org", &["10.0.0.1"]);
    desk.name("nothing.example.org", &["0.0.0.0"]);
    let running = desk.start().await;
    for target in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost.:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://[::ffff:7f00:1]:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        format!("http://loopback.example.org:{port}/"),
        format!("http://private.example.org:{port}/"),
        format!("http://nothing.example.org:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://192.168.0.1/".to_owned(),
        "http://100.64.0.1/".to_owned(),
        "http://[fd00::1]/".to_owned(),
        "http://[fe80::1]/".to_owned(),
        "http://224.0.0.1/".to_owned(),
    ] {
        desk.name("localhost", &["127.0.0.1"]);
        running.outbox.queue(vec![new(&target, "x")]).await.unwrap();
        let reason = reason(&running.outbox).await;
        assert!(reason.starts_with("the target is not on the internet"), "{target}: {reason}");
    }
    for target in ["ftp://example.org/", "gopher://127.0.0.1/", "nonsense"] {
        let refused = running.outbox.queue(vec![new(target, "x")]).await;
        assert!(matches!(refused, Err(QueueError::Target(_))), "{target}");
    }
    assert_eq!(receiver.connections(), 0);
    running.stop().await;
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_judged_each_time_by_what_is_connected_to() {
    let mut desk = Desk::new();
    // The first address may be called, and nobody listens there.
    desk.targets = &["127.0.0.2/32"];
    let receiver = Receiver::start().await;
    desk.name("rebinding.example.org", &["127.0.0.2", "127.0.0.1"]);
    let running = desk.start().await;
    let target = format!("http://rebinding.example.org:{}/", receiver.address.port());
    running.outbox.queue(vec![new(&target, "x")]).await.unwrap();
    until("tried", async || running.outbox.counters().failed == 1).await;
    assert_eq!(count(&running.outbox, CallbackState::Queued).await, 1);
    desk.pass(HOUR);
    assert!(reason(&running.outbox).await.starts_with("the target is not on the internet"));
    assert_eq!(receiver.connections(), 0);
    running.stop().await;
}

#[tokio::test]
async fn allowed_names_and_networks_may_be_private() {
    for targets in [&["lms.example.org"][..], &["*.example.org"], &["127.0.0.1"]] {
        let mut desk = Desk::new();
        desk.targets = targets;
        let receiver = Receiver::start().await;
        desk.name("lms.example.org", &["127.0.0.1"]);
        let running = desk.start().await;
        let target = format!("http://lms.example.org:{}/", receiver.address.port());
        running.outbox.queue(vec![new(&target, "x")]).await.unwrap();
        until("arrived", async || receiver.bodies() == ["x"]).await;
        running.stop().await;
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let mut desk = Desk::new();
    desk.bounds.attempts = 1;
    let (receiver, inside) = (Receiver::start().await, Receiver::start().await);
    receiver.redirect(&inside.url("/secret"));
    let running = desk.start().await;
    running.outbox.queue(vec![new(&receiver.url("/"), "x")]).await.unwrap();
    assert_eq!(reason(&running.outbox).await, "the target answered with status 302");
    assert_eq!(inside.connections(), 0);
    running.stop().await;
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_gets_nothing() {
    let mut desk = Desk::new();
    desk.bounds.attempts = 1;
    let made = rcgen::generate_simple_self_signed(vec!["lms.example.org".to_owned()]).unwrap();
    let receiver = Receiver::start_with(Some(&made)).await;
    desk.name("lms.example.org", &["127.0.0.1"]);
    desk.name("other.example.org", &["127.0.0.1"]);
    let target = |host: &str| format!("https://{host}:{}/", receiver.address.port());
    let running = desk.start().await;
    running.outbox.queue(vec![new(&target("lms.example.org"), "x")]).await.unwrap();
    assert!(reason(&running.outbox).await.contains("certificate is not trusted"));
    running.stop().await;

    desk.roots.add(made.cert.der().clone()).unwrap();
    let running = desk.start().await;
    running.outbox.queue(vec![new(&target("other.example.org"), "x")]).await.unwrap();
    assert!(reason(&running.outbox).await.contains("certificate is not trusted"));
    assert_eq!(receiver.bodies(), Vec::<String>::new());
    running.outbox.queue(vec![new(&target("lms.example.org"), "y")]).await.unwrap();
    until("arrived", async || receiver.bodies() == ["y"]).await;
    running.stop().await;
}
