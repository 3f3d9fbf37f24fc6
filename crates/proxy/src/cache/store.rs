//! Keys to entries, digests to contents, and the bound on both.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use arc_swap::ArcSwapOption;
use bluegate_cache::{CacheKey, Coding, Digest};
use bytes::Bytes;

use super::{
    clock,
    content::Content,
    entry::Entry,
    flight::Flight,
    report::{CacheReport, Counts, MountReport},
};

/// When something must go, this part of everything goes, so that the search
/// for what is oldest is rare.
const SHARE_TO_EVICT: usize = 16;

/// What is known under one key.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) key: CacheKey,
    pub(super) entry: ArcSwapOption<Entry>,
    /// The one question to the node under way.
    pub(super) flight: Mutex<Option<Flight>>,
    /// Until when nobody asks whether the answer may be stored by now.
    pub(super) unstorable_until: AtomicU64,
    used: AtomicU64,
}

impl Slot {
    /// The entry, if it came from this upstream.
    pub(super) fn entry_of(&self, upstream: u64) -> Option<Arc<Entry>> {
        self.entry.load_full().filter(|entry| entry.upstream == upstream)
    }

    pub(super) fn touch(&self, entry: &Entry, now: u64) {
        self.used.store(now, Relaxed);
        entry.content.used.store(now, Relaxed);
    }
}

/// The memory of the cache.
#[derive(Debug)]
pub(super) struct Store {
    slots: RwLock<HashMap<CacheKey, Arc<Slot>>>,
    contents: Mutex<HashMap<Digest, Arc<Content>>>,
    /// Bytes of all contents.
    bytes: Arc<AtomicUsize>,
    /// Bytes of answers that are being read.
    arriving: Arc<AtomicUsize>,
    memory: usize,
    max_entries: usize,
    pub(super) evicted: AtomicU64,
}

impl Store {
    pub(super) fn new(memory: usize, max_entries: usize) -> Self {
        Self {
            slots: RwLock::default(),
            contents: Mutex::default(),
            bytes: Arc::default(),
            arriving: Arc::default(),
            memory,
            max_entries: max_entries.max(1),
            evicted: AtomicU64::new(0),
        }
    }

