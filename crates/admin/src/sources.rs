//! What roles hand to the admin API.

use std::{sync::Arc, time::SystemTime};

use bluegate_cluster::{Mount, Routes};

use crate::{
    AuditSource, CacheReport, CallbacksSource, DoctorSource, Exposition, HealthSource, NodesReport,
    Readiness, RecordingsSource, RouteBook, ScalerSource, TenantsSource, TokenSource,
};

/// A cache to show and to purge.
pub trait CacheSource: Send + Sync {
    /// What it holds and did; `None` when it is turned off.
    fn report(&self) -> Option<CacheReport>;

    /// Forgets what is cached for one mount, or for all; how many answers
    /// that were.
    fn purge(&self, mount: Option<&Mount>) -> usize;
}

/// The routes in force now.
pub type RoutesSource = dyn Fn() -> Arc<Routes> + Send + Sync;

/// What is believed of the nodes.
pub type NodesSource = dyn Fn() -> NodesReport + Send + Sync;

/// Whether this process takes work.
pub type ReadySource = dyn Fn() -> Readiness + Send + Sync;

/// Writes a role's own metrics.
pub type MetricsSource = dyn Fn(&mut Exposition) + Send + Sync;

/// Everything the admin API shows.
#[derive(Clone)]
pub struct Sources {
    /// The routes in force now.
    pub routes: Arc<RoutesSource>,
    /// Where routes are changed; absent where no proxy runs.
    pub book: Option<Arc<RouteBook>>,
    /// What the proxy believes of its nodes; absent where no proxy runs.
    pub nodes: Option<Arc<NodesSource>>,
    /// What the scaler believes of its nodes; absent where no scaler runs.
    pub health: Option<Arc<dyn HealthSource>>,
    /// The proxy's cache; absent where no proxy runs.
    pub cache: Option<Arc<dyn CacheSource>>,
    /// The scaler's nodes and meetings; absent where none runs.
    pub scaler: Option<Arc<dyn ScalerSource>>,
    /// The scaler's queue of callbacks; absent where no scaler runs, or none pass
    /// through it.
    pub callbacks: Option<Arc<dyn CallbacksSource>>,
    /// The recordings of the scaler's nodes; absent where no scaler runs.
    pub recordings: Option<Arc<dyn RecordingsSource>>,
    /// Tokens that were made at run time; absent where there is no store.
    pub tokens: Option<Arc<dyn TokenSource>>,
    /// The audit log; absent where there is no store.
    pub audit: Option<Arc<dyn AuditSource>>,
    /// What the doctor saw last; absent where it does not look.
    pub doctor: Option<Arc<DoctorSource>>,
    /// The scaler's tenants; absent where no scaler runs.
    pub tenants: Option<Arc<dyn TenantsSource>>,
    /// Whether this process takes work.
    pub ready: Arc<ReadySource>,
    /// Further metrics, by role.
    pub metrics: Vec<Arc<MetricsSource>>,
    /// The version of the program.
    pub version: &'static str,
    /// When the process started.
    pub started: SystemTime,
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}
