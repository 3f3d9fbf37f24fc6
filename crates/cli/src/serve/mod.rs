//! `bluegate serve`: the roles a configuration file has sections for, wired.

mod access_log;
mod admin;
mod certificates;
mod listeners;
mod metrics;
mod policy;
pub(crate) mod reload;
pub(crate) mod secrets;

use std::{
    future::Future,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, bail};
use bluegate_admin::{CacheSource, MetricsSource, NodesSource, RouteBook, Sources};
use bluegate_cluster::Routes;
use bluegate_config::Config;
use bluegate_net::{Policy, RouterService, tls};
use bluegate_scaler::{Bounds, NodeConfig, TenantConfig};
use rustls::ClientConfig;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Outcome, config_command,
    exit::{Exit, UsageError},
    serve::{
        admin::{AdminListener, ProxyCache},
        certificates::{Certificates, Shown},
        listeners::{Listeners, Roles},
        reload::Reload,
    },
};

/// How long connections may take to finish at the end.
const DRAIN: Duration = Duration::from_secs(30);

/// The tenant whose meeting IDs are the same on the nodes.
const PLAIN_TENANT: &str = "default";

pub(crate) fn run(path: &Path) -> Outcome {
    let config = config_command::load(path)?;
    refuse_what_is_not_there(&config)?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(serve(path, config))
}

/// A file without a role is valid, but there is nothing to run.
fn refuse_what_is_not_there(config: &Config) -> Result<(), anyhow::Error> {
    if config.proxy.is_none() && config.scaler.is_none() {
        bail!(UsageError(
            "the file has neither `[proxy]` nor `[scaler]`: nothing to run".to_owned()
        ));
    }
    Ok(())
}

async fn serve(path: &Path, config: Config) -> Outcome {
    let shutdown_requested = shutdown_signal()?;
    let reload = Reload::of(path.to_owned(), config.clone())?;
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();
    // Every socket first: a port that is taken is found before anything runs.
    let certificates = Certificates::open(&config)?;
    let listeners = Listeners::bind(&config, &certificates)?;
    let admin = AdminListener::bind(&config, &certificates)?;
    let node_tls = tls::client_config(config.cluster.node_ca.as_deref())?;

    let book = RouteBook::open(reload::given(&config), reload::routes_file(&config))?;
    let in_force = book.follow();
    let (proxy, scaler) = build_roles(&config, &node_tls, in_force.clone()).await?;
    let api = scaler.as_ref().map(|scaler| Arc::new(RouterService::new(scaler.router())));
    let roles = Roles { proxy: proxy.clone(), api };
    if let Some(scaler) = scaler {
        let shutdown = shutdown.clone();
        tasks.spawn(async move { scaler.run(shutdown).await });
    }
    tasks.spawn(reload.run(Arc::clone(&book), shutdown.clone()));
    let shown = certificates.shown();
    certificates.follow(&shutdown, &tasks)?;
    if let Some(proxy) = &proxy {
        access_log::follow(Arc::clone(proxy), &shutdown, &tasks)?;
    }
    let policy = listeners.policy().clone();
    listeners.serve(&config, &roles, &shutdown, &tasks, DRAIN)?;
    tasks.close();
    let sources = sources(proxy.as_ref(), &book, policy, shown, &shutdown);
    let admin = admin.map(|admin| admin.serve(sources));
    tracing::info!(origin = %config.cluster.origin, "serving");

    shutdown_requested.await;
    tracing::info!("stopping: waiting for connections to finish");
    shutdown.cancel();
    if tokio::time::timeout(DRAIN + Duration::from_secs(5), tasks.wait()).await.is_err() {
        tracing::warn!("some work was cut off at the end");
    }
    if let Some(admin) = admin {
        admin.end().await;
    }
    drop(roles);
    if let Some(proxy) = proxy {
        proxy.close().await;
    }
    Ok(Exit::Done)
}

