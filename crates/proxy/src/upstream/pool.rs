//! Connections kept for the next request.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use hyper::client::conn::http1::SendRequest;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout},
};

use super::{NodeBody, Upstream};

/// How long a kept connection may take to be ready. It is after the last byte
/// of the answer before; only its task has to run once more.
const READY_WAIT: Duration = Duration::from_millis(100);

/// A node's idle connections, the last used on top.
pub(super) struct Idle {
    connections: Vec<(SendRequest<NodeBody>, Instant)>,
    max: usize,
    max_age: Duration,
}

impl Idle {
    pub(super) fn new(max: usize, max_age: Duration) -> Self {
        Self { connections: Vec::new(), max, max_age }
    }

    fn take(&mut self, now: Instant) -> Option<SendRequest<NodeBody>> {
        while let Some((sender, since)) = self.connections.pop() {
            if now.duration_since(since) > self.max_age {
                // All below are older.
                self.connections.clear();
                return None;
            }
            if !sender.is_closed() {
                return Some(sender);
            }
        }
        None
    }

    fn put(&mut self, sender: SendRequest<NodeBody>, now: Instant) {
        if self.connections.len() >= self.max {
            let max_age = self.max_age;
            self.connections.retain(|(sender, since)| {
                !sender.is_closed() && now.duration_since(*since) <= max_age
            });
        }
        if self.connections.len() < self.max {
            self.connections.push((sender, now));
        }
    }
}

impl Upstream {
    /// A kept connection that is still good, as far as one can know.
    pub(super) async fn take_idle(&self) -> Option<SendRequest<NodeBody>> {
        loop {
            let taken =
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now());
            let mut sender = taken?;
            if sender.is_ready() {
                return Some(sender);
            }
            if let Ok(Ok(())) = timeout(READY_WAIT, sender.ready()).await {
                return Some(sender);
            }
        }
    }
}

/// A connection in use, and the place at the node that its request takes up.
///
/// Dropped early, it closes the connection: what is left of an answer nobody
/// reads is not worth waiting for.
#[derive(Debug)]
pub(crate) struct Lease {
    sender: SendRequest<NodeBody>,
    home: Option<Arc<Upstream>>,
    _place: OwnedSemaphorePermit,
}

impl Lease {
    /// A connection that may serve another request after this one.
    pub(super) fn reusable(
        upstream: &Arc<Upstream>,
        sender: SendRequest<NodeBody>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self { sender, home: Some(Arc::clone(upstream)), _place: place }
    }

    /// A connection for one request only.
    pub(super) fn single(sender: SendRequest<NodeBody>, place: OwnedSemaphorePermit) -> Self {
        Self { sender, home: None, _place: place }
    }

    /// The answer was read to its end.
    pub(crate) fn give_back(self) {
        let Some(home) = self.home else { return };
        if !self.sender.is_closed() {
            home.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .put(self.sender, Instant::now());
        }
    }
}
