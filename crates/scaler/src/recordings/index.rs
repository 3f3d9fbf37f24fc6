//! All recordings in memory: which keeper has which, and whose they are.
//!
//! A tenant's recordings are found through its name only, and one of them by a
//! [`TenantRecordingId`], which cannot be made without it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use bluegate_bbb_api::{RecordingPage, RecordingQuery};
use bluegate_cluster::{TenantName, TenantRecordingId};

use super::{
    keeper::{Keeper, Rank},
    kept::Kept,
};

#[cfg(test)]
mod tests;

/// All recordings.
#[derive(Debug, Default)]
pub(crate) struct Index {
    by_keeper: BTreeMap<Keeper, BTreeMap<String, Arc<Kept>>>,
    by_tenant: BTreeMap<TenantName, Shelf>,
    /// How many are nobody's.
    of_nobody: usize,
}

/// What one tenant has.
#[derive(Debug, Default)]
struct Shelf {
    /// Copies of each recording, by record ID.
    copies: BTreeMap<String, Vec<Arc<Kept>>>,
    /// The newest first.
    by_time: BTreeSet<(Reverse<i64>, String)>,
    /// How many are not deleted: metrics ask, and creates where there is a limit.
    remaining: usize,
}

/// What a list shows.
#[derive(Debug)]
pub(crate) struct Selected {
    /// The recordings of the page, in order.
    pub(crate) shown: Vec<Arc<Kept>>,
    /// The page and how many there are in all.
    pub(crate) page: Option<(RecordingPage, usize)>,
}

impl Index {
    /// A keeper has a recording: it takes the place of what was known of it,
    /// unless that is from a later change.
    pub(crate) fn insert(&mut self, kept: Kept) {
        if !self.remove(&kept.keeper, &kept.record_id, kept.revision) {
            return;
        }
        let kept = Arc::new(kept);
        let of_keeper = self.by_keeper.entry(kept.keeper.clone()).or_default();
        of_keeper.insert(kept.record_id.clone(), Arc::clone(&kept));
        match &kept.owner.tenant {
            Some(tenant) => self.by_tenant.entry(tenant.clone()).or_default().insert(kept),
            None => self.of_nobody += 1,
        }
    }

    /// A keeper has a recording no more, since this change. Says whether what was
    /// known, if anything, is older.
    pub(crate) fn remove(&mut self, keeper: &Keeper, record_id: &str, revision: i64) -> bool {
        let Some(of_keeper) = self.by_keeper.get_mut(keeper) else { return true };
        match of_keeper.get(record_id) {
            None => return true,
            Some(known) if known.revision > revision => return false,
            Some(_) => {}
        }
        let Some(known) = of_keeper.remove(record_id) else { return true };
        match &known.owner.tenant {
            Some(tenant) => {
                if let Some(shelf) = self.by_tenant.get_mut(tenant) {
                    shelf.remove(&known);
                }
            }
            None => self.of_nobody -= 1,
        }
        true
    }

    /// What is known of a recording at a keeper.
    pub(crate) fn at(&self, keeper: &Keeper, record_id: &str) -> Option<&Arc<Kept>> {
        self.by_keeper.get(keeper)?.get(record_id)
    }

    /// Everything that a keeper has.
    pub(crate) fn of_keeper(&self, keeper: &Keeper) -> impl Iterator<Item = &Arc<Kept>> {
        self.by_keeper.get(keeper).into_iter().flat_map(BTreeMap::values)
    }

    /// All keepers, and how many recordings each has.
    pub(crate) fn keepers(&self) -> impl Iterator<Item = (&Keeper, usize)> {
        self.by_keeper.iter().map(|(keeper, kept)| (keeper, kept.len()))
    }

    /// How many recordings a tenant has that are not deleted.
    pub(crate) fn count(&self, tenant: &TenantName) -> usize {
        self.by_tenant.get(tenant).map_or(0, |shelf| shelf.remaining)
    }

    /// How many copies there are that nobody may see.
    pub(crate) fn count_of_nobody(&self) -> usize {
        self.of_nobody
    }

    /// Every copy of one recording.
    pub(crate) fn copies(&self, named: &TenantRecordingId) -> &[Arc<Kept>] {
        let shelf = self.by_tenant.get(named.tenant());
        shelf.and_then(|shelf| shelf.copies.get(named.id())).map_or(&[], Vec::as_slice)
    }

