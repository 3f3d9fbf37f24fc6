//! The nodes: how to call each, and what we know of it.

pub(crate) mod admin;
pub(crate) mod ask;
pub(crate) mod book;
pub(crate) mod client;
pub(crate) mod fleet;
pub(crate) mod list_reader;
pub(crate) mod occupancy;
pub(crate) mod reads;
pub(crate) mod signing;
mod snapshot;

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, ArcSwapOption};
use bluegate_cluster::{Mount, Node, Secret};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use crate::{
    clock,
    config::{Bounds, NodeConfig},
    health::{Health, Record, report::Split},
    nodes::{client::NodeClient, signing::Signing},
    placement::{NodeTerms, Release},
};

pub(crate) use snapshot::{Listing, PolledMeeting, Snapshot};

/// All nodes, by name.
pub(crate) type Nodes = BTreeMap<Mount, Arc<NodeHandle>>;

/// Those that are given up.
pub(crate) fn lost(nodes: &Nodes) -> HashSet<&Mount> {
    let lost = nodes.iter().filter(|(_, node)| node.health() == Health::Lost);
    lost.map(|(name, _)| name).collect()
}

/// One node.
pub(crate) struct NodeHandle {
    /// Its name, origin and address.
    pub(crate) node: Node,
    /// The first signs stamps, and calls too unless the node refuses it.
    pub(crate) secrets: Vec<Secret>,
    /// Its part in placement.
    pub(crate) terms: NodeTerms,
    /// What it takes of the ways to sign a call.
    pub(crate) signing: Signing,
    /// The same of its bbb-webhooks.
    pub(crate) hook_signing: Signing,
    /// Sends what is signed.
    pub(crate) client: NodeClient,
    /// Wakes its poller early.
    pub(crate) wake: Notify,
    /// Whether it has been polled at all, answered or not.
    pub(crate) polled: watch::Sender<bool>,
    /// Since when it has its present boot, by our clock; 0 where we saw none.
    pub(crate) booted_at: AtomicI64,
    /// New boots seen.
    pub(crate) boots: AtomicU64,
    /// Times it was given up.
    pub(crate) losses: AtomicU64,
    /// How it behaved, and since when it has its health.
    record: Mutex<(Record, Instant)>,
    /// When it last became healthy again, in ms since 1970; 0: never.
    returned_at: AtomicI64,
    snapshot: ArcSwap<Snapshot>,
    /// What is on it, as it was last counted.
    occupancy: ArcSwapOption<occupancy::Kept>,
    /// What it told of its release.
    told_release: ArcSwapOption<Release>,
    /// Its copies of meetings that live on another node.
    splits: Mutex<Vec<Split>>,
}

impl NodeHandle {
    pub(crate) fn new(
        config: NodeConfig,
        tls: &Arc<rustls::ClientConfig>,
        bounds: &Bounds,
    ) -> Self {
        Self {
            client: NodeClient::new(&config.node, tls, bounds),
            node: config.node,
            secrets: config.secrets,
            terms: config.terms,
            signing: Signing::default(),
            hook_signing: Signing::default(),
            wake: Notify::new(),
            polled: watch::Sender::new(false),
            booted_at: AtomicI64::new(0),
            boots: AtomicU64::new(0),
            losses: AtomicU64::new(0),
            record: Mutex::new((Record::default(), Instant::now())),
            returned_at: AtomicI64::new(0),
            snapshot: ArcSwap::default(),
            occupancy: ArcSwapOption::empty(),
            told_release: ArcSwapOption::empty(),
            splits: Mutex::default(),
        }
    }

    /// Whether it was made from this.
    pub(crate) fn is(&self, config: &NodeConfig) -> bool {
        self.node == config.node && self.secrets == config.secrets && self.terms == config.terms
    }

