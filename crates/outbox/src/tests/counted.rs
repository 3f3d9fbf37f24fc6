//! What is counted: attempts by their result, and what lies in the queue.

use std::time::Duration;

use bluegate_store::CallbackState;

use super::{Desk, count, new, receiver::Receiver, until};
use crate::{Attempt, Depth, New};

#[tokio::test]
async fn attempts_are_counted_by_what_they_came_to() {
    let mut desk = Desk::new();
    desk.bounds.attempts = 1;
    desk.bounds.timeout = Duration::from_secs(2);
    desk.targets = &["127.0.0.1"];
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let secure = Receiver::start_with(Some(&made)).await;
    let [away, hanging, cutting] =
        [Receiver::start().await, Receiver::start().await, Receiver::start().await];
    away.unplug().await;
    hanging.hang();
    cutting.cut();
    let receiver = Receiver::start().await;
    let running = desk.start().await;
    for (status, wanted) in [
        (200, Attempt::Delivered),
        (302, Attempt::Redirect),
        (404, Attempt::ClientError),
        (503, Attempt::ServerError),
    ] {
        receiver.answer(status);
        running.outbox.queue(vec![new(&receiver.url("/"), "x")]).await.unwrap();
        counts(&running.outbox, wanted).await;
    }
    for (target, wanted) in [
        ("http://127.0.0.2:9/".to_owned(), Attempt::Forbidden),
        (away.url("/"), Attempt::Unreachable),
        (secure.url("/").replace("http:", "https:"), Attempt::Untrusted),
        (hanging.url("/"), Attempt::Timeout),
        (cutting.url("/"), Attempt::Broken),
    ] {
        running.outbox.queue(vec![new(&target, "x")]).await.unwrap();
        counts(&running.outbox, wanted).await;
    }
    let counted = running.outbox.counters().attempts;
    assert!(counted.iter().all(|(_, times)| *times == 1), "{counted:?}");
    running.stop().await;
}

async fn counts(outbox: &crate::Outbox, wanted: Attempt) {
    let counted = async || outbox.counters().attempts.contains(&(wanted, 1));
    until(wanted.as_str(), counted).await;
}

#[tokio::test]
async fn what_lies_in_the_queue_is_counted_by_kind_with_its_age() {
    let mut desk = Desk::new();
    desk.bounds.count = Duration::from_millis(20);
    let receiver = Receiver::start().await;
    receiver.unplug().await;
    let running = desk.start().await;
    let target = receiver.url("/");
    assert!(running.outbox.depths().is_empty());
    running.outbox.queue(vec![new(&target, "never")]).await.unwrap();
    running.outbox.queue(vec![new(&target, "a")]).await.unwrap();
    desk.pass(60_000);
    let other = New { kind: "other", ..new(&target, "c") };
    running.outbox.queue(vec![new(&target, "b"), other]).await.unwrap();
    desk.pass(30_000);
    let wanted = [
        ("other".to_owned(), Depth { waiting: 1, dead: 0, oldest_seconds: 30 }),
        ("test".to_owned(), Depth { waiting: 2, dead: 1, oldest_seconds: 90 }),
    ];
    let is_counted = async || running.outbox.depths().into_iter().eq(wanted.clone());
    until("it is counted", is_counted).await;
    receiver.plug_in().await;
    desk.pass(3_600_000);
    until("delivered", async || count(&running.outbox, CallbackState::Queued).await == 0).await;
    let only_dead = Depth { waiting: 0, dead: 1, oldest_seconds: 0 };
    let is_empty =
        async || running.outbox.depths().into_iter().eq([("test".to_owned(), only_dead)]);
    until("it is counted again", is_empty).await;
    running.stop().await;
}

#[tokio::test]
async fn the_queue_is_looked_at_in_time_however_often_it_is_counted() {
    let mut desk = Desk::new();
    desk.bounds.look = Duration::from_millis(100);
    desk.bounds.count = Duration::from_millis(10);
    let receiver = Receiver::start().await;
    receiver.answer(503);
    let running = desk.start().await;
    running.outbox.queue(vec![new(&receiver.url("/"), "x")]).await.unwrap();
    until("it failed", async || running.outbox.counters().failed == 1).await;
    receiver.answer(200);
    desk.pass(3_600_000);
    until("it is tried again", async || running.outbox.counters().delivered == 1).await;
    running.stop().await;
}
