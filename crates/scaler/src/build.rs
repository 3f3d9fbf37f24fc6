//! Building a scaler from its configuration, and running it.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use axum::Router;
use bluegate_cluster::{HostName, Mount, Secret, TenantName, Verdict};
use bluegate_store::{OpenError, Store, StoreError};
use bluegate_tenant::Settings;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    callbacks::{Callbacks, Preparer},
    clock,
    config::{Config, TenantConfig},
    context::Context,
    front,
    health::{
        Health, Record, gate,
        observers::Witness,
        overseer,
        report::{self, HealthReport},
    },
    hooks,
    meetings::{
        foreign::Stores,
        ledger::{Ledger, Terms},
        life::Patience,
    },
    nodes::{
        book::{NodeBook, NodeError},
        fleet::Fleet,
        reads::Reads,
    },
    recordings::{self, Keeper, Recordings},
    tenants::{
        self,
        book::{HeldBackTenant, TenantBook, TenantChange, TenantError},
        merge::{TenantClash, merge},
        report::TenantReport,
    },
};

/// How often ended meetings are cleared from the store.
const HOUSEKEEPING: Duration = Duration::from_secs(60 * 60);
/// How often memory follows the process that this one replaces, or that
/// replaces it.
const ACCOMPANIED_REFRESH: Duration = Duration::from_millis(250);
const KIB: usize = 1024;

/// A scaler, built.
#[derive(Clone)]
pub struct Scaler {
    context: Arc<Context>,
}

