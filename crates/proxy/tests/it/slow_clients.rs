//! Clients that announce a body and do not send it.

use std::time::Duration;

use bluegate_proxy::{FailureKind, HealthState};
use http::StatusCode;
use tokio::{io::AsyncReadExt, task::JoinSet};

use crate::{
    fake_node::{FakeNode, hello},
    front::{Front, Setup},
};

const FEEDBACK: &str = "/old/html5client/feedback";

/// More than the failures in a row after which a node is left alone.
const CLIENTS: usize = 6;

async fn impatient(node: &FakeNode) -> Front {
    Setup::new()
        .mount_2x("old", node)
        .with(|config| config.response_timeout = Duration::from_millis(300))
        .start()
        .await
}

fn post(front: &Front, announced: usize, sent: &str) -> String {
    let host = front.host();
    format!("POST {FEEDBACK} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {announced}\r\n\r\n{sent}")
}

#[tokio::test]
async fn clients_that_do_not_send_what_they_announced_are_no_fault_of_the_node() {
    let node = hello().await;
    let front = std::sync::Arc::new(impatient(&node).await);
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let front = std::sync::Arc::clone(&front);
        let sent = if client % 2 == 0 { "" } else { "half" };
        clients.spawn(async move { front.raw(post(&front, 8, sent)).await });
    }
    for answer in clients.join_all().await {
        // And the connection ends: what comes late is no request.
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
    }
    let report = front.proxy.health_report().nodes["old"].clone();
    assert_eq!((report.state, report.last_failure), (HealthState::Healthy, None));
    assert_eq!(front.get("/old/html5client/a.js").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_node_that_does_not_answer_a_whole_body_is_at_fault() {
    let silent = FakeNode::script(|mut stream, _| async move {
        let mut buffer = [0; 4096];
        while matches!(stream.read(&mut buffer).await, Ok(count) if count > 0) {}
    })
    .await;
    let front = impatient(&silent).await;
    let request = post(&front, 4, "half").replace("Host", "Connection: close\r\nHost");
    assert_eq!(front.raw_status(request).await, Some(504));
    let report = front.proxy.health_report().nodes["old"].clone();
    assert_eq!(report.last_failure, Some(FailureKind::ResponseTimeout));
}
