//! What the scaler is built from. Plain data; opens nothing.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use bluegate_cluster::{AllowedHosts, Node, Origin, Secret, TenantName};
use bluegate_outbox::{Clock, Resolve, SystemResolver};
use bluegate_seal::Key;
use bluegate_tenant::Settings;

use crate::{clock, placement::NodeTerms};

/// A whole scaler.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where frontends reach the API.
    pub origin: Origin,
    /// The nodes meetings are placed on.
    pub nodes: Vec<NodeConfig>,
    /// Who may call.
    pub tenants: Vec<TenantConfig>,
    /// `sqlite://PATH`, or `postgres://...` which several scalers may share.
    pub store: String,
    /// The file with the key that seals secrets in the store; made at first use.
    pub key_file: PathBuf,
    /// How nodes' certificates are verified.
    pub node_tls: Arc<rustls::ClientConfig>,
    /// Callbacks through us; without it they go from nodes to frontends as they
    /// were given.
    pub callbacks: Option<CallbackConfig>,
    /// Bounds and timeouts.
    pub bounds: Bounds,
    /// How nodes are chosen.
    pub placement: Placement,
    /// Recordings.
    pub recordings: RecordingConfig,
}

/// Whose recordings are listed, and how often they are asked.
#[derive(Clone, Debug)]
pub struct RecordingConfig {
    /// Between two times that a node is asked for all its recordings. Default
    /// 10 min, give or take a tenth. What is new is usually known earlier.
    pub interval: Duration,
    /// For one part of them. Default 60 s: a server with very many reads their
    /// files for it.
    pub timeout: Duration,
    /// A balancer that recordings were left with.
    pub delegate: Option<DelegateConfig>,
}

impl Default for RecordingConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10 * 60),
            timeout: Duration::from_secs(60),
            delegate: None,
        }
    }
}

/// A balancer that recordings were left with.
#[derive(Clone, Debug)]
pub struct DelegateConfig {
    /// Where its API is.
    pub origin: Origin,
    /// Its own secrets: the first signs unless it refuses that.
    pub secrets: Vec<Secret>,
}

/// How nodes are chosen for new meetings.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// What a user counts. Default 1.
    pub user_weight: f64,
    /// What a user who can speak counts besides. Default 0.5.
    pub audio_weight: f64,
    /// What a camera counts besides. Default 1.
    pub video_weight: f64,
    /// What a meeting counts besides its users. Default 2.
    pub meeting_weight: f64,
    /// Users expected in a meeting of which nothing is known. Default 10.
    pub reserved_users: u32,
    /// Until a reservation nobody came for counts nothing. Default 15 min.
    pub reservation_lifetime: Duration,
    /// How long a node that returns takes less than its share. Default 5 min.
    pub slow_start: Duration,
}

impl Default for Placement {
    fn default() -> Self {
        Self {
            user_weight: 1.0,
            audio_weight: 0.5,
            video_weight: 1.0,
            meeting_weight: 2.0,
            reserved_users: 10,
            reservation_lifetime: Duration::from_secs(15 * 60),
            slow_start: Duration::from_secs(5 * 60),
        }
    }
}

/// How callbacks of nodes reach frontends.
#[derive(Clone)]
pub struct CallbackConfig {
    /// Seals our URLs; all scalers of a store have the same one.
    pub key: Arc<Key>,
    /// Receivers that may be called though they are not on the internet.
    pub targets: AllowedHosts,
    /// How receivers' certificates are verified.
    pub tls: Arc<rustls::ClientConfig>,
    /// Who looks receivers' names up.
    pub resolver: Arc<dyn Resolve>,
    /// The time.
    pub clock: Clock,
    /// Bounds of the queue.
    pub bounds: bluegate_outbox::Bounds,
}

impl CallbackConfig {
    /// Callbacks by the system's clock and resolver.
    #[must_use]
    pub fn new(key: Key, targets: AllowedHosts, tls: Arc<rustls::ClientConfig>) -> Self {
        Self {
            key: Arc::new(key),
            targets,
            tls,
            resolver: Arc::new(SystemResolver),
            clock: Arc::new(clock::now),
            bounds: bluegate_outbox::Bounds::default(),
        }
    }
}

impl fmt::Debug for CallbackConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { targets, bounds, .. } = self;
        f.debug_struct("CallbackConfig")
            .field("targets", targets)
            .field("bounds", bounds)
            .finish_non_exhaustive()
    }
}

/// A node with its API secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeConfig {
    /// The node.
    pub node: Node,
    /// The first signs; stamps of all are believed.
    pub secrets: Vec<Secret>,
    /// Its part in placement.
    pub terms: NodeTerms,
}

/// A tenant with its API secrets.
#[derive(Clone, Debug)]
pub struct TenantConfig {
    /// Its name.
    pub name: TenantName,
    /// Any of them authenticates. None: nobody gets in.
    pub secrets: Vec<Secret>,
    /// Whether its meeting IDs are the same on nodes (`default`, imported
    /// tenants) instead of encoded with its name.
    pub plain: bool,
    /// What it may and gets.
    pub settings: Settings,
}