    /// Every copy of every recording of the tenant whose ID begins as this one.
    pub(crate) fn beginning<'a>(
        &'a self,
        named: &'a TenantRecordingId,
    ) -> impl Iterator<Item = &'a Arc<Kept>> {
        let shelf = self.by_tenant.get(named.tenant());
        shelf.into_iter().flat_map(|shelf| shelf.beginning(named.id())).flat_map(|(_, all)| all)
    }

    /// The copies of each recording of one tenant, or of each; a tenant's newest
    /// first.
    pub(crate) fn of_tenants<'a>(
        &'a self,
        tenant: Option<&'a TenantName>,
    ) -> impl Iterator<Item = (&'a TenantName, impl Iterator<Item = &'a Vec<Arc<Kept>>>)> {
        let shelves = self.by_tenant.iter();
        let shelves = shelves.filter(move |(name, _)| tenant.is_none_or(|tenant| tenant == *name));
        shelves.map(|(name, shelf)| (name, shelf.newest_first()))
    }

    /// The recordings of a tenant that a call asks for: those whose IDs begin as
    /// one of `prefixes`, in their order, or all of them; the newest first. Of
    /// several copies the best is shown, and none whose keeper has no `rank`.
    pub(crate) fn select(
        &self,
        tenant: &TenantName,
        query: &RecordingQuery,
        prefixes: Option<&[String]>,
        rank: impl Fn(&Keeper) -> Option<Rank>,
    ) -> Selected {
        let mut found = Vec::new();
        if let Some(shelf) = self.by_tenant.get(tenant) {
            let mut take = |copies: &Vec<Arc<Kept>>| {
                let ranked = copies.iter().filter_map(|copy| Some((rank(&copy.keeper)?, copy)));
                let best = ranked.min_by_key(|(rank, copy)| (copy.preference(), *rank));
                let taken =
                    best.filter(|(_, copy)| query.takes(&copy.state, |name| copy.metadata(name)));
                found.extend(taken.map(|(_, copy)| Arc::clone(copy)));
            };
            match prefixes {
                None => shelf.newest_first().for_each(&mut take),
                Some(prefixes) => shelf.in_order_of(prefixes).into_iter().for_each(&mut take),
            }
        }
        let total = found.len();
        match query.page {
            None => Selected { shown: found, page: None },
            Some(page) => Selected {
                shown: found.into_iter().skip(page.offset).take(page.limit).collect(),
                page: Some((page, total)),
            },
        }
    }
}

impl Shelf {
    fn insert(&mut self, kept: Arc<Kept>) {
        let id = kept.record_id.clone();
        self.change(&id, |copies| copies.push(kept));
    }

    fn remove(&mut self, kept: &Kept) {
        self.change(&kept.record_id, |copies| copies.retain(|copy| copy.keeper != kept.keeper));
    }

    /// Changes the copies of a recording, and its place in the order.
    fn change(&mut self, id: &str, change: impl FnOnce(&mut Vec<Arc<Kept>>)) {
        let place = |copies: &[Arc<Kept>]| {
            copies.first().map(|copy| (Reverse(copy.start_time), id.to_owned()))
        };
        let copies = self.copies.entry(id.to_owned()).or_default();
        if let Some(before) = place(copies) {
            self.by_time.remove(&before);
        }
        self.remaining -= usize::from(remains(copies));
        change(copies);
        self.remaining += usize::from(remains(copies));
        match place(copies) {
            Some(after) => {
                self.by_time.insert(after);
            }
            None => {
                self.copies.remove(id);
            }
        }
    }

    fn newest_first(&self) -> impl Iterator<Item = &Vec<Arc<Kept>>> {
        self.by_time.iter().filter_map(|(_, id)| self.copies.get(id))
    }

    fn beginning<'a, 'p>(
        &'a self,
        prefix: &'p str,
    ) -> impl Iterator<Item = (&'a String, &'a Vec<Arc<Kept>>)> + use<'a, 'p> {
        let range = self.copies.range(prefix.to_owned()..);
        range.take_while(move |(id, _)| id.starts_with(prefix))
    }

    fn in_order_of(&self, prefixes: &[String]) -> Vec<&Vec<Arc<Kept>>> {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut found = Vec::new();
        for prefix in prefixes {
            let mut some: Vec<(&String, &Vec<Arc<Kept>>)> =
                self.beginning(prefix).filter(|(id, _)| seen.insert(id)).collect();
            some.sort_by_key(|(id, copies)| {
                (Reverse(copies.first().map(|copy| copy.start_time)), *id)
            });
            found.extend(some.into_iter().map(|(_, copies)| copies));
        }
        found
    }
}

/// Whether a recording with these copies is not deleted.
fn remains(copies: &[Arc<Kept>]) -> bool {
    copies.iter().any(|copy| copy.state != "deleted")
}
