//! Entering a meeting: its generation is found, or a node is chosen for it.

use std::{collections::HashSet, sync::atomic::Ordering::Relaxed};

use bluegate_cluster::Mount;
use bluegate_store::{Brief, Generation, NodeState, State, StoreError, Write, WriteError};

use super::{Entered, Ledger, Wanted, expect_free};
use crate::{
    clock,
    meetings::{
        life::{self, Entering, Standing},
        voice_bridge,
    },
    placement::{self, Bar, Candidate, Decision, Expected, Question, Source},
    tenants::quota::Allowance,
};

/// A node for a meeting, if any can take it, and the open generations beside it.
struct Choice {
    chosen: Result<(Mount, Decision), Box<Decision>>,
    others: Vec<Brief>,
}

impl Ledger {
    /// Finds or makes the generation a create call belongs to, and counts the
    /// call as under way unless the meeting is already live.
    pub(crate) async fn enter(
        &self,
        wanted: &Wanted<'_>,
        mut candidates: Vec<Candidate<'_>>,
        lost: impl Fn(&Mount) -> bool,
        seed: u64,
    ) -> Result<Entered, StoreError> {
        if let Some(live) = self.find_live(wanted).await.filter(|live| !lost(&live.node)) {
            return Ok(Entered::there(live));
        }
        let lives = self.store.lives(wanted.meeting).await?;
        let reserved = self.terms.placement.reserved_users;
        let expected = placement::expect(&lives, &wanted.wishes, reserved);
        let (_gate, mut write) = self.begin().await?;
        let open = write.open_generation(wanted.meeting).await?;
        // Read in the very transaction that places: once a cordon is written, no
        // scaler places anything there.
        decided_by_operators(&mut candidates, &write.node_states().await?, wanted.is_room);
        if !wanted.is_room {
            hold_back(&mut candidates);
        }
        let standing = |node: &Mount| {
            let usable =
                |candidate: &Candidate<'_>| candidate.node == node && candidate.bar.is_none();
            if lost(node) {
                Standing::Lost
            } else if candidates.iter().any(usable) {
                Standing::Usable
            } else {
                Standing::Unusable
            }
        };
        let now = clock::now();
        let question =
            Question { wishes: &wanted.wishes, is_room: wanted.is_room, expected, now, seed };
        let (mut former, mut decision, mut exceeded) = (None, None, Vec::new());
        let (generation, inserted) = match life::entering(open, standing, self.terms.patience, now)
        {
            Entering::Live(generation) => {
                return Ok(Entered::there(generation));
            }
            Entering::Wait => return Ok(Entered::Wait),
            Entering::Join(mut generation) => {
                generation.reserved = expected.users.into();
                (generation, false)
            }
            Entering::Move(mut generation) => {
                let id = &generation.id;
                let choice = self.choose(&mut write, &question, &candidates, id).await?;
                let (node, chosen) = match choice.chosen {
                    Ok(chosen) => chosen,
                    Err(decision) => return Ok(Entered::NoNode(decision)),
                };
                generation.node = node;
                generation.reserved = expected.users.into();
                decision = Some(chosen);
                (generation, false)
            }
            entering @ (Entering::Replace(_) | Entering::Place) => {
                let superseded = match entering {
                    Entering::Replace(superseded) => Some(superseded),
                    _ => None,
                };
                let but = superseded.as_ref().map_or("", |superseded| &superseded.id);
                let chosen = self.choose(&mut write, &question, &candidates, but).await?;
                let Choice { chosen, others } = chosen;
                if superseded.is_none() {
                    let tenant = wanted.meeting.tenant();
                    match wanted.quota.new_meeting(tenant, &others, &lost) {
                        Allowance::Granted(soft) => exceeded = soft,
                        Allowance::Refused(limit) => return Ok(Entered::Refused(limit)),
                    }
                }
                let (node, chosen) = match chosen {
                    Ok(chosen) => chosen,
                    Err(decision) => return Ok(Entered::NoNode(decision)),
                };
                // Its keys must be free before the new row takes them.
                if let Some(superseded) = &superseded {
                    expect_free(write.update(superseded).await)?;
                }
                former = superseded;
                decision = Some(chosen);
                (new_generation(wanted, node, expected, &others, now), true)
            }
        };
        let written = if inserted {
            write.insert(&generation).await
        } else {
            write.update(&generation).await
        };
        match written {
            Ok(()) => {}
            Err(WriteError::Taken) => return Ok(Entered::Taken),
            Err(WriteError::Store(error)) => return Err(error),
        }
        if let Some(decision) = &decision {
            write.put_decision(&generation.id, now, &decision.to_json()).await?;
        }
        write.commit().await?;
        if decision.is_some() {
            let sources = Source::ALL.iter().zip(&self.placed);
            for (_, count) in sources.filter(|(source, _)| **source == expected.source) {
                count.fetch_add(1, Relaxed);
            }
        }
        if let Some(former) = former {
            tracing::warn!(
                tenant.id = %former.tenant, node.id = %former.node, to = %generation.node,
                "a meeting of a lost node is placed anew"
            );
            self.directory.apply(former);
        }
        self.directory.apply(generation.clone());
        let generation = Box::new(generation);
        Ok(Entered::At { generation, counted: true, inserted, exceeded })
    }

