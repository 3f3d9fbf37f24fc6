//! What a node lists, as polls found it.

use std::{borrow::Cow, collections::HashMap, ops::Deref, sync::Arc};

use bluegate_bbb_api::{Document, MeetingFacts, ids, show_to_tenant, stamp::Stamp};
use bluegate_cluster::TenantName;
use bluegate_store::Generation;

use crate::placement::{Count, Polled, Totals};

/// What a node said in its last answered poll.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// When that poll began, by our clock; 0 before the first.
    pub(crate) begun: i64,
    listing: Arc<Listing>,
}

/// The meetings that a node lists. Polls that find nothing changed share one.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// As they came.
    pub(crate) meetings: Vec<Arc<PolledMeeting>>,
    by_internal: HashMap<String, usize>,
    by_external: HashMap<String, usize>,
    users_by_stamp: HashMap<TenantName, u64>,
    totals: Totals,
}

/// A meeting in a poll.
#[derive(Debug, PartialEq)]
pub(crate) struct PolledMeeting {
    /// What we use of it.
    pub(crate) facts: MeetingFacts,
    /// Whose it is, by a stamp of this node's secret.
    pub(crate) stamp: Option<Stamp>,
    /// The `<meeting>` element as its tenant may see it.
    pub(crate) shown: String,
}

impl Snapshot {
    /// A poll that began then and found this.
    pub(crate) fn new(begun: i64, listing: Arc<Listing>) -> Self {
        Self { begun, listing }
    }

    /// What it lists: the same one as long as nothing changes.
    pub(crate) fn listing(&self) -> &Arc<Listing> {
        &self.listing
    }
}

impl Deref for Snapshot {
    type Target = Listing;

    fn deref(&self) -> &Listing {
        &self.listing
    }
}

impl Listing {
    pub(crate) fn new(meetings: Vec<Arc<PolledMeeting>>) -> Self {
        let index = |key: fn(&MeetingFacts) -> &String| {
            meetings.iter().enumerate().map(|(i, m)| (key(&m.facts).clone(), i)).collect()
        };
        Self {
            by_internal: index(|facts| &facts.internal_id),
            by_external: index(|facts| &facts.external_id),
            users_by_stamp: users_by_stamp(&meetings),
            totals: totals(&meetings),
            meetings,
        }
    }

    /// The meeting of this internal ID.
    pub(crate) fn internal(&self, internal_meeting_id: &str) -> Option<&Arc<PolledMeeting>> {
        self.by_internal.get(internal_meeting_id).and_then(|&index| self.meetings.get(index))
    }

    /// The meeting a generation is: by its internal ID, or, while that is not
    /// known, by the ID it was created with.
    pub(crate) fn meeting_of(&self, generation: &Generation) -> Option<&Arc<PolledMeeting>> {
        match &generation.internal_meeting_id {
            Some(internal) => self.internal(internal),
            None => self
                .by_external
                .get(&generation.node_meeting_id)
                .and_then(|&index| self.meetings.get(index))
                .filter(|meeting| !meeting.facts.is_breakout),
        }
    }

    /// The meeting that was created with this ID, which may be anybody's.
    pub(crate) fn external(&self, node_meeting_id: &str) -> Option<&Arc<PolledMeeting>> {
        self.by_external.get(node_meeting_id).and_then(|&index| self.meetings.get(index))
    }

    /// Users in the meetings that have a stamp, by the tenants it names.
    pub(crate) fn users_by_stamp(&self) -> &HashMap<TenantName, u64> {
        &self.users_by_stamp
    }

    /// How many breakout rooms there are.
    pub(crate) fn rooms(&self) -> u64 {
        self.meetings.iter().filter(|meeting| meeting.facts.is_breakout).count() as u64
    }

    /// A breakout room, by either of its IDs.
    pub(crate) fn breakout(&self, id: &str) -> Option<&Arc<PolledMeeting>> {
        let index = self.by_internal.get(id).or_else(|| self.by_external.get(id))?;
        self.meetings.get(*index).filter(|meeting| meeting.facts.is_breakout)
    }
}

/// People in a breakout room are counted in its parent, where they still are.
fn users_by_stamp(meetings: &[Arc<PolledMeeting>]) -> HashMap<TenantName, u64> {
    let mut users = HashMap::new();
    for meeting in meetings.iter().filter(|meeting| !meeting.facts.is_breakout) {
        if let Some(stamp) = &meeting.stamp {
            *users.entry(stamp.tenant.clone()).or_default() += u64::from(meeting.facts.users);
        }
    }
    users
}

impl Polled for Listing {
    fn of(&self, generation: &Generation) -> Option<Count> {
        self.meeting_of(generation).map(|meeting| counted(&meeting.facts))
    }

    fn totals(&self) -> Totals {
        self.totals
    }
}

fn counted(facts: &MeetingFacts) -> Count {
    Count { users: facts.users.into(), audio: facts.audio.into(), video: facts.video.into() }
}

fn totals(meetings: &[Arc<PolledMeeting>]) -> Totals {
    let mut totals = Totals::default();
    for meeting in meetings {
        let Count { users, audio, video } = counted(&meeting.facts);
        totals.count.users += users;
        totals.count.audio += audio;
        totals.count.video += video;
        totals.meetings += u64::from(!meeting.facts.is_breakout);
    }
    totals
}

impl PolledMeeting {
    /// Whether it is a breakout room under a meeting of this tenant: BBB
    /// copies the parent's stamp to it.
    pub(crate) fn is_breakout_of(&self, tenant: &TenantName) -> bool {
        self.facts.is_breakout && self.stamp.as_ref().is_some_and(|stamp| stamp.tenant == *tenant)
    }

    /// The element for the tenant of the generation it stands for. A breakout
    /// room that was created through us has a row, and its ID is the tenant's.
    pub(crate) fn shown_as(&self, generation: &Generation) -> Cow<'_, str> {
        let is_own_room = self.facts.is_breakout
            && self.facts.external_id == generation.node_meeting_id
            && generation.node_meeting_id != generation.meeting_id;
        let shown = Cow::Borrowed(self.shown.as_str());
        if !is_own_room {
            return shown;
        }
        Document::parse(&self.shown).map_or(shown, |mut document| {
            show_to_tenant(document.root_mut(), Some(&generation.meeting_id));
            Cow::Owned(document.to_string())
        })
    }

    /// The stamp, when it says that this very meeting was created through us
    /// for the tenant and meeting ID it names.
    pub(crate) fn own_stamp(&self, scope: ids::Scope) -> Option<&Stamp> {
        self.stamp.as_ref().filter(|stamp| {
            !self.facts.is_breakout
                && ids::node_meeting_id(&stamp.tenant, scope, &stamp.meeting_id)
                    == self.facts.external_id
        })
    }
}
