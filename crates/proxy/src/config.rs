//! What the proxy can be told.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bluegate_cluster::Origin;
use rustls::ClientConfig;

use crate::{
    access_log::{AccessLogClient, AccessLogFormat},
    cache::CacheConfig,
    upstream::{Lookup, SystemLookup},
};

/// The proxy's settings. Every wait and every queue towards a node is here.
#[derive(Clone, Debug)]
pub struct Config {
    /// How nodes are verified: see `bluegate_net::tls::client_config`. Only
    /// nodes whose origin is `https` use it.
    pub node_tls: Arc<ClientConfig>,
    /// Who finds the addresses of nodes' names. Default: the system.
    pub lookup: Arc<dyn Lookup>,
    /// From a request's need for a new connection to a usable one: name, TCP
    /// and TLS. Then 504. Default 5 s.
    pub connect_timeout: Duration,
    /// From a request handed to a connection, its body included, to the head
    /// of the node's answer. Then 504. Default 15 s.
    pub response_timeout: Duration,
    /// How long a node may be silent in the middle of an answer before the
    /// answer is broken off. Default 30 s.
    pub body_timeout: Duration,
    /// How long a tunnelled WebSocket may carry nothing in either direction.
    /// SockJS sends a heartbeat every 25 s. Default 120 s.
    pub web_socket_timeout: Duration,
    /// Requests under way at one node, bodies included. Default 1,024.
    pub max_concurrent: usize,
    /// Requests waiting for one of those places, for at most
    /// `connect_timeout`. More are answered 503 at once. Default 1,024.
    pub max_pending: usize,
    /// WebSockets open to one node (BBB 2.x). Default 2,048.
    pub max_web_sockets: usize,
    /// Idle connections kept to one node. Default 64.
    pub max_idle: usize,
    /// How long an idle connection to a node is used again. Below the 60 to
    /// 75 s after which web servers close it. Default 50 s.
    pub idle_timeout: Duration,
    /// How often a node that answered no request lately is probed; zero: never.
    /// Default 10 s.
    pub health_interval: Duration,
    /// How long a probe may take, connection included. Default 5 s.
    pub health_timeout: Duration,
    /// Questions of the cache under way at one node. Default 32.
    pub max_cache_questions: usize,
    /// Where `/bigbluebutton/api` and `/t/` go. Default nowhere: they are not
    /// found.
    pub api: Option<Origin>,
    /// Bytes of a POST body to the API. Default 32 MiB, the scaler's.
    pub max_api_body: u64,
    /// The API's `response_timeout`, which holds a meeting's first slides and
    /// every node that a create may have to try. Default 60 s.
    pub api_response_timeout: Duration,
    /// The shared cache.
    pub cache: CacheConfig,
    /// Bytes of a POST body (BBB 2.x only). Default 1 MiB.
    pub max_body: u64,
    /// Bytes of a node's answer head. Default 64 KiB.
    pub max_answer_head: usize,
    /// Where to write one line per request. Default none.
    pub access_log: Option<PathBuf>,
    /// How these lines are written. Default JSON.
    pub access_log_format: AccessLogFormat,
    /// What they say of clients' addresses. Default truncated.
    pub access_log_client: AccessLogClient,
    /// Lines that wait for a slow disk; more are dropped and counted.
    /// Default 8,192.
    pub access_log_queue: usize,
}

impl Config {
    /// The defaults, verifying nodes with `node_tls`.
    #[must_use]
    pub fn new(node_tls: Arc<ClientConfig>) -> Self {
        Self {
            node_tls,
            lookup: Arc::new(SystemLookup::default()),
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(30),
            web_socket_timeout: Duration::from_secs(120),
            max_concurrent: 1024,
            max_pending: 1024,
            max_web_sockets: 2048,
            max_idle: 64,
            idle_timeout: Duration::from_secs(50),
            health_interval: Duration::from_secs(10),
            health_timeout: Duration::from_secs(5),
            max_cache_questions: 32,
            api: None,
            max_api_body: 32 * 1024 * 1024,
            api_response_timeout: Duration::from_secs(60),
            cache: CacheConfig::default(),
            max_body: 1024 * 1024,
            max_answer_head: 64 * 1024,
            access_log: None,
            access_log_format: AccessLogFormat::default(),
            access_log_client: AccessLogClient::default(),
            access_log_queue: 8192,
        }
    }
}
