//! The phase between admission and the node: answers from memory.
//!
//! One copy of every file for the whole cluster. What may be kept and for how
//! long is decided by `bluegate_cache`; here are the memory ([`store`]), the
//! one question per key to the node ([`flight`], [`fetch`]), the answers
//! ([`reply`]), and what is made in the background: variants and deltas
//! ([`workshop`]), and a node's client before users ask for it ([`warmer`]).
//!
//! Bytes are served for a node only if they came from that node, or have the
//! SHA-256 of what came from it. Start at [`Cache::serve`].

mod clock;
mod content;
mod disk;
mod entry;
mod fetch;
mod flight;
mod leaves;
mod preload;
mod reply;
mod report;
mod settings;
mod store;
mod warmer;
mod workshop;

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use bluegate_cache::{Asset, CacheKey, CacheStatus, Verdict};
use bluegate_net::{Connection, Cost};
use http::{HeaderMap, Method, Response, StatusCode, Uri, header::LINK};
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use reply::stamp;
pub use report::{CacheReport, DiskReport, MountReport};
pub use settings::CacheConfig;

use crate::{
    answer::Language,
    body::Body,
    snapshot::{Snapshot, Snapshots},
    upstream::Upstream,
};
use disk::Disk;
use entry::Entry;
use fetch::Question;
use flight::{Joined, Outcome};
use report::Counts;
use store::{Slot, Store};
use warmer::Pages;
use workshop::Workshop;

/// How long a request waits for the one question under way. Then it is relayed
/// on its own.
const WAIT: Duration = Duration::from_secs(20);

/// The shared cache of one proxy.
#[derive(Debug)]
pub(crate) struct Cache {
    settings: CacheConfig,
    store: Store,
    /// What outlives the process, if anything does.
    disk: Option<Disk>,
    counts: Counts,
    workshop: Workshop,
    pages: Pages,
    /// Places for searches of leaves at nodes.
    searches: Semaphore,
    tasks: TaskTracker,
    /// The proxy is closing: background work ends.
    ended: CancellationToken,
}

/// What of a request matters here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
}

/// What the cache makes of a request.
#[expect(clippy::large_enum_variant, reason = "moved once, and nearly always the large one")]
pub(crate) enum Served {
    /// It answers.
    Answer(Response<Body>, CacheStatus),
    /// The node is to be asked with the client's own request.
    Relay(CacheStatus),
}

impl Cache {
    /// An empty cache and its background work; `None` when it is turned off.
    pub(crate) fn start(settings: &CacheConfig, tasks: &TaskTracker) -> Option<Arc<Self>> {
        if !settings.is_on() {
            return None;
        }
        let opened = settings.folder.as_deref().filter(|_| settings.disk > 0);
        let opened = opened.and_then(|folder| Disk::open(folder, settings.disk));
        let (disk, jobs) = opened.unzip();
        let cache = Arc::new(Self {
            disk,
            store: Store::new(settings.memory, settings.max_entries),
            settings: settings.clone(),
            counts: Counts::default(),
            workshop: Workshop::default(),
            pages: Pages::default(),
            searches: Semaphore::new(leaves::MAX_SEARCHES),
            tasks: tasks.clone(),
            ended: CancellationToken::new(),
        });
        tasks.spawn(workshop::run(Arc::clone(&cache)));
        if let Some(jobs) = jobs {
            tasks.spawn(disk::run(Arc::clone(&cache), jobs));
        }
        Some(cache)
    }

    /// Fetches nodes' clients ahead, from now on.
    pub(crate) fn start_warming(self: &Arc<Self>, snapshots: &Arc<Snapshots>) {
        if self.settings.warm {
            self.tasks.spawn(warmer::run(Arc::clone(self), Arc::clone(snapshots)));
        }
    }

    /// Ends the background work.
    pub(crate) fn end(&self) {
        self.ended.cancel();
    }

    /// What it holds and did.
    pub(crate) fn report(&self) -> CacheReport {
        CacheReport {
            disk: self.disk.as_ref().map(Disk::report),
            ..self.store.report(&self.counts)
        }
    }

    /// Forgets one mount's answers, or all; returns how many.
    pub(crate) fn purge(&self, mount: Option<&str>) -> usize {
        // The disk first: what is asked for in between finds nothing there.
        let on_disk = self.disk.as_ref().map_or(0, |disk| disk.purge(mount));
        let purged = self.store.purge(mount);
        self.pages.forget(mount);
        purged.max(on_disk)
    }

    /// Answers an admitted GET or HEAD of a client path, or says that it is to
    /// be relayed.
    pub(crate) async fn serve(
        self: &Arc<Self>,
        asked: Asked<'_>,
        upstream: &Arc<Upstream>,
        snapshot: &Arc<Snapshot>,
        connection: &Connection,
    ) -> Served {
        let served = self.decide(asked, upstream, snapshot, connection).await;
        let (Served::Answer(_, status) | Served::Relay(status)) = &served;
        self.counts.count(*status);
        served
    }

