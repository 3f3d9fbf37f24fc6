//! `bluegate serve`: the roles a configuration file has sections for, wired.

mod access_log;
pub(crate) mod admin;
mod administration;
mod callbacks;
mod certificates;
mod doctor;
mod health;
mod listeners;
mod metrics;
mod policy;
pub(crate) mod readiness;
mod recordings;
pub(crate) mod reload;
mod scaler_source;
pub(crate) mod scaling;
pub(crate) mod secrets;
pub(crate) mod sources;
mod supervisor;
pub(crate) mod tenants;
mod upgrade;

use std::{future::Future, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use bluegate_admin::RouteBook;
use bluegate_cluster::Routes;
use bluegate_config::{Config, Gate};
use bluegate_net::{
    dispatch::ApiHosts,
    handover::{Predecessor, Sockets},
    tls,
};
use bluegate_scaler::CallbackConfig;
use bluegate_seal::Key;
use rustls::ClientConfig;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Outcome, config_command,
    exit::{Exit, UsageError},
    runtime,
    serve::{
        admin::AdminListener,
        certificates::Certificates,
        listeners::{Listeners, Roles},
        readiness::Gauges,
        reload::Reload,
        scaling::Scaling,
        upgrade::Upgrades,
    },
};

/// How long connections may take to finish at the end, where there is no
/// `[proxy]` to say so.
const DRAIN: Duration = Duration::from_secs(30);

/// How much longer than connections everything else may take to finish.
const AFTER_DRAIN: Duration = Duration::from_secs(5);

/// How long a successor waits for its first look at the nodes before it serves.
const FIRST_LOOK: Duration = Duration::from_secs(2);

