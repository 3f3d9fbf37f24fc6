//! The tier below memory: contents and what nodes said of them, in a folder
//! that outlives the process.
//!
//! Nothing read back is believed. A content must have the SHA-256 that is its
//! name, a variant must unpack to that very content, a record must have its
//! own digest; what does not is removed. And a record is no answer: it is what
//! a node is asked to confirm, so that it says 304 and sends no body.
//!
//! Several processes may share the folder (the old one and its successor
//! during an upgrade): files appear whole by renaming, and whoever finds one
//! gone does without. There is no index beside the files that could disagree
//! with them.

mod folder;
mod record;
mod sweep;
mod writer;

use std::{
    collections::HashSet,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bluegate_cache::{CacheKey, Coding, Digest};
use bytes::Bytes;
use http::HeaderMap;
use tokio::{sync::mpsc, time::timeout};

pub(super) use writer::run;

use super::{
    Cache, clock,
    content::Content,
    entry::{Entry, Source},
    fetch::{self, Question},
    report::DiskReport,
};
use crate::{response_headers, upstream::Upstream};
use folder::Folder;
use record::Record;

/// Files that wait to be written; more are not kept.
const MAX_JOBS: usize = 256;
/// How long a question waits for the disk. Then the node is asked as if there
/// were none.
const READ_LIMIT: Duration = Duration::from_secs(2);
/// How long nothing is written after the disk failed, in milliseconds.
const PAUSE: u64 = 600_000;

/// The forms a content is kept in.
const VARIANTS: [Coding; 3] = [Coding::Gzip, Coding::Zstd, Coding::Brotli];

/// The folder and what is known about it.
#[derive(Debug)]
pub(super) struct Disk {
    folder: Arc<Folder>,
    /// The bound on `bytes`.
    limit: u64,
    jobs: mpsc::Sender<Job>,
    /// Bytes and files at the last sweep, and what was written since.
    bytes: AtomicU64,
    files: AtomicU64,
    /// The contents among them.
    known: RwLock<HashSet<Digest>>,
    /// Contents that were read back.
    recalled: AtomicU64,
    /// What was not kept because the disk was too slow or failed.
    dropped: AtomicU64,
    /// Until when nothing is written.
    paused_until: AtomicU64,
    /// Grows with each purge: what was queued before it is not written.
    generation: AtomicU64,
    /// Held while a record is written or records are purged.
    records: Mutex<()>,
}

/// Something to write. Holds no memory: a content that made room for others
/// meanwhile is not kept.
#[derive(Debug)]
pub(super) struct Job {
    generation: u64,
    content: Weak<Content>,
    /// The record that names the content; none when there are only new variants.
    record: Option<(CacheKey, Record)>,
}

/// A content as it was found, verified.
#[derive(Debug)]
struct Recalled {
    identity: Bytes,
    variants: Vec<(Coding, Bytes)>,
}

impl Disk {
    /// The tier in this folder, and what its writer works off; `None`, with a
    /// warning, when the folder cannot be used.
    pub(super) fn open(path: &Path, limit: u64) -> Option<(Self, mpsc::Receiver<Job>)> {
        let folder = match Folder::open(path) {
            Ok(folder) => folder,
            Err(error) => {
                warn(&error, "the cache keeps nothing on disk: its folder cannot be used");
                return None;
            }
        };
        let (jobs, queue) = mpsc::channel(MAX_JOBS);
        let disk = Self {
            folder: Arc::new(folder),
            limit,
            jobs,
            bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
            known: RwLock::default(),
            recalled: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            paused_until: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            records: Mutex::new(()),
        };
        Some((disk, queue))
    }

    /// Has an answer kept: its content, and the head the node gave it.
    pub(super) fn keep(
        &self,
        key: &CacheKey,
        upstream: &Upstream,
        head: &HeaderMap,
        content: &Arc<Content>,
    ) {
        let record = Record::new(key, upstream.node(), content.digest, head);
        self.add(content, Some((key.clone(), record)));
    }

    /// Has the new variants of a content kept.
    pub(super) fn keep_variants(&self, content: &Arc<Content>) {
        self.add(content, None);
    }

    fn add(&self, content: &Arc<Content>, record: Option<(CacheKey, Record)>) {
        let generation = self.generation.load(Relaxed);
        let job = Job { generation, content: Arc::downgrade(content), record };
        let is_paused = self.paused_until.load(Relaxed) > clock::now();
        if is_paused || self.jobs.try_send(job).is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
    }

    /// Whether a content is most likely there.
    pub(super) fn knows(&self, digest: &Digest) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).contains(digest)
    }

    /// Forgets the records of one mount, or all with their contents. Returns
    /// how many records that were.
    pub(super) fn purge(&self, mount: Option<&str>) -> usize {
        let _records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Relaxed);
        self.folder.put_aside(mount)
    }

    pub(super) fn report(&self) -> DiskReport {
        DiskReport {
            limit: self.limit,
            bytes: self.bytes.load(Relaxed),
            files: self.files.load(Relaxed),
            recalled: self.recalled.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            paused: self.paused_until.load(Relaxed) > clock::now(),
        }
    }

    fn pause(&self, error: &std::io::Error) {
        self.paused_until.store(clock::now() + PAUSE, Relaxed);
        warn(error, "the cache's folder cannot be written; nothing is kept there for ten minutes");
    }
}

