//! The open generations in memory: what every call but create looks up.
//!
//! Written by the ledger only, right after each commit. Look-ups are exact:
//! by (tenant, meetingID), or by a whole internal meeting ID of the tenant.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use bluegate_cluster::{Mount, TenantMeetingId, TenantName};
use bluegate_store::Generation;

/// The open generations, by every key they are looked up with.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    maps: RwLock<Maps>,
}

#[derive(Debug, Default)]
struct Maps {
    by_id: HashMap<String, Arc<Generation>>,
    /// Tenant, then meeting ID, to the row's id.
    by_meeting: HashMap<TenantName, HashMap<String, String>>,
    by_internal: HashMap<String, String>,
}

impl Directory {
    /// Takes over a row as it now is in the store.
    pub(crate) fn apply(&self, generation: Generation) {
        let mut maps = self.write();
        maps.remove(&generation.id);
        if generation.state.is_open() {
            maps.insert(generation);
        }
    }

    /// Takes over all open rows as they now are in the store.
    pub(crate) fn replace(&self, generations: Vec<Generation>) {
        let mut maps = Maps::default();
        for generation in generations {
            maps.insert(generation);
        }
        *self.write() = maps;
    }

    /// The open generation of a meeting.
    pub(crate) fn meeting(&self, meeting: &TenantMeetingId) -> Option<Arc<Generation>> {
        let maps = self.read();
        let id = maps.by_meeting.get(meeting.tenant())?.get(meeting.id())?;
        maps.by_id.get(id).cloned()
    }

    /// A tenant's open generation by its whole internal meeting ID.
    pub(crate) fn internal(&self, given: &TenantMeetingId) -> Option<Arc<Generation>> {
        let maps = self.read();
        let found = maps.by_id.get(maps.by_internal.get(given.id())?)?;
        (found.tenant == *given.tenant()).then(|| Arc::clone(found))
    }

    /// Whether a row stands for the life that a node calls by this internal ID,
    /// whoever's it is.
    pub(crate) fn stands_for(&self, internal_meeting_id: &str) -> bool {
        self.read().by_internal.contains_key(internal_meeting_id)
    }

    /// A tenant's open generations, oldest first.
    pub(crate) fn of_tenant(&self, tenant: &TenantName) -> Vec<Arc<Generation>> {
        let maps = self.read();
        let ids = maps.by_meeting.get(tenant).into_iter().flat_map(HashMap::values);
        sorted(ids.filter_map(|id| maps.by_id.get(id)).cloned().collect())
    }

    /// Every open generation, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Generation>> {
        sorted(self.read().by_id.values().cloned().collect())
    }

    /// A node's open generations, oldest first.
    pub(crate) fn on_node(&self, node: &Mount) -> Vec<Arc<Generation>> {
        let maps = self.read();
        sorted(maps.by_id.values().filter(|g| g.node == *node).cloned().collect())
    }

    fn read(&self) -> RwLockReadGuard<'_, Maps> {
        self.maps.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Maps> {
        self.maps.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Maps {
    fn insert(&mut self, generation: Generation) {
        let id = &generation.id;
        self.by_meeting
            .entry(generation.tenant.clone())
            .or_default()
            .insert(generation.meeting_id.clone(), id.clone());
        if let Some(internal) = &generation.internal_meeting_id {
            self.by_internal.insert(internal.clone(), id.clone());
        }
        self.by_id.insert(id.clone(), Arc::new(generation));
    }

    /// Forgets a row, and those of its keys that still lead to it.
    fn remove(&mut self, id: &str) {
        let Some(generation) = self.by_id.remove(id) else { return };
        if let Some(internal) = &generation.internal_meeting_id
            && self.by_internal.get(internal).is_some_and(|known| known == id)
        {
            self.by_internal.remove(internal);
        }
        if let Some(meetings) = self.by_meeting.get_mut(&generation.tenant)
            && meetings.get(&generation.meeting_id).is_some_and(|known| known == id)
        {
            meetings.remove(&generation.meeting_id);
        }
    }
}

fn sorted(mut generations: Vec<Arc<Generation>>) -> Vec<Arc<Generation>> {
    generations.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    generations
}
