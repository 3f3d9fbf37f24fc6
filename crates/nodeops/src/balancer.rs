//! Whom to tell that a node shall get no new meetings.
//!
//! [`Balancer`] is the seam: whatever places meetings stands behind it. There
//! are [`Scalelite`] and the operator's own [`Commands`]; more are made by
//! implementing two methods.

mod commands;
mod scalelite;

use bluegate_cluster::Node;

pub use commands::Commands;
pub use scalelite::{Scalelite, Server};

use crate::http::AskError;

/// What places meetings on nodes.
pub trait Balancer {
    /// Its name in messages.
    fn name(&self) -> String;

    /// Keeps new meetings off `node`. Those that run go on, and so do joins.
    ///
    /// # Errors
    /// [`BalancerError`] when that is not known to have worked.
    fn cordon(&self, node: &Node) -> Result<Cordon, BalancerError>;

    /// Lets new meetings come to `node` again.
    ///
    /// # Errors
    /// [`BalancerError`] when that is not known to have worked.
    fn uncordon(&self, node: &Node) -> Result<(), BalancerError>;
}

/// How a node was when it was cordoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cordon {
    /// It took meetings, as far as we know.
    New,
    /// Somebody had taken it out before, so it is not ours to put back.
    Already,
}

/// A balancer did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum BalancerError {
    /// It did not answer.
    #[error("cannot ask {balancer}")]
    Ask {
        /// Its name.
        balancer: String,
        /// Why not.
        source: AskError,
    },
    /// It refused.
    #[error("{balancer} refuses `{call}`: {said}")]
    Refused {
        /// Its name.
        balancer: String,
        /// What it was told.
        call: String,
        /// What it said.
        said: String,
    },
    /// It does not know the node.
    #[error("{balancer} has no server at `{node}`; it has {known}")]
    Unknown {
        /// Its name.
        balancer: String,
        /// The node's origin.
        node: String,
        /// What it has.
        known: String,
    },
    /// A command failed.
    #[error("`{command}` failed with status {status}: {said}")]
    Command {
        /// The command, as configured.
        command: String,
        /// Its exit status.
        status: i32,
        /// The end of what it said.
        said: String,
    },
    /// A command could not be run.
    #[error("cannot run `{command}`")]
    Run {
        /// The command, as configured.
        command: String,
        /// Why not.
        source: std::io::Error,
    },
}

/// Several, told in order.
impl Balancer for Vec<Box<dyn Balancer>> {
    fn name(&self) -> String {
        self.iter().map(|one| one.name()).collect::<Vec<_>>().join(" and ")
    }

    fn cordon(&self, node: &Node) -> Result<Cordon, BalancerError> {
        let mut cordon = Cordon::Already;
        for one in self {
            if one.cordon(node)? == Cordon::New {
                cordon = Cordon::New;
            }
        }
        Ok(cordon)
    }

    fn uncordon(&self, node: &Node) -> Result<(), BalancerError> {
        self.iter().try_for_each(|one| one.uncordon(node))
    }
}
