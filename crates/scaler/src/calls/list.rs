//! getMeetings and getSessions: from our own state, never by asking nodes.

use std::sync::Arc;

use bluegate_bbb_api::{Answer, stamp::Stamp};
use bluegate_store::{Generation, State};

use crate::{
    context::Context,
    front::{intake::ApiRequest, reply::Reply},
    health::Health,
};

/// The tenant's meetings: what their nodes last said of them or, until a poll
/// lists them, what create told; and the breakout rooms under them.
pub(crate) fn meetings(context: &Context, request: &ApiRequest) -> Reply {
    let tenant = &request.tenant.name;
    let visible = context.ledger.directory().of_tenant(tenant);
    let visible: Vec<Arc<Generation>> =
        visible.into_iter().filter(|generation| is_visible(context, generation)).collect();
    let mut shown = Vec::with_capacity(visible.len());
    for generation in &visible {
        let polled = context.node(&generation.node).and_then(|node| {
            let snapshot = node.snapshot();
            let internal = generation.internal_meeting_id.as_ref()?;
            Some(snapshot.internal(internal)?.shown_as(generation))
        });
        shown.extend(polled.or_else(|| generation.description.clone()));
    }
    for node in context.nodes().values().filter(|node| node.health() != Health::Lost) {
        let snapshot = node.snapshot();
        let rooms = snapshot.meetings.iter().filter(|meeting| {
            meeting.is_breakout_of(tenant)
                && meeting.stamp.as_ref().is_some_and(|stamp| has_parent(context, stamp))
                // A room that was created through us has a row and is listed.
                && !context.ledger.directory().stands_for(&meeting.facts.internal_id)
        });
        shown.extend(rooms.map(|room| room.shown.clone()));
    }
    Reply::Xml(Answer::meetings(shown.iter().map(String::as_str)))
}

/// No tenant sees the sessions of another, and nodes do not say whose they are.
pub(crate) fn sessions() -> Reply {
    Answer::no_sessions().into()
}

/// What is on a lost node is gone for frontends: only then do they create it
/// anew.
fn is_visible(context: &Context, generation: &Generation) -> bool {
    generation.state == State::Live
        && generation.end_requested_at.is_none()
        && !context.is_lost(&generation.node)
}

fn has_parent(context: &Context, stamp: &Stamp) -> bool {
    let parent = context.ledger.directory().meeting(&stamp.meeting());
    parent.is_some_and(|parent| is_visible(context, &parent))
}
