//! Who keeps recordings: a node, or the balancer that recordings were left with.
//!
//! This is the seam for storage of our own: it becomes one more keeper, which is
//! asked, written to and listed as these are.

use std::sync::Arc;

use bluegate_cluster::Mount;

use crate::{context::Context, health::Health, nodes::NodeHandle};

/// What stands for the delegate in the store: no node has a slash in its name.
const DELEGATE: &str = "/delegate";

/// Who keeps a recording.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Keeper {
    /// A node of the cluster.
    Node(Mount),
    /// The server of `[recordings] delegate`.
    Delegate,
}

/// How good a keeper is to be shown from; the least first.
pub(crate) type Rank = u8;

impl Keeper {
    /// Its word in the store.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Node(name) => name.as_str(),
            Self::Delegate => DELEGATE,
        }
    }

    /// Its word for people: a node's name, or `delegate`.
    pub(crate) fn word(&self) -> &str {
        self.as_str().trim_start_matches('/')
    }

    /// The keeper of this word.
    pub(crate) fn named(text: &str) -> Option<Self> {
        if text == DELEGATE {
            return Some(Self::Delegate);
        }
        text.parse().ok().map(Self::Node)
    }

    /// How it is called; absent when it is not configured any more.
    pub(crate) fn handle(&self, context: &Context) -> Option<Arc<NodeHandle>> {
        match self {
            Self::Node(name) => context.node(name),
            Self::Delegate => context.recordings.delegate(),
        }
    }

    /// How good it is to be shown from; absent when what it has is not to be
    /// seen, because it is not configured any more. What a lost node has is still
    /// listed: it is not gone, and frontends forget what is not in the list.
    pub(crate) fn rank(&self, context: &Context) -> Option<Rank> {
        let handle = self.handle(context)?;
        Some(match (self, handle.health()) {
            (Self::Delegate, _) => 0,
            (Self::Node(_), Health::Healthy) => 1,
            (Self::Node(_), Health::Suspect) => 2,
            (Self::Node(_), Health::Lost) => 3,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_keepers_come_back() {
        for keeper in [Keeper::Node("delegate".parse().unwrap()), Keeper::Delegate] {
            assert_eq!(Keeper::named(keeper.as_str()), Some(keeper));
        }
        assert_eq!(Keeper::named("No Node"), None);
    }
}
