//! The BBB API for all tenants: verify, place, forward, re-sign.
//!
//! [`Config`] → [`build()`] → [`Scaler::router`] to serve and [`Scaler::run`] for
//! the background work. Owns a meeting's life on the nodes (module `life`), what
//! is believed of each node, and the memory that answers are given from. Does
//! not own sockets (crate `net`), SQL (crate `store`) or the API's forms
//! (crate `bbb-api`). The page docs/scaler.md walks through one request.

mod boot;
mod breaker;
mod bucket;
mod build;
mod callbacks;
mod calls;
mod client;
mod clock;
mod config;
mod context;
mod directory;
mod fleet;
mod front;
mod gate;
mod health;
mod hooks;
mod intake;
mod ledger;
mod life;
mod lose;
mod node_admin;
mod node_book;
mod nodes;
mod observers;
mod outcome;
mod outlook;
mod overseer;
mod pace;
mod placement;
mod poller;
mod quota;
mod reach;
mod reads;
mod reconcile;
mod reply;
mod report;
mod route;
mod shape;
mod signing;
#[cfg(test)]
mod simulation;
mod target;
mod tenant_book;
mod tenant_merge;
mod tenant_report;
mod tenants;
mod twin;
mod twins;
mod usage;
mod voice_bridge;
mod waiting;

pub use bluegate_store::{PeekError, peek_tenants};
pub use breaker::BreakerState;
pub use build::{BuildError, Scaler, build};
pub use callbacks::{CallbackReport, CallbackState};
pub use config::{Bounds, CallbackConfig, Config, NodeConfig, Placement, TenantConfig};
pub use health::Health;
pub use lose::LoseError;
pub use node_admin::{DrainReport, EndError, MeetingReport, NodeReport};
pub use node_book::NodeError;
pub use observers::Witness;
pub use outcome::Outcome;
pub use placement::{Bar, Decision, Excluded, Expected, NodeTerms, Placements, Source, Weighed};
pub use report::{HealthReport, NodeHealth, Split};
pub use tenant_book::{HeldBackTenant, TenantChange, TenantError};
pub use tenant_merge::TenantClash;
pub use tenant_report::TenantReport;
pub use usage::LimitKind;
