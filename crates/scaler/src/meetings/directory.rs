//! The open generations in memory: what calls look up, and what each node has to
//! carry.
//!
//! Written by the ledger only, right after each commit, and with what others
//! have committed. Look-ups are exact: by (tenant, meetingID), or by a whole
//! internal meeting ID of the tenant.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use bluegate_cluster::{Mount, TenantMeetingId, TenantName};
use bluegate_store::Generation;

use crate::{
    clock,
    config::Placement,
    nodes::{Listing, Snapshot},
    placement::{Account, Booked, Polled},
};

/// The open generations, by every key they are looked up with.
#[derive(Debug)]
pub(crate) struct Directory {
    terms: Placement,
    /// Locked before `maps` where both are.
    accounts: Mutex<HashMap<Mount, Watched>>,
    maps: RwLock<Maps>,
}

/// What a node with meetings has to carry.
#[derive(Debug)]
struct Watched {
    /// The list that its meetings were counted with.
    listing: Arc<Listing>,
    account: Account,
}

#[derive(Debug, Default)]
struct Maps {
    by_id: HashMap<String, Arc<Generation>>,
    /// By tenant, then meeting ID.
    by_meeting: HashMap<TenantName, HashMap<String, Arc<Generation>>>,
    by_internal: HashMap<String, Arc<Generation>>,
    by_node: HashMap<Mount, OnNode>,
    /// Ids by the dial-in numbers they have.
    by_voice_bridge: HashMap<String, Vec<String>>,
    /// How often rows were put in or taken out, ever.
    revision: u64,
}

#[derive(Debug, Default)]
struct OnNode {
    rows: Vec<Arc<Generation>>,
    /// The last revision that changed them.
    revision: u64,
}

impl Directory {
    /// Empty. Loads are reckoned by these terms.
    pub(crate) fn new(terms: Placement) -> Self {
        Self { terms, accounts: Mutex::default(), maps: RwLock::default() }
    }

    /// Takes over a row as it now is in the store.
    pub(crate) fn apply(&self, generation: Generation) {
        let mut accounts = self.accounts();
        let mut maps = self.write();
        if let Some(before) = maps.remove(&generation.id)
            && let Some(watched) = accounts.get_mut(&before.node)
        {
            watched.account.remove(&before.id);
            if watched.account.is_empty() {
                accounts.remove(&before.node);
            }
        }
        if !generation.state.is_open() {
            return;
        }
        // One that nothing is kept of yet is counted when somebody asks.
        if let Some(watched) = accounts.get_mut(&generation.node) {
            watched.add(&generation);
        }
        maps.insert(generation);
    }

    /// Takes over all open rows as they now are in the store.
    pub(crate) fn replace(&self, generations: Vec<Generation>) {
        // Goes on counting: no revision must ever stand for other rows.
        let mut maps = Maps { revision: self.read().revision, ..Maps::default() };
        for generation in generations {
            maps.insert(generation);
        }
        let mut accounts = self.accounts();
        *self.write() = maps;
        accounts.clear();
    }

    /// Counts a node's meetings with its last poll, so that no decision has to.
    pub(crate) fn counted(&self, node: &Mount, polled: &Snapshot) {
        self.watch(&mut self.accounts(), node, polled.listing());
    }

