//! What operators see of nodes and meetings, and do to them.

use std::{collections::HashMap, sync::Arc};

use bluegate_bbb_api::{Call, Document, Outcome, RawQuery};
use bluegate_cluster::{Mount, Node, TenantMeetingId};
use bluegate_store::{Generation, Life, StoreError};

use crate::{
    Health, NodeConfig, NodeTerms, Placements, Release, Scaler, clock,
    context::Context,
    nodes::{NodeHandle, book::NodeError, occupancy, signing::NodeCall},
    placement::{self, Polled},
};

/// Meetings whose end is foreseen for a forecast; the others count as unforeseen.
const FORESEEN: usize = 500;
/// Generations of one meeting that are shown.
const GENERATIONS: u32 = 20;
const MINUTE: i64 = 60_000;

/// A node, as placement sees it. Times are milliseconds since 1970.
#[derive(Clone, Debug)]
pub struct NodeReport {
    /// Its name, origin and address.
    pub node: Node,
    /// Its release, by its configuration or by its own word.
    pub release: Option<Release>,
    /// Whether it is in the file; else it was added at run time.
    pub in_file: bool,
    /// What is believed of it.
    pub health: Health,
    /// Its part in placement, as configured.
    pub terms: NodeTerms,
    /// A weight that was set at run time.
    pub weight_set: Option<f64>,
    /// The weight in force: less while the node is only just back.
    pub weight: f64,
    /// Since when it gets no new meetings by an operator's word.
    pub cordoned_at: Option<i64>,
    /// Its load over its weight; 1 is a user.
    pub load: f64,
    /// Its meetings, those being placed included.
    pub meetings: u64,
    /// Its breakout rooms.
    pub breakout_rooms: u64,
    /// Users in them.
    pub users: u64,
    /// Users expected beyond those.
    pub reserved_users: u64,
}

/// How far a node is from being empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrainReport {
    /// Since when it gets no new meetings; absent when it does.
    pub cordoned_at: Option<i64>,
    /// Whether it ever told what is on it, or is given up.
    pub heard: bool,
    /// Its meetings, those that are not ours included.
    pub meetings: u64,
    /// Its breakout rooms.
    pub breakout_rooms: u64,
    /// Users in them.
    pub users: u64,
    /// When the last meeting of which that can be foreseen should have ended.
    pub empty_by: Option<i64>,
    /// Meetings whose end cannot be foreseen: none of their ID ended before, or
    /// none lasted as long.
    pub unforeseen: u64,
}

/// A meeting's life, as it is or was. Times are milliseconds since 1970.
#[derive(Clone, Debug)]
pub struct MeetingReport {
    /// The row.
    pub generation: Generation,
    /// Users its node last counted in it; absent when it did not list it.
    pub users: Option<u32>,
    /// Why it is where it is, as JSON.
    pub decision: Option<String>,
}

/// Why a meeting is not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// There is none.
    #[error("there is no such meeting")]
    Unknown,
    /// Its node does not answer, or refuses.
    #[error("node `{0}` did not end it")]
    Node(Mount),
    /// The store cannot be written.
    #[error("the store does not answer")]
    Store(#[from] StoreError),
}

