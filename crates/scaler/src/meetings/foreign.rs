//! Scalers with another store on the same nodes.
//!
//! Create names our store in the meeting's metadata, beside the stamp. After a
//! store was lost the nodes still have its meetings, and they are ours; but one
//! that comes into being while we watch, and names another store, is somebody's
//! who is at work. Such scalers know nothing of each other: each would end the
//! other's copies as twins. So those are left alone, and it is said aloud.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use arc_swap::ArcSwap;
use bluegate_store::{Store, StoreError};

use crate::{clock, nodes::PolledMeeting};

/// Stores that are told apart; what claims to be more than these is not.
const MOST: usize = 32;

/// Our store, and the others that are known to be in use.
#[derive(Debug)]
pub(crate) struct Stores {
    own: String,
    foreign: ArcSwap<BTreeSet<String>>,
}

impl Stores {
    /// What the store says of itself and others.
    pub(crate) async fn open(store: &Store) -> Result<Self, StoreError> {
        let own = store.identity(&clock::new_id(), clock::now()).await?;
        let foreign = store.foreign_stores().await?.into_iter().collect();
        Ok(Self { own, foreign: ArcSwap::from_pointee(foreign) })
    }

    /// What our store is called.
    pub(crate) fn own(&self) -> &str {
        &self.own
    }

    /// How many others are known to be in use.
    pub(crate) fn foreign(&self) -> usize {
        self.foreign.load().len()
    }

    /// Whether a meeting was made by a scaler of another store that is in use.
    pub(crate) fn is_foreign(&self, meeting: &PolledMeeting) -> bool {
        let store = meeting.facts.store.as_ref();
        store.is_some_and(|store| self.foreign.load().contains(store))
    }

    /// Takes note of the stores that made these meetings while we watched.
    pub(crate) async fn note<'a>(
        &self,
        store: &Store,
        fresh: impl Iterator<Item = &'a PolledMeeting>,
    ) -> Result<(), StoreError> {
        for meeting in fresh {
            let Some(other) = meeting.facts.store.as_ref().filter(|other| **other != self.own)
            else {
                continue;
            };
            let known = self.foreign.load_full();
            if meeting.stamp.is_none() || known.contains(other) || known.len() >= MOST {
                continue;
            }
            store.note_foreign_store(other, clock::now()).await?;
            let mut more = BTreeSet::clone(&known);
            more.insert(other.clone());
            self.foreign.store(Arc::new(more));
            tracing::error!(
                tenant.id = meeting.stamp.as_ref().map(|stamp| stamp.tenant.as_str()),
                "another scaler, with a store of its own, places meetings on these nodes with the same \
                 secrets: give both one store, or each its own nodes"
            );
        }
        Ok(())
    }
}

/// The meetings that a node did not list before.
#[derive(Debug, Default)]
pub(crate) struct Appearances {
    /// Internal IDs of the last list; absent before the first.
    listed: Option<HashSet<String>>,
}

impl Appearances {
    /// The meetings that are new in this list; none are in the first.
    pub(crate) fn of<'a>(&mut self, meetings: &'a [Arc<PolledMeeting>]) -> Vec<&'a PolledMeeting> {
        let now = meetings.iter().map(|meeting| meeting.facts.internal_id.clone()).collect();
        let Some(before) = self.listed.replace(now) else { return Vec::new() };
        let is_new = |meeting: &&Arc<PolledMeeting>| !before.contains(&meeting.facts.internal_id);
        meetings.iter().filter(is_new).map(|meeting| &**meeting).collect()
    }
}
