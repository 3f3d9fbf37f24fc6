//! What is known of recordings, as metrics of the admin listener.

use bluegate_admin::{
    Exposition,
    Kind::{Counter, Gauge},
};
use bluegate_scaler::{KeeperReport, Scaler};

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
