//! What an outbox is built from. Plain data.

use std::{fmt, sync::Arc, time::Duration};

use bluegate_cluster::AllowedHosts;
use bluegate_store::Store;

use crate::connect::Resolve;

/// The time, in ms since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A whole outbox.
#[derive(Clone)]
pub struct Config {
    /// Where callbacks survive a restart.
    pub store: Store,
    /// How receivers' certificates are verified.
    pub tls: Arc<rustls::ClientConfig>,
    /// Receivers that may be called though they are not on the internet.
    pub targets: AllowedHosts,
    /// Who looks names up.
    pub resolver: Arc<dyn Resolve>,
    /// The time.
    pub clock: Clock,
    /// Bounds and timeouts.
    pub bounds: Bounds,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { targets, bounds, .. } = self;
        f.debug_struct("Config")
            .field("targets", targets)
            .field("bounds", bounds)
            .finish_non_exhaustive()
    }
}

/// Every bound and timeout.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Deliveries tried of one callback. Default 64.
    pub attempts: i64,
    /// How long a callback is tried. Default 24 h.
    pub age: Duration,
    /// Before the second attempt; each pause is twice the one before it, give or
    /// take a fifth. Default 5 s.
    pub first_pause: Duration,
    /// The longest pause. Default 30 min.
    pub longest_pause: Duration,
    /// Deliveries to one host and port at once. Default 4.
    pub per_place: usize,
    /// Deliveries at once. Default 64.
    pub at_once: usize,
    /// Callbacks of one place that one process takes beforehand. Default 64.
    pub taken_per_place: usize,
    /// Callbacks that one process takes at a time. Default 512.
    pub taken: usize,
    /// Callbacks that one process has taken and not begun. Default 4,096.
    pub waiting: usize,
    /// Deliveries recorded together. Default 32; fewer when there are no more.
    pub recorded: usize,
    /// Callbacks of one kind that may wait for one tenant. Default 10,000.
    pub queue: i64,
    /// The largest payload. Default 4 MiB.
    pub payload_bytes: usize,
    /// For one delivery, connection and TLS included. Default 10 s.
    pub timeout: Duration,
    /// How long a delivery is nobody else's. Default 60 s.
    pub lease: Duration,
    /// How often the queue is looked at without being told. Default 1 s.
    pub look: Duration,
    /// How often it is counted what lies in the queue. Default 5 s.
    pub count: Duration,
    /// How often what is old is cleared away. Default 10 min.
    pub clear: Duration,
    /// Dead letters kept of one tenant. Default 1,000; the oldest go.
    pub dead_kept: i64,
    /// How long dead letters are kept. Default 14 days.
    pub dead_age: Duration,
    /// How long it is remembered that a callback was delivered, where a second
    /// one would be a repetition. Default 7 days.
    pub delivered_age: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            attempts: 64,
            age: DAY,
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_secs(30 * 60),
            per_place: 4,
            at_once: 64,
            taken_per_place: 64,
            taken: 512,
            waiting: 4_096,
            recorded: 32,
            queue: 10_000,
            payload_bytes: 4 * 1024 * 1024,
            timeout: Duration::from_secs(10),
            lease: Duration::from_secs(60),
            look: Duration::from_secs(1),
            count: Duration::from_secs(5),
            clear: Duration::from_secs(10 * 60),
            dead_kept: 1_000,
            dead_age: 14 * DAY,
            delivered_age: 7 * DAY,
        }
    }
}
