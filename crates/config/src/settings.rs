//! The validated settings: what the file means, in types the roles use.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use bluegate_cluster::{AllowedHosts, Node, Origin, Tag, TenantName};
use bluegate_tenant::Settings;
use ipnet::IpNet;

use crate::{
    access_log::{AccessLogFormat, AccessLogIp},
    gate::Gate,
};

/// A whole configuration file, validated.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `[cluster]`
    pub cluster: Cluster,
    /// `[[node]]`, in the file's order; names are unique.
    pub nodes: Vec<NodeEntry>,
    /// `[[tenant]]`, in the file's order; names are unique.
    pub tenants: Vec<TenantEntry>,
    /// `[proxy]`; absent when this process does not run that role.
    pub proxy: Option<Proxy>,
    /// `[scaler]`; absent when this process does not run that role.
    pub scaler: Option<Scaler>,
    /// `[recordings]`
    pub recordings: Recordings,
    /// `[admin]`; absent when this process has no admin listener.
    pub admin: Option<Admin>,
    /// `[doctor]`; absent when this process does not look by itself.
    pub doctor: Option<Doctor>,
    /// `[balancer]`; absent where nobody is told when a node is drained.
    pub balancer: Option<Balancer>,
}

/// `[cluster]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The one origin browsers see.
    pub origin: Origin,
    /// A PEM file of CAs trusted for nodes besides the system's.
    pub node_ca: Option<PathBuf>,
}

/// `[[node]]`
#[derive(Clone, Debug, PartialEq)]
pub struct NodeEntry {
    /// What every role may know.
    pub node: Node,
    /// The file with the node's API secret; the scaler needs it.
    pub secret_file: Option<PathBuf>,
    /// Its share of load beside other nodes.
    pub weight: f64,
    /// What create calls may ask for.
    pub tags: Vec<Tag>,
    /// Most meetings on it.
    pub max_meetings: Option<u32>,
    /// Most users on it, expected ones included.
    pub max_users: Option<u32>,
    /// Most users that a meeting placed on it may be expected to have.
    pub max_meeting_users: Option<u32>,
}

/// `[[tenant]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantEntry {
    /// The tenant's name.
    pub name: TenantName,
    /// The file with its secrets, one per line: the first signs, all verify.
    pub secret_file: PathBuf,
    /// What it may and gets.
    pub settings: Settings,
}

/// How a listener speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// In the clear: on loopback, or behind another balancer.
    Off,
    /// A certificate chain and its key, PEM.
    Files {
        /// The chain, leaf first.
        cert: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// Certificates fetched and renewed by ACME (RFC 8555).
    Acme(Acme),
}

/// An ACME authority.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Acme {
    /// The account's mail address.
    pub contact: String,
    /// The authority's directory URL; Let's Encrypt's when absent.
    pub directory: Option<String>,
    /// A PEM file of CAs trusted for the authority itself besides the system's.
    pub directory_ca: Option<PathBuf>,
}

/// `[proxy]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Addresses to listen on.
    pub listen: Vec<SocketAddr>,
    /// TLS of these addresses.
    pub tls: Tls,
    /// Where ACME keeps account and certificates.
    pub acme_folder: PathBuf,
    /// What stands before it.
    pub front: Front,
    /// Where one line per request goes.
    pub access_log: Option<PathBuf>,
    /// How these lines are written.
    pub access_log_format: AccessLogFormat,
    /// What they say of clients' addresses.
    pub access_log_ip: AccessLogIp,
    /// Longest wait for a connection to a node.
    pub connect_timeout: Duration,
    /// Longest wait for the head of a node's answer.
    pub response_timeout: Duration,
    /// Longest silence inside a body or a WebSocket.
    pub idle_timeout: Duration,
    /// How often a node that answered no request lately is probed; none: never.
    pub health_interval: Duration,
    /// Longest wait for a probe's answer.
    pub health_timeout: Duration,
    /// Longest that connections go on at the end or after an upgrade.
    pub drain: Duration,
    /// Most requests in progress at one node; more wait, bounded too.
    pub node_requests: usize,
    /// Most client connections at once.
    pub connections: usize,
    /// What nodes the admin API may add; reloadable.
    pub allow_nodes: AllowedHosts,
    /// Where the API goes that the proxy passes.
    pub api: Option<Origin>,
    /// Whether browsers reuse a file of one node for the same of another.
    pub share_builds: bool,
    /// `[proxy.cache]`
    pub cache: Cache,
}

/// `[proxy.cache]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Whether there is one.
    pub enabled: bool,
    /// Bytes of all files and their compressed forms; none means no cache.
    pub memory: usize,
    /// Bytes of the largest file kept.
    pub max_object: usize,
    /// Where files outlive a restart.
    pub folder: Option<PathBuf>,
    /// Bytes of that folder.
    pub disk: usize,
    /// Whether nodes' clients are fetched before users ask for them.
    pub warm: bool,
}

