//! The ledger: every change of a generation, in the store first and then in
//! the directory.
//!
//! Each change is one short write transaction ([`Turn`]) that reads the row, lets
//! [`crate::meetings::life`] or [`crate::placement`] decide, writes and commits.
//! It begins by taking over what others have changed, so that the directory is
//! what the store is while something is decided.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

use bluegate_cluster::{Mount, TenantMeetingId};
use bluegate_store::{Generation, Life, State, Store, StoreError, WriteError};
use tokio::sync::Mutex;

use crate::{
    clock,
    config::Placement,
    meetings::{
        directory::Directory,
        life::{self, Lives, Patience, Sign},
        reach::{Reach, ReachError},
    },
    placement::{Decision, Placements, Source, Wishes},
    tenants::{quota::Quota, usage::LimitKind},
};

mod enter;
mod event;
mod settle;
mod turn;

pub(crate) use settle::Success;
use turn::{Known, Turn};

/// The ledger.
pub(crate) struct Ledger {
    store: Store,
    reach: Reach,
    directory: Directory,
    /// How far the directory follows the store: one change at a time.
    gate: Mutex<Known>,
    terms: Terms,
    /// Whether another process writes to our store for now, whatever its kind.
    accompanied: AtomicBool,
    /// What the store last said of writes by others, if it can tell.
    foreign_changes: AtomicI64,
    /// How placement went.
    placed: [AtomicU64; Source::ALL.len()],
    refused: AtomicU64,
    /// The most users that polls saw in each open generation, by its id.
    peaks: std::sync::Mutex<HashMap<String, u32>>,
}

/// What the ledger's decisions go by.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// Bounds of a meeting's life.
    pub(crate) patience: Patience,
    /// How nodes are chosen.
    pub(crate) placement: Placement,
}

/// A meeting somebody wants to create.
pub(crate) struct Wanted<'a> {
    /// Which, and whose.
    pub(crate) meeting: &'a TenantMeetingId,
    /// The nodes' ID for it.
    pub(crate) node_meeting_id: String,
    /// The dial-in number the client chose.
    pub(crate) voice_bridge: Option<String>,
    /// Whether its tenant may have one more.
    pub(crate) quota: Quota,
    /// What is said of the node it wants.
    pub(crate) wishes: Wishes,
    /// Whether it is a breakout room, which goes where its parent is.
    pub(crate) is_room: bool,
}

/// Where a create call goes.
#[derive(Debug)]
pub(crate) enum Entered {
    /// To this generation's node.
    At {
        /// The generation.
        generation: Box<Generation>,
        /// Whether the call is counted as under way and must leave again.
        counted: bool,
        /// Whether this call made the row.
        inserted: bool,
        /// Soft limits of the tenant that the new row exceeds.
        exceeded: Vec<LimitKind>,
    },
    /// Nowhere yet: others are still trying a node that we cannot use.
    Wait,
    /// No node can take it, for these reasons.
    NoNode(Box<Decision>),
    /// Another tenant's open meeting has the same ID on the nodes.
    Taken,
    /// Its tenant may not have one more.
    Refused(LimitKind),
}

impl Entered {
    /// At a meeting that lives.
    fn there(generation: Generation) -> Self {
        let generation = Box::new(generation);
        Self::At { generation, counted: false, inserted: false, exceeded: Vec::new() }
    }
}

impl Ledger {
    /// Takes over the store's open generations. Those on nodes that are no
    /// longer configured are superseded: the operator has given up the node.
    pub(crate) async fn load(
        store: Store,
        nodes: &HashSet<Mount>,
        terms: Terms,
    ) -> Result<Self, StoreError> {
        let ledger = Self {
            store,
            reach: Reach::default(),
            directory: Directory::new(terms.placement.clone()),
            gate: Mutex::default(),
            terms,
            accompanied: AtomicBool::new(false),
            foreign_changes: AtomicI64::new(0),
            placed: Default::default(),
            refused: AtomicU64::new(0),
            peaks: Default::default(),
        };
        let mut turn = ledger.begin().await?;
        let mut left = Vec::new();
        for generation in ledger.directory.all() {
            if !nodes.contains(&generation.node) {
                let generation = Arc::unwrap_or_clone(generation);
                let superseded = life::superseded(generation, clock::now());
                expect_free(turn.put(superseded.clone()).await)?;
                left.push(superseded);
            }
        }
        turn.commit().await?;
        left.iter().for_each(event::lost);
        Ok(ledger)
    }

    /// The open generations in memory.
    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The store, for what is not a meeting.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// How nodes are chosen.
    pub(crate) fn placement(&self) -> &Placement {
        &self.terms.placement
    }