    async fn decide(
        self: &Arc<Self>,
        asked: Asked<'_>,
        upstream: &Arc<Upstream>,
        snapshot: &Arc<Snapshot>,
        connection: &Connection,
    ) -> Served {
        let target = asked.uri.path_and_query().map_or("/", |target| target.as_str());
        let target = CacheKey::shared(target);
        let now = clock::now();
        let slot = self.store.find(&target);
        let entry = slot.as_ref().and_then(|slot| slot.entry_of(upstream.id()));
        let verdict = entry.as_ref().map(|entry| entry.verdict(now));
        if let (Some(slot), Some(entry), Some(Verdict::Fresh)) = (&slot, &entry, verdict) {
            slot.touch(entry, now);
            let status = CacheStatus::Hit { ttl: entry.time_left(now) };
            return self.answer(slot, entry, asked, status);
        }

        let (path, query) = split(&target);
        let rest = below_client(path, upstream.node().name.as_str());
        let asset = Asset::of(rest, query);
        if asset == Asset::Uncacheable {
            return Served::Relay(CacheStatus::Bypass);
        }
        let slot = slot.unwrap_or_else(|| self.store.slot(&target));
        if slot.unstorable_until.load(Relaxed) > now {
            return Served::Relay(CacheStatus::Miss);
        }
        // Whoever makes us ask pays for it; those who only wait do not.
        let question = || {
            connection.charge(Cost::Upstream)?;
            Ok(Question {
                upstream: Arc::clone(upstream),
                snapshot: Arc::clone(snapshot),
                asset,
                rest: rest.to_owned(),
                ahead: false,
            })
        };
        let joined = self.join(&slot, entry.as_ref(), question);
        if let (Some(entry), Some(Verdict::StaleWhileRevalidate)) = (&entry, verdict) {
            slot.touch(entry, now);
            return self.answer(&slot, entry, asked, CacheStatus::Stale);
        }
        let outcome = match joined {
            Joined::Entry(entry) => Outcome::Confirmed(entry),
            Joined::Refused(over) => Outcome::Failed(over.into()),
            Joined::Flight(mut flight) => {
                let waiting = Box::pin(timeout(WAIT, flight.wait_for(Option::is_some)));
                match waiting.await {
                    Ok(Ok(outcome)) => outcome.clone().unwrap_or(Outcome::Unstorable),
                    // Too slow, or cut off: everyone for themselves.
                    Ok(Err(_)) | Err(_) => Outcome::Unstorable,
                }
            }
        };
        self.conclude(outcome, &slot, entry, asked)
    }

    fn conclude(
        &self,
        outcome: Outcome,
        slot: &Slot,
        before: Option<Arc<Entry>>,
        asked: Asked<'_>,
    ) -> Served {
        let (entry, status) = match outcome {
            Outcome::Stored(entry) => (entry, CacheStatus::Stored),
            Outcome::Confirmed(entry) => (entry, CacheStatus::Revalidated),
            Outcome::Kept(entry) => (entry, CacheStatus::Stale),
            Outcome::Passing(passing) => {
                let answer = reply::passing(&passing, asked.method);
                return Served::Answer(answer, CacheStatus::Miss);
            }
            Outcome::Unstorable => return Served::Relay(CacheStatus::Miss),
            Outcome::Failed(answer) => {
                let usable = before.filter(|entry| {
                    entry.verdict(clock::now()) != Verdict::Revalidate { on_error: false }
                });
                match usable {
                    Some(entry) => (entry, CacheStatus::Stale),
                    None => {
                        let answer =
                            answer.into_response(asked.method, Language::of(asked.headers));
                        return Served::Answer(answer, CacheStatus::Miss);
                    }
                }
            }
        };
        slot.touch(&entry, clock::now());
        self.answer(slot, &entry, asked, status)
    }

    fn answer(&self, slot: &Slot, entry: &Entry, asked: Asked<'_>, status: CacheStatus) -> Served {
        if let Some(elsewhere) = self.elsewhere(entry, asked, slot.key.target(), status) {
            return Served::Answer(elsewhere, status);
        }
        let mut answer = self.reply(entry, asked.method, asked.headers, status);
        if answer.status() == StatusCode::OK
            && let Some(link) = self.preload(entry, &slot.key, asked.headers)
        {
            answer.headers_mut().insert(LINK, link);
        }
        Served::Answer(answer, status)
    }
}

fn split(target: &str) -> (&str, Option<&str>) {
    target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)))
}

/// The part of an admitted path below `/{mount}/html5client/`.
fn below_client<'a>(path: &'a str, mount: &str) -> &'a str {
    path.get(mount.len() + "//html5client/".len()..).unwrap_or_default()
}
