//! What somebody who looked at a node from outside thinks of it.

use crate::Mount;

/// A judgement about one node, by the doctor for instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The node.
    pub node: Mount,
    /// What is wrong that hurts users, by names that keep their meaning.
    pub problems: Vec<String>,
    /// Whether something of it is wrong with this node and with no more than a
    /// tenth of the others: only then may somebody act on it, since what is
    /// wrong everywhere is no reason to prefer another node.
    pub alone: bool,
}

impl Verdict {
    /// Whether users of this node are well.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.problems.is_empty()
    }
}