pub(crate) fn run(path: &Path) -> Outcome {
    let config = config_command::load(path)?;
    refuse_what_is_not_there(&config)?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    // Changes the environment, so before there are threads.
    let sockets = Sockets::from_environment().context("cannot use the sockets handed over")?;
    runtime::run(serve(path, config, sockets))
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

async fn serve(path: &Path, config: Config, mut sockets: Sockets) -> Outcome {
    let shutdown_requested = shutdown_signal()?;
    let mut upgrades = Upgrades::prepare()?;
    let reload = Reload::of(path.to_owned(), config.clone())?;
    let predecessor = Predecessor::from_environment()?;
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();
    // Every socket first: a port that is taken is found before anything runs.
    let certificates = Certificates::open(&config)?;
    let listeners = Listeners::bind(&config, &certificates, &mut sockets)?;
    let admin = AdminListener::bind(&config, &certificates, &mut sockets)?;
    let (sockets, unused) = sockets.finish();
    for address in unused {
        tracing::warn!(%address, "a socket was handed over that nothing in the file listens on");
    }
    let node_tls = tls::client_config(config.cluster.node_ca.as_deref())?;

    let book = RouteBook::open(reload::given(&config), reload::routes_file(&config))?;
    let in_force = book.follow();
    let (proxy, scaler) = build_roles(&config, &node_tls, in_force.clone()).await?;
    let api = scaler.clone().map(Arc::new);
    let api_hosts = scaler.clone().map(|scaler| {
        Arc::new(move |authority: &str| scaler.is_host_of_tenant(authority)) as Arc<ApiHosts>
    });
    let roles = Roles { proxy: proxy.clone(), api, api_hosts };
    let measured_scaler = scaler.clone();
    if let (Some(scaler), Some(proxy)) = (&scaler, &proxy) {
        scaler.witnessed_by(health::witness(Arc::clone(proxy)));
    }
    let placing = scaler.clone();
    let scaler = scaler.map(|scaler| Scaling::begin(scaler, &shutdown));
    let alone = CancellationToken::new();
    if let (Some(scaling), Some(_)) = (&scaler, &predecessor) {
        scaling.accompanied_until(alone.clone());
        scaling.first_look().await;
    }
    tasks.spawn(reload.run(Arc::clone(&book), measured_scaler.clone(), shutdown.clone()));
    let shown = certificates.display();
    certificates.follow(placing.clone(), &shutdown, &tasks)?;
    if let Some(proxy) = &proxy {
        access_log::follow(Arc::clone(proxy), &shutdown, &tasks)?;
    }
    let policy = listeners.policy().clone();
    let drain = config.proxy.as_ref().map_or(DRAIN, |proxy| proxy.drain);
    listeners.serve(&config, &roles, &shutdown, &tasks, drain)?;
    supervisor::watch_over(&shutdown, &tasks);
    let gauges = Gauges::follow(proxy.clone(), measured_scaler.clone(), &shutdown, &tasks);
    let mut sources = sources::of(proxy.as_ref(), measured_scaler, book.follow(), gauges);
    sources.book = proxy.as_ref().map(|_| Arc::clone(&book));
    sources.metrics.push(Arc::new(move |out| metrics::connections(out, &policy)));
    sources.metrics.push(Arc::new(move |out| metrics::certificates(out, &shown.all())));
    let (sources, seen) =
        doctor::start(path, &config, &node_tls, &book, &shutdown, &tasks, sources);
    let gate = config.scaler.as_ref().map(|scaler| scaler.gate);
    if let (Some(Gate::Doctor), Some(scaler), Some((seen, interval))) = (gate, placing, seen) {
        tasks.spawn(health::gate(scaler, seen, interval, shutdown.clone()));
    }
    tasks.close();
    let mut admin = admin.map(|admin| admin.serve(sources));
    if let Some(mut predecessor) = predecessor {
        predecessor.ready().await?;
        tokio::spawn(async move {
            predecessor.is_gone().await;
            tracing::info!("the process before has ended");
            alone.cancel();
        });
    }
    supervisor::ready();
    tracing::info!(
        target: "bluegate::state", event = "process.serving",
        origin = %config.cluster.origin, "serving"
    );

    let successor = tokio::select! {
        () = shutdown_requested => None,
        successor = upgrades.successor(&sockets) => Some(successor),
    };
    match &successor {
        Some(successor) => {
            supervisor::succeeded_by(successor.id());
            tracing::info!(
                target: "bluegate::state", event = "process.succeeded",
                process = successor.id(), "upgraded: finishing what has begun here"
            );
            if let Some(scaling) = &scaler {
                scaling.has_successor();
            }
            // The new process answers for the service from now on.
            if let Some(admin) = admin.take() {
                admin.end().await;
            }
        }
        None => {
            supervisor::stopping();
            tracing::info!(
                target: "bluegate::state", event = "process.stopping",
                "stopping: waiting for connections to finish"
            );
        }
    }
    shutdown.cancel();
    // Ours end here; those of a successor, and of systemd, go on listening.
    drop(sockets);
    let finished = tokio::time::timeout(drain + AFTER_DRAIN, tasks.wait());
    upgrades
        .refuse_until(async {
            if finished.await.is_err() {
                tracing::warn!("some work was cut off at the end");
            }
        })
        .await;
    if let Some(scaler) = scaler {
        scaler.end().await;
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
    let nodes = scaling::nodes(config)?;
    let callbacks = if scaler.callbacks { Some(callback_config(config, scaler)?) } else { None };
    Ok(bluegate_scaler::Config {
        origin: scaler.origin.clone(),
        nodes,
        tenants: tenants::of_file(config)?,
        store: scaler.store.clone(),
        key_file: scaler.key_file.clone(),
        node_tls: node_tls.clone(),
        callbacks,
        bounds: scaling::bounds(scaler),
        placement: scaling::placement(&scaler.placement),
        recordings: scaling::recordings(&config.recordings)?,
    })
}

fn callback_config(
    config: &Config,
    scaler: &bluegate_config::Scaler,
) -> Result<CallbackConfig, anyhow::Error> {
    let key = Key::open_or_create(&scaler.key_file)?;
    let authorities = scaler.callback_ca.as_ref().or(config.cluster.node_ca.as_ref());
    let tls = tls::client_config(authorities.map(std::path::PathBuf::as_path))?;
    Ok(CallbackConfig::new(key, scaler.callback_targets.clone(), tls))
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
