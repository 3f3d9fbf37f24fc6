//! A node is lost because an operator says so.

use bluegate_cluster::Mount;
use bluegate_store::{Loss, StoreError};

use crate::{Scaler, clock, health::Health, health::Record};

/// Why a node is not given up.
#[derive(Debug, thiserror::Error)]
pub enum LoseError {
    /// No node has this name.
    #[error("no node is named `{0}`")]
    Unknown(Mount),
    /// It answers: its meetings are alive, and a second copy of each would be a
    /// split.
    #[error("node `{0}` answers, so its meetings are alive there")]
    Answers(Mount),
    /// The store cannot be written.
    #[error("the loss cannot be recorded")]
    Store(#[source] StoreError),
}

impl Scaler {
    /// Gives a node up at once, for every scaler of the store and across
    /// restarts: its meetings may be created anew elsewhere. When the node
    /// answers again, it is taken back by itself.
    ///
    /// # Errors
    /// [`LoseError::Answers`] while this scaler or another observer hears the
    /// node.
    pub async fn lose(&self, name: &Mount) -> Result<(), LoseError> {
        let context = self.context();
        let node = context.node(name).ok_or_else(|| LoseError::Unknown(name.clone()))?;
        if node.answers() || context.is_heard_elsewhere(name) {
            return Err(LoseError::Answers(name.clone()));
        }
        let loss = Loss { node: name.clone(), lost_at: clock::now(), by_operator: true };
        context.ledger.store().lose(&loss).await.map_err(LoseError::Store)?;
        if node.health() != Health::Lost {
            tracing::warn!(node.id = %name, "an operator gives the node up");
            node.note(Record::given_up);
        }
        Ok(())
    }
}