fn warn(error: &dyn std::error::Error, message: &'static str) {
    let cause = error.source().map(ToString::to_string);
    tracing::warn!(%error, cause, hint = "see `folder` in `[proxy.cache]`", "{message}");
}

impl Cache {
    /// What the disk knows of the answer to a question: not to be served
    /// before its node has confirmed it.
    pub(super) async fn recall(
        self: &Arc<Self>,
        key: &CacheKey,
        question: &Question,
    ) -> Option<Arc<Entry>> {
        let disk = self.disk.as_ref()?;
        let folder = Arc::clone(&disk.folder);
        let node = Arc::clone(question.upstream.node());
        let (cache, wanted) = (Arc::clone(self), key.clone());
        let read = self.tasks.spawn_blocking(move || {
            let record = record::read(&folder, &wanted, &node)?;
            let content = cache.held_or_read(&record.digest()?);
            if content.is_none() {
                Folder::remove(&folder.record(wanted.mount(), &record::name(&wanted)));
            }
            Some((record.head(), content?))
        });
        let (head, content) = timeout(READ_LIMIT, read).await.ok()?.ok()??;
        let path = key.target().split('?').next().unwrap_or_default();
        // Today's rules for what passes, whatever was in force when it was written.
        let passed = response_headers::for_browser(
            http::StatusCode::OK,
            &head,
            path,
            &question.upstream,
            &question.snapshot,
        )
        .ok()?;
        let source = Source {
            asset: fetch::asset(question.asset, &head),
            rest: &question.rest,
            node: &head,
            passed,
            upstream: question.upstream.id(),
            share_builds: self.settings.share_builds,
        };
        Entry::new(content, source).ok().map(Arc::new)
    }

    /// The content with this digest, from memory or else from the disk.
    pub(super) fn held_or_read(&self, digest: &Digest) -> Option<Arc<Content>> {
        if let Some(content) = self.store.content(digest) {
            return Some(content);
        }
        let disk = self.disk.as_ref()?;
        let Recalled { identity, variants } =
            read_content(&disk.folder, digest, self.settings.largest())?;
        disk.recalled.fetch_add(1, Relaxed);
        Some(self.store.intern(*digest, identity, &variants))
    }

    /// The variants that were made of a content once, for one that a node has
    /// just sent anew.
    pub(super) async fn recall_variants(
        &self,
        digest: &Digest,
        identity: &Bytes,
    ) -> Vec<(Coding, Bytes)> {
        let Some(disk) = self.disk.as_ref().filter(|_| self.store.content(digest).is_none()) else {
            return Vec::new();
        };
        let (folder, digest, identity) = (Arc::clone(&disk.folder), *digest, identity.clone());
        let read = self.tasks.spawn_blocking(move || read_variants(&folder, &digest, &identity));
        timeout(READ_LIMIT, read).await.ok().and_then(Result::ok).unwrap_or_default()
    }
}

/// The content of this digest with all its variants; what is not what it says
/// is removed.
fn read_content(folder: &Folder, digest: &Digest, most: usize) -> Option<Recalled> {
    let path = folder.content(digest, Coding::Identity);
    let identity = Folder::read(&path, most)?;
    if fetch::digest_of(&identity) != *digest {
        folder.remove_content(digest);
        return None;
    }
    let identity = Bytes::from(identity);
    Folder::touch(&path);
    let variants = read_variants(folder, digest, &identity);
    Some(Recalled { identity, variants })
}

fn read_variants(folder: &Folder, digest: &Digest, identity: &Bytes) -> Vec<(Coding, Bytes)> {
    let mut variants = Vec::new();
    for coding in VARIANTS {
        let path = folder.content(digest, coding);
        let Some(packed) = Folder::read(&path, identity.len()) else { continue };
        let unpacked = match coding {
            Coding::Gzip => bluegate_pack::gunzip(&packed, identity.len()),
            Coding::Zstd => bluegate_pack::unzstd(&packed, identity.len()),
            _ => bluegate_pack::unbrotli(&packed, identity.len()),
        };
        if unpacked.as_ref() == Some(identity) {
            variants.push((coding, Bytes::from(packed)));
        } else {
            Folder::remove(&path);
        }
    }
    variants
}
