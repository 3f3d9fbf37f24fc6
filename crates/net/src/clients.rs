//! What one client may take: new connections per second and connections at
//! once, by IPv4 address or IPv6 /64.
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

mod table;

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
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self { rate: 50, burst: 6_000, open: 6_000, total: 16_384 }
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
}

/// The clients of all listeners that share this.
#[derive(Debug)]
pub struct Clients {
    table: Mutex<Table>,
    began: Instant,
    shed: [AtomicU64; 4],
}

/// A client's place; given back when dropped.
#[derive(Debug)]
pub struct Place {
    clients: Arc<Clients>,
    key: Key,
}

impl Clients {
    /// Nobody yet.
    #[must_use]
    pub fn new(limits: ClientLimits) -> Arc<Self> {
        let (table, began) = (Mutex::new(Table::new(limits)), Instant::now());
        Arc::new(Self { table, began, shed: Default::default() })
    }

    /// A place for a new connection of `address`.
    ///
    /// # Errors
    /// [`Shed`], counted, when it must not have one.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Place, Shed> {
        let key = Key::of(address);
        let admitted = self.table().admit(key, self.now());
        match admitted {
            Ok(()) => Ok(Place { clients: Arc::clone(self), key }),
            Err(shed) => {
                self.counter(shed).fetch_add(1, Relaxed);
                Err(shed)
            }
        }
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

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("nothing panics while it holds this")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.clients.table().release(self.key);
    }
}
