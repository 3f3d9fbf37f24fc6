//! What a role knows of the connection a request came on.

use std::{future::Future, net::SocketAddr};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// One accepted connection, as its requests see it.
#[derive(Debug)]
pub struct Connection {
    /// The address at the other end.
    pub peer: SocketAddr,
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
        Self { peer, local, tls, tasks, cut }
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
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