/// Every bound and timeout of the scaler, each with a default that suits
/// clusters of 2 to 500 nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// To open a connection to a node, TLS included. Default 3 s.
    pub connect_timeout: Duration,
    /// For one call to a node, from its first byte to the answer's last.
    /// Default 10 s: a node that creates a meeting under load takes seconds.
    pub call_timeout: Duration,
    /// For a whole create call, retries included. Default 30 s.
    pub create_deadline: Duration,
    /// Times one create call is sent to the same node. Default 3.
    pub create_attempts: u32,
    /// Between two attempts of a create call. Default 100 ms.
    pub retry_pause: Duration,
    /// Between two polls of a node. Default 2 s, give or take a tenth.
    pub poll_interval: Duration,
    /// For one poll, at most; a node that has answered is given what its answers
    /// took, with a margin. Default 5 s.
    pub poll_timeout: Duration,
    /// For one poll, at least. Default 1 s.
    pub poll_patience: Duration,
    /// Silence, in polls, after which a node is given up while most others
    /// answer. Default 90 s.
    pub lost_after: Duration,
    /// After this, another scaler that says nothing new is not an observer any
    /// more. Default 10 s.
    pub observer_patience: Duration,
    /// How long users may take to come to a meeting that was placed anew,
    /// before a copy of it that came back with users is preferred. Default
    /// 2 min.
    pub twin_patience: Duration,
    /// How often memory follows what other scalers write to a shared store.
    /// Default 1 s.
    pub refresh_interval: Duration,
    /// How often nodes are asked whether they have our hooks. Default 60 s.
    pub hook_interval: Duration,
    /// How old an answer to isMeetingRunning or getMeetingInfo may be that is
    /// given to another who asks the same. Default 1 s.
    pub read_age: Duration,
    /// Such answers kept at the same time. Default 10,000.
    pub reads_kept: usize,
    /// Meetings a node is asked about one by one after a poll. Default 32; the
    /// others wait for the next poll.
    pub asks_per_poll: usize,
    /// How long a node may take to carry out a create whose caller is gone.
    /// Default 10 s.
    pub settle_time: Duration,
    /// How long an ending meeting may take before it is shown again. Default
    /// 60 s.
    pub end_time: Duration,
    /// Calls under way to one node. Default 128; more wait.
    pub calls_per_node: usize,
    /// Failed calls in a row after which a node is left alone for a moment.
    /// Default 5.
    pub breaker_failures: u32,
    /// How long it is left alone at first, before one call tries it again;
    /// doubled, up to 16 times as long, while that fails. Default 1 s.
    pub breaker_pause: Duration,
    /// The largest answer of a node. Default 32 MiB.
    pub answer_bytes: usize,
    /// The largest XML body of create and insertDocument. Default 32 MiB.
    pub body_bytes: usize,
    /// The largest form body. Default 2 MiB.
    pub form_bytes: usize,
    /// Bodies held at the same time, over all requests. Default 256 MiB.
    pub buffered_bytes: usize,
    /// To read a request's body. Default 60 s.
    pub body_timeout: Duration,
    /// How long it is remembered how large former meetings of an ID were.
    /// Default 180 days.
    pub keep_history: Duration,
    /// How long ended meetings stay in the store. Default 7 days.
    pub keep_ended: Duration,
    /// How long calls under way are waited for at the end. Default 10 s.
    pub drain: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            connect_timeout: Duration::from_secs(3),
            call_timeout: Duration::from_secs(10),
            create_deadline: Duration::from_secs(30),
            create_attempts: 3,
            retry_pause: Duration::from_millis(100),
            poll_interval: Duration::from_secs(2),
            poll_timeout: Duration::from_secs(5),
            poll_patience: Duration::from_secs(1),
            lost_after: Duration::from_secs(90),
            observer_patience: Duration::from_secs(10),
            twin_patience: Duration::from_secs(120),
            refresh_interval: Duration::from_secs(1),
            hook_interval: Duration::from_secs(60),
            read_age: Duration::from_secs(1),
            reads_kept: 10_000,
            asks_per_poll: 32,
            settle_time: Duration::from_secs(10),
            end_time: Duration::from_secs(60),
            calls_per_node: 128,
            breaker_failures: 5,
            breaker_pause: Duration::from_secs(1),
            answer_bytes: 32 * MIB,
            body_bytes: 32 * MIB,
            form_bytes: 2 * MIB,
            buffered_bytes: 256 * MIB,
            body_timeout: Duration::from_secs(60),
            keep_history: Duration::from_secs(180 * 24 * 60 * 60),
            keep_ended: Duration::from_secs(7 * 24 * 60 * 60),
            drain: Duration::from_secs(10),
        }
    }
}
