//! What people may see of the queue, and do to it.

use std::collections::BTreeMap;

use bluegate_cluster::TenantName;
use bluegate_outbox::Target;
pub use bluegate_outbox::{Counters as CallbackCounters, Depth as CallbackDepth};
pub use bluegate_store::CallbackState;
use bluegate_store::{Callback, StoreError};

use super::ticket::Kind;
use crate::{Scaler, hooks};

/// A callback as people see it: nothing of what it says, of its target no more
/// than the origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackReport {
    /// Its name in the queue.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// The tenant's ID of the meeting it is about; empty when about none.
    pub meeting_id: String,
    /// `meeting-ended`, `end`, `recording-ready`, `analytics` or `webhook`.
    pub kind: String,
    /// Where it stands.
    pub state: CallbackState,
    /// Scheme, host and port of its target.
    pub target: String,
    /// Deliveries tried.
    pub attempts: i64,
    /// When it was queued, in ms.
    pub created_at: i64,
    /// When it is tried next, in ms.
    pub next_at: i64,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

impl CallbackReport {
    fn of(callback: Callback) -> Self {
        Self {
            target: Target::parse(&callback.target)
                .map(|target| target.shown())
                .unwrap_or_default(),
            id: callback.id,
            tenant: callback.tenant.to_string(),
            meeting_id: callback.meeting_id,
            kind: callback.kind,
            state: callback.state,
            attempts: callback.attempts,
            created_at: callback.created_at,
            next_at: callback.next_at,
            error: callback.error,
        }
    }
}

impl Scaler {
    /// Callbacks in a state, of one tenant or of all, the youngest first, at most
    /// `limit`; none where they do not pass through us.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn callbacks(
        &self,
        state: CallbackState,
        tenant: Option<&TenantName>,
        limit: i64,
    ) -> Result<Vec<CallbackReport>, StoreError> {
        let Some(callbacks) = self.passing() else { return Ok(Vec::new()) };
        let listed = callbacks.outbox.list(state, tenant, limit).await?;
        Ok(listed.into_iter().map(CallbackReport::of).collect())
    }

    /// Tries a callback anew, from its first attempt; `false` when there is no
    /// such one that waits or was given up, or it is not this tenant's.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn retry_callback(
        &self,
        id: &str,
        tenant: Option<&TenantName>,
    ) -> Result<bool, StoreError> {
        match self.passing() {
            Some(callbacks) => callbacks.outbox.retry(id, tenant).await,
            None => Ok(false),
        }
    }

    /// Deletes a callback that was not delivered; `false` as for
    /// [`Self::retry_callback`].
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn drop_callback(
        &self,
        id: &str,
        tenant: Option<&TenantName>,
    ) -> Result<bool, StoreError> {
        match self.passing() {
            Some(callbacks) => callbacks.outbox.remove(id, tenant).await,
            None => Ok(false),
        }
    }

    /// What lies in the queue, for every kind there is; nothing where callbacks do
    /// not pass through us. Counted every few seconds, not now.
    #[must_use]
    pub fn callback_depths(&self) -> BTreeMap<String, CallbackDepth> {
        let Some(callbacks) = self.passing() else { return BTreeMap::new() };
        let kinds = Kind::ALL.map(Kind::name).into_iter().chain([hooks::KIND]);
        let mut depths: BTreeMap<String, CallbackDepth> =
            kinds.map(|kind| (kind.to_owned(), CallbackDepth::default())).collect();
        depths.extend(callbacks.outbox.depths());
        depths
    }

    /// What this process did with callbacks since it started.
    #[must_use]
    pub fn callback_counters(&self) -> Option<CallbackCounters> {
        self.passing().map(|callbacks| callbacks.outbox.counters())
    }
}
