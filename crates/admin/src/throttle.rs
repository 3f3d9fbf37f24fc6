//! How fast tokens may be guessed. Pure: the time is an argument.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, Instant},
};

/// Wrong tokens in a row that cost nothing: an operator's mistakes.
const BURST: u32 = 10;

/// One more guess is allowed after this time.
const REFILL: Duration = Duration::from_millis(500);

/// Clients remembered at once. When more than these are guessing, the others
/// share one allowance.
const MAX_CLIENTS: usize = 1_024;

/// Remembers who guessed wrong lately.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    /// When each client's allowance is full again.
    full_at: HashMap<IpAddr, Instant>,
}

impl Throttle {
    /// How long this client has to wait before its token is looked at.
    pub(crate) fn wait(&self, client: IpAddr, now: Instant) -> Option<Duration> {
        let full_at = self.full_at.get(&self.place(client))?;
        let owed = full_at.saturating_duration_since(now);
        owed.checked_sub(REFILL * (BURST - 1)).filter(|wait| !wait.is_zero())
    }

    /// Counts a wrong token.
    pub(crate) fn failed(&mut self, client: IpAddr, now: Instant) {
        if self.full_at.len() >= MAX_CLIENTS {
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        let full_at = self.full_at.entry(self.place(client)).or_insert(now);
        *full_at = (*full_at).max(now) + REFILL;
    }

    /// Where a client is remembered.
    fn place(&self, client: IpAddr) -> IpAddr {
        let network = network(client);
        if self.full_at.len() < MAX_CLIENTS || self.full_at.contains_key(&network) {
            network
        } else {
            Ipv4Addr::UNSPECIFIED.into()
        }
    }
}

/// One client is one IPv4 address or one IPv6 /64.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn guesses_are_bounded_to_a_burst_and_two_a_second() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        let mut looked_at = 0;
        for millisecond in 0..10_000 {
            let now = start + Duration::from_millis(millisecond);
            if throttle.wait(HERE, now).is_none() {
                throttle.failed(HERE, now);
                looked_at += 1;
            }
        }
        assert_eq!(looked_at, 10 + 19);
        let later = start + Duration::from_secs(60);
        assert_eq!(throttle.wait(HERE, later), None);
    }

    #[test]
    fn one_who_guesses_hinders_nobody_else_but_its_own_network() {
        let now = Instant::now();
        let mut throttle = Throttle::default();
        let guesser: IpAddr = "2001:db8::1".parse().unwrap();
        for _ in 0..BURST {
            throttle.failed(guesser, now);
        }
        assert_eq!(throttle.wait(guesser, now), Some(REFILL));
        assert!(throttle.wait("2001:db8::2".parse().unwrap(), now).is_some());
        assert!(throttle.wait("2001:db8:0:1::1".parse().unwrap(), now).is_none());
        assert!(throttle.wait(HERE, now).is_none());
    }

    #[test]
    fn many_guessers_share_one_allowance_and_no_more_memory() {
        let now = Instant::now();
        let mut throttle = Throttle::default();
        for number in 0..5_000_u32 {
            throttle.failed(Ipv4Addr::from_bits(0x0a00_0000 + number).into(), now);
        }
        assert!(throttle.full_at.len() <= MAX_CLIENTS + 1);
        assert!(throttle.wait(HERE, now).is_some());
        throttle.failed(HERE, now + Duration::from_hours(1));
        assert!(throttle.full_at.len() <= 2, "who stopped is forgotten");
    }
}
