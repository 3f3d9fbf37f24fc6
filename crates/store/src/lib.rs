//! What must survive a restart.
//!
//! Owns every SQL statement of Bluegate, the schema and its migrations. Gives
//! typed rows ([`Generation`], [`StoredNode`], [`StoredRecording`], [`Callback`], [`Hook`]) and transactions
//! ([`Write`]); holds no logic:
//! which row may become what is decided by the scaler's pure code, between
//! [`Store::write`] and [`Write::commit`].
//!
//! A meeting is looked up by a `TenantMeetingId` only; without a tenant a query
//! does not compile:
//!
//! ```compile_fail
//! async fn find(store: bluegate_store::Store) {
//!     store.find_open("class").await.unwrap();
//! }
//! ```
//! ```
//! async fn find(store: bluegate_store::Store, physics: bluegate_cluster::TenantName) {
//!     let class = bluegate_cluster::TenantMeetingId::new(&physics, "class");
//!     store.find_open(&class).await.unwrap();
//! }
//! ```
//!
//! SQLite, embedded, or PostgreSQL, which several scalers may share. Statements
//! are constants with `$n` placeholders over TEXT, BIGINT, DOUBLE PRECISION and BOOLEAN, which both
//! run unchanged; each has one writer at a time.

mod audit;
mod callback;
mod copy;
mod database;
mod error;
mod foreign;
mod generation;
mod health;
mod history;
mod hook;
mod identity;
mod migrations;
mod node;
mod peek;
mod recording;
mod store;
mod tenant;
mod token;
mod write;

pub use audit::AuditRow;
pub use callback::{Callback, CallbackCount, CallbackState, Settled};
pub use copy::{backup, restore};
pub use error::{CopyError, OpenError, StoreError, WriteError};
pub use foreign::ForeignRecord;
pub use generation::{Changes, Generation, State};
pub use health::{Loss, Observer};
pub use history::Life;
pub use hook::Hook;
pub use node::{NodeState, StoredNode};
pub use peek::{Added, PeekError, peek_added};
pub use recording::{RecordingTurn, StoredRecording};
pub use store::Store;
pub use tenant::StoredTenant;
pub use token::StoredToken;
pub use write::Write;
