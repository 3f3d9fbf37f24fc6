//! Recordings of all nodes, as one server has them.
//!
//! Every keeper ([`keeper`]) is asked for all it has now and then ([`mod@watch`]),
//! and for single recordings when there is reason to: a callback that one is
//! ready, a call that changed it. What it says goes into the store, with whose
//! it is ([`owner`]), and from there into memory ([`index`]), from which lists
//! are answered. Calls that write go to whoever keeps the recording
//! ([`mod@change`], [`tracks`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use bluegate_bbb_api::ids;
use bluegate_cluster::{Mount, Node, TenantName};
use bluegate_store::{Store, StoreError, StoredRecording};
use sha1::{Digest, Sha1};
use tokio::sync::watch as channel;

use crate::{
    callbacks::Callbacks,
    clock,
    config::{Bounds, DelegateConfig, NodeConfig, RecordingConfig},
    nodes::NodeHandle,
    placement::NodeTerms,
    tenants::Tenant,
};

mod admin;
mod change;
mod index;
mod keeper;
mod kept;
mod list;
mod look;
mod observe;
mod owner;
mod report;
mod sweep;
mod tracks;
mod watch;

pub use admin::{RecordingError, RecordingFilter, RecordingReport};
pub(crate) use change::write;
pub(crate) use index::Index;
pub(crate) use keeper::Keeper;
pub(crate) use kept::Kept;
pub(crate) use list::list;
pub(crate) use look::hear;
pub(crate) use owner::Owner;
pub use report::{KeeperReport, RecordingsReport};
pub(crate) use tracks::{get_text_tracks, put_text_track};
pub(crate) use watch::watch;

use report::Progress;

/// Rows read from the store at once.
const CHUNK: i64 = 500;
/// Recordings of one keeper that may wait to be looked at; more are found when
/// it is asked for all.
const MAX_WANTED: usize = 1_000;
/// How long it is remembered that a keeper has a recording no more.
const KEEP_GONE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// All recordings, and who is asked for them.
pub(crate) struct Recordings {
    store: Store,
    callbacks: Option<Arc<Callbacks>>,
    config: RecordingConfig,
    delegate: Option<Arc<NodeHandle>>,
    index: RwLock<Index>,
    /// The last change of the store that was read from it.
    followed: tokio::sync::Mutex<i64>,
    /// Recordings to be looked at, by keeper.
    wanted: Mutex<BTreeMap<Keeper, BTreeSet<String>>>,
    /// Told when there are more of them.
    more: channel::Sender<()>,
    progress: Mutex<BTreeMap<Keeper, Progress>>,
}

impl Recordings {
    /// Takes over what the store has.
    pub(crate) async fn load(
        store: Store,
        config: RecordingConfig,
        callbacks: Option<Arc<Callbacks>>,
        tls: &Arc<rustls::ClientConfig>,
        bounds: &Bounds,
    ) -> Result<Self, StoreError> {
        let delegate = config.delegate.clone().map(|delegate| handle(delegate, tls, bounds));
        let recordings = Self {
            store,
            callbacks,
            config,
            delegate,
            index: RwLock::default(),
            followed: tokio::sync::Mutex::new(0),
            wanted: Mutex::default(),
            more: channel::Sender::new(()),
            progress: Mutex::default(),
        };
        recordings.follow().await?;
        Ok(recordings)
    }

    /// Follows what was written to the store, by whomever.
    pub(crate) async fn follow(&self) -> Result<(), StoreError> {
        let mut followed = self.followed.lock().await;
        loop {
            let rows = self.store.recordings_after(*followed, CHUNK).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            *followed = last.revision;
            self.take_over(&rows);
        }
    }

    /// Forgets what has been gone for long.
    pub(crate) async fn forget_gone(&self) -> Result<(), StoreError> {
        let keep = i64::try_from(KEEP_GONE.as_millis()).unwrap_or(i64::MAX);
        let mut write = self.store.write().await?;
        write.forget_gone_recordings(clock::now().saturating_sub(keep)).await?;
        write.commit().await
    }

    /// The balancer that recordings were left with.
    pub(crate) fn delegate(&self) -> Option<Arc<NodeHandle>> {
        self.delegate.clone()
    }

    /// How many recordings a tenant has that are not deleted.
    pub(crate) fn count(&self, tenant: &TenantName) -> u64 {
        self.index().count(tenant) as u64
    }

    /// Whose a recording is that a node keeps.
    pub(crate) fn owner_at(&self, node: &Mount, record_id: &str) -> Option<Owner> {
        let keeper = Keeper::Node(node.clone());
        self.index().at(&keeper, record_id).map(|kept| kept.owner.clone())
    }

    /// Memory becomes what these rows are.
    fn take_over(&self, rows: &[StoredRecording]) {
        let callbacks = self.callbacks.as_deref();
        let read: Vec<Option<Kept>> = rows.iter().map(|row| Kept::of(row, callbacks)).collect();
        let mut index = self.index_mut();
        for (row, kept) in rows.iter().zip(read) {
            match (kept, Keeper::named(&row.keeper)) {
                (Some(kept), _) => index.insert(kept),
                (None, Some(keeper)) => {
                    index.remove(&keeper, &row.record_id, row.revision);
                }
                (None, None) => {}
            }
        }
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a keeper asked for these recordings, soon.
    fn want(&self, keeper: &Keeper, record_ids: impl IntoIterator<Item = String>) {
        {
            let mut wanted = lock(&self.wanted);
            let wanted = wanted.entry(keeper.clone()).or_default();
            let room = MAX_WANTED.saturating_sub(wanted.len());
            wanted.extend(record_ids.into_iter().take(room));
        }
        self.more.send_replace(());
    }

    /// What is to be looked at, to be looked at now.
    fn take_wanted(&self, keeper: &Keeper) -> Vec<String> {
        lock(&self.wanted).remove(keeper).unwrap_or_default().into_iter().collect()
    }

    fn progress(&self, keeper: &Keeper, change: impl FnOnce(&mut Progress)) {
        change(lock(&self.progress).entry(keeper.clone()).or_default());
    }
}

/// What the IDs of a meeting's recordings begin with.
fn prefix_of(tenant: &Tenant, meeting_id: &str) -> String {
    let node_meeting_id = ids::node_meeting_id(&tenant.name, tenant.scope, meeting_id);
    Sha1::digest(node_meeting_id).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The delegate is called as a node is. Its name is one that no node can have.
fn handle(
    delegate: DelegateConfig,
    tls: &Arc<rustls::ClientConfig>,
    bounds: &Bounds,
) -> Arc<NodeHandle> {
    let node = NodeConfig {
        node: Node::api(delegate.origin),
        secrets: delegate.secrets,
        terms: NodeTerms::default(),
    };
    Arc::new(NodeHandle::new(node, tls, bounds))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
