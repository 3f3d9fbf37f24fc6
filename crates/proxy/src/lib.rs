//! The cluster's front door.
//!
//! Relays exactly the client paths of known mounts to their nodes and answers
//! everything else itself. It holds no secret, opens no connection to anything
//! but a configured node, and knows neither scaler nor store: the
//! [`bluegate_cluster::Routes`] it follows reach it through a `watch` channel.
//!
//! Start at [`build()`]; the phases a request passes are the modules `admission`,
//! `upstream`, `request_headers`, `response_headers` and `body`, in the order
//! of docs/proxy.md.

mod access_log;
mod admission;
mod answer;
mod body;
mod build;
mod cache;
mod config;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod health;
mod location;
mod path;
mod relay;
mod request_headers;
mod response_headers;
mod snapshot;
mod traffic;
mod tunnel;
mod upstream;

pub use access_log::{AccessLogClient, AccessLogError, AccessLogFormat};
pub use body::Body;
pub use build::{BuildError, Proxy, build};
pub use cache::{CacheConfig, CacheReport, DiskReport, MountReport};
pub use config::Config;
pub use health::{FailureKind, HealthReport, HealthState, NodeHealthReport};
pub use traffic::{LatencyReport, MountTraffic, NodeTraffic, RequestClass, TrafficReport};
pub use upstream::{Looking, Lookup, SystemLookup};
