//! What the cache holds and did, for operators.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use bluegate_cache::CacheStatus;
use serde::Serialize;

/// What the cache holds, and how answers came about since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CacheReport {
    /// The bound on `bytes`.
    pub memory: u64,
    /// Bytes of all contents with their variants, each counted once.
    pub bytes: u64,
    /// Distinct contents.
    pub contents: usize,
    /// Keys with an answer.
    pub entries: usize,
    /// Contents that made room for others.
    pub evicted: u64,
    /// Answers from the cache, fresh.
    pub hits: u64,
    /// Answers from the cache, stale.
    pub stale: u64,
    /// Answers from the cache that a node had just confirmed.
    pub revalidated: u64,
    /// Answers that waited for the node and were stored.
    pub stored: u64,
    /// Answers that came from a node because the cache had none.
    pub misses: u64,
    /// Answers that are never cached.
    pub bypassed: u64,
    /// Requests that the cache itself sent to nodes.
    pub fetches: u64,
    /// Answers sent as a delta against what the browser had.
    pub deltas: u64,
    /// Browsers sent on to an address that all mounts share.
    pub moved: u64,
    /// Bytes that were not sent because a file went out packed or as a delta.
    pub packed_away: u64,
    /// The tier on disk, when there is one.
    pub disk: Option<DiskReport>,
    /// By mount.
    pub mounts: BTreeMap<String, MountReport>,
}

/// What the tier on disk holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DiskReport {
    /// The bound on `bytes`.
    pub limit: u64,
    /// Bytes of all its files, those of other processes as of the last sweep.
    pub bytes: u64,
    /// Its files.
    pub files: u64,
    /// Contents that were read back since the start.
    pub recalled: u64,
    /// What was not kept because the disk was too slow or failed.
    pub dropped: u64,
    /// It failed, and nothing is written for a while.
    pub paused: bool,
}

/// One mount's part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MountReport {
    /// Keys with an answer.
    pub entries: usize,
    /// Bytes of their files as they are; a file of several mounts counts for
    /// each.
    pub bytes: u64,
}

/// What is counted while requests run.
#[derive(Debug, Default)]
pub(super) struct Counts {
    hits: AtomicU64,
    stale: AtomicU64,
    revalidated: AtomicU64,
    stored: AtomicU64,
    misses: AtomicU64,
    bypassed: AtomicU64,
    pub(super) fetches: AtomicU64,
    pub(super) deltas: AtomicU64,
    pub(super) moved: AtomicU64,
    pub(super) packed_away: AtomicU64,
}

impl Counts {
    pub(super) fn count(&self, status: CacheStatus) {
        let counter = match status {
            CacheStatus::Hit { .. } => &self.hits,
            CacheStatus::Stale => &self.stale,
            CacheStatus::Revalidated => &self.revalidated,
            CacheStatus::Stored => &self.stored,
            CacheStatus::Miss => &self.misses,
            CacheStatus::Bypass => &self.bypassed,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(super) fn fill(&self, report: &mut CacheReport) {
        report.hits = self.hits.load(Relaxed);
        report.stale = self.stale.load(Relaxed);
        report.revalidated = self.revalidated.load(Relaxed);
        report.stored = self.stored.load(Relaxed);
        report.misses = self.misses.load(Relaxed);
        report.bypassed = self.bypassed.load(Relaxed);
        report.fetches = self.fetches.load(Relaxed);
        report.deltas = self.deltas.load(Relaxed);
        report.moved = self.moved.load(Relaxed);
        report.packed_away = self.packed_away.load(Relaxed);
    }
}
