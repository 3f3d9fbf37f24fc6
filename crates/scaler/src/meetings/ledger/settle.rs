//! What a node's word of a living meeting changes in the ledger.

use bluegate_cluster::Mount;
use bluegate_store::{Generation, State, StoreError, WriteError};

use super::{Ledger, Wanted, enter::new_generation, event};
use crate::{
    clock,
    meetings::life::{self, Lives, Sign},
    placement,
};

/// What a successful create meant.
#[derive(Debug)]
pub(crate) struct Settled {
    /// Whether the caller may have the plain answer of a first create.
    pub(crate) first: bool,
}

/// A create that was answered with SUCCESS.
pub(crate) struct Success<'a> {
    /// The generation that was entered.
    pub(crate) entered: &'a Generation,
    /// Whether it was counted as under way.
    pub(crate) counted: bool,
    /// What the node said.
    pub(crate) sign: Sign,
    /// Whether the node's answer was the plain one of a first create.
    pub(crate) plain: bool,
    /// Whether an earlier attempt of this very call may have been the first.
    pub(crate) may_claim_first: bool,
}

impl Ledger {
    /// A create call was answered with SUCCESS.
    pub(crate) async fn succeeded(&self, success: Success<'_>) -> Result<Settled, StoreError> {
        let entered = success.entered;
        let known = entered.internal_meeting_id.as_ref();
        let nothing_new = known == Some(&success.sign.internal_meeting_id)
            && !(success.counted || success.plain || success.may_claim_first);
        if nothing_new {
            return Ok(Settled { first: false });
        }
        let mut first = success.plain;
        let mut turn = self.begin().await?;
        let current = match turn.write.generation(&entered.id).await? {
            Some(row) if row.state.is_open() => {
                Some(if success.counted { life::left(row, false) } else { row })
            }
            // That very life was seen to end while its answer was on the way.
            Some(row)
                if row.internal_meeting_id.as_ref() == Some(&success.sign.internal_meeting_id) =>
            {
                return Ok(Settled { first });
            }
            _ => turn.write.open_generation(&entered.meeting()).await?,
        };
        let (id, now) = (clock::new_id(), clock::now());
        let mut changed = match current {
            Some(row) if row.node != entered.node => {
                tracing::error!(
                    target: "bluegate::state", event = "meeting.split",
                    tenant.id = %entered.tenant, node.id = %entered.node, other.id = %row.node,
                    meeting.id = success.sign.internal_meeting_id, "a meeting lives on two nodes"
                );
                return Ok(Settled { first });
            }
            Some(row) => {
                let may_claim =
                    success.may_claim_first && row.id == entered.id && !row.first_answered;
                match life::lives(row, success.sign, id, now) {
                    Lives::This(row) => {
                        first |= may_claim;
                        vec![row]
                    }
                    Lives::Former(row) => vec![row],
                    Lives::Next { ended, born } => vec![*ended, *born],
                }
            }
            None => vec![life::born(entered, success.sign, id, now)],
        };
        if let Some(current) = changed.last_mut() {
            current.first_answered |= first;
        }
        self.finish(turn, changed).await?;
        Ok(Settled { first })
    }

    /// Of two copies of a meeting, the one on `node` goes on instead of that of
    /// `open`. Says whether it does.
    pub(crate) async fn keep_other(
        &self,
        open: &Generation,
        node: &Mount,
        sign: Sign,
        begun: i64,
    ) -> Result<bool, StoreError> {
        let mut turn = self.begin().await?;
        let current = turn.write.generation(&open.id).await?.filter(|row| row.state == State::Live);
        let former = turn.write.generation_by_internal_id(&sign.internal_meeting_id).await?;
        let ended_since = former.is_some_and(|former| former.ended_at >= Some(begun));
        let Some(current) = current.filter(|_| !ended_since) else { return Ok(false) };
        let now = clock::now();
        let superseded = life::superseded(current, now);
        let mut kept = life::born(&superseded, sign, clock::new_id(), now);
        kept.node = node.clone();
        kept.reserved = 0;
        kept.first_answered = true;
        self.finish(turn, vec![superseded, kept]).await?;
        Ok(true)
    }

    /// A node shows a meeting of ours that no row stands for, in a poll begun
    /// at `begun`. Makes one, unless we saw that very life end since.
    pub(crate) async fn adopt(
        &self,
        wanted: &Wanted<'_>,
        node: &Mount,
        sign: Sign,
        begun: i64,
    ) -> Result<Option<Generation>, StoreError> {
        let mut turn = self.begin().await?;
        let former = turn.write.generation_by_internal_id(&sign.internal_meeting_id).await?;
        let ended_since =
            former.is_some_and(|former| former.ended_at.is_none_or(|ended| ended >= begun));
        let open = turn.write.open_generation(wanted.meeting).await?;
        if ended_since || open.is_some() {
            return Ok(open);
        }
        let now = clock::now();
        let expected = placement::expect(&[], &wanted.wishes, 0);
        let voice_bridge = wanted.voice_bridge.clone();
        let fresh = new_generation(wanted, node.clone(), expected, voice_bridge, now);
        let mut adopted = life::born(&fresh, sign, clock::new_id(), now);
        adopted.reserved = 0;
        adopted.first_answered = true;
        match turn.put(adopted.clone()).await {
            Ok(()) => {}
            Err(WriteError::Taken) => return Ok(None),
            Err(WriteError::Store(error)) => return Err(error),
        }
        turn.commit().await?;
        event::adopted(&adopted);
        Ok(Some(adopted))
    }
}