impl Scaler {
    /// All nodes with their load, by name. From memory.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeReport> {
        let context = self.context();
        let (nodes, states) = (context.nodes(), context.node_book.states());
        let (terms, now) = (context.ledger.placement(), clock::now());
        let in_file = context.node_book.in_file();
        let report = |node: &Arc<NodeHandle>| {
            let state = states.get(&node.node.name);
            let weight_set = state.and_then(|state| state.weight);
            let returned_at = node.returned_at().max(state.and_then(|state| state.uncordoned_at));
            let weight =
                placement::weight(weight_set.unwrap_or(node.terms.weight), returned_at, terms, now);
            let occupancy = occupancy::of(context, node);
            let booked = occupancy.booked;
            NodeReport {
                node: node.node.clone(),
                release: node.release(),
                in_file: in_file.contains(&node.node.name),
                health: node.health(),
                terms: node.terms.clone(),
                weight_set,
                weight,
                cordoned_at: state.and_then(|state| state.cordoned_at),
                load: placement::shown_load(booked.load, weight),
                meetings: booked.meetings,
                breakout_rooms: occupancy.rooms,
                users: booked.users,
                reserved_users: booked.reserved,
            }
        };
        nodes.values().map(report).collect()
    }

    /// How placement went since the start.
    #[must_use]
    pub fn placements(&self) -> Placements {
        self.context().ledger.placements()
    }

    /// Nodes of the store that are not in force because the file names them too.
    #[must_use]
    pub fn held_back_nodes(&self) -> Vec<Mount> {
        self.context().node_book.held_back()
    }

    /// Puts the nodes of a file that was read again in force. Meetings on a node
    /// that is no longer there are left behind.
    ///
    /// # Errors
    /// [`NodeError`]; nothing has changed then.
    pub async fn reload_nodes(&self, nodes: Vec<NodeConfig>) -> Result<(), NodeError> {
        self.context().node_book.reload(self.context(), nodes).await
    }

    /// Adds a node, in force at once here and within `refresh_interval` at other
    /// scalers of the store.
    ///
    /// # Errors
    /// [`NodeError`]; nothing has changed then.
    pub async fn add_node(&self, node: NodeConfig) -> Result<(), NodeError> {
        self.context().node_book.add(self.context(), node).await
    }

    /// Removes a node that was added; how many meetings it leaves behind, to be
    /// created anew elsewhere. One that answers and has meetings only when the
    /// caller does `insist`.
    ///
    /// # Errors
    /// [`NodeError`]; nothing has changed then.
    pub async fn remove_node(&self, name: &Mount, insist: bool) -> Result<usize, NodeError> {
        self.context().node_book.remove(self.context(), name, insist).await
    }

    /// Keeps new meetings off a node, or lets them come again. Once this
    /// returns, no scaler of the store places one there.
    ///
    /// # Errors
    /// [`NodeError`]
    pub async fn cordon_node(&self, name: &Mount, cordoned: bool) -> Result<(), NodeError> {
        let now = clock::now();
        let change = |state: &mut bluegate_store::NodeState| match (cordoned, state.cordoned_at) {
            (true, None) => state.cordoned_at = Some(now),
            (false, Some(_)) => {
                state.cordoned_at = None;
                state.uncordoned_at = Some(now);
            }
            (true, Some(_)) | (false, None) => {}
        };
        self.context().node_book.decide(self.context(), name, change).await
    }

    /// Gives a node another weight than the configured one, or that again.
    ///
    /// # Errors
    /// [`NodeError`]
    pub async fn weigh_node(&self, name: &Mount, weight: Option<f64>) -> Result<(), NodeError> {
        let change = |state: &mut bluegate_store::NodeState| state.weight = weight;
        self.context().node_book.decide(self.context(), name, change).await
    }

    /// How far a node is from being empty.
    ///
    /// # Errors
    /// [`NodeError`]
    pub async fn drain_report(&self, name: &Mount) -> Result<DrainReport, NodeError> {
        let context = self.context();
        let node = context.node(name).ok_or_else(|| NodeError::Unknown(name.clone()))?;
        let (snapshot, open) = (node.snapshot(), context.ledger.directory().on_node(name));
        let listed = open.iter().filter(|row| snapshot.meeting_of(row).is_some()).count();
        let totals = snapshot.totals();
        let strangers = totals.meetings.saturating_sub(listed as u64);
        let now = clock::now();
        let (mut empty_by, mut unforeseen) = (None, strangers);
        for (index, row) in open.iter().enumerate() {
            let begun = row.live_at.unwrap_or(row.created_at);
            let lives = if index < FORESEEN {
                context.ledger.store().lives(&row.meeting()).await?
            } else {
                Vec::new()
            };
            match foreseen_end(begun, &lives, now) {
                Some(end) => empty_by = empty_by.max(Some(end)),
                None => unforeseen += 1,
            }
        }
        let states = context.node_book.states();
        Ok(DrainReport {
            cordoned_at: states.get(name).and_then(|state| state.cordoned_at),
            heard: snapshot.begun > 0 || node.health() == Health::Lost,
            meetings: open.len() as u64 + strangers,
            breakout_rooms: snapshot.rooms(),
            users: totals.count.users,
            empty_by,
            unforeseen,
        })
    }

    /// The open meetings, oldest first. From memory.
    #[must_use]
    pub fn meetings(&self) -> Vec<MeetingReport> {
        let context = self.context();
        let mut snapshots = HashMap::new();
        let open = context.ledger.directory().all();
        open.iter()
            .map(|row| {
                let snapshot = snapshots
                    .entry(row.node.clone())
                    .or_insert_with(|| context.node(&row.node).map(|node| node.snapshot()));
                let listed = snapshot.as_ref().and_then(|snapshot| snapshot.meeting_of(row));
                MeetingReport {
                    generation: Generation::clone(row),
                    users: listed.map(|meeting| meeting.facts.users),
                    decision: None,
                }
            })
            .collect()
    }

    /// The last lives of a meeting with the decisions that led to them, the
    /// latest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn meeting(&self, id: &TenantMeetingId) -> Result<Vec<MeetingReport>, StoreError> {
        let context = self.context();
        let store = context.ledger.store();
        let mut reports = Vec::new();
        for generation in store.generations_of(id, GENERATIONS).await? {
            let decision = store.decision(&generation.id).await?;
            let node = context.node(&generation.node).filter(|_| generation.state.is_open());
            let users = node.and_then(|node| {
                node.snapshot().meeting_of(&generation).map(|meeting| meeting.facts.users)
            });
            reports.push(MeetingReport { generation, users, decision });
        }
        Ok(reports)
    }

    /// Ends a meeting: asks its node, and hides it at once.
    ///
    /// # Errors
    /// [`EndError`]; the meeting goes on then.
    pub async fn end_meeting(&self, id: &TenantMeetingId) -> Result<(), EndError> {
        let context = self.context();
        let open = context.ledger.look_up(id).await.ok_or(EndError::Unknown)?;
        let node = context.node(&open.node).ok_or_else(|| EndError::Node(open.node.clone()))?;
        if !ask_to_end(context, &node, &open).await {
            return Err(EndError::Node(open.node.clone()));
        }
        context.ledger.ending(&open.id, true).await?;
        node.wake.notify_one();
        Ok(())
    }
}

