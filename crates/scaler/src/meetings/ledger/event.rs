//! One event of the log for each change of a meeting, once it is written.
//!
//! Nothing in them is personal: a meeting is BBB's internal ID of its life, its
//! tenant and its node.

use std::sync::Arc;

use bluegate_cluster::Mount;
use bluegate_store::{Generation, State};

/// What became of a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Became {
    /// Its node said that it lives.
    Created,
    /// It is over.
    Ended,
    /// It went with its node, or with its node's last boot.
    Lost,
    /// It is placed anew, or goes on in its copy on another node.
    Moved,
}

/// Says what these rows, written together, are that they were not before.
pub(super) fn tell(written: &[(Option<Arc<Generation>>, Generation)]) {
    if let [(_, former), (None, next)] = written
        && became(None, former, Some(next)) == Some(Became::Moved)
    {
        return moved(former, &next.node);
    }
    for (before, after) in written {
        let (tenant, node) = (&after.tenant, &after.node);
        let id = after.internal_meeting_id.as_deref();
        match became(before.as_deref(), after, None) {
            Some(Became::Created) => tracing::info!(
                target: "bluegate::state", event = "meeting.created",
                node.id = %node, tenant.id = %tenant, meeting.id = id, "a meeting was created"
            ),
            Some(Became::Ended) => tracing::info!(
                target: "bluegate::state", event = "meeting.ended",
                node.id = %node, tenant.id = %tenant, meeting.id = id, "a meeting has ended"
            ),
            Some(Became::Lost) => lost(after),
            Some(Became::Moved) | None => {}
        }
    }
}

/// A meeting is placed anew because its node was lost.
pub(super) fn moved(former: &Generation, to: &Mount) {
    tracing::warn!(
        target: "bluegate::state", event = "meeting.moved",
        node.id = %former.node, to.id = %to, tenant.id = %former.tenant,
        meeting.id = former.internal_meeting_id, "a meeting goes on elsewhere"
    );
}

/// A meeting is on no node any more, and nobody knows that it ended.
pub(super) fn lost(meeting: &Generation) {
    tracing::warn!(
        target: "bluegate::state", event = "meeting.lost",
        node.id = %meeting.node, tenant.id = %meeting.tenant,
        meeting.id = meeting.internal_meeting_id, "a meeting is gone with its node"
    );
}

/// A meeting that runs was found on a node.
pub(super) fn adopted(meeting: &Generation) {
    tracing::info!(
        target: "bluegate::state", event = "meeting.adopted",
        node.id = %meeting.node, tenant.id = %meeting.tenant,
        meeting.id = meeting.internal_meeting_id, "a running meeting was adopted"
    );
}

fn became(
    before: Option<&Generation>,
    after: &Generation,
    next: Option<&Generation>,
) -> Option<Became> {
    let was = before.map(|before| before.state);
    match (after.state, next) {
        (State::Superseded, Some(next)) if next.state == State::Live => Some(Became::Moved),
        (State::Superseded, _) if was == Some(State::Live) => Some(Became::Lost),
        (State::Live, _) if was != Some(State::Live) => Some(Became::Created),
        (State::Ended, _) if after.live_at.is_some() && was != Some(State::Ended) => {
            Some(Became::Ended)
        }
        _ => None,
    }
}
