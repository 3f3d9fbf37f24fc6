//! The admin API and its client.
//!
//! Owns who may ask (tokens of a file and of the store, with roles; guesses
//! slowed), what is recorded of changes, what is answered (`/v1`, metrics, health) and in which shape. Binds
//! nothing: [`router`] is handed to a listener of its own, which never shares
//! an origin with client pages. It knows no role: what a role has to show
//! reaches it through [`Sources`].
//!
//! Start at [`router`]; every endpoint there is lies in the table of
//! `endpoints.rs`.

#![expect(unused_qualifications, reason = "utoipa's parameters of handlers expand so")]

pub mod client;

mod access;
mod audit;
mod cache;
mod callbacks;
mod doctor;
mod endpoints;
mod error;
mod exposition;
mod gate;
mod hashing;
mod health;
mod issued;
mod meetings;
mod metrics;
mod nodes;
mod openapi;
mod readiness;
mod recordings;
mod request;
mod role;
mod routes;
mod scalelite;
mod scaler;
mod sources;
mod tenants;
mod throttle;
mod token;
mod tokens;

pub use audit::{AuditEntry, AuditReport, AuditSource};
pub use cache::{CacheReport, DiskReport, MountReport, Purged};
pub use callbacks::{
    CallbackDone, CallbackEntry, CallbackStanding, CallbacksReport, CallbacksSource,
};
pub use doctor::DoctorSource;
pub use endpoints::router;
pub use error::{ErrorBody, ErrorDetail};
pub use exposition::{Exposition, Histogram, Kind};
pub use health::{ClusterHealth, HealthSource, Losing, NodeHealthReport, NotLost, SplitReport};
pub use meetings::MeetingEnded;
pub use nodes::{NodeDetail, NodeReport, NodesReport};
pub use readiness::{Alive, Readiness, ReadyReport};
pub use recordings::{
    RecordingChange, RecordingEntry, RecordingList, RecordingState, RecordingWish, RecordingsSource,
};
pub use role::{Role, RoleError, RoleName, TOKEN_FILE};
pub use routes::{
    BookError, EditError, Given, HeldBack, HeldBackEntry, RouteBook, RouteChange, RouteEntry,
    RouteSource, RouteSpec, RoutesFileError, RoutesReport,
};
pub use scalelite::scalelite_router;
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
pub use tokens::{StoredToken, TokenAdded, TokenEntry, TokenSource, TokenSpec};

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
