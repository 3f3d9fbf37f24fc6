//! The worker: takes what is due, has it prepared, delivers it, and records
//! what became of it.
//!
//! A delivery is leased before it is tried, so that of several processes one
//! tries it. A process that dies in between leaves the lease to run out: the
//! callback is then delivered once more, under the same id.

use std::{
    pin::Pin,
    sync::{Arc, PoisonError, atomic::Ordering::Relaxed},
};

use bluegate_store::{Callback, CallbackState, Settled, StoreError};
use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    backlog::Backlog,
    backoff::{self, Next, millis},
    connect::Connector,
    counts::Attempt,
    deliver::{DeliverError, deliver},
    outbox::Outbox,
    target::Target,
};

/// A request to a receiver.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The whole URL.
    pub url: String,
    /// Headers, besides those that every request has.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Answers besides 2xx by which it has arrived.
    pub also_settled: &'static [u16],
}

/// What is to happen with a callback whose turn has come.
#[derive(Clone, Debug)]
pub enum Prepared {
    /// This is sent.
    Send(Request),
    /// It is not time; it is tried again as after a failure.
    Later(&'static str),
    /// It need not be sent.
    Needless,
    /// It cannot be sent: a dead letter.
    Never(&'static str),
}

/// Makes the request of a callback, for each attempt anew.
pub trait Prepare: Send + Sync + 'static {
    /// The request of this callback, now.
    fn prepare(&self, callback: Callback) -> Pin<Box<dyn Future<Output = Prepared> + Send + '_>>;
}

impl Outbox {
    /// Delivers until `shutdown`; what is under way then is finished.
    pub async fn run(&self, prepare: Arc<dyn Prepare>, shutdown: CancellationToken) {
        let mut worker = Worker::new(self.clone(), prepare);
        let every = |period| {
            let mut times = tokio::time::interval(period);
            times.set_missed_tick_behavior(MissedTickBehavior::Delay);
            times
        };
        let bounds = &self.shared.config.bounds;
        // Kept across turns: whatever else goes on, the queue is looked at in time.
        let mut looks = every(bounds.look);
        let (mut counts, mut clears) = (every(bounds.count), every(bounds.clear));
        loop {
            let told = tokio::select! {
                () = shutdown.cancelled() => break,
                Some(done) = worker.tasks.join_next() => {
                    worker.note(done);
                    false
                }
                () = self.shared.wake.notified() => true,
                _ = looks.tick() => true,
                _ = counts.tick() => {
                    worker.count().await;
                    false
                }
                _ = clears.tick() => {
                    worker.clear().await;
                    false
                }
            };
            worker.turn(told).await;
        }
        while let Some(done) = worker.tasks.join_next().await {
            worker.note(done);
        }
        worker.backlog.empty();
        worker.look(false).await;
    }
}

/// What a delivery came to.
enum Outcome {
    Arrived,
    Failed(DeliverError),
    Later(&'static str),
    Needless,
    Never(&'static str),
}

struct Worker {
    outbox: Outbox,
    prepare: Arc<dyn Prepare>,
    connector: Connector,
    tasks: JoinSet<(Callback, Outcome)>,
    backlog: Backlog,
    /// Not recorded yet, with how each row stands now; `None` when it is done with.
    finished: Vec<(Callback, Outcome, Option<Settled>)>,
}

impl Worker {
    fn new(outbox: Outbox, prepare: Arc<dyn Prepare>) -> Self {
        let config = &outbox.shared.config;
        let connector = Connector {
            tls: Arc::clone(&config.tls),
            targets: config.targets.clone(),
            resolver: Arc::clone(&config.resolver),
        };
        let backlog = Backlog::new(config.bounds.per_place, outbox.shared.taken.clone());
        let (tasks, finished) = (JoinSet::new(), Vec::new());
        Self { outbox, prepare, connector, tasks, backlog, finished }
    }

    /// Begins what may begin, and goes to the store when it is time: to take more
    /// when told to, or when a place has used up what was taken for it; and to
    /// record when there is enough of it, or anything of a lane.
    async fn turn(&mut self, told: bool) {
        while let Some(done) = self.tasks.try_join_next() {
            self.note(done);
        }
        self.begin();
        let bounds = &self.outbox.shared.config.bounds;
        let room = self.tasks.len() < bounds.at_once && self.backlog.waiting() < bounds.waiting;
        let due = self.finished.len() >= bounds.recorded
            || self.finished.iter().any(|(callback, ..)| callback.lane.is_some())
            || (self.tasks.is_empty() && !self.finished.is_empty());
        let more = told || (room && self.backlog.take_used_up());
        if more || due {
            self.look(room && more).await;
            self.begin();
        }
    }

    /// Records and, where there is `room`, takes more.
    async fn look(&mut self, room: bool) {
        let looked = async {
            let wanted = if room { self.choose().await? } else { Vec::new() };
            self.record(wanted).await
        };
        match looked.await {
            Ok(taken) => self.backlog.extend(taken),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the queue of callbacks cannot be read or written");
            }
        }
    }

    async fn choose(&self) -> Result<Vec<Callback>, StoreError> {
        let bounds = &self.outbox.shared.config.bounds;
        let per_place = i64::try_from(bounds.taken_per_place).unwrap_or(i64::MAX);
        let limit = i64::try_from(bounds.taken).unwrap_or(i64::MAX);
        let store = &self.outbox.shared.config.store;
        let mut due = store.due_callbacks(self.outbox.now(), per_place, limit).await?;
        // A lease that ran out under us is not taken twice, and a place that has
        // enough waits.
        due.retain(|callback| {
            !self.backlog.has(&callback.id) && !self.backlog.waits_for(&callback.place)
        });
        Ok(due)
    }

    /// One transaction: what is finished is settled, what was taken in vain is
    /// given back, what is wanted is leased. Gives what was leased.
    async fn record(&mut self, wanted: Vec<Callback>) -> Result<Vec<Callback>, StoreError> {
        let released = self.backlog.released();
        if wanted.is_empty() && self.finished.is_empty() && released.is_empty() {
            return Ok(Vec::new());
        }
        let bounds = &self.outbox.shared.config.bounds;
        let now = self.outbox.now();
        let mut write = self.outbox.shared.config.store.write().await?;
        for (callback, _, settled) in &self.finished {
            match settled {
                Some(settled) => {
                    write.settle_callback(settled).await?;
                    if settled.state == CallbackState::Dead {
                        write.bound_dead_callbacks(&callback.tenant, bounds.dead_kept).await?;
                    }
                }
                None => write.forget_callback(&callback.id).await?,
            }
        }
        for id in &released {
            write.release_callback(id).await?;
        }
        let until = now.saturating_add(millis(bounds.lease));
        let mut leased = Vec::with_capacity(wanted.len());
        for callback in wanted {
            if write.lease_callback(&callback.id, until, now).await? {
                leased.push(Callback { leased_until: until, ..callback });
            }
        }
        write.commit().await?;
        self.backlog.forget_released();
        for (callback, outcome, settled) in std::mem::take(&mut self.finished) {
            self.backlog.done_with(&callback.id);
            self.tell(&callback, &outcome, settled.as_ref());
        }
        Ok(leased)
    }

    fn begin(&mut self) {
        let bounds = &self.outbox.shared.config.bounds;
        let (timeout, latest) = (bounds.timeout, self.outbox.now() + millis(bounds.timeout));
        while self.tasks.len() < bounds.at_once
            && let Some(callback) = self.backlog.next(latest)
        {
            let prepare = Arc::clone(&self.prepare);
            let connector = self.connector.clone();
            self.tasks.spawn(async move {
                let attempt = attempt(prepare.as_ref(), &connector, &callback);
                let outcome = match tokio::time::timeout(timeout, attempt).await {
                    Ok(outcome) => outcome,
                    Err(_) => Outcome::Failed(DeliverError::Timeout),
                };
                (callback, outcome)
            });
        }
    }

    fn note(&mut self, done: Result<(Callback, Outcome), tokio::task::JoinError>) {
        // A panic leaves its lease to run out.
        let Ok((callback, outcome)) = done else { return };
        let settled = self.settled(&callback, &outcome, self.outbox.now());
        let again = settled.as_ref().is_some_and(|s| s.state == CallbackState::Queued);
        self.backlog.ended(&callback, again);
        self.finished.push((callback, outcome, settled));
    }

    /// How a row stands after an attempt; `None` when it is done with.
    fn settled(&self, callback: &Callback, outcome: &Outcome, now: i64) -> Option<Settled> {
        let settled = |state, next_at, error: Option<String>| Settled {
            id: callback.id.clone(),
            state,
            next_at,
            error,
            settled_at: (state != CallbackState::Queued).then_some(now),
        };
        let error = match outcome {
            // Only what has a sameness is kept, to know its repetitions by.
            Outcome::Arrived | Outcome::Needless => {
                return callback
                    .sameness
                    .as_ref()
                    .map(|_| settled(CallbackState::Delivered, now, None));
            }
            Outcome::Failed(error) => error.to_string(),
            Outcome::Later(why) | Outcome::Never(why) => (*why).to_owned(),
        };
        let is_final = match outcome {
            Outcome::Failed(error) => error.is_final(),
            Outcome::Never(_) => true,
            Outcome::Arrived | Outcome::Needless | Outcome::Later(_) => false,
        };
        let bounds = &self.outbox.shared.config.bounds;
        let next =
            backoff::after(bounds, callback.attempts + 1, callback.created_at, now, rand::random());
        Some(match next {
            Next::At(time) if !is_final => settled(CallbackState::Queued, time, Some(error)),
            Next::At(_) | Next::GiveUp => settled(CallbackState::Dead, now, Some(error)),
        })
    }

    /// Counts and logs what became of a callback; a failure when it is news.
    fn tell(&self, callback: &Callback, outcome: &Outcome, settled: Option<&Settled>) {
        let counts = &self.outbox.shared.counts;
        match outcome {
            Outcome::Arrived => counts.attempted(Attempt::Delivered),
            Outcome::Failed(error) => counts.attempted(error.attempt()),
            Outcome::Later(_) | Outcome::Needless | Outcome::Never(_) => {}
        }
        let shown = Target::parse(&callback.target).map(|target| target.shown());
        let target = shown.unwrap_or_default();
        match (outcome, settled.map(|settled| settled.state)) {
            (Outcome::Arrived, _) => {
                counts.delivered.fetch_add(1, Relaxed);
            }
            (_, Some(CallbackState::Dead)) => {
                counts.failed.fetch_add(1, Relaxed);
                counts.given_up.fetch_add(1, Relaxed);
                let reason =
                    settled.and_then(|settled| settled.error.as_deref()).unwrap_or_default();
                tracing::error!(
                    target: "bluegate::state", event = "callback.given_up",
                    callback.id = %callback.id, callback.kind = %callback.kind,
                    tenant.id = %callback.tenant, target, attempts = callback.attempts + 1, reason,
                    "a callback was given up"
                );
            }
            (Outcome::Failed(error), _) => {
                counts.failed.fetch_add(1, Relaxed);
                if callback.attempts == 0 {
                    tracing::warn!(
                        callback.id = %callback.id, callback.kind = %callback.kind,
                        tenant.id = %callback.tenant, target,
                        error = error as &dyn std::error::Error,
                        "a callback did not arrive; it is tried again"
                    );
                }
            }
            (Outcome::Later(_) | Outcome::Needless | Outcome::Never(_), _) => {}
        }
    }

    /// Counts what lies in the queue.
    async fn count(&self) {
        let shared = &self.outbox.shared;
        match shared.config.store.callback_counts().await {
            Ok(counted) => {
                *shared.counted.lock().unwrap_or_else(PoisonError::into_inner) = counted;
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the queue of callbacks was not counted");
            }
        }
    }

    /// Clears away what is old.
    async fn clear(&self) {
        self.outbox.shared.room.forget();
        if let Err(error) = self.cleared().await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "old callbacks were not cleared");
        }
    }

    async fn cleared(&self) -> Result<(), StoreError> {
        let bounds = &self.outbox.shared.config.bounds;
        let now = self.outbox.now();
        let mut write = self.outbox.shared.config.store.write().await?;
        for (state, age) in [
            (CallbackState::Delivered, bounds.delivered_age),
            (CallbackState::Dead, bounds.dead_age),
        ] {
            write.delete_settled_callbacks(state, now.saturating_sub(millis(age))).await?;
        }
        write.commit().await
    }
}

async fn attempt(prepare: &dyn Prepare, connector: &Connector, callback: &Callback) -> Outcome {
    let request = match prepare.prepare(callback.clone()).await {
        Prepared::Send(request) => request,
        Prepared::Later(why) => return Outcome::Later(why),
        Prepared::Needless => return Outcome::Needless,
        Prepared::Never(why) => return Outcome::Never(why),
    };
    let also_settled = request.also_settled;
    match deliver(connector, &callback.id, request).await {
        Ok(status) if status.is_success() || also_settled.contains(&status.as_u16()) => {
            Outcome::Arrived
        }
        Ok(status) => Outcome::Failed(DeliverError::Status(status)),
        Err(error) => Outcome::Failed(error),
    }
}