    /// What is on each of these nodes, in their order, by their last polls; the
    /// generation `but` counts nowhere.
    pub(crate) fn booked<'a>(
        &self,
        nodes: impl Iterator<Item = (&'a Mount, &'a Snapshot)>,
        but: Option<&str>,
        now: i64,
    ) -> Vec<Booked> {
        let mut accounts = self.accounts();
        let booked = |(node, polled): (&Mount, &Snapshot)| {
            let totals = polled.totals();
            match self.watch(&mut accounts, node, polled.listing()) {
                Some(watched) => watched.account.booked(totals, but, &self.terms, now),
                None => Account::new(&self.terms).booked(totals, but, &self.terms, now),
            }
        };
        nodes.map(booked).collect()
    }

    /// What a node with meetings has to carry, counted with this list.
    fn watch<'a>(
        &self,
        accounts: &'a mut HashMap<Mount, Watched>,
        node: &Mount,
        listing: &Arc<Listing>,
    ) -> Option<&'a mut Watched> {
        let is_counted =
            accounts.get(node).is_some_and(|known| Arc::ptr_eq(&known.listing, listing));
        if !is_counted {
            let maps = self.read();
            let there = maps.by_node.get(node)?;
            let account = Account::new(&self.terms);
            let mut watched = Watched { listing: Arc::clone(listing), account };
            there.rows.iter().for_each(|generation| watched.add(generation));
            accounts.insert(node.clone(), watched);
        }
        accounts.get_mut(node)
    }

    /// Whether an open generation other than `but` has this dial-in number.
    pub(crate) fn has_voice_bridge(&self, number: &str, but: Option<&str>) -> bool {
        let maps = self.read();
        let ids = maps.by_voice_bridge.get(number);
        ids.is_some_and(|ids| ids.iter().any(|id| Some(id.as_str()) != but))
    }

    /// The open generation of this id.
    pub(crate) fn open(&self, id: &str) -> Option<Arc<Generation>> {
        self.read().by_id.get(id).cloned()
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
        sorted(self.read().by_id.values().cloned().collect())
    }

    /// A node's open generations, oldest first.
    pub(crate) fn on_node(&self, node: &Mount) -> Vec<Arc<Generation>> {
        sorted(self.read().by_node.get(node).map(|on| on.rows.clone()).unwrap_or_default())
    }

    /// What is another number whenever a node's open generations are others.
    pub(crate) fn revision_of(&self, node: &Mount) -> u64 {
        let maps = self.read();
        maps.by_node.get(node).map_or(0, |on| on.revision)
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<Mount, Watched>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Maps> {
        self.maps.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Maps> {
        self.maps.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn add(&mut self, generation: &Generation) {
        self.account.add(generation, self.listing.of(generation), clock::now());
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
        self.revision += 1;
        let on_node = self.by_node.entry(generation.node.clone()).or_default();
        on_node.revision = self.revision;
        on_node.rows.push(Arc::clone(&generation));
        if let Some(number) = &generation.voice_bridge {
            self.by_voice_bridge.entry(number.clone()).or_default().push(generation.id.clone());
        }
        self.by_id.insert(generation.id.clone(), generation);
    }

    /// Forgets a row, and those of its keys that still lead to it.
    fn remove(&mut self, id: &str) -> Option<Arc<Generation>> {
        let generation = self.by_id.remove(id)?;
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
            self.revision += 1;
            on_node.revision = self.revision;
            // The youngest change most often.
            if let Some(place) = on_node.rows.iter().rposition(|known| known.id == id) {
                on_node.rows.swap_remove(place);
            }
            if on_node.rows.is_empty() {
                self.by_node.remove(&generation.node);
            }
        }
        if let Some(number) = &generation.voice_bridge
            && let Some(ids) = self.by_voice_bridge.get_mut(number)
        {
            ids.retain(|known| known != id);
            if ids.is_empty() {
                self.by_voice_bridge.remove(number);
            }
        }
        Some(generation)
    }
}

fn sorted(mut generations: Vec<Arc<Generation>>) -> Vec<Arc<Generation>> {
    generations.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    generations
}

#[cfg(test)]
mod tests {
    use bluegate_store::State;

    use super::*;
    use crate::meetings::sample;

    fn row(id: &str, node: &str, users: i64) -> Generation {
        Generation {
            tenant: "physics".parse().unwrap(),
            reserved: users,
            ..sample::generation(&node.parse().unwrap(), id, State::Live)
        }
    }

    #[test]
    fn a_revision_never_stands_for_other_rows() {
        let (directory, node) = (Directory::new(Placement::default()), "bbb-01".parse().unwrap());
        let mut seen: Vec<(u64, Vec<Arc<Generation>>)> = Vec::new();
        let mut look = |step: &str, changed: bool| {
            let now = (directory.revision_of(&node), directory.on_node(&node));
            if let Some(before) = seen.last() {
                assert_eq!(before.0 != now.0, changed, "{step}");
            }
            let same = |(revision, rows): &&(u64, _)| *revision == now.0 && *rows != now.1;
            assert_eq!(seen.iter().find(same), None, "{step}");
            seen.push(now);
        };
        look("nothing", false);
        directory.apply(row("a", "bbb-01", 1));
        look("put in", true);
        directory.apply(row("b", "bbb-02", 1));
        look("another node's", false);
        directory.apply(row("a", "bbb-01", 2));
        look("changed", true);
        directory.replace(vec![row("a", "bbb-01", 3), row("b", "bbb-02", 1)]);
        look("read again", true);
        directory.apply(row("a", "bbb-02", 3));
        look("moved", true);
        directory.replace(vec![row("c", "bbb-01", 1)]);
        look("another", true);
        directory.apply(Generation { state: State::Ended, ..row("c", "bbb-01", 1) });
        look("ended", true);
    }
}
