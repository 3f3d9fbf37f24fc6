//! The one configuration file of Bluegate.
//!
//! Owns its schema (as data), defaults, validation and the reference made from
//! them. Opens nothing: secret and certificate files are named here and read
//! by whoever wires the roles.
//!
//! Start at [`parse()`]: text in, [`Config`] or *all* [`Problems`] out.

mod access_log;
mod balancer;
mod effective;
mod front;
mod gate;
mod parse;
mod placement;
mod problem;
mod reader;
mod recordings;
mod reference;
mod schema;
mod settings;
mod suggest;
mod tenant;
mod units;

pub use access_log::{AccessLogFormat, AccessLogIp, UnknownWord};
pub use effective::{effective, tenant_toml};
pub use gate::Gate;
pub use parse::{parse, tenant_settings};
pub use problem::{Problem, Problems};
pub use reference::{default_file, reference_page};
pub use settings::{
    Acme, Admin, Balancer, Bucket, Cache, Cluster, Config, CordonCommands, Delegate, Doctor, Front,
    NodeEntry, Placement, Proxy, Recordings, Scalelite, Scaler, TenantEntry, Tls,
};
pub use units::duration as parse_duration;
