//! The admin listener of `bluegate serve`: sockets of its own, and what the
//! roles have to show there.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use bluegate_admin::{CacheReport, CacheSource, DiskReport, MountReport, Sources, Tokens};
use bluegate_cluster::{Mount, Secret};
use bluegate_config::Config;
use bluegate_net::{Limits, Listener, RouterService, handover::Sockets, serve};
use bluegate_proxy::Proxy;
use rustls::ServerConfig;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::serve::{certificates::Certificates, secrets};

/// Connections of administrators and scrapers at once.
const MAX_CONNECTIONS: u32 = 64;

/// How long an answer under way may take once everything else has ended.
const DRAIN: Duration = Duration::from_secs(1);

/// Shorter tokens are worth a warning.
const SHORT_TOKEN: usize = 16;

/// Bound sockets and who may use them.
pub(crate) struct AdminListener {
    listeners: Vec<Listener>,
    tls: Option<Arc<ServerConfig>>,
    tokens: Tokens,
    /// Who may speak Scalelite's admin API; nobody where it is not answered.
    scalelite: Vec<Secret>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl AdminListener {
    /// Listens on the addresses of `[admin]`, if the file has it.
    pub(crate) fn bind(
        config: &Config,
        certificates: &Certificates,
        sockets: &mut Sockets,
    ) -> Result<Option<Self>, anyhow::Error> {
        let Some(admin) = &config.admin else { return Ok(None) };
        let tokens = secrets::read(&admin.token_file)?;
        if tokens.iter().any(|token| token.expose().len() < SHORT_TOKEN) {
            tracing::warn!(
                "a token in `{}` is short; make one with `openssl rand -hex 32`",
                admin.token_file.display()
            );
        }
        let tokens = Tokens::new(&tokens);
        let scalelite = match &admin.scalelite_secret_file {
            Some(file) => secrets::read(file)?,
            None => Vec::new(),
        };
        let tls = certificates.tls_for(&admin.tls, Path::new(""));
        let listeners = admin.listen.iter().map(|address| sockets.open(*address));
        Ok(Some(Self {
            listeners: listeners.collect::<Result<_, _>>()?,
            tls,
            tokens,
            scalelite,
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// A listener that is there already, in the clear, for who has this token.
    pub(crate) fn of(listener: Listener, token: &Secret) -> Self {
        Self {
            listeners: vec![listener],
            tls: None,
            tokens: Tokens::new(std::slice::from_ref(token)),
            scalelite: Vec::new(),
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Answers from now on; what is returned ends it. It ends after the roles,
    /// so that it can say meanwhile that this process is not ready.
    pub(crate) fn serve(self, sources: Sources) -> Serving {
        let Self { listeners, tls, tokens, scalelite, shutdown, tasks } = self;
        let mut router = bluegate_admin::router(tokens, sources.clone());
        if !scalelite.is_empty() {
            router = router.merge(bluegate_admin::scalelite_router(scalelite, sources));
        }
        let service = Arc::new(RouterService::new(router));
        let limits = Limits { max_connections: MAX_CONNECTIONS, ..Limits::default() };
        for listener in listeners {
            let address: SocketAddr = listener.local_addr();
            let (tls, service) = (tls.clone(), Arc::clone(&service));
            let serving = serve(listener, tls, service, limits.clone(), shutdown.clone(), DRAIN);
            tasks.spawn(async move {
                if let Err(error) = serving.await {
                    tracing::error!(%address, %error, "the admin listener failed");
                }
            });
        }
        tasks.close();
        Serving { shutdown, tasks }
    }
}

/// A running admin listener.
pub(crate) struct Serving {
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Serving {
    pub(crate) async fn end(self) {
        self.shutdown.cancel();
        self.tasks.wait().await;
    }
}

/// The proxy's cache, as the admin API shows it.
pub(crate) struct ProxyCache(pub(crate) Arc<Proxy>);

impl CacheSource for ProxyCache {
    fn report(&self) -> Option<CacheReport> {
        self.0.cache_report().map(report)
    }

    fn purge(&self, mount: Option<&Mount>) -> usize {
        self.0.purge(mount.map(Mount::as_str))
    }
}

fn report(of: bluegate_proxy::CacheReport) -> CacheReport {
    let answers = [
        ("hit", of.hits),
        ("stale", of.stale),
        ("revalidated", of.revalidated),
        ("stored", of.stored),
        ("miss", of.misses),
        ("bypass", of.bypassed),
    ];
    let mounts = of.mounts.into_iter().map(|(mount, part)| {
        (mount, MountReport { entries: part.entries as u64, bytes: part.bytes })
    });
    CacheReport {
        memory: of.memory,
        bytes: of.bytes,
        contents: of.contents as u64,
        entries: of.entries as u64,
        evicted: of.evicted,
        answers: answers.map(|(name, count)| (name.to_owned(), count)).into(),
        fetches: of.fetches,
        deltas: of.deltas,
        packed_away: of.packed_away,
        disk: of.disk.map(|disk| DiskReport {
            limit: disk.limit,
            bytes: disk.bytes,
            files: disk.files,
            recalled: disk.recalled,
            dropped: disk.dropped,
            paused: disk.paused,
        }),
        mounts: mounts.collect(),
    }
}
