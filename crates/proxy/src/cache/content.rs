//! The bytes of files, each held once whatever mounts serve it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use arc_swap::ArcSwap;
use bluegate_cache::{AcceptedCodings, Coding, Digest, EntityTag, hex};
use bytes::Bytes;

/// Deltas kept of one content; the oldest makes room.
const MAX_DELTAS: usize = 4;

/// One content: its bytes and what was made of them.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) digest: Digest,
    /// The beginning of every entity tag: half of the digest, in hexadecimal.
    pub(super) name: String,
    pub(super) identity: Bytes,
    variants: ArcSwap<Variants>,
    /// By dictionary, the newest last. An empty delta is one that was not worth it.
    deltas: Mutex<Vec<(Digest, Bytes)>>,
    charge: Charge,
    /// When it was last sent, or served as a dictionary; see [`super::clock`].
    pub(super) used: AtomicU64,
}

/// The same bytes in other codings.
#[derive(Clone, Debug, Default)]
pub(super) struct Variants {
    pub(super) gzip: Option<Bytes>,
    pub(super) zstd: Option<Bytes>,
    pub(super) brotli: Option<Bytes>,
}

impl Content {
    pub(super) fn new(digest: Digest, identity: Bytes, total: &Arc<AtomicUsize>, now: u64) -> Self {
        let charge = Charge { total: Arc::clone(total), own: AtomicUsize::new(0) };
        charge.add(identity.len());
        Self {
            digest,
            name: hex(digest.get(..16).unwrap_or_default()),
            identity,
            variants: ArcSwap::default(),
            deltas: Mutex::default(),
            charge,
            used: AtomicU64::new(now),
        }
    }

    /// Bytes that all forms take together.
    pub(super) fn size(&self) -> usize {
        self.charge.own.load(Relaxed)
    }

    /// The smallest form the client takes. One that takes nothing gets the
    /// bytes as they are.
    pub(super) fn best(&self, accepted: AcceptedCodings) -> (Coding, Bytes) {
        let variants = self.variants.load();
        let mut best = (Coding::Identity, &self.identity);
        for (coding, bytes) in [
            (Coding::Gzip, &variants.gzip),
            (Coding::Zstd, &variants.zstd),
            (Coding::Brotli, &variants.brotli),
        ] {
            if let Some(bytes) = bytes
                && accepted.takes(coding)
                && (bytes.len() < best.1.len() || !accepted.takes(best.0))
            {
                best = (coding, bytes);
            }
        }
        (best.0, best.1.clone())
    }

    pub(super) fn variants(&self) -> Arc<Variants> {
        self.variants.load_full()
    }

    /// Adds a variant; a second one of the same coding is dropped, so that a
    /// strong entity tag always names the same bytes.
    pub(super) fn add_variant(&self, coding: Coding, bytes: &Bytes) {
        let mut added = false;
        self.variants.rcu(|variants| {
            let mut variants = Variants::clone(variants);
            let place = match coding {
                Coding::Gzip => &mut variants.gzip,
                Coding::Zstd => &mut variants.zstd,
                Coding::Brotli => &mut variants.brotli,
                Coding::Identity | Coding::DictionaryBrotli | Coding::DictionaryZstd => {
                    return variants;
                }
            };
            added = place.is_none();
            place.get_or_insert_with(|| bytes.clone());
            variants
        });
        if added {
            self.charge.add(bytes.len());
        }
    }

    /// The delta against a dictionary, if it was tried; empty if in vain.
    pub(super) fn delta(&self, dictionary: &Digest) -> Option<Bytes> {
        let deltas = self.deltas.lock().unwrap_or_else(PoisonError::into_inner);
        deltas.iter().find(|(of, _)| of == dictionary).map(|(_, bytes)| bytes.clone())
    }

    pub(super) fn add_delta(&self, dictionary: Digest, bytes: Bytes) {
        let mut deltas = self.deltas.lock().unwrap_or_else(PoisonError::into_inner);
        if deltas.iter().any(|(of, _)| *of == dictionary) {
            return;
        }
        if deltas.len() >= MAX_DELTAS {
            let (_, oldest) = deltas.remove(0);
            self.charge.remove(oldest.len());
        }
        self.charge.add(bytes.len());
        deltas.push((dictionary, bytes));
    }

    /// The entity tag of one form.
    pub(super) fn tag(&self, coding: Coding) -> EntityTag {
        match coding.token() {
            None => EntityTag::strong(self.name.clone()),
            Some(token) => EntityTag::strong(format!("{}-{token}", self.name)),
        }
    }
}

/// The part of the cache's memory that one content takes, given back with it.
#[derive(Debug)]
struct Charge {
    total: Arc<AtomicUsize>,
    own: AtomicUsize,
}

impl Charge {
    fn add(&self, bytes: usize) {
        self.own.fetch_add(bytes, Relaxed);
        self.total.fetch_add(bytes, Relaxed);
    }

    fn remove(&self, bytes: usize) {
        self.own.fetch_sub(bytes, Relaxed);
        self.total.fetch_sub(bytes, Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.total.fetch_sub(self.own.load(Relaxed), Relaxed);
    }
}
