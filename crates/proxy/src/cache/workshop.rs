//! What is made of contents in the background: brotli, zstd and gzip once per
//! content, deltas once per content and dictionary. One at a time, the
//! smallest first, never in a request's way.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bluegate_cache::{Coding, Digest, dictionary};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Cache, content::Content, entry::Entry};

/// Jobs that wait; more are not done until asked for again.
const MAX_JOBS: usize = 1024;
/// Below this a coding saves less than its own head.
const SMALLEST: usize = 200;
/// Above this the best packing takes a minute or more.
const LARGEST: usize = 24 << 20;

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Workshop {
    jobs: Mutex<Vec<Job>>,
    wake: Notify,
}

/// Holds no memory: a content that made room for others meanwhile is gone.
#[derive(Debug)]
struct Job {
    content: Weak<Content>,
    digest: Digest,
    length: usize,
    work: Work,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Variants,
    Delta(Digest),
}

impl Workshop {
    fn add(&self, content: &Arc<Content>, work: Work) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = jobs.iter().any(|job| job.digest == content.digest && job.work == work);
        if known || jobs.len() >= MAX_JOBS {
            return;
        }
        jobs.push(Job {
            content: Arc::downgrade(content),
            digest: content.digest,
            length: content.identity.len(),
            work,
        });
        drop(jobs);
        self.wake.notify_one();
    }

    /// The smallest job; deltas before variants, since somebody asked for them.
    fn take(&self) -> Option<(Arc<Content>, Work)> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let order = |job: &Job| (job.work == Work::Variants, job.length);
        loop {
            let next = (0..jobs.len()).min_by_key(|&index| jobs.get(index).map(order))?;
            let job = jobs.swap_remove(next);
            if let Some(content) = job.content.upgrade() {
                return Some((content, job.work));
            }
        }
    }
}

impl Cache {
    /// Has made of a new content what can be made.
    pub(super) fn prepare(&self, entry: &Entry, before: Option<&Content>) {
        if !self.settings.precompress {
            return;
        }
        let content = &entry.content;
        if (SMALLEST..=LARGEST).contains(&content.identity.len())
            && entry.media_type().is_some_and(is_compressible)
            && content.variants().brotli.is_none()
        {
            self.workshop.add(content, Work::Variants);
        }
        // A new build: browsers have the one before.
        if let Some(before) = before
            && entry.shared
        {
            self.want_delta(content, &before.digest);
        }
    }

    /// Has a delta made against a dictionary that is held here.
    pub(super) fn want_delta(&self, content: &Arc<Content>, dictionary: &Digest) {
        if self.settings.precompress
            && content.identity.len() <= LARGEST
            && *dictionary != content.digest
            && content.delta(dictionary).is_none()
            && (self.store.content(dictionary).is_some()
                || self.disk.as_ref().is_some_and(|disk| disk.knows(dictionary)))
        {
            self.workshop.add(content, Work::Delta(*dictionary));
        }
    }
}

impl Entry {
    fn media_type(&self) -> Option<&str> {
        self.passed(&CONTENT_TYPE)
    }
}

/// Does the jobs until the proxy ends.
pub(super) async fn run(cache: Arc<Cache>) {
    tokio::select! {
        () = tokio::time::sleep(cache.settings.precompress_after) => {}
        () = cache.ended.cancelled() => return,
    }
    loop {
        let (content, work) = tokio::select! {
            biased;
            () = cache.ended.cancelled() => return,
            job = next(&cache.workshop) => job,
        };
        let ended = cache.ended.clone();
        let (owner, done) = (Arc::clone(&cache), Arc::clone(&content));
        let doing = cache.tasks.spawn_blocking(move || match work {
            Work::Variants => make_variants(&content, &ended),
            Work::Delta(digest) => {
                if let Some(dictionary) = owner.held_or_read(&digest) {
                    make_delta(&content, &dictionary, &ended);
                }
            }
        });
        if doing.await.is_err() {
            tracing::error!("packing a file failed; it is served as it is");
        }
        if let Some(disk) = cache.disk.as_ref().filter(|_| work == Work::Variants) {
            disk.keep_variants(&done);
        }
        cache.store.make_room(&done.digest);
    }
}