    /// The slot of this target, if there is one.
    pub(super) fn find(&self, target: &str) -> Option<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).get(target).cloned()
    }

    /// The slot of this target.
    pub(super) fn slot(&self, target: &str) -> Arc<Slot> {
        if let Some(slot) = self.find(target) {
            return slot;
        }
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= self.max_entries && !slots.contains_key(target) {
            forget_oldest_slots(&mut slots, self.max_entries / SHARE_TO_EVICT + 1);
        }
        let key = CacheKey::new(target);
        let slot = slots.entry(key.clone()).or_insert_with(|| {
            Arc::new(Slot {
                key,
                entry: ArcSwapOption::empty(),
                flight: Mutex::default(),
                unstorable_until: AtomicU64::new(0),
                used: AtomicU64::new(clock::now()),
            })
        });
        Arc::clone(slot)
    }

    /// The content with this digest, if it is held; counts as a use.
    pub(super) fn content(&self, digest: &Digest) -> Option<Arc<Content>> {
        let contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        let content = contents.get(digest)?;
        content.used.store(clock::now(), Relaxed);
        Some(Arc::clone(content))
    }

    /// The one content of these bytes.
    pub(super) fn intern(
        &self,
        digest: Digest,
        identity: Bytes,
        variants: &[(Coding, Bytes)],
    ) -> Arc<Content> {
        let content = {
            let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
            let content = contents.entry(digest).or_insert_with(|| {
                Arc::new(Content::new(digest, identity, &self.bytes, clock::now()))
            });
            content.used.store(clock::now(), Relaxed);
            Arc::clone(content)
        };
        for (coding, bytes) in variants {
            content.add_variant(*coding, bytes);
        }
        self.make_room(&content.digest);
        content
    }

    /// Forgets what was not used for longest until the bound holds; never the
    /// content `except`.
    pub(super) fn make_room(&self, except: &Digest) {
        if self.bytes.load(Relaxed) <= self.memory {
            return;
        }
        let mut gone = HashSet::new();
        {
            let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
            let mut by_age: Vec<_> = contents
                .values()
                .filter(|content| content.digest != *except)
                .map(|content| (content.used.load(Relaxed), content.digest, content.size()))
                .collect();
            by_age.sort_unstable();
            let mut left = contents.values().map(|content| content.size()).sum::<usize>();
            let enough = self.memory - self.memory / SHARE_TO_EVICT;
            for (_, digest, size) in by_age {
                if left <= enough {
                    break;
                }
                left -= size;
                contents.remove(&digest);
                gone.insert(digest);
            }
        }
        self.evicted.fetch_add(gone.len() as u64, Relaxed);
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        for slot in slots.values() {
            if slot.entry.load().as_ref().is_some_and(|entry| gone.contains(&entry.content.digest))
            {
                slot.entry.store(None);
            }
        }
    }

    /// What is in use: all contents, and the keys with an answer.
    pub(super) fn held(&self) -> (HashSet<Digest>, Vec<CacheKey>) {
        let contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        let contents = contents.keys().copied().collect();
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let answered = slots.values().filter(|slot| slot.entry.load().is_some());
        (contents, answered.map(|slot| slot.key.clone()).collect())
    }

    /// A share of the memory for an answer that is being read.
    pub(super) fn arrival(&self) -> Arrival {
        Arrival { all: Arc::clone(&self.arriving), own: 0, most: self.memory }
    }

    /// Forgets the keys of one mount, or all; contents that no key needs go
    /// too. Returns how many keys had an answer.
    pub(super) fn purge(&self, mount: Option<&str>) -> usize {
        let mut purged = 0;
        {
            let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
            slots.retain(|key, slot| {
                let goes = mount.is_none_or(|mount| key.mount() == mount);
                if goes && slot.entry.swap(None).is_some() {
                    purged += 1;
                }
                !goes
            });
        }
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        contents.retain(|_, content| Arc::strong_count(content) > 1);
        purged
    }

    pub(super) fn report(&self, counts: &Counts) -> CacheReport {
        let mut report = CacheReport {
            memory: self.memory as u64,
            bytes: self.bytes.load(Relaxed) as u64,
            contents: self.contents.lock().unwrap_or_else(PoisonError::into_inner).len(),
            evicted: self.evicted.load(Relaxed),
            ..CacheReport::default()
        };
        counts.fill(&mut report);
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        for slot in slots.values() {
            let Some(entry) = slot.entry.load_full() else { continue };
            report.entries += 1;
            let mount: &mut MountReport =
                report.mounts.entry(slot.key.mount().to_owned()).or_default();
            mount.entries += 1;
            mount.bytes += entry.content.identity.len() as u64;
        }
        report
    }
}

/// Slots without an answer go first: they only remember a refusal.
fn forget_oldest_slots(slots: &mut HashMap<CacheKey, Arc<Slot>>, count: usize) {
    let mut by_age: Vec<_> = slots
        .values()
        .map(|slot| (slot.entry.load().is_some(), slot.used.load(Relaxed), slot.key.clone()))
        .collect();
    by_age.sort_unstable();
    for (_, _, key) in by_age.into_iter().take(count) {
        slots.remove(&key);
    }
}

/// Bytes of one answer that is being read.
#[derive(Debug)]
pub(super) struct Arrival {
    all: Arc<AtomicUsize>,
    own: usize,
    most: usize,
}

impl Arrival {
    /// Takes more; `false` when all that arrive together would take as much
    /// memory as the cache itself.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        self.own += bytes;
        self.all.fetch_add(bytes, Relaxed) + bytes <= self.most
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.all.fetch_sub(self.own, Relaxed);
    }
}
