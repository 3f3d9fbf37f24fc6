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
    /// By tenant, then meeting ID.
    by_meeting: HashMap<TenantName, HashMap<String, Arc<Generation>>>,
    by_internal: HashMap<String, Arc<Generation>>,
    by_node: HashMap<Mount, Vec<Arc<Generation>>>,
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
        self.read().by_meeting.get(meeting.tenant())?.get(meeting.id()).cloned()
    }

    /// A tenant's open generation by its whole internal meeting ID.
    pub(crate) fn internal(&self, given: &TenantMeetingId) -> Option<Arc<Generation>> {
        let maps = self.read();
        let found = maps.by_internal.get(given.id())?;
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
        let of_tenant = maps.by_meeting.get(tenant).into_iter().flat_map(HashMap::values);
        sorted(of_tenant.cloned().collect())
    }

    /// How many of a tenant's open generations are `counted`.
    pub(crate) fn count_of_tenant(
        &self,
        tenant: &TenantName,
        counted: impl Fn(&Generation) -> bool,
    ) -> usize {
        let maps = self.read();
        let of_tenant = maps.by_meeting.get(tenant).into_iter().flat_map(HashMap::values);
        of_tenant.filter(|generation| counted(generation)).count()
    }

    /// Every open generation, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Generation>> {
        sorted(self.unsorted())
    }

    /// Every open generation, in any order.
    pub(crate) fn unsorted(&self) -> Vec<Arc<Generation>> {
        self.read().by_id.values().cloned().collect()
    }

    /// A node's open generations, oldest first.
    pub(crate) fn on_node(&self, node: &Mount) -> Vec<Arc<Generation>> {
        sorted(self.read().by_node.get(node).cloned().unwrap_or_default())
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
        let generation = Arc::new(generation);
        self.by_meeting
            .entry(generation.tenant.clone())
            .or_default()
            .insert(generation.meeting_id.clone(), Arc::clone(&generation));
        if let Some(internal) = &generation.internal_meeting_id {
            self.by_internal.insert(internal.clone(), Arc::clone(&generation));
        }
        self.by_node.entry(generation.node.clone()).or_default().push(Arc::clone(&generation));
        self.by_id.insert(generation.id.clone(), generation);
    }

    /// Forgets a row, and those of its keys that still lead to it.
    fn remove(&mut self, id: &str) {
        let Some(generation) = self.by_id.remove(id) else { return };
        if let Some(internal) = &generation.internal_meeting_id
            && self.by_internal.get(internal).is_some_and(|known| known.id == id)
        {
            self.by_internal.remove(internal);
        }
        if let Some(meetings) = self.by_meeting.get_mut(&generation.tenant)
            && meetings.get(&generation.meeting_id).is_some_and(|known| known.id == id)
        {
            meetings.remove(&generation.meeting_id);
        }
        if let Some(on_node) = self.by_node.get_mut(&generation.node) {
            // The youngest change most often.
            if let Some(place) = on_node.iter().rposition(|known| known.id == id) {
                on_node.swap_remove(place);
            }
            if on_node.is_empty() {
                self.by_node.remove(&generation.node);
            }
        }
    }
}

fn sorted(mut generations: Vec<Arc<Generation>>) -> Vec<Arc<Generation>> {
    generations.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    generations
}
