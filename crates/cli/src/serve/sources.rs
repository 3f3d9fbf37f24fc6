//! What the roles have to show on the admin listener.

use std::{sync::Arc, time::SystemTime};

use bluegate_admin::{
    AuditSource, CacheSource, CallbacksSource, MetricsSource, NodesSource, RecordingsSource,
    ScalerSource, Sources, TenantsSource, TokenSource,
};
use bluegate_cluster::Routes;
use bluegate_proxy::Proxy;
use bluegate_scaler::Scaler;
use tokio::sync::watch;

use crate::serve::{
    admin::ProxyCache, administration::Administration, callbacks, health, metrics,
    readiness::Gauges, recordings, scaler_source::AdminScaler, tenants,
};

/// Of these roles: `routes` are those in force, and cannot be changed.
pub(crate) fn of(
    proxy: Option<&Arc<Proxy>>,
    scaler: Option<Scaler>,
    routes: watch::Receiver<Arc<Routes>>,
    gauges: Gauges,
) -> Sources {
    let cache = proxy.map(|proxy| Arc::new(ProxyCache(Arc::clone(proxy))) as Arc<dyn CacheSource>);
    let mut measured: Vec<Arc<MetricsSource>> = Vec::new();
    let measured_gauges = gauges.clone();
    measured.push(Arc::new(move |out| measured_gauges.measure(out)));
    if let Some(proxy) = proxy.cloned() {
        measured.push(Arc::new(move |out| {
            metrics::traffic(out, &proxy);
            metrics::health(out, &proxy);
        }));
    }
    let shown_scaler = scaler.clone().map(|scaler| {
        let scaler: Arc<dyn ScalerSource> = Arc::new(AdminScaler(scaler));
        scaler
    });
    let tenants = scaler
        .clone()
        .map(|scaler| Arc::new(tenants::ScalerTenants(scaler)) as Arc<dyn TenantsSource>);
    let recordings = scaler
        .clone()
        .map(|scaler| Arc::new(recordings::ScalerRecordings(scaler)) as Arc<dyn RecordingsSource>);
    // Where they do not pass there is no queue to show.
    let passing = scaler.clone().filter(|scaler| scaler.callback_counters().is_some());
    let queue = passing
        .map(|scaler| Arc::new(callbacks::ScalerCallbacks(scaler)) as Arc<dyn CallbacksSource>);
    let kept = scaler.as_ref().map(|scaler| Administration(scaler.store().clone()));
    if let Some(scaler) = &scaler {
        for measure in
            [callbacks::metrics, tenants::metrics, metrics::placement, recordings::metrics]
        {
            let scaler = scaler.clone();
            measured.push(Arc::new(move |out| measure(out, &scaler)));
        }
    }
    let nodes = proxy.cloned().map(|proxy| {
        Arc::new(move || metrics::nodes_report(proxy.health_report())) as Arc<NodesSource>
    });
    let sources = Sources {
        routes: Arc::new(move || Arc::clone(&routes.borrow())),
        book: None,
        nodes,
        health: None,
        cache,
        scaler: shown_scaler,
        callbacks: queue,
        recordings,
        tokens: kept.clone().map(|kept| Arc::new(kept) as Arc<dyn TokenSource>),
        audit: kept.map(|kept| Arc::new(kept) as Arc<dyn AuditSource>),
        doctor: None,
        tenants,
        ready: Arc::new(move || gauges.read()),
        metrics: measured,
        version: env!("CARGO_PKG_VERSION"),
        started: SystemTime::now(),
    };
    health::show(scaler, sources)
}
