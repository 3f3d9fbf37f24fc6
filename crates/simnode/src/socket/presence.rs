//! A user's presence in a meeting.

use crate::{meeting::UserKey, state::NodeState};

/// Lasts as long as the socket that proves it: leaving must not depend on any
/// future being run to its end.
pub(crate) struct Presence<'a> {
    node: &'a NodeState,
    pub(crate) key: UserKey,
}

impl<'a> Presence<'a> {
    /// The user has connected.
    pub(crate) fn begin(node: &'a NodeState, key: UserKey) -> Self {
        node.change(|meetings, now| meetings.connect(&key, now));
        Self { node, key }
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.node.change(|meetings, now| meetings.disconnect(&self.key, now));
    }
}
