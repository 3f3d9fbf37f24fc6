//! SIGUSR2: a new process takes over, with our sockets and what the disk now
//! holds: the program, its configuration, its certificates.

use std::time::Duration;

use anyhow::Context as _;
use bluegate_net::handover::{self, KeptSockets, Program, Successor};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long a successor may take until it serves.
const PATIENCE: Duration = Duration::from_secs(30);

/// Upgrades on demand.
pub(crate) struct Upgrades {
    program: Program,
    wanted: Signal,
}

impl Upgrades {
    /// Handles SIGUSR2 from now on.
    pub(crate) fn prepare() -> Result<Self, anyhow::Error> {
        let program = Program::running().context("cannot prepare upgrades")?;
        let wanted = signal(SignalKind::user_defined2()).context("cannot handle SIGUSR2")?;
        Ok(Self { program, wanted })
    }

    /// Completes when a successor serves in our place. One that fails is
    /// reported, and nothing has changed. If this is dropped meanwhile, the one
    /// that is starting ends.
    pub(crate) async fn successor(&mut self, sockets: &KeptSockets) -> Successor {
        loop {
            if self.wanted.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
            let path = self.program.path.display();
            tracing::info!(program = %path, "upgrading: starting the new process");
            let mut starting = std::pin::pin!(handover::start(&self.program, sockets, PATIENCE));
            let started = loop {
                tokio::select! {
                    started = starting.as_mut() => break started,
                    Some(()) = self.wanted.recv() => {
                        tracing::warn!("not upgrading again: an upgrade is under way");
                    }
                }
            };
            match started {
                Ok(successor) => return successor,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "not upgraded, this process goes on");
                }
            }
        }
    }

    /// From now on a wish for an upgrade is refused, until `done`.
    pub(crate) async fn refuse_until(&mut self, done: impl Future<Output = ()>) {
        let mut done = std::pin::pin!(done);
        loop {
            tokio::select! {
                () = done.as_mut() => return,
                Some(()) = self.wanted.recv() => {
                    tracing::warn!(
                        "not upgrading: this process is ending; send SIGUSR2 to the one that serves"
                    );
                }
            }
        }
    }
}