/// The keys of `[proxy]` about who comes to it how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Front {
    /// Addresses that redirect to the https origin.
    pub redirect_listen: Vec<SocketAddr>,
    /// How long browsers insist on https.
    pub hsts: Option<Duration>,
    /// Where balancers in front connect from.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether their connections begin with a PROXY protocol header.
    pub proxy_protocol: bool,
    /// Most connections at once of one client.
    pub client_connections: usize,
    /// Most new connections per second of one client, in the long run.
    pub client_rate: usize,
    /// New connections of one client before `client_rate` holds.
    pub client_burst: usize,
    /// Whole TLS handshakes of one client.
    pub client_handshakes: Bucket,
    /// Requests of one client that go on to a node.
    pub client_upstream: Bucket,
    /// Requests of one client.
    pub client_requests: Bucket,
}

/// What one client may have of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Per second, in the long run.
    pub rate: usize,
    /// At once, before `rate` holds.
    pub burst: usize,
}

/// `[scaler]`
#[derive(Clone, Debug, PartialEq)]
pub struct Scaler {
    /// The origin frontends reach the API at.
    pub origin: Origin,
    /// Addresses to listen on.
    pub listen: Vec<SocketAddr>,
    /// TLS of these addresses.
    pub tls: Tls,
    /// Where ACME keeps account and certificates.
    pub acme_folder: PathBuf,
    /// `sqlite:///path`: where meetings survive a restart.
    pub store: String,
    /// The key that seals secrets and callback URLs.
    pub key_file: PathBuf,
    /// Whether callbacks of nodes come to us.
    pub callbacks: bool,
    /// Frontends that may be called back though they are not on the internet.
    pub callback_targets: AllowedHosts,
    /// A PEM file of CAs trusted for frontends besides the system's.
    pub callback_ca: Option<PathBuf>,
    /// Longest wait for a connection to a node.
    pub connect_timeout: Duration,
    /// Longest wait for a node's whole answer to one call.
    pub call_timeout: Duration,
    /// How often each node is asked for its meetings.
    pub poll_interval: Duration,
    /// Silence after which a node is given up while most others answer.
    pub lost_after: Duration,
    /// Whose verdict keeps a node from new meetings.
    pub gate: Gate,
    /// Largest request body kept, in bytes.
    pub body_limit: usize,
    /// `[scaler.placement]`
    pub placement: Placement,
}

/// `[recordings]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recordings {
    /// Between two times that a node is asked for all its recordings.
    pub interval: Duration,
    /// The balancer that recordings were left with.
    pub delegate: Option<Delegate>,
}

/// A balancer that recordings were left with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegate {
    /// Where its API is.
    pub origin: Origin,
    /// The file with its secret.
    pub secret_file: PathBuf,
}

/// `[scaler.placement]`
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// What each user counts.
    pub user_weight: f64,
    /// What each user who can speak counts besides.
    pub audio_weight: f64,
    /// What each camera counts besides.
    pub video_weight: f64,
    /// What each meeting counts besides its users.
    pub meeting_weight: f64,
    /// Users expected in a meeting of which nothing is known.
    pub reserved_users: u32,
    /// How long expected users are counted who do not come.
    pub reservation_lifetime: Duration,
    /// How long a node that returns gets less than its share.
    pub slow_start: Duration,
}

/// `[doctor]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doctor {
    /// From one look at all nodes to the next.
    pub interval: Duration,
}

/// `[balancer]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balancer {
    /// A Scalelite to ask.
    pub scalelite: Option<Scalelite>,
    /// Commands of the operator's.
    pub commands: Option<CordonCommands>,
    /// Longest wait for a node's meetings to end.
    pub drain_timeout: Duration,
}

/// `scalelite` of `[balancer]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalelite {
    /// Where its API is.
    pub origin: Origin,
    /// The file with its secret.
    pub secret_file: PathBuf,
}

/// `cordon_command` and `uncordon_command` of `[balancer]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CordonCommands {
    /// Keeps new meetings off a node.
    pub cordon: String,
    /// Lets them come again.
    pub uncordon: String,
}

/// `[admin]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Addresses to listen on.
    pub listen: Vec<SocketAddr>,
    /// TLS of these addresses; required off loopback.
    pub tls: Tls,
    /// The file with the token that opens it.
    pub token_file: PathBuf,
    /// Where nodes that were added at run time are kept.
    pub routes_file: PathBuf,
    /// The file with the secrets that sign calls of Scalelite's admin API;
    /// absent where that is not answered.
    pub scalelite_secret_file: Option<PathBuf>,
}
