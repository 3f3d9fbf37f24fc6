//! One task per keeper: it is asked for all it has when its turn comes, and for
//! single recordings as soon as they are wanted. A keeper that hangs holds up
//! nobody but its own task.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Keeper, Recordings, sweep::Sweep};
use crate::{clock, context::Context, health::Health, nodes::NodeHandle};

/// A turn that is not given back within this time is another scaler's to take.
const LEASE: Duration = Duration::from_secs(30 * 60);
/// Parts of the interval after which a keeper that cannot be asked is tried again.
const AGAIN: u32 = 10;

/// Asks a keeper until `stop`.
pub(crate) async fn watch(
    context: Arc<Context>,
    keeper: Keeper,
    handle: Arc<NodeHandle>,
    stop: CancellationToken,
) {
    let watching = context.recordings.watch(&context, &keeper, &handle);
    stop.run_until_cancelled(watching).await;
}

impl Recordings {
    async fn watch(&self, context: &Context, keeper: &Keeper, handle: &NodeHandle) {
        let mut more = self.more.subscribe();
        more.mark_changed();
        let mut next = Instant::now();
        loop {
            tokio::select! {
                // The sender is in `self`.
                _ = more.changed() => self.look_at_wanted(context, keeper, handle).await,
                () = tokio::time::sleep_until(next) => {
                    next = Instant::now() + self.turn(context, keeper, handle).await;
                }
            }
        }
    }

    async fn look_at_wanted(&self, context: &Context, keeper: &Keeper, handle: &NodeHandle) {
        let wanted = self.take_wanted(keeper);
        if let Err(error) = self.look(context, keeper, handle, &wanted).await {
            // The next turn asks for all.
            let error = &error as &dyn std::error::Error;
            tracing::warn!(keeper = keeper.as_str(), error, "recordings were not looked at");
        }
    }

    /// Asks for everything, if it is time and nobody else does it; how long to
    /// wait until it may be time again.
    async fn turn(&self, context: &Context, keeper: &Keeper, handle: &NodeHandle) -> Duration {
        let again = self.config.interval / AGAIN;
        if handle.health() != Health::Healthy {
            return again;
        }
        let now = clock::now();
        let word = keeper.as_str();
        let taken = match self.store.take_recording_turn(word, now, now + millis(LEASE)).await {
            Ok(true) => Ok(None),
            Ok(false) => self.store.recording_turn(word).await,
            Err(error) => Err(error),
        };
        match taken {
            Ok(None) => {}
            Ok(Some(turn)) => {
                let wait = turn.next_at.max(turn.leased_until).saturating_sub(now);
                let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
                return wait.clamp(again, self.config.interval);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(keeper = word, error, "recordings cannot be asked for");
                return again;
            }
        }
        let sweep = Sweep { recordings: self, context, keeper, handle };
        let (next, completed) = match sweep.run().await {
            Ok(swept) => {
                self.progress(keeper, |progress| progress.completed(now));
                if swept.gone > 0 {
                    tracing::info!(keeper = word, gone = swept.gone, "recordings are gone");
                }
                tracing::debug!(keeper = word, listed = swept.listed, "recordings are known anew");
                (jittered(self.config.interval), Some(now))
            }
            Err(error) => {
                self.progress(keeper, super::report::Progress::failed);
                let error = &error as &dyn std::error::Error;
                tracing::warn!(keeper = word, error, "recordings are not known anew");
                (again, None)
            }
        };
        let next_at = clock::now() + millis(next);
        if let Err(error) = self.store.settle_recording_turn(word, next_at, completed).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(keeper = word, error, "a turn was not given back");
        }
        next
    }
}

/// Give or take a tenth, so that keepers are not asked all at once.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(rand::random_range(0.9..1.1))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
