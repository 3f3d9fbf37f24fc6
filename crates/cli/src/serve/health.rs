//! What the scaler believes of its nodes: who else is asked for an opinion, and
//! where it can be read.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bluegate_admin::{
    ClusterHealth, Exposition, HealthSource,
    Kind::{Counter, Gauge},
    Losing, NodeHealthReport, NotLost, Sources, SplitReport,
};
use bluegate_cluster::Mount;
use bluegate_doctor::Latest;
use bluegate_proxy::{HealthState, Proxy};
use bluegate_scaler::{BreakerState, Health, HealthReport, LoseError, NodeHealth, Scaler, Witness};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How many intervals the doctor's verdicts hold without a new look.
const VERDICTS_HOLD: u32 = 2;

/// Gives the sources with the scaler's nodes, if there is one.
pub(crate) fn show(scaler: Option<Scaler>, sources: Sources) -> Sources {
    let Some(scaler) = scaler else { return sources };
    let mut metrics = sources.metrics.clone();
    let measured = scaler.clone();
    metrics.push(Arc::new(move |out| measure(out, &measured.health_report())));
    Sources { health: Some(Arc::new(ScalerHealth(scaler))), metrics, ..sources }
}

/// The proxy is asked before a node is given up: it connects to the nodes by
/// itself.
pub(crate) fn witness(proxy: Arc<Proxy>) -> Witness {
    Witness::new(move |node| {
        let report = proxy.health_report();
        let seen = report.nodes.get(node.as_str())?;
        // One that cannot tell, because most fail, does not agree to a loss.
        Some(
            report.panicking || (seen.state == HealthState::Healthy && seen.failures_in_a_row == 0),
        )
    })
}

/// Keeps nodes that the doctor finds broken from new meetings, until `shutdown`.
/// What it found holds for two of its intervals.
pub(crate) async fn gate(
    scaler: Scaler,
    mut seen: watch::Receiver<Option<Latest>>,
    interval: Duration,
    shutdown: CancellationToken,
) {
    loop {
        let verdicts = seen.borrow_and_update().as_ref().map(|latest| latest.report.verdicts());
        scaler.hold_back(&verdicts.unwrap_or_default());
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = tokio::time::timeout(interval * VERDICTS_HOLD, seen.changed()) => {
                match changed {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return,
                    Err(_) => {
                        tracing::warn!("the doctor has not looked for long: its verdicts lapse");
                        scaler.hold_back(&[]);
                        if seen.changed().await.is_err() {
                            return;
                        }
                    }
                }
            }
        }
    }
}

struct ScalerHealth(Scaler);

impl HealthSource for ScalerHealth {
    fn report(&self) -> ClusterHealth {
        shown(self.0.health_report())
    }

    fn lose<'a>(&'a self, node: &'a Mount) -> Losing<'a> {
        Box::pin(async move {
            self.0.lose(node).await.map_err(|error| match error {
                LoseError::Unknown(_) => NotLost::Unknown,
                LoseError::Answers(_) => NotLost::Answers,
                error @ LoseError::Store(_) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(node.id = %node, error, "a node was not given up");
                    NotLost::Store
                }
            })
        })
    }
}

fn shown(report: HealthReport) -> ClusterHealth {
    let seconds = |age: Option<Duration>| age.map(|age| age.as_secs());
    let nodes: BTreeMap<String, NodeHealthReport> = report
        .nodes
        .into_iter()
        .map(|(name, node)| {
            let shown = NodeHealthReport {
                health: node.health.as_str().to_owned(),
                health_seconds: node.health_age.as_secs(),
                silent_seconds: seconds(node.silent),
                list_seconds: seconds(node.snapshot_age),
                losses: node.losses,
                boots: node.boots,
                held_back: node.held_back,
                breaker: node.breaker.as_str().to_owned(),
                breaker_openings: node.breaker_openings,
            };
            (name.to_string(), shown)
        })
        .collect();
    let splits = report.splits.into_iter().map(|split| SplitReport {
        tenant: split.tenant.to_string(),
        meeting_id: split.meeting_id,
        node: split.node.to_string(),
        other: split.other.to_string(),
        other_users: split.other_users,
    });
    ClusterHealth {
        frozen: report.frozen,
        nodes,
        splits: splits.collect(),
        foreign_stores: report.foreign_stores,
    }
}

/// A metric's name, its help, and how it is read off.
type Measure = (&'static str, &'static str, fn(&NodeHealth) -> u64);

/// Labels are names of nodes and words of ours.
fn measure(out: &mut Exposition, report: &HealthReport) {
    let help = "Whether most nodes are silent, so that none is given up";
    out.single("bluegate_scaler_frozen", Gauge, help, u8::from(report.frozen));
    let help = "Times most nodes fell silent at once";
    out.single("bluegate_scaler_freezes_total", Counter, help, report.freezes);
    let help = "Meetings that live on two nodes now";
    out.single("bluegate_scaler_splits", Gauge, help, report.splits.len());
    let help = "Meetings that were found to live on two nodes";
    out.single("bluegate_scaler_splits_total", Counter, help, report.splits_found);
    let help = "Other stores whose scalers place meetings of the same tenants on the same nodes";
    out.single("bluegate_scaler_foreign_stores", Gauge, help, report.foreign_stores);
    let states = [Health::Healthy, Health::Suspect, Health::Lost];
    let samples = report.nodes.iter().flat_map(|(name, node)| {
        states.map(|state| {
            ([("node", name.as_str()), ("state", state.as_str())], u8::from(node.health == state))
        })
    });
    let help = "What the scaler believes of the node: 1 for the one state it is in";
    out.family("bluegate_scaler_node_state", Gauge, help, samples);
    let gauges: [Measure; 3] = [
        (
            "bluegate_scaler_node_silent_seconds",
            "Since how long no poll of the node was answered",
            |node| node.silent.unwrap_or_default().as_secs(),
        ),
        (
            "bluegate_scaler_node_breaker_open",
            "Whether the node is left alone because call after call failed",
            |node| u64::from(node.breaker != BreakerState::Closed),
        ),
        (
            "bluegate_scaler_node_held_back",
            "Whether the node gets no new meetings because the doctor finds it broken",
            |node| u64::from(node.held_back),
        ),
    ];
    let counters: [Measure; 3] = [
        ("bluegate_scaler_node_losses_total", "Times the node was given up", |node| node.losses),
        (
            "bluegate_scaler_node_boots_total",
            "Times the node came back without any of its meetings",
            |node| node.boots,
        ),
        (
            "bluegate_scaler_node_breaker_openings_total",
            "Times the node was left alone because call after call failed",
            |node| node.breaker_openings,
        ),
    ];
    let all = gauges.map(|of| (Gauge, of)).into_iter().chain(counters.map(|of| (Counter, of)));
    for (kind, (name, help, of)) in all {
        let samples =
            report.nodes.iter().map(|(mount, node)| ([("node", mount.as_str())], of(node)));
        out.family(name, kind, help, samples);
    }
}
