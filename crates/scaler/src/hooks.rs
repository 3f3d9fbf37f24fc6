//! hooks/*: webhooks once for the whole cluster.
//!
//! Tenants' hooks are in the store ([`api`]); at each node with bbb-webhooks
//! there is one hook of ours ([`register`]), whose events are checked, mapped to
//! the tenant and passed on to every hook that wants them ([`event`]), by the
//! queue that all callbacks go through ([`deliver`]).

use std::sync::Arc;

use arc_swap::ArcSwap;
use bluegate_cluster::Mount;
use bluegate_store::{Hook, Store, StoreError};
use tokio::sync::Notify;

mod api;
mod deliver;
mod event;
mod register;

pub(crate) use api::{answer, is_hooks_path};
pub(crate) use deliver::{KIND, prepare};
pub(crate) use event::receive;
pub(crate) use register::run;

/// Behind the path of callbacks, before a node's name.
pub(crate) const PREFIX: &str = "hook/";

/// The hooks of all tenants.
pub(crate) struct Hooks {
    store: Store,
    all: ArcSwap<Vec<Hook>>,
    /// Wakes the registering at nodes.
    changed: Notify,
}

impl Hooks {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, all: ArcSwap::default(), changed: Notify::new() }
    }

    /// All hooks, as they were read last.
    pub(crate) fn all(&self) -> Arc<Vec<Hook>> {
        self.all.load_full()
    }

    /// Reads what this or another scaler has written.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        self.all.store(Arc::new(self.store.hooks().await?));
        Ok(())
    }
}

/// What a node's hook is called with, behind the path of callbacks.
fn path_of(node: &Mount) -> String {
    format!("{PREFIX}{node}")
}
