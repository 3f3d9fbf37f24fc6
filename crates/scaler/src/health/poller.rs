//! Polling: one task per node, so that a dead node delays nobody.

use std::{mem, sync::Arc, time::Duration};

use bluegate_bbb_api::{Call, RawQuery};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    callbacks::Callbacks,
    clock,
    context::Context,
    health::{Health, Record, pace::Pace},
    meetings::reconcile::Reconciler,
    nodes::{
        NodeHandle, Snapshot,
        client::CallError,
        list_reader::{Keys, ListError, ListReader},
        occupancy,
        signing::NodeCall,
    },
    placement::Release,
};

/// How often a node is asked for its release, besides whenever it was silent.
const RELEASE_AGE: Duration = Duration::from_secs(10 * 60);
/// The same while it tells nothing.
const RELEASE_RETRY: Duration = Duration::from_secs(60);

/// Polls a node until `shutdown`. What follows from a poll is always finished.
pub(crate) async fn run(context: Arc<Context>, node: Arc<NodeHandle>, shutdown: CancellationToken) {
    let mut reconciler = Reconciler::new(Arc::clone(&context), Arc::clone(&node));
    let (mut reader, mut pace) = (ListReader::default(), Pace::default());
    let mut ask_release = Instant::now();
    // Nodes are found all at one time, and each is asked at once: from then on at
    // moments of their own.
    let mut spread = Spread::Anywhere;
    loop {
        let begun = Instant::now();
        let patience = pace.patience(context.bounds.poll_patience, context.bounds.poll_timeout);
        let fetched = tokio::select! {
            () = shutdown.cancelled() => return,
            fetched = fetch(&node, &mut reader, context.callbacks.as_deref(), patience) => fetched,
        };
        pace = match &fetched {
            Ok(_) => pace.answered(begun.elapsed()),
            Err(_) => pace.missed(),
        };
        let was_silent = node.record().is_silent();
        let answered = fetched.is_ok();
        conclude(&node, &mut reconciler, fetched).await;
        context.fleet.has_looked();
        // Counted while nobody waits for it.
        occupancy::of(&context, &node);
        node.polled.send_replace(true);
        // An upgrade takes bbb-web away for a while.
        if answered && (was_silent || Instant::now() >= ask_release) {
            let again = tokio::select! {
                () = shutdown.cancelled() => return,
                learnt = learn_release(&node, context.bounds.poll_patience) => {
                    if learnt { RELEASE_AGE } else { RELEASE_RETRY }
                }
            };
            ask_release = Instant::now() + again;
        }
        let interval = mem::replace(&mut spread, Spread::Tenth).of(context.bounds.poll_interval);
        let next = next_poll(begun, Instant::now(), interval);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep_until(next) => {}
            () = node.wake.notified() => {
                // Wake-ups come in bursts; one poll serves them all.
                tokio::time::sleep(context.bounds.poll_interval / 8).await;
            }
        }
    }
}

/// Asks the node for its version document, and keeps what it tells of its
/// release; says whether it told anything.
async fn learn_release(node: &NodeHandle, patience: Duration) -> bool {
    let told = node.index(patience).await.ok().and_then(|index| Release::told(&index));
    let Some(release) = told else { return false };
    let name = release.to_string();
    if node.tells_release(release) {
        tracing::info!(
            target: "bluegate::state", event = "node.release", node.id = %node.node.name,
            release = name, "the node told its release"
        );
    }
    true
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
            if node.record().is_silent() {
                node.client.close_breaker();
                reconciler.heard_again(&snapshot);
            }
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
    #[error(transparent)]
    List(#[from] ListError),
}

async fn fetch(
    node: &NodeHandle,
    reader: &mut ListReader,
    callbacks: Option<&Callbacks>,
    patience: Duration,
) -> Result<Snapshot, PollError> {
    let begun = clock::now();
    let call = NodeCall::new(Call::GetMeetings.name(), RawQuery::default());
    let body = node.poll_unread(call, patience).await.map_err(PollError::Call)?;
    let keys = Keys { secrets: &node.secrets, callbacks };
    Ok(Snapshot::new(begun, reader.read(&body, keys).await?))
}

/// From begin to begin, so that a slow node's word is not much older for it; with
/// a rest, so that it is not asked all the time.
fn next_poll(begun: Instant, done: Instant, interval: Duration) -> Instant {
    (begun + interval).max(done + interval / 4)
}

/// Keeps many nodes from being asked at once: what answers them all together keeps
/// requests waiting.
#[derive(Clone, Copy)]
enum Spread {
    /// Anywhere within the interval.
    Anywhere,
    /// The interval give or take a tenth.
    Tenth,
}

impl Spread {
    fn of(self, interval: Duration) -> Duration {
        interval.mul_f64(match self {
            Self::Anywhere => rand::random_range(0.0..1.0),
            Self::Tenth => rand::random_range(0.9..1.1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Bounds;

    #[test]
    fn nodes_that_are_found_at_once_are_asked_evenly_over_the_interval() {
        let interval = Duration::from_secs(2);
        let mut tenths = [0; 10];
        for _ in 0..500 {
            let pauses = [Spread::Anywhere, Spread::Tenth];
            let asked: Duration = pauses.map(|spread| spread.of(interval)).iter().sum();
            tenths[(asked.as_millis() % 2_000 / 200) as usize] += 1;
        }
        assert!(tenths.iter().all(|asked| (15..100).contains(asked)), "{tenths:?}");
    }

    /// What docs/scaler.md says of the age of lists.
    #[test]
    fn what_a_healthy_node_says_is_at_most_five_seconds_old() {
        let interval = Bounds::default().poll_interval.mul_f64(1.1);
        let begun = Instant::now();
        for (took, oldest) in [(20, 2_220), (500, 2_700), (2_000, 4_550), (2_200, 4_950)] {
            let took = Duration::from_millis(took);
            let next = next_poll(begun, begun + took, interval);
            // The list of this poll is shown until the next one has come.
            let age = next + took - begun;
            assert!(age <= Duration::from_millis(oldest), "{took:?}: {age:?}");
            assert!(next >= begun + took + interval / 4, "{took:?}: no rest");
        }
    }
}
