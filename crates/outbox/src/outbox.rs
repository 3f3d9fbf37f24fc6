//! The queue: what is put into it, seen of it, and done to it by people.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use bluegate_cluster::TenantName;
use bluegate_store::{Callback, CallbackCount, CallbackState, StoreError};
use tokio::sync::Notify;

use crate::{
    backlog::Places,
    config::Config,
    counts::{self, Counters, Counts, Depth},
    room::Room,
    target::{Target, TargetError},
};

/// The queue of callbacks. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) wake: Notify,
    pub(crate) counts: Counts,
    /// What the store had in the queue when it was last asked.
    pub(crate) counted: Mutex<Vec<CallbackCount>>,
    /// Places that our worker has enough of.
    pub(crate) taken: Places,
    pub(crate) room: Room,
    /// The last position given out.
    position: AtomicI64,
}

/// A callback to queue.
#[derive(Clone, Debug)]
pub struct New {
    /// Whose it is.
    pub tenant: TenantName,
    /// What it tells.
    pub kind: &'static str,
    /// The tenant's ID of the meeting, or nothing.
    pub meeting_id: String,
    /// The receiver's URL.
    pub target: String,
    /// Callbacks of one lane arrive in order, one at a time.
    pub lane: Option<String>,
    /// What it says, for whoever prepares its request.
    pub payload: String,
    /// Of two callbacks of equal sameness, one is delivered; one that was given up
    /// is tried anew when it comes again.
    pub sameness: Option<String>,
}

/// What became of a callback that was to be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// It waits for its delivery.
    New,
    /// One of the same sameness waits or was delivered.
    Same,
}

/// Why a callback is not in the queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Its URL cannot be called.
    #[error("the callback's target cannot be called")]
    Target(#[source] TargetError),
    /// It says too much.
    #[error("the callback is too large")]
    Large,
    /// Too many of its kind wait for this tenant.
    #[error("too many callbacks of this kind wait")]
    Full,
    /// The store does not answer.
    #[error("the callback cannot be stored")]
    Store(#[source] StoreError),
}

impl Outbox {
    /// An outbox on its store.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let shared = Shared {
            config,
            wake: Notify::new(),
            counts: Counts::default(),
            counted: Mutex::default(),
            taken: Places::default(),
            room: Room::default(),
            position: AtomicI64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Queues callbacks, all or none; they survive a restart when this returns.
    ///
    /// # Errors
    /// [`QueueError`] says why none was.
    pub async fn queue(&self, callbacks: Vec<New>) -> Result<Vec<Queued>, QueueError> {
        let mut rows = Vec::with_capacity(callbacks.len());
        for new in callbacks {
            rows.push(self.row(new)?);
        }
        let bound = self.shared.config.bounds.queue;
        let write = self.shared.config.store.write().await;
        let mut write = write.map_err(QueueError::Store)?;
        let mut kinds: BTreeMap<(&TenantName, &str), i64> = BTreeMap::new();
        for row in &rows {
            *kinds.entry((&row.tenant, &row.kind)).or_default() += 1;
        }
        let others_queue = self.shared.config.store.is_shared();
        for ((tenant, kind), number) in kinds {
            if !others_queue && self.shared.room.take(tenant, kind, number) {
                continue;
            }
            let waiting = write.queued_callbacks(tenant, kind).await.map_err(QueueError::Store)?;
            if waiting >= bound {
                self.shared.counts.refused.fetch_add(1, Relaxed);
                return Err(QueueError::Full);
            }
            self.shared.room.found(tenant, kind, bound - waiting, number);
        }
        let mut queued = Vec::with_capacity(rows.len());
        for row in &rows {
            let is_new = write.insert_callback(row).await.map_err(QueueError::Store)?;
            queued.push(if is_new { Queued::New } else { Queued::Same });
        }
        write.commit().await.map_err(QueueError::Store)?;
        // The others are looked for when what was taken of their place is used up.
        if rows.iter().any(|row| !self.shared.taken.has(&row.place)) {
            self.wake();
        }
        Ok(queued)
    }

    fn row(&self, new: New) -> Result<Callback, QueueError> {
        if new.payload.len() > self.shared.config.bounds.payload_bytes {
            return Err(QueueError::Large);
        }
        let place = Target::parse(&new.target).map_err(QueueError::Target)?.place();
        let now = self.now();
        Ok(Callback {
            id: format!("{:032x}", rand::random::<u128>()),
            tenant: new.tenant,
            kind: new.kind.to_owned(),
            meeting_id: new.meeting_id,
            target: new.target,
            place,
            lane: new.lane,
            payload: new.payload,
            sameness: new.sameness,
            state: CallbackState::Queued,
            position: self.position(now),
            attempts: 0,
            created_at: now,
            next_at: now,
            leased_until: 0,
            error: None,
            settled_at: None,
        })
    }

    /// Grows with time and with every call; processes that share a store are
    /// as far apart as their clocks.
    fn position(&self, now: i64) -> i64 {
        let least = now.saturating_mul(1_000);
        let next = |last: i64| Some(least.max(last.saturating_add(1)));
        let last = self.shared.position.fetch_update(Relaxed, Relaxed, next);
        least.max(last.unwrap_or(least).saturating_add(1))
    }

    /// Callbacks in a state, of one tenant or of all, the youngest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn list(
        &self,
        state: CallbackState,
        tenant: Option<&TenantName>,
        limit: i64,
    ) -> Result<Vec<Callback>, StoreError> {
        self.shared.config.store.callbacks(state, tenant, limit).await
    }

    /// Tries a callback anew, from its first attempt; `false` when there is none
    /// of this id, and of this tenant if one is given, that waits or was given up.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn retry(&self, id: &str, tenant: Option<&TenantName>) -> Result<bool, StoreError> {
        let mut write = self.shared.config.store.write().await?;
        let found = write.retry_callback(id, tenant, self.now()).await?;
        write.commit().await?;
        self.shared.room.forget();
        self.wake();
        Ok(found)
    }

    /// Gives a callback up without a trace; `false` as for [`Self::retry`].
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn remove(&self, id: &str, tenant: Option<&TenantName>) -> Result<bool, StoreError> {
        let mut write = self.shared.config.store.write().await?;
        let found = write.drop_callback(id, tenant).await?;
        write.commit().await?;
        Ok(found)
    }

    /// What this process did so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.counts.read()
    }

    /// What lies in the queue, by kind, as [`Outbox::run`] counted it last; kinds
    /// of which there is nothing are left out.
    #[must_use]
    pub fn depths(&self) -> BTreeMap<String, Depth> {
        let counted = self.shared.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counts::depths(&counted, self.now())
    }

    /// Has the queue looked at now.
    pub fn wake(&self) {
        self.shared.wake.notify_one();
    }

    pub(crate) fn now(&self) -> i64 {
        (self.shared.config.clock)()
    }
}
