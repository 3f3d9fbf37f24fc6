//! The nodes in force, which change while the scaler runs.
//!
//! An immutable map that is swapped whole: whoever reads it keeps what it read.
//! Each node in it is polled by a task of its own, which ends when the node
//! leaves the map or another handle takes its place.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::AcqRel, Ordering::Acquire},
    },
};

use arc_swap::ArcSwap;
use bluegate_cluster::Mount;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    context::Context,
    health::poller,
    nodes::{NodeHandle, Nodes},
    recordings::{self, Keeper},
};

/// The nodes in force.
pub(crate) struct Fleet {
    nodes: ArcSwap<Nodes>,
    changed: watch::Sender<()>,
    looks: AtomicU64,
}

impl Fleet {
    pub(crate) fn new(nodes: Nodes) -> Self {
        Self {
            nodes: ArcSwap::from_pointee(nodes),
            changed: watch::Sender::new(()),
            looks: AtomicU64::new(0),
        }
    }

    /// All nodes.
    pub(crate) fn nodes(&self) -> Arc<Nodes> {
        self.nodes.load_full()
    }

    /// The node of this name.
    pub(crate) fn node(&self, name: &Mount) -> Option<Arc<NodeHandle>> {
        self.nodes.load().get(name).map(Arc::clone)
    }

    /// Tells when other nodes are in force.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// How often a node was looked at: what was counted over all nodes holds while
    /// this stays the same.
    pub(crate) fn looks(&self) -> u64 {
        self.looks.load(Acquire)
    }

    /// Something was concluded about a node: from a poll, or beside all the others.
    pub(crate) fn has_looked(&self) {
        self.looks.fetch_add(1, AcqRel);
    }

    /// Puts other nodes in force.
    pub(crate) fn replace(&self, nodes: Nodes) {
        self.nodes.store(Arc::new(nodes));
        self.has_looked();
        self.changed.send_replace(());
    }

    /// Polls whatever nodes are in force until `shutdown`.
    pub(crate) async fn poll(context: Arc<Context>, shutdown: CancellationToken) {
        let pollers = TaskTracker::new();
        let mut running: BTreeMap<Mount, (Arc<NodeHandle>, CancellationToken)> = BTreeMap::new();
        let mut changes = context.fleet.changes();
        loop {
            changes.mark_unchanged();
            let nodes = context.fleet.nodes();
            running.retain(|name, (polled, stop)| {
                let stays = nodes.get(name).is_some_and(|node| Arc::ptr_eq(node, polled));
                if !stays {
                    stop.cancel();
                }
                stays
            });
            for (name, node) in nodes.iter() {
                if running.contains_key(name) {
                    continue;
                }
                let stop = shutdown.child_token();
                let poller = poller::run(Arc::clone(&context), Arc::clone(node), stop.clone());
                pollers.spawn(poller);
                let keeper = Keeper::Node(name.clone());
                let watch =
                    recordings::watch(Arc::clone(&context), keeper, Arc::clone(node), stop.clone());
                pollers.spawn(watch);
                running.insert(name.clone(), (Arc::clone(node), stop));
            }
            drop(nodes);
            tokio::select! {
                () = shutdown.cancelled() => break,
                // The sender is in the context, which we hold.
                _ = changes.changed() => {}
            }
        }
        pollers.close();
        pollers.wait().await;
    }
}
