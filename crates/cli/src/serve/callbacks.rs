//! The scaler's queue of callbacks, as the admin API shows and changes it, and its
//! metrics.

use bluegate_admin::{
    Answering, CallbackEntry, CallbackStanding, CallbacksSource, Exposition,
    Kind::{Counter, Gauge},
    ScalerRefusal,
};
use bluegate_cluster::TenantName;
use bluegate_scaler::{CallbackDepth, CallbackReport, CallbackState, Scaler};
use http::StatusCode;

/// A scaler's callbacks on the admin listener.
pub(crate) struct ScalerCallbacks(pub(crate) Scaler);

impl CallbacksSource for ScalerCallbacks {
    fn list(
        &self,
        state: CallbackStanding,
        tenant: Option<TenantName>,
        limit: u32,
    ) -> Answering<'_, Vec<CallbackEntry>> {
        let state = match state {
            CallbackStanding::Queued => CallbackState::Queued,
            CallbackStanding::Delivered => CallbackState::Delivered,
            CallbackStanding::Dead => CallbackState::Dead,
        };
        Box::pin(async move {
            let listed = self.0.callbacks(state, tenant.as_ref(), limit.into()).await;
            Ok(listed.map_err(|error| refused(&error))?.into_iter().map(shown).collect())
        })
    }

    fn retry(&self, id: String, tenant: Option<TenantName>) -> Answering<'_, bool> {
        Box::pin(async move {
            let found = self.0.retry_callback(&id, tenant.as_ref()).await;
            found.map_err(|error| refused(&error))
        })
    }

    fn remove(&self, id: String, tenant: Option<TenantName>) -> Answering<'_, bool> {
        Box::pin(async move {
            let found = self.0.drop_callback(&id, tenant.as_ref()).await;
            found.map_err(|error| refused(&error))
        })
    }
}

fn refused(error: &(dyn std::error::Error + 'static)) -> ScalerRefusal {
    tracing::error!(error, "the queue of callbacks was not read or changed");
    ScalerRefusal {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "store_unavailable",
        message: error.to_string(),
    }
}

fn shown(report: CallbackReport) -> CallbackEntry {
    CallbackEntry {
        id: report.id,
        tenant: report.tenant,
        meeting_id: report.meeting_id,
        kind: report.kind,
        state: report.state.as_str().to_owned(),
        target: report.target,
        attempts: report.attempts.try_into().unwrap_or(0),
        created_at: report.created_at,
        next_at: report.next_at,
        error: report.error,
    }
}

/// A metric's name, its help, and how it is read off.
type Measure = (&'static str, &'static str, fn(&CallbackDepth) -> u64);

/// What became of callbacks and what waits, where they pass through the scaler.
pub(crate) fn metrics(out: &mut Exposition, scaler: &Scaler) {
    let Some(counters) = scaler.callback_counters() else { return };
    let help = "Attempts to deliver a callback, by what they came to";
    let attempts = counters.attempts.iter();
    let attempts = attempts.map(|(attempt, count)| ([("result", attempt.as_str())], *count));
    out.family("bluegate_callback_attempts_total", Counter, help, attempts);
    let help = "Callbacks that were given up: dead letters made";
    out.single("bluegate_callbacks_given_up_total", Counter, help, counters.given_up);
    let help = "Callbacks not taken from nodes because too many wait";
    out.single("bluegate_callbacks_refused_total", Counter, help, counters.refused);

    let depths = scaler.callback_depths();
    let gauges: [Measure; 3] = [
        ("bluegate_callbacks_waiting", "Callbacks that wait for their delivery", |depth| {
            depth.waiting
        }),
        ("bluegate_callbacks_dead", "Callbacks that were given up: dead letters", |depth| {
            depth.dead
        }),
        (
            "bluegate_callbacks_oldest_seconds",
            "For how long the oldest callback that waits has waited",
            |depth| depth.oldest_seconds,
        ),
    ];
    for (name, help, of) in gauges {
        let values = depths.iter().map(|(kind, depth)| ([("kind", kind.as_str())], of(depth)));
        out.family(name, Gauge, help, values);
    }
}
