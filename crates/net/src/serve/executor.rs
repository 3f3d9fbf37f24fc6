//! Where HTTP/2 runs its streams.

use std::future::Future;

use tokio_util::task::TaskTracker;

/// Spawns through the listener's tracker, so that a drain sees every stream.
#[derive(Clone)]
pub(super) struct TrackedExecutor(pub(super) TaskTracker);

impl<F> hyper::rt::Executor<F> for TrackedExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}
