//! Entering a meeting: its generation is found, or a node is chosen for it.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use bluegate_cluster::Mount;
use bluegate_store::{Generation, NodeState, State, StoreError, WriteError};

use super::{Entered, Ledger, Wanted, event, expect_free};
use crate::{
    clock,
    meetings::{
        life::{self, Entering, Standing},
        voice_bridge,
    },
    nodes::Snapshot,
    placement::{self, Bar, Candidate, Decision, Expected, Question, Source},
    tenants::quota::Allowance,
};

impl Ledger {
    /// Finds or makes the generation a create call belongs to, and counts the
    /// call as under way unless the meeting is already live. `polled` is what a
    /// node said last, asked for when it is decided.
    pub(crate) async fn enter(
        &self,
        wanted: &Wanted<'_>,
        mut candidates: Vec<Candidate<'_>>,
        polled: impl Fn(&Mount) -> Arc<Snapshot>,
        lost: impl Fn(&Mount) -> bool,
        seed: u64,
    ) -> Result<Entered, StoreError> {
        if let Some(live) = self.find_live(wanted).await.filter(|live| !lost(&live.node)) {
            return Ok(Entered::there(live));
        }
        let lives = self.store.lives(wanted.meeting).await?;
        let reserved = self.terms.placement.reserved_users;
        let expected = placement::expect(&lives, &wanted.wishes, reserved);
        let mut turn = self.begin().await?;
        let open = turn.write.open_generation(wanted.meeting).await?;
        // Read in the very transaction that places: once a cordon is written, no
        // scaler places anything there.
        let states = turn.write.node_states().await?;
        decided_by_operators(&mut candidates, &states, wanted.is_room);
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
        let choose = |but: Option<&str>| self.choose(&question, &candidates, &polled, but);
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
                let (node, chosen) = match choose(Some(&generation.id)) {
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
                if superseded.is_none() {
                    let tenant = wanted.meeting.tenant();
                    let is_there =
                        |other: &Generation| other.end_requested_at.is_none() && !lost(&other.node);
                    let there = || self.directory.count_of_tenant(tenant, is_there) as u64;
                    match wanted.quota.new_meeting(there) {
                        Allowance::Granted(soft) => exceeded = soft,
                        Allowance::Refused(limit) => return Ok(Entered::Refused(limit)),
                    }
                }
                let but = superseded.as_ref().map(|superseded| superseded.id.as_str());
                let (node, chosen) = match choose(but) {
                    Ok(chosen) => chosen,
                    Err(decision) => return Ok(Entered::NoNode(decision)),
                };
                decision = Some(chosen);
                let number = self.voice_bridge(wanted, but);
                // Its keys must be free before the new row takes them.
                if let Some(superseded) = superseded {
                    former = Some(superseded.clone());
                    expect_free(turn.put(superseded).await)?;
                }
                (new_generation(wanted, node, expected, number, now), true)
            }
        };
        match turn.put(generation.clone()).await {
            Ok(()) => {}
            Err(WriteError::Taken) => return Ok(Entered::Taken),
            Err(WriteError::Store(error)) => return Err(error),
        }
        if let Some(decision) = &decision {
            turn.write.put_decision(&generation.id, now, &decision.to_json()).await?;
        }
        turn.commit().await?;
        if decision.is_some() {
            let sources = Source::ALL.iter().zip(&self.placed);
            for (_, count) in sources.filter(|(source, _)| **source == expected.source) {
                count.fetch_add(1, Relaxed);
            }
        }
        if let Some(former) = former {
            event::moved(&former, &generation.node);
        }
        let generation = Box::new(generation);
        Ok(Entered::At { generation, counted: true, inserted, exceeded })
    }

    /// Chooses among the candidates; `but` is the row that is placed anew and
    /// counts nowhere.
    fn choose(
        &self,
        question: &Question<'_>,
        candidates: &[Candidate<'_>],
        polled: impl Fn(&Mount) -> Arc<Snapshot>,
        but: Option<&str>,
    ) -> Result<(Mount, Decision), Box<Decision>> {
        let polls: Vec<_> =
            candidates.iter().map(|known| (known.node, polled(known.node))).collect();
        let polls = polls.iter().map(|(node, polled)| (*node, polled.as_ref()));
        let booked = self.directory.booked(polls, but, question.now);
        let decision = placement::decide(question, candidates, booked, &self.terms.placement);
        let chosen = candidates
            .iter()
            .find(|candidate| decision.node.as_deref() == Some(candidate.node.as_str()));
        match chosen {
            Some(candidate) => Ok((candidate.node.clone(), decision)),
            None => {
                self.refused.fetch_add(1, Relaxed);
                Err(Box::new(decision))
            }
        }
    }

    /// The dial-in number of a new meeting that no other has; the row `but` is
    /// placed anew.
    fn voice_bridge(&self, wanted: &Wanted<'_>, but: Option<&str>) -> Option<String> {
        let is_taken = |number: &str| self.directory.has_voice_bridge(number, but);
        let given = wanted.voice_bridge.clone().filter(|number| !is_taken(number));
        given.or_else(|| voice_bridge::choose(wanted.meeting, is_taken))
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
    voice_bridge: Option<String>,
    now: i64,
) -> Generation {
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
