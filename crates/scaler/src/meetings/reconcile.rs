//! Reconciling: after each poll of a node, the ledger learns what it shows.
//!
//! A poll alone ends nothing. A generation that is not listed is asked for, and
//! ends on the node's own word. A meeting with our stamp that no row stands for
//! is adopted: so a lost store is rebuilt from the nodes.

use std::{
    mem,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use bluegate_bbb_api::{Answer, Call, Failure, MeetingFacts, Outcome, RawQuery, ids, stamp::Stamp};
use bluegate_store::{Generation, State, StoreError};

use crate::{
    clock,
    context::Context,
    health::{boot, report::Split},
    meetings::{
        foreign::Appearances,
        ledger::Wanted,
        life::{self, Listed, Patience, Sign, Verdict},
        twin::{self, TwinWatch},
        twins::{self, Resolution},
    },
    nodes::{NodeHandle, PolledMeeting, Snapshot, signing::NodeCall},
    placement::Wishes,
    tenants::quota::Quota,
};

/// Reconciles one node.
pub(crate) struct Reconciler {
    context: Arc<Context>,
    node: Arc<NodeHandle>,
    twins: TwinWatch,
    appearances: Appearances,
    /// The twins of the poll at hand.
    splits: Vec<Split>,
    /// Whether it is cordoned and nothing was left on it; absent before the
    /// first poll.
    is_drained: Option<bool>,
}

impl Reconciler {
    pub(crate) fn new(context: Arc<Context>, node: Arc<NodeHandle>) -> Self {
        let (twins, appearances) = (TwinWatch::default(), Appearances::default());
        Self { context, node, twins, appearances, splits: Vec::new(), is_drained: None }
    }

    /// The node is heard again after a silence, with this to say.
    pub(crate) fn heard_again(&self, snapshot: &Snapshot) {
        let name = &self.node.node.name;
        let before = self.context.ledger.directory().on_node(name);
        let live = before.iter().filter(|generation| generation.state == State::Live);
        let before = live.filter_map(|generation| generation.internal_meeting_id.as_deref());
        let now = snapshot.meetings.iter().map(|meeting| meeting.facts.internal_id.as_str());
        if boot::is_new(before, now) {
            self.node.booted_at.store(snapshot.begun, Relaxed);
            self.node.boots.fetch_add(1, Relaxed);
            tracing::error!(
                target: "bluegate::state", event = "node.restarted", node.id = %name,
                "the node has started anew: its meetings are gone"
            );
        }
    }

    /// Draws the conclusions from a poll.
    pub(crate) async fn after(&mut self, snapshot: &Arc<Snapshot>) {
        self.context.ledger.directory().counted(&self.node.node.name, snapshot);
        let result = async {
            self.other_stores(snapshot).await?;
            self.generations(snapshot).await?;
            self.strangers(snapshot).await
        };
        let result = result.await;
        if let Err(error) = result {
            let error = &error as &dyn std::error::Error;
            tracing::error!(node.id = %self.node.node.name, error, "a poll was not recorded");
        }
        self.node.set_splits(mem::take(&mut self.splits));
        self.drained(snapshot);
    }

    /// Says once that nothing is left on a cordoned node.
    fn drained(&mut self, snapshot: &Snapshot) {
        let name = &self.node.node.name;
        let states = self.context.node_book.states();
        let is_cordoned = states.get(name).is_some_and(|state| state.cordoned_at.is_some());
        let is_drained = is_cordoned
            && snapshot.meetings.is_empty()
            && self.context.ledger.directory().on_node(name).is_empty();
        if self.is_drained.replace(is_drained) == Some(false) && is_drained {
            tracing::info!(
                target: "bluegate::state", event = "node.drained", node.id = %name,
                "nothing is left on the cordoned node"
            );
        }
    }

    /// Finds out whether scalers with another store make meetings of our tenants.
    async fn other_stores(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let fresh = self.appearances.of(&snapshot.meetings);
        let tenants = self.context.tenants();
        let is_ours = |meeting: &&PolledMeeting| {
            meeting.stamp.as_ref().is_some_and(|stamp| tenants.get(&stamp.tenant).is_some())
        };
        let fresh = fresh.into_iter().filter(is_ours);
        self.context.stores.note(self.context.ledger.store(), fresh).await
    }

    /// Judges every open generation on this node.
    async fn generations(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let ledger = &self.context.ledger;
        let mut asks = self.context.bounds.asks_per_poll;
        for generation in ledger.directory().on_node(&self.node.node.name) {
            let listed = snapshot.meeting_of(&generation).filter(|m| is_it(m, &generation));
            if let Some(meeting) = listed {
                ledger.saw_users(&generation.id, meeting.facts.users);
            }
            let verdict = life::judge(
                &generation,
                if listed.is_some() { Listed::Yes } else { Listed::No },
                snapshot.begun,
                self.patience(),
                clock::now(),
            );
            match verdict {
                Verdict::Nothing => {}
                Verdict::Lives => {
                    if let Some(meeting) = listed {
                        ledger.observed(&generation.id, sign(meeting)).await?;
                    }
                }
                Verdict::Doubt => ledger.doubt(&generation.id).await?,
                Verdict::Unhide => ledger.ending(&generation.id, false).await?,
                Verdict::AskLife | Verdict::AskMeeting if asks == 0 => {}
                Verdict::AskLife | Verdict::AskMeeting => {
                    asks -= 1;
                    if !self.ask(&generation, verdict).await? {
                        // It has stopped answering: the next poll will tell.
                        asks = 0;
                    }
                }
            }
        }
        Ok(())
    }

    /// Asks the node for a generation; its "no such meeting" is the proof. Says
    /// whether it answered.
    async fn ask(&self, generation: &Generation, verdict: Verdict) -> Result<bool, StoreError> {
        let id = match (&generation.internal_meeting_id, verdict) {
            (Some(internal), Verdict::AskLife) => internal,
            _ => &generation.node_meeting_id,
        };
        let asked = clock::now();
        let mut query = RawQuery::default();
        query.append("meetingID", id);
        let call = NodeCall::new(Call::GetMeetingInfo.name(), query);
        let Ok(answer) = self.node.poll(call, self.context.bounds.poll_timeout).await else {
            return Ok(false);
        };
        let ledger = &self.context.ledger;
        if answer.outcome() == Outcome::Failed {
            if answer.key() == Failure::NotFound.key() {
                let booted_at = self.node.booted_at.load(Relaxed);
                ledger.gone(&generation.id, asked, booted_at).await?;
            }
            return Ok(true);
        }
        if verdict == Verdict::AskMeeting
            && let Some(sign) = self.sign_of(&answer, generation)
        {
            ledger.observed(&generation.id, sign).await?;
        }
        Ok(true)
    }

    /// What a getMeetingInfo answer shows of a generation, if it is of it.
    fn sign_of(&self, info: &Answer, generation: &Generation) -> Option<Sign> {
        let facts = MeetingFacts::read(info.root())?;
        let stamp = facts.stamp.as_deref().and_then(|text| Stamp::verify(text, &self.node.secrets));
        let ours = facts.external_id == generation.node_meeting_id
            && stamp.is_none_or(|stamp| is_of(&stamp, generation));
        ours.then(|| Sign {
            internal_meeting_id: facts.internal_id,
            create_time: facts.create_time,
            voice_bridge: facts.voice_bridge,
            description: generation.description.clone(),
        })
    }

    /// Adopts meetings with our stamp that no row stands for.
    async fn strangers(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        for meeting in &snapshot.meetings {
            // A node that is gone is adopted from no more.
            if self.context.node(&self.node.node.name).is_none() {
                return Ok(());
            }
            let directory = self.context.ledger.directory();
            if directory.stands_for(&meeting.facts.internal_id) {
                continue;
            }
            let tenants = self.context.tenants();
            let tenant = meeting.stamp.as_ref().and_then(|s| tenants.get(&s.tenant));
            let Some(tenant) = tenant else { continue };
            let Some(stamp) = meeting.own_stamp(tenant.scope) else { continue };
            let named = stamp.meeting();
            match directory.meeting(&named) {
                Some(open) if open.node == self.node.node.name => {}
                Some(open) => self.twin(meeting, &open, snapshot.begun).await?,
                None => {
                    let wanted = Wanted {
                        meeting: &named,
                        node_meeting_id: ids::node_meeting_id(
                            &stamp.tenant,
                            tenant.scope,
                            &stamp.meeting_id,
                        ),
                        voice_bridge: meeting.facts.voice_bridge.clone(),
                        quota: Quota::default(),
                        wishes: Wishes::default(),
                        is_room: false,
                    };
                    let node = &self.node.node.name;
                    let begun = snapshot.begun;
                    self.context.ledger.adopt(&wanted, node, sign(meeting), begun).await?;
                }
            }
        }
        Ok(())
    }

    /// The meeting that `open` stands for on another node lives here too.
    async fn twin(
        &mut self,
        meeting: &PolledMeeting,
        open: &Generation,
        begun: i64,
    ) -> Result<(), StoreError> {
        let context = &self.context;
        let own = twin::own_copy(context, open, clock::now());
        // Whose scaler does not know of ours would do the same to our copies.
        let resolution = match context.stores.is_foreign(meeting) {
            true => Resolution::KeepBoth,
            false => twins::resolve(own, meeting.facts.users),
        };
        let seen = self.twins.see(&meeting.facts.internal_id, resolution);
        self.splits.push(Split {
            tenant: open.tenant.clone(),
            meeting_id: open.meeting_id.clone(),
            node: open.node.clone(),
            other: self.node.node.name.clone(),
            other_users: meeting.facts.users,
        });
        if seen.is_first {
            context.splits_found.fetch_add(1, Relaxed);
        }
        if seen.is_news {
            tracing::error!(
                target: "bluegate::state", event = "meeting.split",
                tenant.id = %open.tenant, node.id = %self.node.node.name, other.id = %open.node,
                meeting.id = meeting.facts.internal_id, users = meeting.facts.users, ?resolution,
                "a meeting lives on two nodes"
            );
        }
        if !seen.is_sure {
            return Ok(());
        }
        match resolution {
            Resolution::KeepBoth => {}
            Resolution::EndOther => {
                // Memory may be behind what another scaler wrote.
                if context.ledger.is_open(open).await? {
                    twin::end(context, &self.node, meeting).await;
                }
            }
            Resolution::KeepOther => {
                let copy = twin::polled_copy(context, open);
                let kept =
                    context.ledger.keep_other(open, &self.node.node.name, sign(meeting), begun);
                if kept.await?
                    && let Some((node, copy)) = copy
                {
                    twin::end(context, &node, &copy).await;
                }
            }
        }
        Ok(())
    }

    fn patience(&self) -> Patience {
        Patience {
            create: self.context.bounds.create_deadline,
            settle: self.context.bounds.settle_time,
            end: self.context.bounds.end_time,
        }
    }
}

/// Whether a listed meeting is the one a generation stands for. A node may
/// have been given the same ID past us; a stamp settles whose it is.
fn is_it(meeting: &PolledMeeting, generation: &Generation) -> bool {
    let known = generation.internal_meeting_id.is_some();
    known || meeting.stamp.as_ref().is_none_or(|stamp| is_of(stamp, generation))
}

fn is_of(stamp: &Stamp, generation: &Generation) -> bool {
    stamp.tenant == generation.tenant && stamp.meeting_id == generation.meeting_id
}

fn sign(meeting: &PolledMeeting) -> Sign {
    Sign {
        internal_meeting_id: meeting.facts.internal_id.clone(),
        create_time: meeting.facts.create_time,
        voice_bridge: meeting.facts.voice_bridge.clone(),
        description: Some(meeting.shown.clone()),
    }
}
