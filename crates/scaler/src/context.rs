//! What every request and every background task of a scaler shares.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64},
    },
};

use arc_swap::ArcSwap;
use bluegate_cluster::{Mount, Origin};
use bluegate_store::StoreError;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::{
    callbacks::Callbacks,
    config::Bounds,
    health::{
        Health,
        breaker::BreakerState,
        observers::{Observers, Witness},
    },
    meetings::{foreign::Stores, ledger::Ledger},
    nodes::{NodeHandle, Nodes, book::NodeBook, fleet::Fleet, reads::Reads},
    placement::Bar,
    recordings::Recordings,
    request_id,
    tenants::{Tenants, book::TenantBook},
};

/// The state of a scaler.
pub(crate) struct Context {
    /// Where frontends reach the API.
    pub(crate) origin: Origin,
    /// Who may call.
    pub(crate) book: TenantBook,
    pub(crate) fleet: Fleet,
    /// Where the nodes in force come from.
    pub(crate) node_book: NodeBook,
    pub(crate) ledger: Ledger,
    pub(crate) bounds: Bounds,
    /// Callbacks of nodes, when they pass through us.
    pub(crate) callbacks: Option<Arc<Callbacks>>,
    /// Recordings of all nodes.
    pub(crate) recordings: Recordings,
    /// Reads that many ask at once.
    pub(crate) reads: Reads,
    /// Whether most nodes are silent, so that nothing is concluded of it.
    pub(crate) frozen: AtomicBool,
    /// Times that began.
    pub(crate) freezes: AtomicU64,
    /// Meetings that were found to live on two nodes.
    pub(crate) splits_found: AtomicU64,
    /// Our store, and others whose scalers use the same nodes.
    pub(crate) stores: Stores,
    /// What other scalers of the store hear.
    pub(crate) observers: Mutex<Observers>,
    /// Nodes that get no new meetings because somebody found them broken.
    pub(crate) held_back: ArcSwap<BTreeSet<Mount>>,
    /// Another part of this process that connects to nodes.
    pub(crate) witness: OnceLock<Witness>,
    /// What must be finished before the end.
    pub(crate) tracker: TaskTracker,
    /// KiB of request bodies that may still be held.
    pub(crate) bodies: Arc<Semaphore>,
}

impl Context {
    /// All tenants, as they now are.
    pub(crate) fn tenants(&self) -> Arc<Tenants> {
        self.book.in_force()
    }

    /// The node of this name.
    pub(crate) fn node(&self, name: &Mount) -> Option<Arc<NodeHandle>> {
        self.fleet.node(name)
    }

    /// All nodes, as they now are.
    pub(crate) fn nodes(&self) -> Arc<Nodes> {
        self.fleet.nodes()
    }

    /// Whether the node of this name is given up.
    pub(crate) fn is_lost(&self, name: &Mount) -> bool {
        self.node(name).is_some_and(|node| node.health() == Health::Lost)
    }

    /// What other scalers of the store hear.
    pub(crate) fn observers(&self) -> MutexGuard<'_, Observers> {
        self.observers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody else hears a node: then it is not given up.
    pub(crate) fn is_heard_elsewhere(&self, name: &Mount) -> bool {
        self.observers().hear(name) || self.witness.get().is_some_and(|seen| seen.hears(name))
    }

    /// Whether every node is known to be of a release line before 3.0, so that
    /// what no node is asked for is answered as that line does.
    pub(crate) fn is_before_3_0(&self) -> bool {
        let nodes = self.nodes();
        !nodes.is_empty() && nodes.values().all(|node| node.is_before_3_0())
    }

    /// Whether some node is known to be of such a line.
    pub(crate) fn has_node_before_3_0(&self) -> bool {
        self.nodes().values().any(|node| node.is_before_3_0())
    }

    /// What keeps new meetings off this node, whatever the meeting.
    pub(crate) fn bar(node: &NodeHandle) -> Option<Bar> {
        match node.health() {
            Health::Healthy if node.client.breaker_state() == BreakerState::Open => {
                Some(Bar::BreakerOpen)
            }
            Health::Healthy => None,
            Health::Suspect => Some(Bar::Suspect),
            Health::Lost => Some(Bar::Lost),
        }
    }

    /// Runs `work` to its end even if whoever waits for it goes away: what the
    /// store commits, memory must follow.
    pub(crate) async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.tracker.spawn(request_id::carried(work)).await.ok()
    }

    /// Changes the ledger to its end; a store that does not answer is logged,
    /// and the next poll tries again.
    pub(crate) async fn record<F>(
        self: &Arc<Self>,
        change: impl FnOnce(Arc<Self>) -> F + Send + 'static,
    ) where
        F: Future<Output = Result<(), StoreError>> + Send,
    {
        let context = Arc::clone(self);
        let done = self.to_its_end(async move { change(context).await }).await;
        if let Some(Err(error)) = done {
            tracing::error!(error = &error as &dyn std::error::Error, "a change was not recorded");
        }
    }
}