/// Why a scaler cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The store cannot be opened.
    #[error("cannot open the scaler's store")]
    OpenStore(#[source] OpenError),
    /// The store cannot be read.
    #[error("cannot read the meetings in the scaler's store")]
    ReadStore(#[source] StoreError),
    /// Nodes that cannot be called.
    #[error("the nodes of the file and the store cannot be put in force")]
    Nodes(#[source] NodeError),
    /// Tenants of the file that cannot be in force together.
    #[error("tenant `{name}`: {clash}")]
    TenantClash {
        /// Which.
        name: TenantName,
        /// Why.
        clash: TenantClash,
    },
}

/// Builds a scaler: opens its store and takes over the meetings in it.
///
/// # Errors
/// [`BuildError`] names what is wrong.
pub async fn build(config: Config) -> Result<Scaler, BuildError> {
    if let Some((tenant, clash)) = merge(&config.tenants).clashes.into_iter().next() {
        return Err(BuildError::TenantClash { name: tenant.name.clone(), clash });
    }
    let bounds = config.bounds;
    let store = Store::open(&config.store).await.map_err(BuildError::OpenStore)?;
    let terms = Terms {
        patience: Patience {
            create: bounds.create_deadline,
            settle: bounds.settle_time,
            end: bounds.end_time,
        },
        placement: config.placement,
    };
    let node_book =
        NodeBook::new(config.nodes, config.key_file.clone(), Arc::clone(&config.node_tls));
    let nodes = node_book.open(&store, &bounds).await.map_err(BuildError::Nodes)?;
    for loss in store.losses().await.map_err(BuildError::ReadStore)? {
        if let Some(node) = nodes.get(&loss.node) {
            node.note(Record::given_up);
        }
    }
    let names: HashSet<Mount> = nodes.keys().cloned().collect();
    let book = TenantBook::open(config.tenants, config.key_file, &store)
        .await
        .map_err(BuildError::ReadStore)?;
    let callbacks = config
        .callbacks
        .map(|callbacks| Arc::new(Callbacks::new(callbacks, &config.origin, store.clone())));
    let recordings = Recordings::load(
        store.clone(),
        config.recordings,
        callbacks.clone(),
        &config.node_tls,
        &bounds,
    );
    let recordings = recordings.await.map_err(BuildError::ReadStore)?;
    let stores = Stores::open(&store).await.map_err(BuildError::ReadStore)?;
    let ledger = Ledger::load(store, &names, terms).await.map_err(BuildError::ReadStore)?;
    let reads = Reads::new(bounds.read_age, bounds.reads_kept);
    let bodies = (bounds.buffered_bytes / KIB).min(Semaphore::MAX_PERMITS);
    Ok(Scaler {
        context: Arc::new(Context {
            origin: config.origin,
            book,
            fleet: Fleet::new(nodes),
            node_book,
            ledger,
            callbacks,
            recordings,
            bounds,
            reads,
            frozen: AtomicBool::new(false),
            freezes: AtomicU64::new(0),
            splits_found: AtomicU64::new(0),
            stores,
            observers: Mutex::default(),
            held_back: ArcSwap::default(),
            witness: OnceLock::new(),
            tracker: TaskTracker::new(),
            bodies: Arc::new(Semaphore::new(bodies)),
        }),
    })
}

impl Scaler {
    /// Callbacks, when they pass through us.
    pub(crate) fn passing(&self) -> Option<&Arc<Callbacks>> {
        self.context.callbacks.as_ref()
    }

    /// The store, for what is kept there beside meetings.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.context.ledger.store()
    }

    /// Answers `/bigbluebutton/...` and `/t/<tenant>/bigbluebutton/...` behind another
    /// server than that of crate `net`, of which a scaler is a service itself.
    pub fn router(&self) -> Router {
        let context = Arc::clone(&self.context);
        Router::new().fallback(move |request| front::handle(Arc::clone(&context), request))
    }

    /// Polls the nodes and keeps house until `background` ends. At `shutdown`,
    /// which is for when no more requests come, it waits, within a bound, for
    /// calls that must be finished, and closes the store. To be called once.
    pub async fn run(&self, background: CancellationToken, shutdown: CancellationToken) {
        let context = &self.context;
        let pollers = TaskTracker::new();
        pollers.spawn(Fleet::poll(Arc::clone(context), background.clone()));
        if let Some(callbacks) = &context.callbacks {
            let outbox = callbacks.outbox.clone();
            let (prepare, stop) = (Arc::new(Preparer(Arc::clone(context))), background.clone());
            pollers.spawn(async move { outbox.run(prepare, stop).await });
            let (callbacks, stop) = (Arc::clone(callbacks), background.clone());
            pollers.spawn(hooks::run(Arc::clone(context), callbacks, stop));
        }
        if let Some(delegate) = context.recordings.delegate() {
            let (keeper, stop) = (Keeper::Delegate, background.clone());
            pollers.spawn(recordings::watch(Arc::clone(context), keeper, delegate, stop));
        }
        pollers.spawn(overseer::run(Arc::clone(context), background.clone()));
        pollers.spawn(follow_others(Arc::clone(context), background.clone()));
        pollers.spawn(keep_house(Arc::clone(context), background.clone()));
        pollers.spawn(sweep(Arc::clone(context), background.clone()));
        shutdown.cancelled().await;
        background.cancel();

        pollers.close();
        context.tracker.close();
        let finished = async { tokio::join!(pollers.wait(), context.tracker.wait()) };
        if tokio::time::timeout(context.bounds.drain, finished).await.is_err() {
            tracing::warn!("some calls to nodes were not finished in time");
        }
        context.ledger.close().await;
    }

    /// Waits until every node has been polled once, answered or not.
    pub async fn has_polled(&self) {
        for node in self.context.nodes().values() {
            // The sender is in the node itself, which we hold.
            drop(node.polled.subscribe().wait_for(|polled| *polled).await);
        }
    }

    /// Lives beside another process on the same store until `alone`: look-ups
    /// ask the store, and lists are a quarter of a second behind it.
    /// In force when this returns.
    pub fn accompanied<F: Future<Output = ()> + Send>(
        &self,
        alone: F,
    ) -> impl Future<Output = ()> + Send + use<F> {
        let context = Arc::clone(&self.context);
        context.ledger.set_accompanied(true);
        async move {
            let following = async {
                loop {
                    tokio::time::sleep(ACCOMPANIED_REFRESH).await;
                    refresh(&context).await;
                }
            };
            tokio::select! {
                () = following => {}
                () = alone => {}
            }
            refresh(&context).await;
            context.ledger.set_accompanied(false);
        }
    }

    /// A node that `witness` hears is not given up for its silence towards us.
    /// The first one stays.
    pub fn witnessed_by(&self, witness: Witness) {
        self.context.witness.get_or_init(|| witness);
    }

    /// Keeps nodes that somebody found broken from new meetings, within the
    /// caps of module `gate`. Replaces what was said before.
    pub fn hold_back(&self, verdicts: &[Verdict]) {
        let now = gate::held_back(verdicts, self.context.nodes().len());
        let before = self.context.held_back.swap(Arc::new(now.clone()));
        for node in now.difference(&before) {
            tracing::warn!(
                target: "bluegate::state", event = "node.held_back", node.id = %node,
                "the node gets no new meetings: it is found broken"
            );
        }
        for node in before.difference(&now) {
            tracing::info!(
                target: "bluegate::state", event = "node.released", node.id = %node,
                "the node may get new meetings again"
            );
        }
    }

    /// What is known of the nodes' health.
    #[must_use]
    pub fn health_report(&self) -> HealthReport {
        report::of(&self.context)
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// What each tenant has and did, by name.
    #[must_use]
    pub fn tenants(&self) -> Vec<TenantReport> {
        tenants::report::of(&self.context)
    }

    /// Tenants that were added at run time and are not in force.
    #[must_use]
    pub fn held_back_tenants(&self) -> Vec<HeldBackTenant> {
        self.context.book.held_back()
    }

    /// Puts the tenants of a file that was read again in force.
    ///
    /// # Errors
    /// [`TenantError::Clash`]; nothing has changed then.
    pub async fn reload_tenants(&self, tenants: Vec<TenantConfig>) -> Result<(), TenantError> {
        self.context.book.reload(tenants).await
    }

    /// Adds a tenant, in force at once here and within `refresh_interval` at
    /// other scalers of the store.
    ///
    /// # Errors
    /// [`TenantError`]; nothing has changed then.
    pub async fn add_tenant(
        &self,
        name: TenantName,
        secrets: Vec<Secret>,
        settings: Settings,
    ) -> Result<(), TenantError> {
        self.context.book.add(self.context.ledger.store(), name, secrets, settings).await
    }

    /// Changes a tenant that was added.
    ///
    /// # Errors
    /// [`TenantError`]; nothing has changed then.
    pub async fn change_tenant(
        &self,
        name: &TenantName,
        change: TenantChange,
    ) -> Result<(), TenantError> {
        self.context.book.change(self.context.ledger.store(), name, change).await
    }

    /// Removes a tenant that was added. One with open meetings only when the
    /// caller does `insist`: nobody could look at or end them any more.
    ///
    /// # Errors
    /// [`TenantError`]; nothing has changed then.
    pub async fn remove_tenant(&self, name: &TenantName, insist: bool) -> Result<(), TenantError> {
        self.context.book.remove(self.context.ledger.store(), name, insist).await
    }

    /// Whether the host of this authority is a tenant's own.
    #[must_use]
    pub fn is_host_of_tenant(&self, authority: &str) -> bool {
        self.context.tenants().has_host(authority)
    }

    /// The hosts that tenants have of their own, sorted.
    #[must_use]
    pub fn tenant_hosts(&self) -> Vec<HostName> {
        self.context.tenants().hosts()
    }

    /// What is believed of each node, by name.
    #[must_use]
    pub fn health(&self) -> Vec<(Mount, Health)> {
        let nodes = self.context.nodes();
        nodes.values().map(|node| (node.node.name.clone(), node.health())).collect()
    }
}

/// Takes over what others wrote to the store, if they did. Nodes come before
/// the meetings on them.
async fn refresh(context: &Context) {
    let read = async {
        if context.ledger.is_written_by_others().await? {
            if let Err(error) = context.node_book.refresh(context).await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the nodes that others added are not in force");
            }
            context.book.refresh(context.ledger.store()).await?;
            context.ledger.refresh().await?;
            context.recordings.follow().await?;
        }
        Ok::<_, StoreError>(())
    };
    if let Err(error) = read.await {
        context.ledger.missed_others();
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "what others wrote to the store was not read");
    }
}

/// Lists are answered from memory, so memory follows what others write: other
/// scalers, and commands such as `bluegate import`.
async fn follow_others(context: Arc<Context>, shutdown: CancellationToken) {
    loop {
        refresh(&context).await;
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(context.bounds.refresh_interval) => {}
        }
    }
}

/// A call that was under way when its node went may write a row after that.
async fn sweep(context: Arc<Context>, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(context.bounds.poll_interval) => {}
        }
        if let Err(error) = context.node_book.sweep(&context).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "meetings of nodes that are gone were not cleared");
        }
    }
}

async fn keep_house(context: Arc<Context>, shutdown: CancellationToken) {
    let before = |keep: Duration| {
        clock::now().saturating_sub(i64::try_from(keep.as_millis()).unwrap_or(i64::MAX))
    };
    let (keep_ended, keep_history) = (context.bounds.keep_ended, context.bounds.keep_history);
    loop {
        match context.ledger.forget_before(before(keep_ended), before(keep_history)).await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "forgot meetings that ended long ago"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "ended meetings were not cleared");
            }
        }
        if let Err(error) = context.recordings.forget_gone().await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "recordings that are gone were not cleared");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(HOUSEKEEPING) => {}
        }
    }
}
