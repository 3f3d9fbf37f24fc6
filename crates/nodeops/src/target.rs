//! Where a node shall be brought.

use bluegate_cluster::{BbbVersion, Node, Origin};
use bluegate_nodeconf::{DetectError, Detected, Host, Options, Plan, PlanError, detect, plan};

/// A node and the cluster it belongs to: enough to plan again at any time.
#[derive(Clone, Debug)]
pub struct Target {
    /// The cluster's origin.
    pub cluster: Origin,
    /// The node.
    pub node: Node,
    /// Its release, when it is stated rather than detected.
    pub release: Option<BbbVersion>,
    /// What may be planned.
    pub options: Options,
}

/// Nothing can be planned.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The node's release cannot be told.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// There is no plan for it.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl Target {
    /// What has to be done to `host`.
    ///
    /// # Errors
    /// [`TargetError`] when nothing can be planned.
    pub fn plan(&self, host: &dyn Host) -> Result<Plan, TargetError> {
        self.look(host).map(|(_, plan)| plan)
    }

    /// What `host` is, and what has to be done to it.
    ///
    /// # Errors
    /// [`TargetError`] when nothing can be planned.
    pub fn look(&self, host: &dyn Host) -> Result<(Detected, Plan), TargetError> {
        let detected = detect(host, self.release.as_ref())?;
        let plan = plan(host, &detected, &self.cluster, &self.node, &self.options)?;
        Ok((detected, plan))
    }

    /// What has to be done to `host` so that nothing of ours is left on it.
    pub(crate) fn plan_removal(&self, host: &dyn Host) -> Result<Plan, TargetError> {
        let node = Node { proxied: false, ..self.node.clone() };
        Self { node, ..self.clone() }.plan(host)
    }
}
