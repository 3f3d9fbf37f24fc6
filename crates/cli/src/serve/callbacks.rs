//! The scaler's queue of callbacks, as the admin API shows and changes it, and its
//! metrics.

use bluegate_admin::{
    Answering, CallbackEntry, CallbackStanding, CallbacksSource, Exposition, Kind::Counter,
    ScalerRefusal,
};
use bluegate_cluster::TenantName;
use bluegate_scaler::{CallbackCounters, CallbackReport, CallbackState, Scaler};
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

/// What became of callbacks, where they pass through the scaler.
pub(crate) fn metrics(out: &mut Exposition, scaler: &Scaler) {
    let Some(CallbackCounters { delivered, failed, given_up, refused }) =
        scaler.callback_counters()
    else {
        return;
    };
    for (name, help, value) in [
        ("bluegate_callbacks_delivered_total", "Callbacks that reached a frontend", delivered),
        (
            "bluegate_callback_attempts_failed_total",
            "Attempts to deliver a callback that failed",
            failed,
        ),
        (
            "bluegate_callbacks_given_up_total",
            "Callbacks that were given up: dead letters made",
            given_up,
        ),
        (
            "bluegate_callbacks_refused_total",
            "Callbacks not taken from nodes because too many wait",
            refused,
        ),
    ] {
        out.single(name, Counter, help, value);
    }
}
