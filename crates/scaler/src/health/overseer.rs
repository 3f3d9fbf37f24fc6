//! Looks at all nodes, again and again, and gives up those that are lost.
//!
//! Which nodes are given up is in the store: so it holds for every scaler of it
//! and after a restart, and while the store does not answer nothing is given up.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use bluegate_cluster::Mount;
use bluegate_store::{Loss, Observer, StoreError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    clock,
    context::Context,
    health::{
        Health, Record,
        outlook::{Outlook, Seen, Terms},
    },
    nodes::NodeHandle,
};

/// The shortest and the longest time between two looks.
const INTERVAL: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// How long a look waits for the store.
const STORE_PATIENCE: Duration = Duration::from_secs(2);
/// After this, an observer that died without a word is forgotten.
const FORGET_OBSERVERS: i64 = 24 * 60 * 60 * 1000;

/// Looks until `shutdown`.
pub(crate) async fn run(context: Arc<Context>, shutdown: CancellationToken) {
    let interval = context.bounds.poll_interval.clamp(INTERVAL.0, INTERVAL.1);
    let mut overseer = Overseer::new(context);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = tokio::time::sleep(interval) => overseer.look().await,
        }
    }
    overseer.leave().await;
}

/// Why the store was of no use to a look.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("the store did not answer in time")]
    Late,
}

struct Overseer {
    context: Arc<Context>,
    outlook: Outlook,
    own: Observer,
    /// Whether the log says already that the store does not answer.
    told: bool,
}

impl Overseer {
    fn new(context: Arc<Context>) -> Self {
        let own = Observer { id: clock::new_id(), beat: 0, hears: Vec::new() };
        Self { context, outlook: Outlook::default(), own, told: false }
    }

    async fn look(&mut self) {
        self.conclude().await;
        self.context.fleet.has_looked();
    }

    async fn conclude(&mut self) {
        // Before the store is read: who is lost by now has been written there.
        let nodes: Vec<(Arc<NodeHandle>, Record)> =
            self.context.nodes().values().map(|node| (Arc::clone(node), node.record())).collect();
        let exchanged = tokio::time::timeout(STORE_PATIENCE, async {
            let losses = self.exchange(&nodes).await?;
            self.follow(&nodes, &losses).await
        });
        let exchanged = exchanged.await.map_or(Err(LookError::Late), |done| Ok(done?));
        let store_answers = exchanged.is_ok();
        self.tell(exchanged);
        let seen: Vec<Seen> = nodes
            .iter()
            .map(|(node, _)| {
                let record = node.record();
                let heard_elsewhere = record.silent_since().is_some()
                    && self.context.is_heard_elsewhere(&node.node.name);
                Seen { record, heard_elsewhere }
            })
            .collect();
        let terms = Terms { lost_after: self.context.bounds.lost_after };
        let judgement = self.outlook.look(&seen, terms, Instant::now());
        self.freeze(judgement.frozen);
        if !store_answers {
            return;
        }
        for (node, _) in judgement.lost.iter().filter_map(|index| nodes.get(*index)) {
            let loss =
                Loss { node: node.node.name.clone(), lost_at: clock::now(), by_operator: false };
            match self.context.ledger.store().lose(&loss).await {
                Ok(_) => node.note(|record| record.lost(Instant::now())),
                Err(error) => self.tell(Err(error.into())),
            }
        }
    }

    /// Tells the other scalers what we hear, learns what they do, and reads who
    /// is given up.
    async fn exchange(
        &mut self,
        nodes: &[(Arc<NodeHandle>, Record)],
    ) -> Result<HashMap<Mount, Loss>, StoreError> {
        let store = self.context.ledger.store();
        if store.is_shared() {
            self.own.beat += 1;
            let heard = nodes.iter().filter(|(node, _)| node.answers());
            self.own.hears = heard.map(|(node, _)| node.node.name.clone()).collect();
            store.observe(&self.own, clock::now()).await?;
            let said = store.other_observers(&self.own.id).await?;
            let patience = self.context.bounds.observer_patience;
            self.context.observers().update(said, patience, Instant::now());
        }
        let losses = store.losses().await?;
        Ok(losses.into_iter().map(|loss| (loss.node.clone(), loss)).collect())
    }

    /// What is in the store holds here too, and what answers us is not lost.
    async fn follow(
        &self,
        nodes: &[(Arc<NodeHandle>, Record)],
        losses: &HashMap<Mount, Loss>,
    ) -> Result<(), StoreError> {
        for (node, before) in nodes {
            match (before.health(), losses.get(&node.node.name)) {
                (Health::Lost, None) => node.note(Record::heard_by_another),
                (Health::Healthy | Health::Suspect, Some(_)) if node.answers() => {
                    self.context.ledger.store().find(&node.node.name).await?;
                }
                (Health::Healthy | Health::Suspect, Some(loss)) if loss.by_operator => {
                    node.note(Record::given_up);
                }
                (Health::Healthy | Health::Suspect, Some(_)) => {
                    node.note(|record| record.lost(Instant::now()));
                }
                (Health::Healthy | Health::Suspect, None) | (Health::Lost, Some(_)) => {}
            }
        }
        Ok(())
    }

    fn freeze(&self, frozen: bool) {
        let was_frozen = self.context.frozen.swap(frozen, Relaxed);
        match (was_frozen, frozen) {
            (false, true) => {
                self.context.freezes.fetch_add(1, Relaxed);
                tracing::error!(
                    target: "bluegate::state", event = "scaler.frozen",
                    "most nodes do not answer: this scaler seems to be cut off; nothing is given up"
                );
            }
            (true, false) => tracing::warn!(
                target: "bluegate::state", event = "scaler.thawed",
                "most nodes answer again"
            ),
            _ => {}
        }
    }

    /// Says once that the store does not answer.
    fn tell(&mut self, outcome: Result<(), LookError>) {
        match outcome {
            Ok(()) => self.told = false,
            Err(_) if self.told => {}
            Err(error) => {
                self.told = true;
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "no node is given up while the store does not answer");
            }
        }
    }

    /// Others need not wait for our word any more.
    async fn leave(&self) {
        let store = self.context.ledger.store();
        if store.is_shared() {
            let forgotten = store.forget_observer(&self.own.id, clock::now() - FORGET_OBSERVERS);
            // A store that is gone too has nothing to be cleared.
            drop(tokio::time::timeout(STORE_PATIENCE, forgotten).await);
        }
    }
}
