//! One question to the node per key and moment, however many ask.
//!
//! The question runs in a task of its own: a client that is slow or gone
//! neither holds it up nor ends it.

use std::sync::{Arc, PoisonError, atomic::Ordering::Relaxed};

use bluegate_net::Overdrawn;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::{
    sync::watch,
    time::{Duration, timeout},
};

use super::{
    Cache, clock,
    entry::{Entry, Source},
    fetch::{self, Fetched, Question},
    store::Slot,
};
use crate::{answer::Answer, upstream::NodeError};

/// From the question's start to its last byte, and as long again in the queue
/// before it. A file that takes longer is relayed to each client instead.
const QUESTION_LIMIT: Duration = Duration::from_secs(60);

/// How long a refusal to store is remembered, in milliseconds: until then
/// everybody is relayed at once.
pub(super) const UNSTORABLE_FOR: u64 = 10_000;

/// How those who wait learn the outcome.
pub(super) type Flight = watch::Receiver<Option<Outcome>>;

/// What came of a question.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// New, and stored.
    Stored(Arc<Entry>),
    /// What was stored still holds.
    Confirmed(Arc<Entry>),
    /// The node has it no more, but the hash in its name vouches for it.
    Kept(Arc<Entry>),
    /// Not stored, and the same for all who wait.
    Passing(Arc<Passing>),
    /// Not stored, and not to be shared: ask for yourself.
    Unstorable,
    /// The node did not answer.
    Failed(Answer),
}

/// A small answer that is not kept: a 404 or a redirect, most likely.
#[derive(Debug)]
pub(super) struct Passing {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What joining a question gave.
pub(super) enum Joined {
    /// It was over in the meantime.
    Entry(Arc<Entry>),
    /// Wait for it.
    Flight(Flight),
    /// There is none, and whoever wants it must not begin one.
    Refused(Overdrawn),
}

impl Cache {
    /// Joins the question under way, or asks. `seen` is the entry that the
    /// caller found wanting: another one was stored since and will do. `question`
    /// may refuse to begin one.
    pub(super) fn join(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        seen: Option<&Arc<Entry>>,
        question: impl FnOnce() -> Result<Question, Overdrawn>,
    ) -> Joined {
        let mut flight = slot.flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = &*flight {
            return Joined::Flight(flight.clone());
        }
        let question = match question() {
            Ok(question) => question,
            Err(over) => return Joined::Refused(over),
        };
        if let Some(entry) = slot.entry_of(question.upstream.id())
            && seen.is_none_or(|seen| !Arc::ptr_eq(seen, &entry))
        {
            return Joined::Entry(entry);
        }
        let (sender, receiver) = watch::channel(None);
        *flight = Some(receiver.clone());
        let landing = Landing { slot: Arc::clone(slot), sender };
        let cache = Arc::clone(self);
        self.tasks.spawn(async move {
            let outcome = cache.ask(&landing.slot, &question).await;
            landing.land(outcome);
        });
        Joined::Flight(receiver)
    }

    /// Asks the node and keeps what may be kept.
    async fn ask(self: &Arc<Self>, slot: &Slot, question: &Question) -> Outcome {
        let prior = match slot.entry_of(question.upstream.id()) {
            Some(prior) => Some(prior),
            None => self.recall(&slot.key, question).await,
        };
        let asked = async {
            let _place = question.upstream.question_place().await?;
            self.counts.fetches.fetch_add(1, Relaxed);
            let fetching = fetch::fetch(self, &slot.key, question, prior.as_deref());
            timeout(QUESTION_LIMIT, fetching).await.unwrap_or(Err(NodeError::ResponseTimeout))
        };
        let fetched = tokio::select! {
            fetched = asked => fetched,
            () = self.ended.cancelled() => return Outcome::Unstorable,
        };
        question.upstream.note(fetched.as_ref().map(|_| ()));
        match fetched {
            Ok(Fetched::Content(mut found)) => {
                found.variants.extend(self.recall_variants(&found.digest, &found.identity).await);
                self.keep(slot, question, prior, Fetched::Content(found))
            }
            Ok(fetched) => self.keep(slot, question, prior, fetched),
            Err(error) => Outcome::Failed(error.answer()),
        }
    }

    fn keep(
        self: &Arc<Self>,
        slot: &Slot,
        question: &Question,
        prior: Option<Arc<Entry>>,
        fetched: Fetched,
    ) -> Outcome {
        match fetched {
            Fetched::Content(found) => {
                let before = prior.map(|prior| Arc::clone(&prior.content));
                let content = self.store.intern(found.digest, found.identity, &found.variants);
                let source = Source {
                    asset: found.asset,
                    rest: &question.rest,
                    node: &found.node,
                    passed: found.passed,
                    upstream: question.upstream.id(),
                    share_builds: self.settings.share_builds,
                };
                match Entry::new(Arc::clone(&content), source) {
                    Ok(entry) => {
                        let entry = Arc::new(entry);
                        slot.entry.store(Some(Arc::clone(&entry)));
                        self.prepare(&entry, before.as_deref());
                        if let Some(disk) = &self.disk {
                            disk.keep(&slot.key, &question.upstream, &found.node, &content);
                        }
                        let is_new = before.is_none_or(|before| before.digest != content.digest);
                        if question.rest.is_empty() && is_new && !question.ahead {
                            self.pages.tell();
                        }
                        Outcome::Stored(entry)
                    }
                    Err(_) => unstorable(slot),
                }
            }
            Fetched::NotModified(headers) => {
                match prior.and_then(|prior| prior.confirmed(&headers)) {
                    Some(entry) => {
                        let entry = Arc::new(entry);
                        slot.entry.store(Some(Arc::clone(&entry)));
                        Outcome::Confirmed(entry)
                    }
                    None => unstorable(slot),
                }
            }
            Fetched::Passing(passing) => {
                let is_gone = matches!(passing.status.as_u16(), 404 | 410);
                match prior {
                    Some(prior) if is_gone && prior.outlives_its_build() => Outcome::Kept(prior),
                    Some(_) if passing.status.is_server_error() => {
                        Outcome::Failed(Answer::NodeFailed)
                    }
                    _ => {
                        slot.entry.store(None);
                        Outcome::Passing(Arc::new(passing))
                    }
                }
            }
            Fetched::Unstorable => unstorable(slot),
        }
    }
}

fn unstorable(slot: &Slot) -> Outcome {
    slot.entry.store(None);
    slot.unstorable_until.store(clock::now() + UNSTORABLE_FOR, Relaxed);
    Outcome::Unstorable
}

/// The end of a question. The slot is free again however it ends.
struct Landing {
    slot: Arc<Slot>,
    sender: watch::Sender<Option<Outcome>>,
}

impl Landing {
    fn land(self, outcome: Outcome) {
        self.sender.send_replace(Some(outcome));
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        *self.slot.flight.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
