//! The rules, pure: time is an argument.

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};

use super::{ClientLimits, Costs, Shed};

/// Clients without an open connection that are remembered at most, for what
/// they opened just now.
const MAX_IDLE_CLIENTS: usize = 65_536;

/// A client: an IPv4 address, or the /64 that an IPv6 network hands to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    six: bool,
    bits: u64,
}

impl Key {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self { six: false, bits: u32::from(address).into() },
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments().map(u64::from);
                Self { six: true, bits: a << 48 | b << 32 | c << 16 | d }
            }
        }
    }
}

#[derive(Debug, Default)]
struct Entry {
    open: u32,
    /// When its burst is whole again.
    whole_at: Duration,
    /// Shared with its connections, which charge without asking us.
    costs: Arc<Costs>,
}

impl Entry {
    fn owes(&self, now: Duration) -> bool {
        self.whole_at > now || !self.costs.are_full(now)
    }
}

#[derive(Debug)]
pub(super) struct Table {
    limits: ClientLimits,
    /// Time that one new connection takes of a burst.
    step: Duration,
    entries: HashMap<Key, Entry>,
    open: u32,
    /// Entries with an open connection: never forgotten, and never more than
    /// `limits.total`.
    busy: usize,
}

impl Table {
    pub(super) fn new(limits: ClientLimits) -> Self {
        let step = Duration::from_secs(1) / limits.rate.max(1);
        Self { limits, step, entries: HashMap::new(), open: 0, busy: 0 }
    }

    /// Takes a place for a new connection of `key` at `now`.
    pub(super) fn admit(&mut self, key: Key, now: Duration) -> Result<(), Shed> {
        let known = self.entries.get(&key);
        let (known_open, known_whole_at) =
            known.map_or_else(Default::default, |known| (known.open, known.whole_at));
        let ClientLimits { burst, open, total, .. } = self.limits;
        if self.open >= total {
            return Err(Shed::Full);
        }
        if known_open >= open {
            return Err(Shed::Open);
        }
        let crowded = self.open >= total - total / 10;
        if crowded && known_open >= (total / 100).max(1) {
            return Err(Shed::Pressure);
        }
        // The generic cell rate algorithm: each connection moves the moment at
        // which the burst is whole again, which may be at most a burst away.
        let whole_at = known_whole_at.max(now) + self.step;
        if whole_at - now > self.step.saturating_mul(burst.max(1)) {
            return Err(Shed::Rate);
        }
        if known_open == 0 {
            self.make_room(now);
            self.busy += 1;
        }
        self.open += 1;
        let entry = self.entries.entry(key).or_default();
        (entry.open, entry.whole_at) = (known_open + 1, whole_at);
        Ok(())
    }

    /// What `key` costs, connected or not.
    pub(super) fn costs(&mut self, key: Key, now: Duration) -> Arc<Costs> {
        if let Some(known) = self.entries.get(&key) {
            return Arc::clone(&known.costs);
        }
        self.make_room(now);
        Arc::clone(&self.entries.entry(key).or_default().costs)
    }

    fn make_room(&mut self, now: Duration) {
        if self.entries.len() - self.busy >= MAX_IDLE_CLIENTS {
            self.forget(now);
        }
    }

