//! The IDs in what a node tells, as the tenant knows them.

use bluegate_bbb_api::{ids, stamp};
use serde_json::Value;

use super::{Callbacks, rewrite::Restored};

/// How deep JSON of a node may be nested; deeper parts stay as they are.
const MAX_DEPTH: usize = 32;

/// One meeting's two IDs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// What the node calls it; empty where it was not said.
    pub(crate) node_meeting_id: String,
    /// What the tenant calls it.
    pub(crate) meeting_id: String,
}

impl Identity {
    /// The tenant's ID for an ID on the node; a breakout room's stays the one
    /// its node made, and nobody else's comes through.
    pub(crate) fn shown(&self, node_meeting_id: &str) -> Option<String> {
        if self.is_nodes(node_meeting_id) {
            return Some(self.meeting_id.clone());
        }
        match ids::decode(node_meeting_id) {
            ids::Decoded::Plain(id) => Some(id),
            ids::Decoded::Scoped { .. } | ids::Decoded::Hashed { .. } => None,
        }
    }

    /// Whether this is what the node calls it. An empty text never is.
    fn is_nodes(&self, text: &str) -> bool {
        !text.is_empty() && text == self.node_meeting_id
    }

    /// Makes JSON of a node what the tenant may see: its own meeting ID
    /// wherever the node's stands, its own callback URLs, none of our metadata.
    pub(crate) fn show(&self, callbacks: &Callbacks, value: &mut Value) {
        self.show_part(callbacks, value, MAX_DEPTH);
    }

    fn show_part(&self, callbacks: &Callbacks, value: &mut Value, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        match value {
            Value::String(text) if self.is_nodes(text) => {
                text.clone_from(&self.meeting_id);
            }
            Value::String(text) => match callbacks.restored(text) {
                Restored::NotOurs => {}
                Restored::To(target) => *text = target,
                Restored::Lost => text.clear(),
            },
            Value::Array(items) => {
                for item in items {
                    self.show_part(callbacks, item, depth);
                }
            }
            Value::Object(members) => {
                // Analytics are posted with underscores for all that stood there.
                members.retain(|name, _| !stamp::is_ours(&name.replace('_', "-")));
                for member in members.values_mut() {
                    self.show_part(callbacks, member, depth);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_was_not_said_stands_nowhere() {
        let of = |node_meeting_id: &str| Identity {
            node_meeting_id: node_meeting_id.to_owned(),
            meeting_id: "class".to_owned(),
        };
        assert_eq!(of("bg1.physics.class").shown("bg1.physics.class").unwrap(), "class");
        assert_eq!(of("").shown("").unwrap(), "");
        assert_eq!(of("").shown("bg1.physics.class"), None);
    }
}
