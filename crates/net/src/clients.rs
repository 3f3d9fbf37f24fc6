//! What one client may take: connections at once, and new connections,
//! handshakes and requests per second, by IPv4 address or IPv6 /64.
//!
//! The defaults let a school through that sits behind one address: 1,000 users
//! with the six connections that a browser opens for HTTP/1.1, all at once.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

mod costs;
mod table;

use costs::Costs;
pub use costs::{Bucket, Cost, Overdrawn};
use table::{Key, Table};

/// The bounds of one client, and of all together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// New connections, and so TLS handshakes, per second in the long run.
    /// Default 50.
    pub rate: u32,
    /// New connections at once before `rate` holds. Default 6,000.
    pub burst: u32,
    /// Connections open at once. Default 6,000.
    pub open: u32,
    /// Connections of all clients on all listeners that share this. When nine
    /// tenths are taken, a client that has a hundredth gets no more. Default
    /// 16,384.
    pub total: u32,
    /// TLS handshakes that are not resumptions. Default 25 after 6,000.
    pub handshakes: Bucket,
    /// Requests that go on to a node. Default 100 after 20,000.
    pub upstream: Bucket,
    /// Requests of any kind. Default 1,000 after 150,000.
    pub requests: Bucket,
}

impl ClientLimits {
    /// What there is of a class.
    pub(crate) fn bucket(&self, cost: Cost) -> Bucket {
        match cost {
            Cost::Handshake => self.handshakes,
            Cost::Upstream => self.upstream,
            Cost::Request => self.requests,
        }
    }
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            rate: 50,
            burst: 6_000,
            open: 6_000,
            total: 16_384,
            handshakes: Bucket { rate: 25, burst: 6_000 },
            upstream: Bucket { rate: 100, burst: 20_000 },
            requests: Bucket { rate: 1_000, burst: 150_000 },
        }
    }
}

/// Why a connection was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// This client opens connections too fast.
    Rate,
    /// This client has too many open.
    Open,
    /// Nearly all places are taken, and this client has more than its share.
    Pressure,
    /// All places are taken.
    Full,
}

/// What was turned away so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientReport {
    /// Connections open now.
    pub open: u64,
    /// Clients remembered now.
    pub clients: u64,
    /// Turned away for [`Shed::Rate`].
    pub shed_rate: u64,
    /// Turned away for [`Shed::Open`].
    pub shed_open: u64,
    /// Turned away for [`Shed::Pressure`].
    pub shed_pressure: u64,
    /// Turned away for [`Shed::Full`].
    pub shed_full: u64,
    /// Connections turned away before a handshake too many ([`Cost::Handshake`]).
    pub over_handshakes: u64,
    /// Requests refused for [`Cost::Upstream`].
    pub over_upstream: u64,
    /// Requests refused for [`Cost::Request`].
    pub over_requests: u64,
}

/// The clients of all listeners that share this.
#[derive(Debug)]
pub struct Clients {
    table: Mutex<Table>,
    began: Instant,
    limits: ClientLimits,
    shed: [AtomicU64; 4],
    over: [AtomicU64; 3],
}

/// A client's place; given back when dropped.
#[derive(Debug)]
pub struct Place {
    key: Key,
    account: Account,
}

/// What one client costs, wherever its requests come from.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    clients: Arc<Clients>,
    costs: Arc<Costs>,
}

impl Clients {
    /// Nobody yet.
    #[must_use]
    pub fn new(limits: ClientLimits) -> Arc<Self> {
        let (table, began) = (Mutex::new(Table::new(limits)), Instant::now());
        Arc::new(Self { table, began, limits, shed: Default::default(), over: Default::default() })
    }

    /// A place for a new connection of `address`.
    ///
    /// # Errors
    /// [`Shed`], counted, when it must not have one.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Place, Shed> {
        let key = Key::of(address);
        let now = self.now();
        let admitted = {
            let mut table = self.table();
            table.admit(key, now).map(|()| table.costs(key, now))
        };
        match admitted {
            Ok(costs) => Ok(Place { key, account: Account { clients: Arc::clone(self), costs } }),
            Err(shed) => {
                self.counter(shed).fetch_add(1, Relaxed);
                Err(shed)
            }
        }
    }

    /// The account of a client that has no connection of its own.
    pub(crate) fn account(self: &Arc<Self>, address: IpAddr) -> Account {
        let costs = self.table().costs(Key::of(address), self.now());
        Account { clients: Arc::clone(self), costs }
    }

    /// What was turned away so far.
    #[must_use]
    pub fn report(&self) -> ClientReport {
        let (open, clients) = self.table().size();
        let shed = |shed| self.counter(shed).load(Relaxed);
        ClientReport {
            open,
            clients,
            shed_rate: shed(Shed::Rate),
            shed_open: shed(Shed::Open),
            shed_pressure: shed(Shed::Pressure),
            shed_full: shed(Shed::Full),
            over_handshakes: self.over(Cost::Handshake).load(Relaxed),
            over_upstream: self.over(Cost::Upstream).load(Relaxed),
            over_requests: self.over(Cost::Request).load(Relaxed),
        }
    }

    fn counter(&self, shed: Shed) -> &AtomicU64 {
        let [rate, open, pressure, full] = &self.shed;
        match shed {
            Shed::Rate => rate,
            Shed::Open => open,
            Shed::Pressure => pressure,
            Shed::Full => full,
        }
    }

    fn over(&self, cost: Cost) -> &AtomicU64 {
        let [handshakes, upstream, requests] = &self.over;
        match cost {
            Cost::Handshake => handshakes,
            Cost::Upstream => upstream,
            Cost::Request => requests,
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("nothing panics while it holds this")
    }
}

impl Account {
    /// Takes one of a class.
    ///
    /// # Errors
    /// [`Overdrawn`], counted, when there is none left.
    pub(crate) fn charge(&self, cost: Cost) -> Result<(), Overdrawn> {
        let Self { clients, costs } = self;
        costs.take(cost, clients.limits.bucket(cost), clients.now()).inspect_err(|_| {
            clients.over(cost).fetch_add(1, Relaxed);
        })
    }

    /// For what turned out to be cheaper than it looked.
    pub(crate) fn give_back(&self, cost: Cost) {
        self.costs.give_back(cost, self.clients.limits.bucket(cost));
    }
}

impl Place {
    /// What its client costs.
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.account.clients.table().release(self.key);
    }
}