/// What the roles have to show on the admin listener.
fn sources(
    proxy: Option<&Arc<bluegate_proxy::Proxy>>,
    book: &Arc<RouteBook>,
    policy: Policy,
    shown: Vec<Shown>,
    shutdown: &CancellationToken,
) -> Sources {
    let shutdown = shutdown.clone();
    let cache = proxy.map(|proxy| Arc::new(ProxyCache(Arc::clone(proxy))) as Arc<dyn CacheSource>);
    let routes = book.follow();
    let mut measured: Vec<Arc<MetricsSource>> = vec![
        Arc::new(move |out| metrics::connections(out, &policy)),
        Arc::new(move |out| metrics::certificates(out, &shown)),
    ];
    if let Some(proxy) = proxy.cloned() {
        measured.push(Arc::new(move |out| {
            metrics::traffic(out, &proxy);
            metrics::health(out, &proxy);
        }));
    }
    let nodes = proxy.cloned().map(|proxy| {
        Arc::new(move || metrics::nodes_report(proxy.health_report())) as Arc<NodesSource>
    });
    Sources {
        routes: Arc::new(move || Arc::clone(&routes.borrow())),
        book: proxy.map(|_| Arc::clone(book)),
        nodes,
        cache,
        ready: Arc::new(move || !shutdown.is_cancelled()),
        metrics: measured,
        version: env!("CARGO_PKG_VERSION"),
        started: SystemTime::now(),
    }
}

async fn build_roles(
    config: &Config,
    node_tls: &Arc<ClientConfig>,
    routes: watch::Receiver<Arc<Routes>>,
) -> Result<(Option<Arc<bluegate_proxy::Proxy>>, Option<bluegate_scaler::Scaler>), anyhow::Error> {
    let proxy = match &config.proxy {
        Some(proxy) => Some(build_proxy(proxy, node_tls, routes)?),
        None => None,
    };
    let scaler = match &config.scaler {
        Some(scaler) => {
            let settings = scaler_config(config, scaler, node_tls)?;
            Some(bluegate_scaler::build(settings).await.context("the scaler does not start")?)
        }
        None => None,
    };
    Ok((proxy, scaler))
}

fn build_proxy(
    proxy: &bluegate_config::Proxy,
    node_tls: &Arc<ClientConfig>,
    routes: watch::Receiver<Arc<Routes>>,
) -> Result<Arc<bluegate_proxy::Proxy>, anyhow::Error> {
    let settings = bluegate_proxy::Config {
        connect_timeout: proxy.connect_timeout,
        response_timeout: proxy.response_timeout,
        body_timeout: proxy.idle_timeout,
        health_interval: proxy.health_interval,
        health_timeout: proxy.health_timeout,
        max_concurrent: proxy.node_requests,
        access_log: proxy.access_log.clone(),
        access_log_format: access_log::format(proxy.access_log_format),
        access_log_client: access_log::client(proxy.access_log_ip),
        api: proxy.api.clone(),
        cache: bluegate_proxy::CacheConfig {
            enabled: proxy.cache.enabled,
            memory: proxy.cache.memory,
            max_object: proxy.cache.max_object,
            folder: proxy.cache.folder.clone(),
            disk: proxy.cache.disk as u64,
            share_builds: proxy.share_builds,
            warm: proxy.cache.warm,
            ..bluegate_proxy::CacheConfig::default()
        },
        ..bluegate_proxy::Config::new(node_tls.clone())
    };
    bluegate_proxy::build(settings, routes).context("the proxy does not start")
}

fn scaler_config(
    config: &Config,
    scaler: &bluegate_config::Scaler,
    node_tls: &Arc<ClientConfig>,
) -> Result<bluegate_scaler::Config, anyhow::Error> {
    let mut nodes = Vec::with_capacity(config.nodes.len());
    for entry in &config.nodes {
        let file = entry.secret_file.as_deref().expect("validated: the scaler's nodes have one");
        nodes.push(NodeConfig { node: entry.node.clone(), secrets: secrets::read(file)? });
    }
    let mut tenants = Vec::with_capacity(config.tenants.len());
    for tenant in &config.tenants {
        tenants.push(TenantConfig {
            name: tenant.name.clone(),
            secrets: secrets::read(&tenant.secret_file)?,
            plain: tenant.name.as_str() == PLAIN_TENANT,
        });
    }
    Ok(bluegate_scaler::Config {
        origin: scaler.origin.clone(),
        nodes,
        tenants,
        store: scaler.store.clone(),
        node_tls: node_tls.clone(),
        bounds: Bounds {
            connect_timeout: scaler.connect_timeout,
            call_timeout: scaler.call_timeout,
            poll_interval: scaler.poll_interval,
            body_bytes: scaler.body_limit,
            ..Bounds::default()
        },
    })
}

/// Completes at the first SIGINT or SIGTERM. Handlers are in place when this
/// returns, so that no signal is missed while roles start.
pub(crate) fn shutdown_signal() -> Result<impl Future<Output = ()>, anyhow::Error> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot handle SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot handle SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