    /// Gives a place back.
    pub(super) fn release(&mut self, key: Key) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        entry.open = entry.open.saturating_sub(1);
        self.open = self.open.saturating_sub(1);
        if entry.open == 0 {
            self.busy = self.busy.saturating_sub(1);
        }
    }

    /// Open connections and remembered clients.
    pub(super) fn size(&self) -> (u64, u64) {
        (self.open.into(), u64::try_from(self.entries.len()).unwrap_or(u64::MAX))
    }

    /// Makes room: those go whose burst is whole again; when that is not
    /// enough, all without a connection, since a flood from that many networks
    /// is not one client's.
    fn forget(&mut self, now: Duration) {
        self.entries.retain(|_, entry| entry.open > 0 || entry.owes(now));
        if self.entries.len() - self.busy > MAX_IDLE_CLIENTS / 2 {
            self.entries.retain(|_, entry| entry.open > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Bucket, Cost};

    const ANY: Bucket = Bucket { rate: 10, burst: 5 };
    const LIMITS: ClientLimits = ClientLimits {
        rate: 10,
        burst: 5,
        open: 8,
        total: 200,
        handshakes: ANY,
        upstream: ANY,
        requests: ANY,
    };

    fn key(address: &str) -> Key {
        Key::of(address.parse().unwrap())
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_client_is_an_address_or_the_network_of_one() {
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("2001:db8:1:2::3"), key("2001:db8:1:2:ffff::"));
        assert_ne!(key("2001:db8:1:2::3"), key("2001:db8:1:3::3"));
        assert_ne!(key("0.0.0.1"), key("0:0:0:1::"));
    }

    #[test]
    fn a_school_behind_one_address_passes_untouched() {
        let mut table = Table::new(ClientLimits::default());
        let school = key("203.0.113.7");
        // 1,000 users within two minutes, six connections each.
        for user in 0..1_000 {
            let now = seconds(f64::from(user) * 0.12);
            for _ in 0..6 {
                assert_eq!(table.admit(school, now), Ok(()), "user {user}");
            }
        }
        // And all of them in the same second.
        let mut table = Table::new(ClientLimits::default());
        for connection in 0..6_000 {
            assert_eq!(table.admit(school, seconds(0.0)), Ok(()), "connection {connection}");
        }
        assert_eq!(table.admit(school, seconds(0.0)), Err(Shed::Open));
    }

    #[test]
    fn one_client_at_its_bounds_leaves_the_others_theirs() {
        let mut table = Table::new(LIMITS);
        let (greedy, other) = (key("192.0.2.1"), key("192.0.2.2"));
        for _ in 0..5 {
            assert_eq!(table.admit(greedy, seconds(0.0)), Ok(()));
        }
        assert_eq!(table.admit(greedy, seconds(0.0)), Err(Shed::Rate));
        assert_eq!(table.admit(other, seconds(0.0)), Ok(()));
        for tenth in 1..=3 {
            assert_eq!(table.admit(greedy, seconds(f64::from(tenth) / 10.0)), Ok(()));
        }
        assert_eq!(table.admit(greedy, seconds(9.0)), Err(Shed::Open));
        table.release(greedy);
        assert_eq!(table.admit(greedy, seconds(9.0)), Ok(()));
        assert_eq!(table.size(), (9, 2));
    }

    #[test]
    fn before_the_wall_those_who_have_their_share_get_no_more() {
        let limits = ClientLimits { rate: 1_000, burst: 1_000, ..LIMITS };
        let mut table = Table::new(limits);
        let client = |number: u32| Key::of(IpAddr::from(number.to_be_bytes()));
        for number in 0..180 {
            assert_eq!(table.admit(client(number / 2), seconds(0.0)), Ok(()));
        }
        assert_eq!(table.admit(client(0), seconds(0.0)), Err(Shed::Pressure));
        for number in 1_000..1_020 {
            assert_eq!(table.admit(client(number), seconds(0.0)), Ok(()));
        }
        assert_eq!(table.admit(client(2_000), seconds(0.0)), Err(Shed::Full));
        table.release(client(0));
        assert_eq!(table.admit(client(2_000), seconds(0.0)), Ok(()));
    }

    #[test]
    fn a_flood_of_networks_does_not_fill_the_memory() {
        let mut table = Table::new(LIMITS);
        let held = key("192.0.2.1");
        table.admit(held, seconds(0.0)).unwrap();
        for number in 0..200_000_u32 {
            let client = Key::of(IpAddr::from(number.to_be_bytes()));
            if client != held {
                table.admit(client, seconds(0.0)).unwrap();
                table.release(client);
            }
            assert!(table.entries.len() <= MAX_IDLE_CLIENTS + 1);
        }
        assert_eq!(table.entries[&held].open, 1, "an open connection is never forgotten");
        assert_eq!((table.open, table.busy), (1, 1));
    }

    proptest! {
        #[test]
        fn no_order_of_events_breaks_the_bounds(
            events in prop::collection::vec((0..6_u8, any::<bool>(), 0..300_u64), 0..400),
        ) {
            let limits = ClientLimits { total: 20, ..LIMITS };
            let mut table = Table::new(limits);
            let mut open = [0_u32; 6];
            let mut opened: Vec<Vec<Duration>> = vec![Vec::new(); 6];
            let mut now = Duration::ZERO;
            for (client, arrives, pause) in events {
                now += Duration::from_millis(pause);
                let (key, client) = (Key::of([192, 0, 2, client].into()), usize::from(client));
                if arrives {
                    if table.admit(key, now).is_ok() {
                        open[client] += 1;
                        opened[client].push(now);
                    }
                } else if open[client] > 0 {
                    table.release(key);
                    open[client] -= 1;
                }
                prop_assert!(open[client] <= limits.open);
                prop_assert!(open.iter().sum::<u32>() <= limits.total);
                prop_assert_eq!(table.size().0, u64::from(open.iter().sum::<u32>()));
                prop_assert_eq!(table.busy, open.iter().filter(|&&open| open > 0).count());
            }
            // In no stretch of time more than a burst and what the rate adds.
            for times in opened {
                for (first, begin) in times.iter().enumerate() {
                    for (last, end) in times.iter().enumerate().skip(first) {
                        let allowed = 5.0 + (*end - *begin).as_secs_f64() * 10.0 + 1e-6;
                        prop_assert!(f64::from(u32::try_from(last - first + 1).unwrap()) <= allowed);
                    }
                }
            }
        }
    }

    #[test]
    fn what_a_client_owes_outlives_its_connection_and_the_flood_of_others() {
        let mut table = Table::new(LIMITS);
        let debtor = key("192.0.2.1");
        let now = seconds(1.0);
        table.admit(debtor, now).unwrap();
        let costs = table.costs(debtor, now);
        for _ in 0..ANY.burst {
            costs.take(Cost::Upstream, ANY, now).unwrap();
        }
        table.release(debtor);
        // Half a room full of others, who owe nothing.
        for other in 0..40_000_u64 {
            table.costs(Key { six: true, bits: other }, now);
        }
        table.forget(now);
        assert_eq!(table.size(), (0, 1));
        table.costs(debtor, now).take(Cost::Upstream, ANY, now).unwrap_err();
        table.forget(seconds(2.0));
        assert_eq!(table.size(), (0, 0));
    }
}
