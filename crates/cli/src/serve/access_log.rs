//! The proxy's access log: its settings, and SIGHUP, which has it opened anew.

use std::sync::Arc;

use anyhow::Context as _;
use bluegate_config::{AccessLogFormat, AccessLogIp};
use bluegate_proxy::{AccessLogClient, Proxy};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How lines are written.
pub(crate) fn format(format: AccessLogFormat) -> bluegate_proxy::AccessLogFormat {
    match format {
        AccessLogFormat::Json => bluegate_proxy::AccessLogFormat::Json,
        AccessLogFormat::Combined => bluegate_proxy::AccessLogFormat::Combined,
    }
}

/// What they say of clients.
pub(crate) fn client(ip: AccessLogIp) -> AccessLogClient {
    match ip {
        AccessLogIp::Truncate => AccessLogClient::Truncated,
        AccessLogIp::Hash => AccessLogClient::Hashed,
        AccessLogIp::Full => AccessLogClient::Full,
    }
}

/// Opens the log anew at each SIGHUP until `shutdown`, whether or not the
/// configuration file is in order.
pub(crate) fn follow(
    proxy: Arc<Proxy>,
    shutdown: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<(), anyhow::Error> {
    let mut hangup = signal(SignalKind::hangup()).context("cannot handle SIGHUP")?;
    let shutdown = shutdown.clone();
    tasks.spawn(async move {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                signal = hangup.recv() => if signal.is_none() { return },
            }
            proxy.reopen_access_log();
        }
    });
    Ok(())
}
