//! All recordings in memory: which keeper has which, and whose they are.
//!
//! A tenant's recordings are found through its name only, and one of them by a
//! [`TenantRecordingId`], which cannot be made without it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
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
    by_keeper: BTreeMap<Keeper, OfKeeper>,
    by_tenant: BTreeMap<TenantName, Shelf>,
    /// How many are nobody's.
    of_nobody: usize,
}

/// What one keeper has.
#[derive(Debug)]
struct OfKeeper {
    /// Stands for the keeper where it is looked up for every recording.
    number: usize,
    kept: BTreeMap<String, Arc<Kept>>,
}

/// All copies of one recording.
type Copies = Arc<[Arc<Kept>]>;

/// What one tenant has.
#[derive(Debug, Default)]
struct Shelf {
    /// Copies of each recording, by record ID.
    copies: BTreeMap<String, Copies>,
    /// The same, the newest first.
    by_time: BTreeMap<(Reverse<i64>, String), Copies>,
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
    pub(crate) fn insert(&mut self, mut kept: Kept) {
        if !self.remove(&kept.keeper, &kept.record_id, kept.revision) {
            return;
        }
        let number = self.by_keeper.len();
        let of_keeper = self.by_keeper.entry(kept.keeper.clone());
        let of_keeper = of_keeper.or_insert_with(|| OfKeeper { number, kept: BTreeMap::new() });
        kept.keeper_number = of_keeper.number;
        let kept = Arc::new(kept);
        of_keeper.kept.insert(kept.record_id.clone(), Arc::clone(&kept));
        match &kept.owner.tenant {
            Some(tenant) => self.by_tenant.entry(tenant.clone()).or_default().insert(kept),
            None => self.of_nobody += 1,
        }
    }

    /// A keeper has a recording no more, since this change. Says whether what was
    /// known, if anything, is older.
    pub(crate) fn remove(&mut self, keeper: &Keeper, record_id: &str, revision: i64) -> bool {
        let Some(OfKeeper { kept: of_keeper, .. }) = self.by_keeper.get_mut(keeper) else {
            return true;
        };
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
        self.by_keeper.get(keeper)?.kept.get(record_id)
    }

    /// Everything that a keeper has.
    pub(crate) fn of_keeper(&self, keeper: &Keeper) -> impl Iterator<Item = &Arc<Kept>> {
        self.by_keeper.get(keeper).into_iter().flat_map(|of_keeper| of_keeper.kept.values())
    }

    /// All keepers, and how many recordings each has.
    pub(crate) fn keepers(&self) -> impl Iterator<Item = (&Keeper, usize)> {
        self.by_keeper.iter().map(|(keeper, of_keeper)| (keeper, of_keeper.kept.len()))
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
        shelf.and_then(|shelf| shelf.copies.get(named.id())).map_or(&[], |copies| copies)
    }

    /// Every copy of every recording of the tenant whose ID begins as this one.
    pub(crate) fn beginning<'a>(
        &'a self,
        named: &'a TenantRecordingId,
    ) -> impl Iterator<Item = &'a Arc<Kept>> {
        let shelf = self.by_tenant.get(named.tenant());
        shelf
            .into_iter()
            .flat_map(|shelf| shelf.beginning(named.id()))
            .flat_map(|(_, all)| all.iter())
    }

    /// The copies of each recording of one tenant, or of each; a tenant's newest
    /// first.
    pub(crate) fn of_tenants<'a>(
        &'a self,
        tenant: Option<&'a TenantName>,
    ) -> impl Iterator<Item = (&'a TenantName, impl Iterator<Item = &'a Copies>)> {
        let shelves = self.by_tenant.iter();
        let shelves = shelves.filter(move |(name, _)| tenant.is_none_or(|tenant| tenant == *name));
        shelves.map(|(name, shelf)| (name, shelf.by_time.values()))
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
        let mut ranks = vec![None; self.by_keeper.len()];
        for (keeper, of_keeper) in &self.by_keeper {
            if let Some(place) = ranks.get_mut(of_keeper.number) {
                *place = rank(keeper);
            }
        }
        let rank_of = |copy: &Kept| ranks.get(copy.keeper_number).copied().flatten();
        let mut found = Vec::new();
        if let Some(shelf) = self.by_tenant.get(tenant) {
            let mut take = |copies: &Copies| {
                let ranked = copies.iter().filter_map(|copy| Some((rank_of(copy)?, copy)));
                let best = ranked.min_by_key(|(rank, copy)| (copy.preference(), *rank));
                let taken =
                    best.filter(|(_, copy)| query.takes(&copy.state, |name| copy.metadata(name)));
                found.extend(taken.map(|(_, copy)| Arc::clone(copy)));
            };
            match prefixes {
                None => shelf.by_time.values().for_each(&mut take),
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
        let mut copies = self.copies.remove(id).map_or_else(Vec::new, |copies| copies.to_vec());
        if let Some(before) = place(&copies) {
            self.by_time.remove(&before);
        }
        self.remaining -= usize::from(remains(&copies));
        change(&mut copies);
        self.remaining += usize::from(remains(&copies));
        if let Some(after) = place(&copies) {
            let copies: Copies = copies.into();
            self.by_time.insert(after, Arc::clone(&copies));
            self.copies.insert(id.to_owned(), copies);
        }
    }

    fn beginning<'a, 'p>(
        &'a self,
        prefix: &'p str,
    ) -> impl Iterator<Item = (&'a String, &'a Copies)> + use<'a, 'p> {
        let range = self.copies.range(prefix.to_owned()..);
        range.take_while(move |(id, _)| id.starts_with(prefix))
    }

    fn in_order_of(&self, prefixes: &[String]) -> Vec<&Copies> {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut found = Vec::new();
        for prefix in prefixes {
            let mut some: Vec<(&String, &Copies)> =
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
