//! getMeetings and getSessions: from our own state, never by asking nodes.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use bluegate_bbb_api::Answer;
use bluegate_cluster::Mount;
use bluegate_store::{Generation, State};

use crate::{
    context::Context,
    front::{intake::ApiRequest, reply::Reply},
    meetings::room,
    nodes::{self, Snapshot},
};

/// The tenant's meetings: what their nodes last said of them or, until a poll
/// lists them, what create told; and the breakout rooms under them.
pub(crate) fn meetings(context: &Context, request: &ApiRequest) -> Reply {
    let tenant = &request.tenant.name;
    let directory = context.ledger.directory();
    let (all, open) = (context.nodes(), directory.of_tenant(tenant));
    // Looked at once, not once for each of their meetings.
    let said: HashMap<&Mount, Arc<Snapshot>> =
        all.iter().map(|(name, node)| (name, node.snapshot())).collect();
    let lost = nodes::lost(&all);
    let shown = open.iter().filter_map(|generation| {
        if !is_there(generation) || lost.contains(&generation.node) {
            return None;
        }
        let polled = said.get(&generation.node).and_then(|snapshot| {
            let internal = generation.internal_meeting_id.as_ref()?;
            Some(snapshot.internal(internal)?.shown_as(generation))
        });
        polled.or_else(|| generation.description.as_deref().map(Cow::Borrowed))
    });
    let rooms = all.keys().filter(|name| !lost.contains(name)).flat_map(|name| {
        let meetings = said.get(name).into_iter().flat_map(|snapshot| &snapshot.meetings);
        let rooms = meetings.filter(|meeting| {
            let parent = room::parent_of(directory, tenant, name, meeting);
            parent.is_some_and(|parent| is_there(&parent) && !lost.contains(&parent.node))
                // A room that was created through us has a row and is listed.
                && !directory.stands_for(&meeting.facts.internal_id)
        });
        rooms.map(|room| Cow::Borrowed(room.shown.as_str()))
    });
    Reply::Xml(Answer::meetings(shown.chain(rooms)))
}

/// No tenant sees the sessions of another, and nodes do not say whose they are.
pub(crate) fn sessions() -> Reply {
    Answer::no_sessions().into()
}

/// Whether a meeting lives and is not about to end. What is on a lost node is
/// gone for frontends besides: only then do they create it anew.
fn is_there(generation: &Generation) -> bool {
    generation.state == State::Live && generation.end_requested_at.is_none()
}
