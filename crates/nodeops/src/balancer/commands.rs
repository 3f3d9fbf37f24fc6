//! A balancer that the operator has commands for.

use std::process::{Command, Stdio};

use bluegate_cluster::Node;

use super::{Balancer, BalancerError, Cordon};

/// Longest a command may take, in seconds.
const MAX_SECONDS: u64 = 120;

/// Most characters of what a command said that are shown.
const MAX_SAID: usize = 1000;

/// Commands of the operator's, run here by `sh` with `BLUEGATE_NODE` and
/// `BLUEGATE_NODE_ORIGIN` set. Whether a node was cordoned before they cannot
/// tell.
#[derive(Clone, Debug)]
pub struct Commands {
    /// Keeps new meetings off a node.
    pub cordon: String,
    /// Lets them come again.
    pub uncordon: String,
}

impl Balancer for Commands {
    fn name(&self) -> String {
        "`cordon_command`".to_owned()
    }

    fn cordon(&self, node: &Node) -> Result<Cordon, BalancerError> {
        run(&self.cordon, node).map(|()| Cordon::New)
    }

    fn uncordon(&self, node: &Node) -> Result<(), BalancerError> {
        run(&self.uncordon, node)
    }
}

fn run(command: &str, node: &Node) -> Result<(), BalancerError> {
    let output = Command::new("timeout")
        .args([&MAX_SECONDS.to_string(), "sh", "-c", command])
        .env("BLUEGATE_NODE", node.name.as_str())
        .env("BLUEGATE_NODE_ORIGIN", node.origin.to_string())
        .stdin(Stdio::null())
        .output()
        .map_err(|source| BalancerError::Run { command: command.to_owned(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let length = said.chars().count();
    let said: String = said.chars().skip(length.saturating_sub(MAX_SAID)).collect();
    Err(BalancerError::Command {
        command: command.to_owned(),
        status: output.status.code().unwrap_or(-1),
        said: said.trim().to_owned(),
    })
}
