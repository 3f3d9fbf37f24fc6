//! One change at a time, and memory that is never behind the store while something
//! is decided.
//!
//! Every change of a row, by whichever scaler or command, takes the store's next
//! revision under its write lock. A turn holds that lock; before anything is
//! decided it reads the rows with a revision above the last one known, which is
//! none where nobody else writes. So a decision is made from memory, whatever
//! its size, and is right for all scalers of the store.
//!
//! What is known of the store only ever moves on after a commit that succeeded: a
//! turn that is dropped or fails, in the middle of its commit too, leaves its rows
//! to be read by the next.

use bluegate_store::{Changes, Generation, StoreError, Write, WriteError};
use tokio::sync::MutexGuard;

use super::Ledger;
use crate::clock;

/// How often all rows are read anew where others write to the store: for writers
/// that give their changes no revision, such as an older release, and for a
/// store that was put back to an earlier state.
const REREAD: i64 = 60_000;

/// How far memory follows the store.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The last change it has; absent before the first reading.
    revision: Option<i64>,
    /// When all rows were read last, in ms since 1970.
    read_at: i64,
}

/// A transaction with the store's write lock, beside a memory that is what the
/// store is. Dropped without [`Turn::commit`], it leaves no trace.
pub(super) struct Turn<'a> {
    ledger: &'a Ledger,
    known: MutexGuard<'a, Known>,
    pub(super) write: Write,
    /// What was put, and is not committed.
    changed: Vec<Generation>,
    /// The last change, with those of this turn.
    revision: i64,
}

impl Ledger {
    /// Waits for the turn to change something.
    pub(super) async fn begin(&self) -> Result<Turn<'_>, StoreError> {
        let mut known = self.gate.lock().await;
        let mut write = self.store.write().await?;
        // Refreshing does it in time, unless it could not for a while.
        let revision = match self.to_follow(&known, 2 * REREAD) {
            Some(revision) => {
                let changes = write.changes(revision).await?;
                self.take_over(&mut known, changes)
            }
            None => {
                let all = write.all_open().await?;
                self.begin_anew(&mut known, all)
            }
        };
        Ok(Turn { ledger: self, known, write, changed: Vec::new(), revision })
    }

    /// Takes over what others have written.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        // With the gate, no commit of ours lies between reading and taking over.
        let mut known = self.gate.lock().await;
        // Where others write only now and then, it may be anybody.
        let followed = self.to_follow(&known, REREAD).filter(|_| self.store.is_shared());
        match followed {
            Some(revision) => {
                let changes = self.store.changes(revision).await?;
                self.take_over(&mut known, changes);
            }
            None => {
                let all = self.store.all_open().await?;
                self.begin_anew(&mut known, all);
            }
        }
        Ok(())
    }

    /// The change after which to read on; none when all rows are to be read.
    fn to_follow(&self, known: &Known, most: i64) -> Option<i64> {
        // Beside a process of another release, which may count no changes.
        if self.is_accompanied() {
            return None;
        }
        let is_old = self.store.is_shared() && clock::now().saturating_sub(known.read_at) > most;
        known.revision.filter(|_| !is_old)
    }

    fn take_over(&self, known: &mut Known, changes: Changes) -> i64 {
        changes.generations.into_iter().for_each(|generation| self.follow(generation));
        known.revision = Some(changes.revision);
        changes.revision
    }

    fn begin_anew(&self, known: &mut Known, all: Changes) -> i64 {
        self.follow_all(all.generations);
        *known = Known { revision: Some(all.revision), read_at: clock::now() };
        all.revision
    }
}

impl Turn<'_> {
    /// Writes a row, new or known by its id. Memory follows at the commit.
    pub(super) async fn put(&mut self, generation: Generation) -> Result<(), WriteError> {
        self.revision = self.write.put(&generation).await?;
        self.changed.push(generation);
        Ok(())
    }

    /// Makes it so, and lets memory follow.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        self.write.commit().await?;
        self.changed.into_iter().for_each(|generation| self.ledger.follow(generation));
        self.known.revision = Some(self.revision);
        Ok(())
    }
}
