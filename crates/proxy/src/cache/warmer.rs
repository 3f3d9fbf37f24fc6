//! Fetching a node's client before users ask for it.
//!
//! A reconciler: every so often, and when routes change or a user's request
//! finds a new page, each node's page is asked for; where it is not the one
//! that was followed last, the files it names are fetched. A few nodes at a time
//! and one file of each, by the same questions that users' requests join, so a
//! user never waits for it and no file is fetched twice.

use std::{
    collections::{HashMap, HashSet},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bluegate_cache::{
    Asset, Digest, Verdict,
    references::{build_number, named_by},
};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    Cache, WAIT, below_client, clock,
    entry::Entry,
    fetch::Question,
    flight::{Joined, Outcome},
    split,
    store::Slot,
};
use crate::{
    snapshot::{Snapshot, Snapshots},
    upstream::Upstream,
};

/// How often each node's page is asked for, to find a new build before users
/// do. Costs a node one 304.
const EVERY: Duration = Duration::from_secs(30);

/// The least time between two rounds, whatever pages a node makes up.
const PAUSE: Duration = Duration::from_secs(1);

/// Nodes whose clients are fetched beside each other: one that is slow does not
/// hold up the others.
const MAX_NODES: usize = 4;

/// How long one node's client may take. What is missing then, users fetch.
const NODE_LIMIT: Duration = Duration::from_secs(120);

/// Files that one page, or its listing of languages, may name.
const MAX_FILES: usize = 256;

/// Bytes of a page or listing that are looked through.
const MAX_PAGE: usize = 1 << 20;

/// The pages that were followed.
#[derive(Debug, Default)]
pub(super) struct Pages {
    followed: Mutex<HashMap<String, (u64, Digest)>>,
    /// A page is new, or forgotten.
    news: Notify,
}

impl Pages {
    /// Has a mount's files, or all, fetched anew.
    pub(super) fn forget(&self, mount: Option<&str>) {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        match mount {
            Some(mount) => drop(followed.remove(mount)),
            None => followed.clear(),
        }
        drop(followed);
        self.news.notify_one();
    }

    /// A request found a page that was not there before.
    pub(super) fn tell(&self) {
        self.news.notify_one();
    }

    /// Whether this page of this upstream was followed; from now on it was.
    fn follow(&self, mount: &str, upstream: u64, page: Digest) -> bool {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        followed.insert(mount.to_owned(), (upstream, page)) == Some((upstream, page))
    }

    /// Drops what is known of mounts that are gone.
    fn keep(&self, snapshot: &Snapshot) {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        followed.retain(|mount, _| snapshot.upstream(mount).is_some());
    }
}

/// Goes round the nodes until the proxy ends.
pub(super) async fn run(cache: Arc<Cache>, snapshots: Arc<Snapshots>) {
    let mut changes = snapshots.changes();
    // Ends what is under way when it is dropped.
    let mut warming = JoinSet::new();
    let (mut under_way, mut again) = (HashSet::new(), HashSet::new());
    let places = Arc::new(Semaphore::new(MAX_NODES));
    loop {
        let snapshot = snapshots.current();
        cache.pages.keep(&snapshot);
        for upstream in snapshot.upstreams() {
            if under_way.insert(upstream.id()) {
                let (upstream, snapshot) = (Arc::clone(upstream), Arc::clone(&snapshot));
                warming.spawn(warm(Arc::clone(&cache), upstream, snapshot, Arc::clone(&places)));
            } else {
                again.insert(upstream.id());
            }
        }
        drop(snapshot);
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = cache.ended.cancelled() => return,
        }
        let mut next = pin!(sleep(EVERY));
        loop {
            tokio::select! {
                () = next.as_mut() => break,
                () = cache.pages.news.notified() => break,
                Ok(()) = changes.changed() => break,
                Some(done) = warming.join_next() => {
                    // A panic in there would be ours, and is this one node's end.
                    let Ok(upstream) = done else { continue };
                    under_way.remove(&upstream);
                    if again.remove(&upstream) {
                        break;
                    }
                }
                () = cache.ended.cancelled() => return,
            }
        }
    }
}

/// Warms one node when it is its turn; returns which it was.
async fn warm(
    cache: Arc<Cache>,
    upstream: Arc<Upstream>,
    snapshot: Arc<Snapshot>,
    places: Arc<Semaphore>,
) -> u64 {
    let _place = places.acquire().await.expect("the semaphore is never closed");
    if timeout(NODE_LIMIT, cache.warm(&upstream, &snapshot)).await.is_err() {
        let name = upstream.node().name.as_str();
        tracing::debug!(node.id = name, "the node's client took too long to fetch");
    }
    upstream.id()
}

impl Cache {
    /// Fetches what one node's page names, if that page is new.
    async fn warm(self: &Arc<Self>, upstream: &Arc<Upstream>, snapshot: &Arc<Snapshot>) {
        let mount = upstream.node().name.as_str();
        let folder = format!("/{mount}/html5client/");
        let Some(page) = self.fetch_ahead(&folder, upstream, snapshot).await else { return };
        if self.pages.follow(mount, upstream.id(), page.content.digest) {
            return;
        }
        let mut targets = named_by(&text(&page), &folder, MAX_FILES);
        if let Some(build) = build_number(&targets).map(str::to_owned) {
            let listing = format!("{folder}locales/");
            if let Some(listed) = self.fetch_ahead(&listing, upstream, snapshot).await {
                let languages = named_by(&text(&listed), &listing, MAX_FILES);
                targets.extend(languages.into_iter().map(|name| format!("{name}?v={build}")));
            }
        }
        let mut fetched = 0;
        for target in &targets {
            fetched += usize::from(self.fetch_ahead(target, upstream, snapshot).await.is_some());
        }
        tracing::info!(node.id = mount, files = fetched, "the node's client is in the cache");
    }

    /// The entry of one target, asked for when it is not fresh.
    pub(super) async fn fetch_ahead(
        self: &Arc<Self>,
        target: &str,
        upstream: &Arc<Upstream>,
        snapshot: &Arc<Snapshot>,
    ) -> Option<Arc<Entry>> {
        let slot: Arc<Slot> = self.store.slot(target);
        let entry = slot.entry_of(upstream.id());
        if let Some(entry) = &entry
            && entry.verdict(clock::now()) == Verdict::Fresh
        {
            return Some(Arc::clone(entry));
        }
        let (path, query) = split(target);
        let rest = below_client(path, upstream.node().name.as_str());
        let question = || {
            Ok(Question {
                upstream: Arc::clone(upstream),
                snapshot: Arc::clone(snapshot),
                asset: Asset::of(rest, query),
                rest: rest.to_owned(),
                ahead: true,
            })
        };
        let outcome = match self.join(&slot, entry.as_ref(), question) {
            Joined::Entry(entry) => return Some(entry),
            Joined::Refused(_) => return None,
            Joined::Flight(mut flight) => {
                let landed = timeout(WAIT, flight.wait_for(Option::is_some)).await;
                landed.ok()?.ok()?.clone()?
            }
        };
        match outcome {
            Outcome::Stored(entry) | Outcome::Confirmed(entry) | Outcome::Kept(entry) => {
                Some(entry)
            }
            Outcome::Passing(_) | Outcome::Unstorable | Outcome::Failed(_) => None,
        }
    }
}

fn text(entry: &Entry) -> String {
    let bytes = &entry.content.identity;
    String::from_utf8_lossy(bytes.get(..MAX_PAGE).unwrap_or(bytes)).into_owned()
}
