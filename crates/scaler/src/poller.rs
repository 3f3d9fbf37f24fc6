//! Polling: one task per node, so that a dead node delays nobody.

use std::{sync::Arc, time::Duration};

use bluegate_bbb_api::{Call, MeetingFacts, Outcome, RawQuery, show_to_tenant, stamp::Stamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    client::CallError,
    clock,
    context::Context,
    health::{Health, Record},
    nodes::{NodeHandle, PolledMeeting, Snapshot},
    pace::Pace,
    reconcile::Reconciler,
    signing::NodeCall,
};

/// Polls a node until `shutdown`. What follows from a poll is always finished.
pub(crate) async fn run(context: Arc<Context>, node: Arc<NodeHandle>, shutdown: CancellationToken) {
    let mut reconciler = Reconciler::new(Arc::clone(&context), Arc::clone(&node));
    let mut pace = Pace::default();
    loop {
        let begun = Instant::now();
        let patience = pace.patience(context.bounds.poll_patience, context.bounds.poll_timeout);
        let fetched = tokio::select! {
            () = shutdown.cancelled() => return,
            fetched = fetch(&node, patience) => fetched,
        };
        pace = match &fetched {
            Ok(_) => pace.answered(begun.elapsed()),
            Err(_) => pace.missed(),
        };
        conclude(&node, &mut reconciler, fetched).await;
        node.polled.send_replace(true);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(jittered(context.bounds.poll_interval)) => {}
            () = node.wake.notified() => {
                // Wake-ups come in bursts; one poll serves them all.
                tokio::time::sleep(context.bounds.poll_interval / 8).await;
            }
        }
    }
}

/// What follows from a poll.
async fn conclude(
    node: &NodeHandle,
    reconciler: &mut Reconciler,
    fetched: Result<Snapshot, PollError>,
) {
    match fetched {
        Ok(snapshot) => {
            let snapshot = Arc::new(snapshot);
            node.keep(Arc::clone(&snapshot));
            node.note(Record::answered);
            reconciler.after(&snapshot).await;
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            // Said while it is news; a node that stays away would fill the log.
            if node.health() == Health::Healthy {
                tracing::warn!(node.id = %node.node.name, error, "a poll failed");
            } else {
                tracing::debug!(node.id = %node.node.name, error, "a poll failed");
            }
            let now = Instant::now();
            node.note(|record| record.failed(now));
        }
    }
}

/// Why a poll gave nothing.
#[derive(Debug, thiserror::Error)]
enum PollError {
    #[error("the node gave no usable answer")]
    Call(#[source] CallError),
    #[error("the node refused with `{0}`")]
    Refused(String),
}

async fn fetch(node: &NodeHandle, patience: Duration) -> Result<Snapshot, PollError> {
    let begun = clock::now();
    let call = NodeCall::new(Call::GetMeetings.name(), RawQuery::default());
    let answer = node.call(call, patience).await.map_err(PollError::Call)?;
    if answer.outcome() == Outcome::Failed {
        return Err(PollError::Refused(answer.key()));
    }
    let list = answer.root().child("meetings");
    let meetings = list.into_iter().flat_map(bluegate_bbb_api::Element::elements);
    let polled = meetings.filter_map(|element| {
        // A probe is nobody's meeting and nobody's load.
        let facts = MeetingFacts::read(element).filter(|facts| !facts.is_probe)?;
        let stamp = facts.stamp.as_ref().and_then(|text| Stamp::verify(text, &node.secrets));
        let mut shown = element.clone();
        let own_id = stamp.as_ref().filter(|_| !facts.is_breakout).map(|s| s.meeting_id.as_str());
        show_to_tenant(&mut shown, own_id);
        Some(PolledMeeting { facts, stamp, shown: shown.to_string() })
    });
    Ok(Snapshot::new(begun, polled.collect()))
}

/// Give or take a tenth, so that many nodes are not asked at once.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(rand::random_range(0.9..1.1))
}