    /// How placement went since the start.
    pub(crate) fn placements(&self) -> Placements {
        let count = |(source, count): (Source, &AtomicU64)| (source, count.load(Relaxed));
        Placements {
            placed: Source::ALL.into_iter().zip(&self.placed).map(count).collect(),
            refused: self.refused.load(Relaxed),
        }
    }

    /// Supersedes what stands for meetings on a node that is gone.
    pub(crate) async fn leave_behind(&self, node: &Mount) -> Result<(), StoreError> {
        let turn = self.begin().await?;
        let left = self.directory.on_node(node).into_iter().map(Arc::unwrap_or_clone);
        let left = left.map(|row| life::superseded(row, clock::now()));
        self.finish(turn, left.collect()).await
    }

    /// Whether this is still the open generation of its meeting, by the store.
    pub(crate) async fn is_open(&self, generation: &Generation) -> Result<bool, StoreError> {
        let meeting = TenantMeetingId::new(&generation.tenant, &generation.meeting_id);
        let open = self.store.open_generation(&meeting).await?;
        Ok(open.is_some_and(|open| open.id == generation.id))
    }

    /// Whether others write to the store.
    fn is_shared(&self) -> bool {
        self.store.is_shared() || self.is_accompanied()
    }

    fn is_accompanied(&self) -> bool {
        self.accompanied.load(Relaxed)
    }

    /// Says whether another process writes to the store for now.
    pub(crate) fn set_accompanied(&self, accompanied: bool) {
        self.accompanied.store(accompanied, Relaxed);
    }

    /// The open generation a tenant calls `given`: its meeting ID, or the whole
    /// internal ID of one of its meetings. Where other scalers write to the
    /// store too, it is asked; while it does not answer, memory is.
    pub(crate) async fn look_up(&self, given: &TenantMeetingId) -> Option<Arc<Generation>> {
        if self.is_shared() {
            let found = self.reach.ask(self.store.find_open(given)).await;
            if let Ok(found) = found {
                return found.map(Arc::new);
            }
        }
        self.directory.meeting(given).or_else(|| self.directory.internal(given))
    }

    /// Whether others may have written to the store since this was asked last:
    /// another scaler, or a command that takes meetings over.
    pub(crate) async fn is_written_by_others(&self) -> Result<bool, StoreError> {
        let Some(now) = self.store.foreign_changes().await? else { return Ok(true) };
        let before = self.foreign_changes.swap(now, Relaxed);
        Ok(self.is_shared() || before != now)
    }

    /// Lets what others wrote be read again, since it was not.
    pub(crate) fn missed_others(&self) {
        self.foreign_changes.store(i64::MIN, Relaxed);
    }

    /// Whether we superseded a generation of this meeting with this createTime.
    pub(crate) async fn was_superseded(
        &self,
        meeting: &TenantMeetingId,
        create_time: i64,
    ) -> Result<bool, ReachError> {
        self.reach.ask(self.store.was_superseded(meeting, create_time)).await
    }

    /// A create call ended without the meeting: not sent, or refused.
    pub(crate) async fn leave(&self, id: &str, refused: bool) -> Result<(), StoreError> {
        self.change(id, |generation| Some(life::left(generation, refused))).await
    }

    /// A create call was sent and not answered.
    pub(crate) async fn unanswered(&self, id: &str) -> Result<(), StoreError> {
        self.change(id, |generation| Some(life::unanswered(generation))).await
    }

    /// A list or an answer shows that the meeting of this row lives.
    pub(crate) async fn observed(&self, id: &str, sign: Sign) -> Result<(), StoreError> {
        let mut turn = self.begin().await?;
        let row = turn.write.generation(id).await?;
        let Some(row) = row.filter(|row| row.state.is_open()) else { return Ok(()) };
        let changed = match life::lives(row, sign, clock::new_id(), clock::now()) {
            Lives::This(row) => vec![row],
            Lives::Former(_) => return Ok(()),
            Lives::Next { ended, born } => vec![*ended, *born],
        };
        self.finish(turn, changed).await
    }

    /// The node says there is no such meeting, asked for at `asked`. It has had
    /// its present boot since `booted_at`.
    pub(crate) async fn gone(
        &self,
        id: &str,
        asked: i64,
        booted_at: i64,
    ) -> Result<(), StoreError> {
        let patience = self.terms.patience;
        self.change(id, |generation| {
            let now = clock::now();
            let may_end = life::may_end(&generation, asked, patience, now);
            may_end.then(|| life::gone(generation, booted_at, now))
        })
        .await
    }

