//! What the proxy knows of its nodes' health, for operators.

use std::collections::BTreeMap;

use serde::Serialize;

/// The health of all nodes of the routes in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HealthReport {
    /// So many nodes fail at once that the fault is most likely ours: all are
    /// asked, whatever their state.
    pub panicking: bool,
    /// By mount.
    pub nodes: BTreeMap<String, NodeHealthReport>,
}

/// One node's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeHealthReport {
    /// What is believed of it.
    pub state: HealthState,
    /// Seconds since it is believed.
    pub state_seconds: u64,
    /// How it failed last, if it ever did.
    pub last_failure: Option<FailureKind>,
    /// Requests and probes in a row that failed, up to now.
    pub failures_in_a_row: u32,
    /// Probes that were sent.
    pub probes: u64,
    /// Probes that failed.
    pub failed_probes: u64,
    /// How often it went from healthy to suspect.
    pub ejections: u64,
    /// Requests that were answered without asking it, because it was suspect.
    pub refused: u64,
}

/// What is believed of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// Requests go to it.
    Healthy,
    /// It failed several times in a row: it is not asked for a while.
    Suspect,
    /// That while is over: one request is there to find out.
    Trial,
}

impl HealthState {
    /// The word for it, as in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Suspect => "suspect",
            Self::Trial => "trial",
        }
    }
}

/// How a node failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Its name has no address.
    Name,
    /// No address of it takes connections.
    Connect,
    /// Name, TCP and TLS took too long.
    ConnectTimeout,
    /// TLS failed.
    Tls,
    /// The connection ended early, or what came is not HTTP.
    Protocol,
    /// No answer in time.
    ResponseTimeout,
    /// It answered 502, 503 or 504.
    GatewayStatus,
}

impl FailureKind {
    /// The word for it, as in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Connect => "connect",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::ResponseTimeout => "response_timeout",
            Self::GatewayStatus => "gateway_status",
        }
    }
}
