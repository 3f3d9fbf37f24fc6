//! What is counted while requests run, by mount.
//!
//! One set of counters per mount, shared by every upstream the mount has one
//! after another, and gone with the mount. Nothing here is named by a client:
//! a request for no known mount counts for none. Counting is a handful of
//! relaxed additions; sums are made when somebody asks.

mod latency;
mod report;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use http::{Response, StatusCode};

use crate::{
    admission::{Admitted, Kind},
    body::Body,
};

pub(crate) use latency::Latency;
pub use report::{LatencyReport, MountTraffic, NodeTraffic, RequestClass, TrafficReport};

/// The first digits that a status has.
const STATUSES: usize = 5;

/// Marks an answer that is one of our own pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnAnswer;

/// One mount's counters.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    requests: [[AtomicU64; STATUSES]; RequestClass::ALL.len()],
    body_bytes: AtomicU64,
    /// Bytes of bodies for which the node was not asked.
    saved_bytes: AtomicU64,
    connections: AtomicU64,
    pub(crate) latency: Latency,
}

/// An open connection to a node; closed when dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Traffic>);

impl Traffic {
    /// Counts an answer, and its body when that is all here.
    pub(crate) fn answered(&self, class: RequestClass, response: &Response<Body>) {
        let own = response.extensions().get::<OwnAnswer>().is_some();
        let class = if own { RequestClass::Own } else { class };
        self.request(class, response.status());
        self.add_bytes(response.body().whole_len());
    }

    fn request(&self, class: RequestClass, status: StatusCode) {
        let hundreds = usize::from(status.as_u16() / 100);
        let of_class = self.requests.get(class as usize);
        let counter = of_class.and_then(|statuses| statuses.get(hundreds.wrapping_sub(1)));
        if let Some(counter) = counter {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// A piece of a body on its way to a client.
    pub(crate) fn add_bytes(&self, count: usize) {
        if count > 0 {
            self.body_bytes.fetch_add(count as u64, Relaxed);
        }
    }

    /// A body that is sent though the node did not send it.
    pub(crate) fn saved(&self, count: usize) {
        self.saved_bytes.fetch_add(count as u64, Relaxed);
    }

    /// A connection to the node.
    pub(crate) fn connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Relaxed);
        OpenConnection(Arc::clone(self))
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}

impl RequestClass {
    /// What an admitted request for `path` is.
    pub(crate) fn of(admitted: &Admitted, path: &str) -> Self {
        match admitted.kind {
            Kind::ApiIndex | Kind::Api => Self::Api,
            Kind::WebSocket => Self::Socket,
            // The page and what names the build's other files.
            Kind::Client
                if path.ends_with('/') || path.ends_with(".html") || path.ends_with("/join") =>
            {
                Self::Page
            }
            Kind::Client => Self::Asset,
        }
    }
}
