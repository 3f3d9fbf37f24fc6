//! The addresses of a node's name.
//!
//! A question may hang ([`super::lookup`]). So one question per node is under
//! way at most, an old answer is used while a new one is fetched, and the last
//! good answer is kept when no new one comes.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::Lookup;

/// How long an answer is taken as it is.
const FRESH: Duration = Duration::from_secs(30);

/// How long after a failed question the next one is asked.
const RETRY: Duration = Duration::from_secs(1);

/// One name, and what is known of it.
#[derive(Debug)]
pub(super) struct Resolver {
    lookup: Arc<dyn Lookup>,
    host: String,
    port: u16,
    known: Mutex<Known>,
    /// Held while a question is under way.
    asking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Known {
    /// The last good answer.
    addresses: Option<Arc<[SocketAddr]>>,
    /// Until when no question is needed.
    settled_until: Option<Instant>,
    /// The host is an address: there is nothing to ask.
    is_literal: bool,
    /// How the last question failed, if it did.
    failure: Option<io::ErrorKind>,
}

/// What to do for one request that needs an address.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Use(Arc<[SocketAddr]>),
    UseAndAsk(Arc<[SocketAddr]>),
    Ask,
    Fail(io::ErrorKind),
}

impl Known {
    fn plan(&self, now: Instant) -> Plan {
        let settled = self.is_literal || self.settled_until.is_some_and(|until| now < until);
        match (&self.addresses, settled) {
            (Some(addresses), true) => Plan::Use(Arc::clone(addresses)),
            (Some(addresses), false) => Plan::UseAndAsk(Arc::clone(addresses)),
            (None, true) => Plan::Fail(self.failure.unwrap_or(io::ErrorKind::NotFound)),
            (None, false) => Plan::Ask,
        }
    }

    /// No address takes connections: the node may have moved.
    fn doubt(&mut self, now: Instant) {
        let soon = now + RETRY;
        self.settled_until = self.settled_until.map(|until| until.min(soon));
    }

    fn learn(&mut self, answer: io::Result<Vec<SocketAddr>>, now: Instant) {
        let answer = answer.and_then(|addresses| {
            if addresses.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(addresses) }
        });
        match answer {
            Ok(addresses) => {
                self.addresses = Some(addresses.into());
                self.failure = None;
                self.settled_until = Some(now + FRESH);
            }
            Err(error) => {
                self.failure = Some(error.kind());
                self.settled_until = Some(now + RETRY);
            }
        }
    }
}

impl Resolver {
    pub(super) fn new(host: &str, port: u16, lookup: &Arc<dyn Lookup>) -> Self {
        let mut known = Known::default();
        if let Ok(ip) = host.parse::<IpAddr>() {
            known.addresses = Some([SocketAddr::new(ip, port)].into());
            known.is_literal = true;
        }
        Self {
            lookup: Arc::clone(lookup),
            host: host.to_owned(),
            port,
            known: Mutex::new(known),
            asking: Arc::default(),
        }
    }

    /// The node's addresses; waits only when none were ever known.
    pub(super) async fn addresses(
        self: &Arc<Self>,
        tasks: &TaskTracker,
    ) -> io::Result<Arc<[SocketAddr]>> {
        match self.plan() {
            Plan::Use(addresses) => Ok(addresses),
            Plan::UseAndAsk(addresses) => {
                if let Ok(asking) = Arc::clone(&self.asking).try_lock_owned() {
                    self.ask(asking, tasks);
                }
                Ok(addresses)
            }
            Plan::Fail(kind) => Err(kind.into()),
            Plan::Ask => self.first_addresses(tasks).await,
        }
    }

    async fn first_addresses(
        self: &Arc<Self>,
        tasks: &TaskTracker,
    ) -> io::Result<Arc<[SocketAddr]>> {
        let asking = Arc::clone(&self.asking).lock_owned().await;
        if self.plan() == Plan::Ask {
            self.ask(asking, tasks);
            // Whoever asked holds the lock until the answer is in.
            drop(self.asking.lock().await);
        }
        match self.plan() {
            Plan::Use(addresses) | Plan::UseAndAsk(addresses) => Ok(addresses),
            Plan::Fail(kind) => Err(kind.into()),
            Plan::Ask => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Asks in a task of its own, so that a caller that gives up leaves no
    /// second question behind.
    fn ask(self: &Arc<Self>, asking: tokio::sync::OwnedMutexGuard<()>, tasks: &TaskTracker) {
        let resolver = Arc::clone(self);
        tasks.spawn(async move {
            let answer = resolver.lookup.lookup(&resolver.host, resolver.port).await;
            resolver
                .known
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .learn(answer, Instant::now());
            drop(asking);
        });
    }

    /// To be resolved when an address takes a connection; if none does, or the
    /// caller gives up, the name is looked up again soon.
    pub(super) fn doubted(&self) -> Doubt<'_> {
        Doubt(Some(self))
    }

    fn plan(&self) -> Plan {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).plan(Instant::now())
    }
}

/// Whether the addresses are still right.
pub(super) struct Doubt<'a>(Option<&'a Resolver>);

impl Doubt<'_> {
    /// They are.
    pub(super) fn resolve(&mut self) {
        self.0 = None;
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(resolver) = self.0 {
            let mut known = resolver.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.doubt(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_good_answer_outlives_a_resolver_that_fails() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let address: SocketAddr = "192.0.2.1:443".parse().unwrap();
        let refused = || Err(io::ErrorKind::TimedOut.into());

        let mut known = Known::default();
        assert_eq!(known.plan(start), Plan::Ask);
        known.learn(refused(), start);
        assert_eq!(known.plan(start), Plan::Fail(io::ErrorKind::TimedOut));
        assert_eq!(known.plan(after(2)), Plan::Ask);
        known.learn(Ok(Vec::new()), after(2));
        assert_eq!(known.plan(after(2)), Plan::Fail(io::ErrorKind::NotFound));

        known.learn(Ok(vec![address]), after(4));
        let good: Arc<[SocketAddr]> = [address].into();
        assert_eq!(known.plan(after(33)), Plan::Use(Arc::clone(&good)));
        assert_eq!(known.plan(after(35)), Plan::UseAndAsk(Arc::clone(&good)));
        known.learn(refused(), after(35));
        assert_eq!(known.plan(after(35)), Plan::Use(Arc::clone(&good)));
        assert_eq!(known.plan(after(37)), Plan::UseAndAsk(Arc::clone(&good)));

        known.learn(Ok(vec![address]), after(40));
        known.doubt(after(41));
        assert_eq!(known.plan(after(41)), Plan::Use(Arc::clone(&good)));
        assert_eq!(known.plan(after(42)), Plan::UseAndAsk(good));
    }
}