    /// The callers of this row died in mid-call.
    pub(crate) async fn doubt(&self, id: &str) -> Result<(), StoreError> {
        let patience = self.terms.patience;
        self.change(id, |mut generation| {
            let died = !life::is_under_way(&generation, patience, clock::now());
            (died && generation.state == State::Placing).then(|| {
                generation.state = State::Uncertain;
                generation.in_flight = 0;
                generation
            })
        })
        .await
    }

    /// The node accepted to end it, or (`false`) did not end it after all.
    pub(crate) async fn ending(&self, id: &str, requested: bool) -> Result<(), StoreError> {
        self.change(id, |mut generation| {
            generation.end_requested_at = requested.then(clock::now);
            Some(generation)
        })
        .await
    }

    /// A poll saw so many users in this generation.
    pub(crate) fn saw_users(&self, id: &str, users: u32) {
        let mut peaks = self.peaks();
        match peaks.get_mut(id) {
            Some(peak) => *peak = users.max(*peak),
            None => drop(peaks.insert(id.to_owned(), users)),
        }
    }

    /// What is to be remembered of a generation that has ended: nothing if
    /// nobody was seen in it.
    fn life_of(&self, ended: &Generation) -> Option<Life> {
        let users = self.peaks().get(&ended.id).copied().filter(|users| *users > 0)?;
        let lasted = ended.ended_at?.saturating_sub(ended.live_at?);
        Some(Life { users, minutes: u32::try_from(lasted / 60_000).unwrap_or(0) })
    }

    /// Deletes rows that ended before `ended`, and what is remembered of
    /// meetings that last ended before `history`.
    pub(crate) async fn forget_before(&self, ended: i64, history: i64) -> Result<u64, StoreError> {
        let mut turn = self.begin().await?;
        let count = turn.write.delete_ended_before(ended).await?;
        turn.write.forget_history_before(history).await?;
        turn.commit().await?;
        Ok(count)
    }

    /// Closes the store.
    pub(crate) async fn close(&self) {
        self.store.close().await;
    }

    /// The meeting's generation when it is live: from the store, where other
    /// scalers write to it too; from memory while that is down.
    async fn find_live(&self, wanted: &Wanted<'_>) -> Option<Generation> {
        let known = || self.directory.meeting(wanted.meeting).map(Arc::unwrap_or_clone);
        let found = if self.is_shared() {
            let found = self.reach.ask(self.store.open_generation(wanted.meeting)).await;
            found.unwrap_or_else(|_| known())
        } else {
            known()
        };
        found.filter(|generation| generation.state == State::Live)
    }

    /// Changes an open row, when `change` says so.
    async fn change(
        &self,
        id: &str,
        change: impl FnOnce(Generation) -> Option<Generation>,
    ) -> Result<(), StoreError> {
        let mut turn = self.begin().await?;
        let row = turn.write.generation(id).await?.filter(|row| row.state.is_open());
        match row.and_then(change) {
            Some(changed) => self.finish(turn, vec![changed]).await,
            None => Ok(()),
        }
    }

    /// Writes rows and commits. Closed rows go first, so that their keys are free.
    async fn finish(&self, mut turn: Turn<'_>, changed: Vec<Generation>) -> Result<(), StoreError> {
        let mut written = Vec::with_capacity(changed.len());
        for generation in changed {
            if let (State::Ended, Some(life)) = (generation.state, self.life_of(&generation)) {
                let ended_at = generation.ended_at.unwrap_or_default();
                turn.write.remember_life(&generation.meeting(), life, ended_at).await?;
            }
            expect_free(turn.put(generation.clone()).await)?;
            written.push((self.directory.open(&generation.id), generation));
        }
        turn.commit().await?;
        event::tell(&written);
        Ok(())
    }

    /// Memory follows one row that was changed, by us or by others.
    fn follow(&self, generation: Generation) {
        if !generation.state.is_open() {
            self.peaks().remove(&generation.id);
        }
        self.directory.apply(generation);
    }

    /// Memory becomes what all open rows are.
    fn follow_all(&self, open: Vec<Generation>) {
        let ids: HashSet<&str> = open.iter().map(|open| open.id.as_str()).collect();
        self.peaks().retain(|id, _| ids.contains(id.as_str()));
        self.directory.replace(open);
    }

    fn peaks(&self) -> std::sync::MutexGuard<'_, HashMap<String, u32>> {
        self.peaks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For writes whose keys this very transaction has seen to be free or ours.
fn expect_free(written: Result<(), WriteError>) -> Result<(), StoreError> {
    match written {
        Ok(()) => Ok(()),
        Err(WriteError::Store(error)) => Err(error),
        Err(WriteError::Taken) => Err(StoreError::Row { column: "meeting_id" }),
    }
}

#[cfg(test)]
mod tests;
