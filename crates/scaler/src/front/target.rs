//! Which meeting of a tenant a call is about, and how its node is to be asked.

use std::sync::Arc;

use bluegate_bbb_api::{
    Answer, Document, MeetingFacts, RawQuery, ids, info_from_meeting, show_to_tenant, stamp::Stamp,
};
use bluegate_cluster::{TenantMeetingId, TenantName};
use bluegate_store::{Generation, State};

use crate::{
    callbacks::Callbacks, calls::meeting_id, context::Context, front::intake::ApiRequest,
    health::Health, meetings::room, nodes::NodeHandle,
};

/// A meeting of a tenant that a node may be asked about.
pub(crate) struct Target {
    /// Its node.
    pub(crate) node: Arc<NodeHandle>,
    /// The meeting ID the node is asked with.
    pub(crate) asked: String,
    /// The tenant's own ID for it; absent for a breakout room, whose IDs the
    /// node made and the tenant sees as they are.
    pub(crate) shown: Option<String>,
    /// The generation; absent for a breakout room.
    pub(crate) generation: Option<Arc<Generation>>,
    /// The node's ID of this life, when known.
    pub(crate) internal: Option<String>,
    /// By which the tenant's own callback URLs are shown.
    callbacks: Option<Arc<Callbacks>>,
}

impl Target {
    /// Finds the meeting a tenant calls `given`: its own meeting ID, the whole
    /// internal ID of one of its meetings, or either ID of a breakout room
    /// under one. Never a prefix, never another tenant's.
    pub(crate) async fn find(context: &Context, tenant: &TenantName, given: &str) -> Option<Self> {
        let own = context.ledger.look_up(&TenantMeetingId::new(tenant, given)).await;
        match own.filter(|generation| generation.state != State::Placing) {
            Some(generation) => Self::of_generation(context, generation),
            None => Self::of_breakout(context, tenant, given),
        }
    }

    /// The meeting a request is about, and the ID it was given.
    pub(crate) async fn of(context: &Context, request: &ApiRequest) -> Option<(Self, String)> {
        let given = meeting_id(request)?;
        let target = Self::find(context, &request.tenant.name, &given).await?;
        Some((target, given))
    }

    fn of_generation(context: &Context, generation: Arc<Generation>) -> Option<Self> {
        let node = context.node(&generation.node)?;
        // Gone for frontends, so that they create it anew.
        if node.health() == Health::Lost {
            return None;
        }
        let internal = generation.internal_meeting_id.clone();
        Some(Self {
            node,
            asked: name_for_node(&generation),
            shown: Some(generation.meeting_id.clone()),
            internal,
            generation: Some(generation),
            callbacks: context.callbacks.clone(),
        })
    }

    fn of_breakout(context: &Context, tenant: &TenantName, given: &str) -> Option<Self> {
        let there = |node: &&Arc<NodeHandle>| node.health() != Health::Lost;
        let directory = context.ledger.directory();
        context.nodes().values().filter(there).find_map(|node| {
            let snapshot = node.snapshot();
            let room = snapshot.breakout(given)?;
            let name = &node.node.name;
            // One that is stamped is its tenant's even when what it is under has ended.
            if !room.is_breakout_of(tenant) {
                room::parent_of(directory, tenant, name, room)?;
            }
            let internal = room.facts.internal_id.clone();
            Some(Self {
                node: Arc::clone(node),
                asked: internal.clone(),
                shown: None,
                generation: None,
                internal: Some(internal),
                callbacks: context.callbacks.clone(),
            })
        })
    }

    /// A client's query for this meeting's node: its parameters untouched, but
    /// for the meeting ID where that has another name there.
    pub(crate) fn query(&self, mut parameters: RawQuery, given: &str) -> RawQuery {
        let raw = parameters.all("meetingID").count();
        let same = parameters.get("meetingID").and_then(|value| value.decoded());
        if raw != 1 || same.as_deref() != Some(given) || self.asked != given {
            parameters.replace("meetingID", &self.asked);
        }
        parameters
    }

    /// What was answered about it no longer holds.
    pub(crate) fn changed(&self, context: &Context, tenant: &TenantName) {
        for name in self.shown.iter().chain(&self.internal) {
            context.reads.forget(tenant, name);
        }
    }

    /// Whether a node answered with a meeting of somebody else: such an answer
    /// is not shown, whatever is wrong with the node.
    pub(crate) fn is_foreign(&self, answer: &Answer, tenant: &TenantName) -> bool {
        let stamp = MeetingFacts::read(answer.root()).and_then(|facts| facts.stamp);
        let stamp = stamp.and_then(|text| Stamp::verify(&text, &self.node.secrets));
        stamp.is_some_and(|stamp| stamp.tenant != *tenant)
    }

    /// Makes a node's answer what the tenant may see.
    pub(crate) fn show(&self, answer: &mut Answer) {
        show_to_tenant(answer.root_mut(), self.shown.as_deref());
        if let Some(callbacks) = &self.callbacks {
            callbacks.restore(answer.root_mut());
        }
        if let Some(shown) = &self.shown
            && let Some(message) = answer.root_mut().child_mut("message")
        {
            let text = message.text();
            if self.asked != *shown && text.contains(&self.asked) {
                message.set_text(&text.replace(&self.asked, shown));
            }
        }
    }

    /// What its node last said of it, or what create told, as getMeetingInfo
    /// answers it.
    pub(crate) fn remembered(&self) -> Option<Answer> {
        let internal = self.internal.as_ref()?;
        let snapshot = self.node.snapshot();
        let shown = match snapshot.internal(internal) {
            Some(meeting) => match &self.generation {
                Some(generation) => meeting.shown_as(generation).into_owned(),
                None => meeting.shown.clone(),
            },
            None => self.generation.as_ref()?.description.clone()?,
        };
        Document::parse(&shown).ok().map(|document| info_from_meeting(document.root()))
    }

    /// Whether anybody was in it when its node last said.
    pub(crate) fn was_running(&self) -> bool {
        let remembered = self.remembered();
        remembered.and_then(|info| MeetingFacts::read(info.root())).is_some_and(|f| f.running)
    }
}

/// The ID a node is asked with for a generation: the one it was created with,
/// unless the node could take that for (the start of) some internal ID.
fn name_for_node(generation: &Generation) -> String {
    match &generation.internal_meeting_id {
        Some(internal) if ids::may_be_taken_for_internal(&generation.node_meeting_id) => {
            internal.clone()
        }
        _ => generation.node_meeting_id.clone(),
    }
}
