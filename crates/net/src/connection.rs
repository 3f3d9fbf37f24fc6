//! What a role knows of the connection a request came on.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::clients::{Account, Cost, Overdrawn};

/// The part of a drain, in hundredths, within which tunnels say goodbye, each at
/// a random moment of it: late, since whoever is cut off comes back at once, and
/// not all in one moment; and early enough for an answer before the cut.
const FAREWELLS: (f64, f64) = (75.0, 95.0);

/// How a connection is told to come to its end.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    /// Finish what has begun, take nothing more.
    pub(crate) drain: CancellationToken,
    /// How long after that comes the cut.
    pub(crate) within: Duration,
    /// End now.
    pub(crate) cut: CancellationToken,
}

/// One accepted connection, as its requests see it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The address at the other end. Behind a balancer that we believe, the
    /// client's; its port is 0 when only the address is known.
    pub peer: SocketAddr,
    /// Whom to hold to account, in logs and limits: the address of `peer`, an
    /// IPv4 address written as IPv6 as what it is.
    pub client: IpAddr,
    /// Our own address.
    pub local: SocketAddr,
    /// Whether TLS ends here.
    pub tls: bool,
    tasks: TaskTracker,
    signals: Signals,
    /// None for those who have no bound.
    account: Option<Account>,
}

impl Connection {
    pub(crate) fn new(
        peer: SocketAddr,
        local: SocketAddr,
        tls: bool,
        tasks: TaskTracker,
        signals: Signals,
        account: Option<Account>,
    ) -> Self {
        Self { peer, client: peer.ip().to_canonical(), local, tls, tasks, signals, account }
    }

    /// The same connection, for a request that a balancer forwards.
    pub(crate) fn on_behalf_of(&self, client: IpAddr, account: Option<Account>) -> Self {
        Self { peer: SocketAddr::new(client, 0), client, account, ..self.clone() }
    }

    /// Charges the client of this request, on every listener that has bounds
    /// for clients; a balancer that names nobody is not charged.
    ///
    /// # Errors
    /// [`Overdrawn`] when it has had what it may have: answer 429.
    pub fn charge(&self, cost: Cost) -> Result<(), Overdrawn> {
        self.account.as_ref().map_or(Ok(()), |account| account.charge(cost))
    }

    /// Runs what follows an upgrade (a tunnel) as part of this listener: its
    /// drain waits for `work`, and drops it at the deadline.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let cut = self.signals.cut.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = work => {}
                () = cut.cancelled_owned() => {}
            }
        });
    }

    /// Completes when a tunnel on this connection should say goodbye: its
    /// listener drains and the deadline is near. The moment is random for each.
    pub fn farewell(&self) -> impl Future<Output = ()> + Send + 'static {
        let Signals { drain, within, .. } = self.signals.clone();
        async move {
            drain.cancelled().await;
            tokio::time::sleep(moment_of_farewell(within, rand::random())).await;
        }
    }
}

/// `random` is between 0 and 1.
fn moment_of_farewell(within: Duration, random: f64) -> Duration {
    let (from, to) = FAREWELLS;
    within.mul_f64((from + (to - from) * random) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn farewells_are_spread_over_the_end_of_the_drain() {
        let within = Duration::from_secs(20);
        assert_eq!(moment_of_farewell(within, 0.0), Duration::from_secs(15));
        assert_eq!(moment_of_farewell(within, 0.5), Duration::from_secs(17));
        assert_eq!(moment_of_farewell(within, 1.0), Duration::from_secs(19));
        assert_eq!(moment_of_farewell(Duration::ZERO, 0.5), Duration::ZERO);
    }
}
