//! What a role knows of the connection a request came on.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

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
    cut: CancellationToken,
}

impl Connection {
    pub(crate) fn new(
        peer: SocketAddr,
        local: SocketAddr,
        tls: bool,
        tasks: TaskTracker,
        cut: CancellationToken,
    ) -> Self {
        Self { peer, client: peer.ip().to_canonical(), local, tls, tasks, cut }
    }

    /// The same connection, for a request that a balancer forwards.
    pub(crate) fn on_behalf_of(&self, client: IpAddr) -> Self {
        Self { peer: SocketAddr::new(client, 0), client, ..self.clone() }
    }

    /// Runs what follows an upgrade (a tunnel) as part of this listener: its
    /// drain waits for `work`, and drops it at the deadline.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let cut = self.cut.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = work => {}
                () = cut.cancelled_owned() => {}
            }
        });
    }
}
