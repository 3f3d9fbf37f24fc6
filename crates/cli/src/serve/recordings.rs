//! Recordings, as the admin API shows and changes them, and their metrics.

use bluegate_admin::{
    Answering, Exposition,
    Kind::{Counter, Gauge},
    RecordingEntry, RecordingState, RecordingWish, RecordingsSource, ScalerRefusal,
};
use bluegate_cluster::{TenantName, TenantRecordingId};
use bluegate_scaler::{KeeperReport, RecordingError, RecordingFilter, RecordingReport, Scaler};
use http::StatusCode;

/// A scaler's recordings on the admin listener.
pub(crate) struct ScalerRecordings(pub(crate) Scaler);

impl RecordingsSource for ScalerRecordings {
    fn list(&self, wish: RecordingWish, limit: u32) -> Vec<RecordingEntry> {
        let filter = RecordingFilter {
            tenant: wish.tenant,
            meeting_id: wish.meeting_id,
            record_id: wish.record_id,
            state: wish.state.map(RecordingState::as_str).map(str::to_owned),
        };
        self.0.list_recordings(&filter, limit as usize).into_iter().map(shown).collect()
    }

    fn publish(&self, tenant: TenantName, record_id: String, publish: bool) -> Answering<'_, ()> {
        Box::pin(async move {
            let named = TenantRecordingId::new(&tenant, &record_id);
            self.0.publish_recording(&named, publish).await.map_err(refused)
        })
    }

    fn delete(&self, tenant: TenantName, record_id: String) -> Answering<'_, ()> {
        Box::pin(async move {
            let named = TenantRecordingId::new(&tenant, &record_id);
            self.0.delete_recording(&named).await.map_err(refused)
        })
    }
}

fn refused(error: RecordingError) -> ScalerRefusal {
    let (status, code) = match error {
        RecordingError::Unknown => (StatusCode::NOT_FOUND, "unknown_recording"),
        RecordingError::Keeper => (StatusCode::BAD_GATEWAY, "node_refused"),
    };
    ScalerRefusal { status, code, message: error.to_string() }
}

fn shown(report: RecordingReport) -> RecordingEntry {
    RecordingEntry {
        tenant: report.tenant.to_string(),
        record_id: report.record_id,
        meeting_id: report.meeting_id,
        state: report.state,
        started_at: report.start_time,
        keepers: report.keepers,
    }
}

/// A metric's name, its help, and how it is read off.
type Measure = (&'static str, &'static str, fn(&KeeperReport) -> u64);

/// Recordings by keeper, which are the nodes and the delegate. From memory.
pub(crate) fn metrics(out: &mut Exposition, scaler: &Scaler) {
    let report = scaler.recordings();
    let by_keeper = |of: fn(&KeeperReport) -> u64| {
        report.keepers.iter().map(move |(name, keeper)| ([("keeper", name.as_str())], of(keeper)))
    };
    let gauges: [Measure; 3] = [
        ("bluegate_recordings", "Recordings that it keeps, in any state", |keeper| {
            keeper.recordings
        }),
        (
            "bluegate_recordings_keeper_up",
            "Whether it answered when it was last asked for all",
            |keeper| u64::from(keeper.is_up),
        ),
        (
            "bluegate_recordings_doubted",
            "Whether most of its recordings were missing when it was last asked",
            |keeper| u64::from(keeper.is_doubted),
        ),
    ];
    for (name, help, of) in gauges {
        out.family(name, Gauge, help, by_keeper(of));
    }
    let help = "Times that this scaler asked it for all recordings, by how that ended";
    let sweeps = report.keepers.iter().flat_map(|(name, keeper)| {
        [("completed", keeper.completed), ("failed", keeper.failed)]
            .map(|(outcome, count)| ([("keeper", name.as_str()), ("outcome", outcome)], count))
    });
    out.family("bluegate_recordings_sweeps_total", Counter, help, sweeps);
    let help = "When this scaler last asked it for all recordings, since 1970";
    let swept = report.keepers.iter().filter_map(|(name, keeper)| {
        Some(([("keeper", name.as_str())], keeper.completed_at? / 1_000))
    });
    out.family("bluegate_recordings_swept_at_seconds", Gauge, help, swept);
    let help = "Recordings that nobody sees, because it cannot be told whose they are";
    out.single("bluegate_recordings_of_nobody", Gauge, help, report.of_nobody);
}
