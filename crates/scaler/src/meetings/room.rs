//! Whose a breakout room is. A node makes it by itself, with the metadata of the
//! meeting it is under.

use std::sync::Arc;

use bluegate_cluster::{Mount, TenantMeetingId, TenantName};
use bluegate_store::Generation;

use crate::{meetings::directory::Directory, nodes::PolledMeeting};

/// The tenant's meeting that a breakout room at `node` is under. A room says so by
/// the stamp that it has from there; where the meeting was not created through us
/// and has none, by the internal ID of the meeting at the same node.
pub(crate) fn parent_of(
    directory: &Directory,
    tenant: &TenantName,
    node: &Mount,
    room: &PolledMeeting,
) -> Option<Arc<Generation>> {
    if !room.facts.is_breakout {
        return None;
    }
    match &room.stamp {
        Some(stamp) => directory.meeting(&stamp.meeting()).filter(|_| stamp.tenant == *tenant),
        None => {
            let internal = TenantMeetingId::new(tenant, room.facts.parent.as_ref()?);
            directory.internal(&internal).filter(|parent| parent.node == *node)
        }
    }
}