    /// Chooses among the candidates; `but` is the row that is placed anew and
    /// counts nowhere.
    async fn choose(
        &self,
        write: &mut Write,
        question: &Question<'_>,
        candidates: &[Candidate<'_>],
        but: &str,
    ) -> Result<Choice, StoreError> {
        let mut others = write.open_briefly().await?;
        others.retain(|other| other.id != but);
        let decision = placement::decide(question, candidates, &others, &self.terms.placement);
        let chosen = candidates
            .iter()
            .find(|candidate| decision.node.as_deref() == Some(candidate.node.as_str()));
        let chosen = match chosen {
            Some(candidate) => Ok((candidate.node.clone(), decision)),
            None => {
                self.refused.fetch_add(1, Relaxed);
                Err(Box::new(decision))
            }
        };
        Ok(Choice { chosen, others })
    }
}

/// Takes over cordons, weights and slow starts; a breakout room goes where its
/// parent is, cordoned or not.
fn decided_by_operators(candidates: &mut [Candidate<'_>], states: &[NodeState], is_room: bool) {
    for state in states {
        let Some(candidate) = candidates.iter_mut().find(|known| *known.node == state.node) else {
            continue;
        };
        if state.cordoned_at.is_some() && !is_room {
            candidate.bar = candidate.bar.or(Some(Bar::Cordoned));
        }
        candidate.weight = state.weight;
        candidate.returned_at = candidate.returned_at.max(state.uncordoned_at);
    }
}

/// Leaves out the nodes that are found broken, unless no other is there.
fn hold_back(candidates: &mut [Candidate<'_>]) {
    let other = |candidate: &Candidate<'_>| candidate.bar.is_none() && !candidate.found_broken;
    if candidates.iter().any(other) {
        for candidate in candidates.iter_mut().filter(|candidate| candidate.found_broken) {
            candidate.bar = candidate.bar.or(Some(Bar::FoundBroken));
        }
    }
}

pub(super) fn new_generation(
    wanted: &Wanted<'_>,
    node: Mount,
    expected: Expected,
    others: &[Brief],
    now: i64,
) -> Generation {
    let taken: HashSet<&str> =
        others.iter().filter_map(|other| other.voice_bridge.as_deref()).collect();
    let given = wanted.voice_bridge.clone().filter(|number| !taken.contains(number.as_str()));
    let voice_bridge =
        given.or_else(|| voice_bridge::choose(wanted.meeting, |number| taken.contains(number)));
    Generation {
        id: clock::new_id(),
        tenant: wanted.meeting.tenant().clone(),
        meeting_id: wanted.meeting.id().to_owned(),
        node,
        node_meeting_id: wanted.node_meeting_id.clone(),
        state: State::Placing,
        internal_meeting_id: None,
        create_time: None,
        voice_bridge,
        in_flight: 1,
        attempted_at: now,
        first_answered: false,
        reserved: expected.users.into(),
        description: None,
        created_at: now,
        live_at: None,
        end_requested_at: None,
        ended_at: None,
    }
}
