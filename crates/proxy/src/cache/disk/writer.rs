//! Writing, off every request's way: one task, one file at a time.

use std::{
    io,
    sync::{Arc, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use bluegate_cache::Coding;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use super::{
    Disk, Job, record,
    sweep::{self, Held},
};
use crate::cache::{Cache, content::Content};

/// After this part of the bound was written, the folder is looked through
/// again: others may write to it too.
const SHARE_TO_SWEEP: u64 = 16;
/// How long the end of the process waits for what is still to be written.
const END_LIMIT: Duration = Duration::from_secs(3);

/// Works the queue off until the proxy ends, and then what is left of it.
pub(crate) async fn run(cache: Arc<Cache>, mut jobs: mpsc::Receiver<Job>) {
    let Some(disk) = &cache.disk else { return };
    let mut swept = sweep_now(&cache, disk).await;
    loop {
        let job = tokio::select! {
            biased;
            () = cache.ended.cancelled() => break,
            job = jobs.recv() => job,
        };
        let Some(job) = job else { return };
        write(&cache, disk, job).await;
        let bytes = disk.bytes.load(Relaxed);
        if bytes > disk.limit || bytes > swept + disk.limit / SHARE_TO_SWEEP {
            swept = sweep_now(&cache, disk).await;
        }
    }
    jobs.close();
    let limit = Instant::now() + END_LIMIT;
    while let Ok(Some(job)) = timeout_at(limit, jobs.recv()).await {
        write(&cache, disk, job).await;
    }
    if disk.bytes.load(Relaxed) > disk.limit {
        sweep_now(&cache, disk).await;
    }
}

/// Looks through the folder; returns the bytes that are left.
async fn sweep_now(cache: &Arc<Cache>, disk: &Disk) -> u64 {
    let (cache, folder, limit) = (Arc::clone(cache), Arc::clone(&disk.folder), disk.limit);
    let sweeping = cache.tasks.clone().spawn_blocking(move || {
        let (contents, keys) = cache.store.held();
        let records = keys.iter().map(record::name).collect();
        sweep::sweep(&folder, &Held { contents, records }, limit)
    });
    let left = sweeping.await.unwrap_or_default();
    disk.bytes.store(left.bytes, Relaxed);
    disk.files.store(left.files, Relaxed);
    *disk.known.write().unwrap_or_else(PoisonError::into_inner) = left.contents;
    left.bytes
}

async fn write(cache: &Arc<Cache>, disk: &Disk, job: Job) {
    let owner = Arc::clone(cache);
    let written = cache.tasks.spawn_blocking(move || match &owner.disk {
        Some(disk) => write_job(disk, &job),
        None => Ok(()),
    });
    // A panic in there loses one file.
    if let Ok(Err(error)) = written.await {
        disk.dropped.fetch_add(1, Relaxed);
        disk.pause(&error);
    }
}

/// The content comes first: a record without one is of no use.
fn write_job(disk: &Disk, job: &Job) -> io::Result<()> {
    let Some(content) = job.content.upgrade() else {
        disk.dropped.fetch_add(1, Relaxed);
        return Ok(());
    };
    if job.generation != disk.generation.load(Relaxed) || !write_content(disk, &content)? {
        return Ok(());
    }
    let Some((key, record)) = &job.record else { return Ok(()) };
    let path = disk.folder.record(key.mount(), &record::name(key));
    let bytes = record.encode();
    let _records = disk.records.lock().unwrap_or_else(PoisonError::into_inner);
    if job.generation == disk.generation.load(Relaxed) {
        disk.add_file(bytes.len());
        disk.folder.write(&path, &bytes)?;
    }
    Ok(())
}

/// Writes the forms of a content that are not there yet; `false` when it is
/// too large for the tier.
fn write_content(disk: &Disk, content: &Content) -> io::Result<bool> {
    if content.size() as u64 > disk.limit / 2 {
        return Ok(false);
    }
    let variants = content.variants();
    let forms = [
        (Coding::Identity, Some(&content.identity)),
        (Coding::Gzip, variants.gzip.as_ref()),
        (Coding::Zstd, variants.zstd.as_ref()),
        (Coding::Brotli, variants.brotli.as_ref()),
    ];
    for (coding, bytes) in forms {
        let Some(bytes) = bytes else { continue };
        let path = disk.folder.content(&content.digest, coding);
        if !path.exists() {
            disk.folder.write(&path, bytes)?;
            disk.add_file(bytes.len());
        }
    }
    disk.known.write().unwrap_or_else(PoisonError::into_inner).insert(content.digest);
    Ok(true)
}

impl Disk {
    fn add_file(&self, bytes: usize) {
        /// What file systems give out at least.
        const BLOCK: usize = 4096;
        self.bytes.fetch_add(bytes.next_multiple_of(BLOCK) as u64, Relaxed);
        self.files.fetch_add(1, Relaxed);
    }
}
