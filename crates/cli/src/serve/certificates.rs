//! The certificates of this process: each pair of files, read once, shown on
//! every listener that names it, and followed as it is replaced.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use bluegate_config::Tls;
use bluegate_net::tls::CertificateFiles;
use rustls::ServerConfig;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What listeners show, by what the configuration says of it.
#[derive(Default)]
pub(crate) struct Certificates {
    files: HashMap<(PathBuf, PathBuf), (Arc<CertificateFiles>, Arc<ServerConfig>)>,
}

impl Certificates {
    /// TLS for a listener of a section that says `tls`.
    pub(crate) fn tls_for(
        &mut self,
        tls: &Tls,
    ) -> Result<Option<Arc<ServerConfig>>, anyhow::Error> {
        match tls {
            Tls::Off => Ok(None),
            Tls::Files { cert, key } => {
                let pair = (cert.clone(), key.clone());
                if let Some((_, config)) = self.files.get(&pair) {
                    return Ok(Some(Arc::clone(config)));
                }
                let files = CertificateFiles::open(cert, key)?;
                let config = files.server_config()?;
                self.files.insert(pair, (files, Arc::clone(&config)));
                Ok(Some(config))
            }
            Tls::Acme { .. } => Err(anyhow::anyhow!("refused before sockets are bound"))
                .context("certificates by ACME"),
        }
    }

    /// Follows the files until `shutdown`; SIGHUP has them looked at at once.
    pub(crate) fn follow(
        self,
        shutdown: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Result<(), anyhow::Error> {
        for (files, _) in self.files.into_values() {
            let mut hangup = signal(SignalKind::hangup()).context("cannot handle SIGHUP")?;
            tasks.spawn(Arc::clone(&files).watch(shutdown.clone()));
            let shutdown = shutdown.clone();
            tasks.spawn(async move {
                loop {
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        signal = hangup.recv() => if signal.is_none() { return },
                    }
                    files.check();
                }
            });
        }
        Ok(())
    }
}
