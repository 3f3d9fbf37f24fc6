//! Rows that tests begin from.

use bluegate_cluster::Mount;
use bluegate_store::{Generation, State};

/// A meeting of tenant `default`, with the same ID on its node: whatever a test does
/// not care for is zero or absent.
pub(crate) fn generation(node: &Mount, meeting_id: &str, state: State) -> Generation {
    Generation {
        id: meeting_id.to_owned(),
        tenant: "default".parse().unwrap(),
        meeting_id: meeting_id.to_owned(),
        node: node.clone(),
        node_meeting_id: meeting_id.to_owned(),
        state,
        internal_meeting_id: None,
        create_time: None,
        voice_bridge: None,
        in_flight: 0,
        attempted_at: 0,
        first_answered: true,
        reserved: 0,
        description: None,
        created_at: 0,
        live_at: None,
        end_requested_at: None,
        ended_at: None,
    }
}