    /// The same node as it is configured now, with all that is known of it.
    pub(crate) fn renewed(
        &self,
        config: NodeConfig,
        tls: &Arc<rustls::ClientConfig>,
        bounds: &Bounds,
    ) -> Self {
        let renewed = Self::new(config, tls, bounds);
        let known = *self.record.lock().unwrap_or_else(PoisonError::into_inner);
        *renewed.record.lock().unwrap_or_else(PoisonError::into_inner) = known;
        renewed.polled.send_replace(*self.polled.borrow());
        renewed.keep(self.snapshot());
        renewed.set_splits(self.splits());
        renewed.told_release.store(self.told_release.load_full());
        for (to, from) in
            [(&renewed.booted_at, &self.booted_at), (&renewed.returned_at, &self.returned_at)]
        {
            to.store(from.load(Relaxed), Relaxed);
        }
        for (to, from) in [(&renewed.boots, &self.boots), (&renewed.losses, &self.losses)] {
            to.store(from.load(Relaxed), Relaxed);
        }
        renewed
    }

    /// It begins to take meetings at this time, slowly at first.
    pub(crate) fn begins_at(&self, time: i64) {
        self.returned_at.store(time, Relaxed);
    }

    /// The secret that signs stamps; `build` has made sure that there is one.
    pub(crate) fn secret(&self) -> &Secret {
        self.secrets.first().expect("build refuses a node without secret")
    }

    /// Which release it runs, by its configuration or by its own word.
    pub(crate) fn release(&self) -> Option<Release> {
        Release::known(self.node.bbb.as_ref(), self.told_release.load().as_deref())
    }

    /// Keeps what it tells of its release; says whether that is news.
    pub(crate) fn tells_release(&self, release: Release) -> bool {
        let release = Some(Arc::new(release));
        self.told_release.swap(release.clone()) != release
    }

    /// Whether it is known to be of a release line before 3.0.
    pub(crate) fn is_before_3_0(&self) -> bool {
        self.release().is_some_and(|release| release.is_before_3_0())
    }

    /// What we believe of it.
    pub(crate) fn health(&self) -> Health {
        self.record().health()
    }

    /// How it behaved of late.
    pub(crate) fn record(&self) -> Record {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// How long it has been believed to be what it is.
    pub(crate) fn health_age(&self) -> Duration {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).1.elapsed()
    }

    /// Whether the last poll was answered.
    pub(crate) fn answers(&self) -> bool {
        *self.polled.borrow() && self.record().silent_since().is_none()
    }

    /// Takes note of how it behaved, and says so when that changes our belief.
    pub(crate) fn note(&self, change: impl FnOnce(Record) -> Record) {
        let (from, to) = {
            let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            let before = record.0.health();
            record.0 = change(record.0);
            if record.0.health() != before {
                record.1 = Instant::now();
            }
            (before.as_str(), record.0.health())
        };
        if from == to.as_str() {
            return;
        }
        let name = &self.node.name;
        match to {
            Health::Healthy => {
                // One that never answered does not return: it is new to us.
                if self.snapshot.load().begun > 0 {
                    self.returned_at.store(clock::now(), Relaxed);
                }
                tracing::info!(
                    target: "bluegate::state", event = "node.healthy", node.id = %name, from,
                    "the node answers"
                );
            }
            Health::Suspect => {
                tracing::warn!(
                    target: "bluegate::state", event = "node.suspect", node.id = %name, from,
                    "the node does not answer: no new meetings for it, nothing is forgotten"
                );
            }
            Health::Lost => {
                self.losses.fetch_add(1, Relaxed);
                tracing::error!(
                    target: "bluegate::state", event = "node.lost", node.id = %name, from,
                    "the node is given up: its meetings may be created elsewhere"
                );
            }
        }
    }

    /// Its copies of meetings that live on another node.
    pub(crate) fn splits(&self) -> Vec<Split> {
        self.splits.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those of its last poll.
    pub(crate) fn set_splits(&self, splits: Vec<Split>) {
        *self.splits.lock().unwrap_or_else(PoisonError::into_inner) = splits;
    }

    /// When it last became healthy again.
    pub(crate) fn returned_at(&self) -> Option<i64> {
        Some(self.returned_at.load(Relaxed)).filter(|returned_at| *returned_at > 0)
    }

    /// What it said last.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Keeps what it says now.
    pub(crate) fn keep(&self, snapshot: Arc<Snapshot>) {
        self.snapshot.store(snapshot);
    }
}