async fn next(workshop: &Workshop) -> (Arc<Content>, Work) {
    loop {
        let woken = workshop.wake.notified();
        if let Some(job) = workshop.take() {
            return job;
        }
        woken.await;
    }
}

type Packer = fn(&[u8], &dyn Fn() -> bool) -> Option<Bytes>;

fn make_variants(content: &Content, ended: &CancellationToken) {
    let variants = content.variants();
    let missing: [(Coding, bool, Packer); 3] = [
        (Coding::Brotli, variants.brotli.is_none(), bluegate_pack::brotli),
        (Coding::Zstd, variants.zstd.is_none(), bluegate_pack::zstd),
        (Coding::Gzip, variants.gzip.is_none(), bluegate_pack::gzip),
    ];
    for (coding, missing, pack) in missing {
        if missing
            && let Some(packed) = pack(&content.identity, &|| ended.is_cancelled())
            && packed.len() < content.identity.len()
        {
            content.add_variant(coding, &packed);
        }
    }
}

fn make_delta(content: &Content, dictionary: &Content, ended: &CancellationToken) {
    let Some(frame) =
        bluegate_pack::delta(&content.identity, &dictionary.identity, &|| ended.is_cancelled())
    else {
        return;
    };
    let variants = content.variants();
    let best = [&variants.gzip, &variants.zstd, &variants.brotli]
        .into_iter()
        .flatten()
        .map(Bytes::len)
        .chain([content.identity.len()])
        .min()
        .unwrap_or(0);
    let mut delta = dictionary::dcz_head(&dictionary.digest);
    delta.extend_from_slice(&frame);
    let delta = if delta.len() < best { Bytes::from(delta) } else { Bytes::new() };
    content.add_delta(dictionary.digest, delta);
}

/// Media types whose bytes are not packed yet.
fn is_compressible(media_type: &str) -> bool {
    let kind = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || matches!(
            kind.as_str(),
            "application/javascript"
                | "application/x-javascript"
                | "application/json"
                | "application/xml"
                | "application/wasm"
                | "application/manifest+json"
                | "application/vnd.ms-fontobject"
                | "font/ttf"
                | "font/otf"
                | "image/bmp"
        )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    #[test]
    fn what_made_room_for_others_is_not_kept_for_its_packing() {
        let (workshop, bytes) = (Workshop::default(), Arc::new(AtomicUsize::new(0)));
        let content = |number: u8| {
            let identity = Bytes::from(vec![number; 1000 * usize::from(number)]);
            Arc::new(Content::new([number; 32], identity, &bytes, 0))
        };
        let (evicted, held, larger) = (content(1), content(2), content(3));
        for content in [&larger, &evicted, &held, &held] {
            workshop.add(content, Work::Variants);
        }
        drop(evicted);
        assert_eq!(bytes.load(Relaxed), 5000, "the queue holds nothing");
        let digests = std::iter::from_fn(|| workshop.take()).map(|(content, _)| content.digest);
        assert_eq!(digests.collect::<Vec<_>>(), [[2; 32], [3; 32]]);
    }

    #[test]
    fn what_is_packed_already_is_left_alone() {
        for (kind, wanted) in [
            ("text/javascript", true),
            ("Application/JavaScript; charset=utf-8", true),
            ("image/svg+xml", true),
            ("application/wasm", true),
            ("font/woff2", false),
            ("font/woff", false),
            ("image/png", false),
            ("audio/mpeg", false),
            ("application/octet-stream", false),
            ("", false),
        ] {
            assert_eq!(is_compressible(kind), wanted, "{kind}");
        }
    }
}
