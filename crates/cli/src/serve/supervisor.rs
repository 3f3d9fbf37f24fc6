//! What systemd is told of this process, when it listens (`NOTIFY_SOCKET`).

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Serving: every socket, with everything that belongs to it.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Reading the configuration anew; [`ready`] ends it.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "no monotonic clock to tell a reload's time by"),
    }
}

/// Ending for good.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// From now on the service is that other process.
pub(crate) fn succeeded_by(process: u32) {
    tell(&[NotifyState::MainPid(process)]);
}

/// Shows signs of life, twice as often as asked for, until `shutdown`.
pub(crate) fn watch_over(shutdown: &CancellationToken, tasks: &TaskTracker) {
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| *limit > Duration::ZERO) else {
        return;
    };
    let shutdown = shutdown.clone();
    tasks.spawn(async move {
        loop {
            tell(&[NotifyState::Watchdog]);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(limit / 2) => {}
            }
        }
    });
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}
