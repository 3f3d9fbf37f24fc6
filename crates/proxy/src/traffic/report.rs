//! Traffic as operators see it.

use std::{collections::BTreeMap, sync::atomic::Ordering::Relaxed, time::Duration};

use super::{STATUSES, Traffic};

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestClass {
    /// The client's page, or a listing of its files.
    Page,
    /// One of the client's files.
    Asset,
    /// A node's API index, or the cluster's API.
    Api,
    /// A WebSocket.
    Socket,
    /// Whatever was answered with one of our own pages.
    Own,
}

impl RequestClass {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Page, Self::Asset, Self::Api, Self::Socket, Self::Own];

    /// The word for it, as in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Asset => "asset",
            Self::Api => "api",
            Self::Socket => "socket",
            Self::Own => "own",
        }
    }
}

/// What passed the proxy since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrafficReport {
    /// By mount of the routes in force; the cluster's API as `api`, the
    /// address that all mounts share as `_client`, what was for none of them
    /// under no name at all.
    pub mounts: BTreeMap<String, MountTraffic>,
    /// Lines that the access log lost; `None` when there is none.
    pub access_log_dropped: Option<u64>,
}

/// One mount's part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountTraffic {
    /// Requests by class and by their status's first digit; none that is 0.
    pub requests: Vec<(RequestClass, &'static str, u64)>,
    /// Bytes of bodies sent to clients.
    pub body_bytes: u64,
    /// Bytes of them for which no node was asked.
    pub saved_bytes: u64,
    /// The node's side; absent where there is none.
    pub node: Option<NodeTraffic>,
}

/// One node as it is used now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeTraffic {
    /// Open connections, idle ones among them.
    pub connections: u64,
    /// Requests under way.
    pub requests: usize,
    /// Most requests under way.
    pub requests_limit: usize,
    /// Requests waiting for a place.
    pub pending: usize,
    /// Open WebSockets.
    pub web_sockets: usize,
    /// Most open WebSockets.
    pub web_sockets_limit: usize,
    /// How long its answers take.
    pub latency: LatencyReport,
}

/// How long answers take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencyReport {
    /// How many took at most so long.
    pub buckets: Vec<(Duration, u64)>,
    /// How many there were.
    pub count: u64,
    /// How long all of them took together.
    pub sum: Duration,
}

impl Traffic {
    pub(crate) fn report(&self, node: Option<NodeTraffic>) -> MountTraffic {
        const DIGITS: [&str; STATUSES] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        let mut requests = Vec::new();
        for (class, statuses) in RequestClass::ALL.iter().zip(&self.requests) {
            for (digit, counter) in DIGITS.iter().zip(statuses) {
                let count = counter.load(Relaxed);
                if count > 0 {
                    requests.push((*class, *digit, count));
                }
            }
        }
        MountTraffic {
            requests,
            body_bytes: self.body_bytes.load(Relaxed),
            saved_bytes: self.saved_bytes.load(Relaxed),
            node,
        }
    }

    pub(crate) fn open_connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }
}
