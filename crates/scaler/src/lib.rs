//! The BBB API for all tenants: verify, place, forward, re-sign.
//!
//! [`Config`] → [`build()`] → a [`Scaler`] to serve, and [`Scaler::run`] for the
//! background work. Owns a meeting's life on the nodes (module `meetings`), what
//! is believed of each node, and the memory that answers are given from. Does
//! not own sockets (crate `net`), SQL (crate `store`) or the API's forms
//! (crate `bbb-api`). The page docs/scaler.md walks through one request.

mod build;
mod callbacks;
mod calls;
mod clock;
mod config;
mod context;
mod estate;
mod front;
mod health;
mod hooks;
mod meetings;
mod nodes;
mod placement;
mod recordings;
mod request_id;
mod shadow;
#[cfg(test)]
mod simulation;
mod tenants;

pub use bluegate_store::{
    Added, CopyError, Generation, PeekError, State, backup as backup_store, peek_added,
    restore as restore_store,
};
pub use build::{BuildError, Scaler, build};
pub use callbacks::{CallbackCounters, CallbackDepth, CallbackReport, CallbackState};
pub use config::{
    Bounds, CallbackConfig, Config, DelegateConfig, NodeConfig, Placement, RecordingConfig,
    TenantConfig,
};
pub use estate::{Estate, EstateError, Holdings, Record, TakenMeeting, Taking, moderator_password};
pub use front::outcome::Outcome;
pub use health::{
    Health,
    breaker::BreakerState,
    lose::LoseError,
    observers::Witness,
    report::{HealthReport, NodeHealth, Split},
};
pub use nodes::{
    admin::{DrainReport, EndError, MeetingReport, NodeReport},
    ask::{NodeSilence, NodeWord, ask_nodes},
    book::NodeError,
};
pub use placement::{
    Bar, Decision, Excluded, Expected, NodeTerms, Placements, Release, Source, Weighed,
};
pub use recordings::{
    KeeperReport, RecordingError, RecordingFilter, RecordingReport, RecordingsReport,
};
pub use shadow::{
    Change, Difference, LimitShare, NodeShare, Refusal, Seen, Shadow, ShadowConfig, ShadowReport,
    shadow_router,
};
pub use tenants::{
    book::{HeldBackTenant, TenantChange, TenantError},
    merge::TenantClash,
    report::TenantReport,
    usage::LimitKind,
};