async fn ask_to_end(context: &Context, node: &Arc<NodeHandle>, open: &Generation) -> bool {
    let mut query = RawQuery::default();
    let known = open.internal_meeting_id.as_ref().unwrap_or(&open.node_meeting_id);
    query.append("meetingID", known);
    // Nodes before 3.0 end nothing without it.
    let snapshot = node.snapshot();
    let shown = snapshot.meeting_of(open).map(|meeting| meeting.shown.clone());
    let shown = shown.or_else(|| open.description.clone()).unwrap_or_default();
    if let Some(password) =
        Document::parse(&shown).ok().and_then(|shown| shown.root().text_of("moderatorPW"))
    {
        query.append("password", &password);
    }
    let call = NodeCall::new(Call::End.name(), query);
    let answer = node.call(call, context.bounds.call_timeout).await;
    answer.is_ok_and(|answer| answer.outcome() == Outcome::Success)
}

/// When a meeting that began at `begun` should have ended, by former ones of its
/// ID: nine in ten of those that lasted longer than this one has were over then.
fn foreseen_end(begun: i64, lives: &[Life], now: i64) -> Option<i64> {
    let age = now.saturating_sub(begun) / MINUTE;
    let lengths = lives.iter().map(|life| i64::from(life.minutes));
    let mut longer: Vec<i64> = lengths.filter(|minutes| *minutes >= age).collect();
    longer.sort_unstable();
    let rank = (longer.len() * 9).div_ceil(10);
    longer.get(rank.checked_sub(1)?).map(|minutes| begun + (minutes + 1) * MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_foreseen_from_former_meetings_that_lasted_longer() {
        let lives = |minutes: &[u32]| -> Vec<Life> {
            minutes.iter().map(|&minutes| Life { users: 1, minutes }).collect()
        };
        for (minutes, age, wanted) in [
            (&[][..], 5, None),
            (&[45, 44, 46], 5, Some(47)),
            (&[45, 44, 90], 50, Some(91)),
            (&[45, 44], 50, None),
        ] {
            let end = foreseen_end(0, &lives(minutes), age * MINUTE);
            assert_eq!(end, wanted.map(|minutes: i64| minutes * MINUTE), "{minutes:?} at {age}");
        }
    }
}
