//! The admin API and its client.
//!
//! Owns who may ask (one token, compared in constant time, guesses slowed),
//! what is answered (`/v1`, metrics, health) and in which shape. Binds
//! nothing: [`router`] is handed to a listener of its own, which never shares
//! an origin with client pages. It knows no role: what a role has to show
//! reaches it through [`Sources`].
//!
//! Start at [`router`]; every endpoint there is lies in the table of
//! `endpoints.rs`.

pub mod client;

mod cache;
mod doctor;
mod endpoints;
mod error;
mod exposition;
mod gate;
mod health;
mod meetings;
mod metrics;
mod nodes;
mod routes;
mod scaler;
mod sources;
mod tenants;
mod throttle;
mod token;

pub use cache::{CacheReport, DiskReport, MountReport, Purged};
pub use doctor::DoctorSource;
pub use endpoints::router;
pub use error::{ErrorBody, ErrorDetail};
pub use exposition::{Exposition, Histogram, Kind};
pub use health::{ClusterHealth, HealthSource, Losing, NodeHealthReport, NotLost, SplitReport};
pub use nodes::{NodeDetail, NodeReport, NodesReport};
pub use routes::{
    BookError, EditError, Given, HeldBack, HeldBackEntry, RouteBook, RouteChange, RouteEntry,
    RouteSource, RouteSpec, RoutesFileError, RoutesReport,
};
pub use scaler::{
    Answering, DrainStatus, MeetingEntry, MeetingLife, NodeChange, NodeRemoved, NodeSpec,
    ScalerNode, ScalerRefusal, ScalerSource,
};
pub use sources::{CacheSource, MetricsSource, NodesSource, ReadySource, RoutesSource, Sources};
pub use tenants::{
    HeldBackTenant, TenantAdded, TenantEdit, TenantEdited, TenantEntry, TenantPatch, TenantRefusal,
    TenantRefusalKind, TenantSpec, TenantsReport, TenantsSource,
};
pub use token::Tokens;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
