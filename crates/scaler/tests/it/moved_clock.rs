//! A clock that the test moves, while sockets and the store go on as they are.

use std::{future::Future, sync::mpsc, time::Duration};

use tokio::time::Instant;

use crate::cluster::Cluster;

/// The clock of this test's thread, held.
pub(crate) struct MovedClock {
    /// tokio would move it as soon as all tasks wait, if only for the kernel; it
    /// does not while a thread of its own is at work.
    _held: mpsc::Sender<()>,
    /// How far it moves at a time.
    step: Duration,
}

impl MovedClock {
    /// Time stands still from now on, and then moves by `step`, which has to be less
    /// than anything waits for an answer.
    pub(crate) fn hold(step: Duration) -> Self {
        let (held, released) = mpsc::channel();
        drop(tokio::task::spawn_blocking(move || released.recv().is_ok()));
        tokio::time::pause();
        Self { _held: held, step }
    }

    /// Lets so much time pass. `meanwhile` is done after every step, and takes no
    /// time; it has to wait for what is under way to go on.
    pub(crate) async fn pass(&self, time: Duration, mut meanwhile: impl AsyncFnMut()) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            tokio::time::advance(self.step).await;
            meanwhile().await;
        }
    }

    /// Lets time pass until `condition` holds, looked at after every step; at most so
    /// much.
    pub(crate) async fn until(
        &self,
        most: Duration,
        what: &str,
        mut condition: impl AsyncFnMut() -> bool,
    ) {
        let deadline = Instant::now() + most;
        while !condition().await {
            assert!(Instant::now() < deadline, "not within {most:?}: {what}");
            tokio::time::advance(self.step).await;
        }
    }

    /// What `work` gives while time passes on a cluster: at most so much.
    pub(crate) async fn given<T: Send + 'static>(
        &self,
        most: Duration,
        cluster: &Cluster,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let working = tokio::spawn(work);
        let is_done = async || {
            goes_on(cluster).await;
            working.is_finished()
        };
        self.until(most, "it is done", is_done).await;
        working.await.unwrap()
    }
}

/// Takes no time, and waits for the store: what is under way elsewhere goes on meanwhile.
pub(crate) async fn goes_on(cluster: &Cluster) {
    cluster.scaler().store().losses().await.unwrap();
}
