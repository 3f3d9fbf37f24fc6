//! Whether this process takes work, as `/ready` says it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bluegate_admin::{Exposition, Kind::Gauge, Readiness};
use bluegate_proxy::Proxy;
use bluegate_scaler::Scaler;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How often the store is asked whether it answers.
const STORE_INTERVAL: Duration = Duration::from_secs(5);

/// What readiness is read off.
#[derive(Clone)]
pub(crate) struct Gauges {
    proxy: Option<Arc<Proxy>>,
    scaler: Option<Scaler>,
    shutdown: CancellationToken,
    looked: Arc<AtomicBool>,
    store_answers: Arc<AtomicBool>,
}

impl Gauges {
    /// Follows the scaler's first look and its store until `shutdown`.
    pub(crate) fn follow(
        proxy: Option<Arc<Proxy>>,
        scaler: Option<Scaler>,
        shutdown: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let this = Self {
            proxy,
            scaler,
            shutdown: shutdown.clone(),
            looked: Arc::new(AtomicBool::new(false)),
            store_answers: Arc::new(AtomicBool::new(true)),
        };
        if let Some(scaler) = this.scaler.clone() {
            let (looked, looking) = (Arc::clone(&this.looked), scaler.clone());
            let answers = Arc::clone(&this.store_answers);
            let stop = shutdown.clone();
            tasks.spawn(async move {
                let work = async {
                    tokio::join!(
                        async {
                            looking.has_polled().await;
                            looked.store(true, Relaxed);
                        },
                        ask_store(&scaler, &answers),
                    )
                };
                tokio::select! {
                    _ = work => {}
                    () = stop.cancelled_owned() => {}
                }
            });
        }
        this
    }

    /// What is so now.
    pub(crate) fn read(&self) -> Readiness {
        let mut readiness = Readiness::default();
        if self.shutdown.is_cancelled() {
            readiness.waiting_for.push("stopping");
        }
        if self.scaler.is_some() && !self.looked.load(Relaxed) {
            readiness.waiting_for.push("first_look");
        }
        if !self.store_answers.load(Relaxed) {
            readiness.impaired.push("store");
        }
        let frozen = self.scaler.as_ref().is_some_and(|scaler| scaler.health_report().frozen);
        if frozen || self.proxy.as_ref().is_some_and(|proxy| proxy.health_report().panicking) {
            readiness.impaired.push("nodes");
        }
        readiness
    }

    /// Whether the store answers, as a metric; nothing where there is none.
    pub(crate) fn measure(&self, out: &mut Exposition) {
        if self.scaler.is_some() {
            let up = u8::from(self.store_answers.load(Relaxed));
            out.single("bluegate_store_up", Gauge, "Whether the scaler's store answers", up);
        }
    }
}

/// Asks the store now and then, for ever; says once when it ceases to answer and
/// once when it answers again.
async fn ask_store(scaler: &Scaler, answers: &AtomicBool) {
    loop {
        match scaler.store().ping().await {
            Ok(()) => {
                if !answers.swap(true, Relaxed) {
                    tracing::info!(
                        target: "bluegate::state", event = "store.available",
                        "the store answers again"
                    );
                }
            }
            Err(error) => {
                if answers.swap(false, Relaxed) {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        target: "bluegate::state", event = "store.unavailable", error,
                        "the store does not answer"
                    );
                }
            }
        }
        tokio::time::sleep(STORE_INTERVAL).await;
    }
}
