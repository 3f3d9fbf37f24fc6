//! From a profile and a node to a plan.

mod change;
mod gather;

use std::collections::BTreeMap;

use bluegate_cluster::{Node, Origin};
use bluegate_site::check_same_site;

use super::{Options, Plan, PlanError, Reason, mistakes, rendered::Rendered, warn};
use crate::{
    detect::Detected,
    host::Host,
    placeholders::Placeholders,
    profile::{Format, Profiles, services},
};

/// The list of changes after which `node` serves its client to `cluster`; or,
/// when it is not proxied, after which nothing of ours is left on it.
///
/// # Errors
/// [`PlanError`] when the node cannot be looked at, its release has no profile,
/// it is of another site, or a file cannot be edited safely.
pub fn plan(
    host: &dyn Host,
    detected: &Detected,
    cluster: &Origin,
    node: &Node,
    options: &Options,
) -> Result<Plan, PlanError> {
    plan_by(Profiles::built_in(), host, detected, cluster, node, options)
}

/// The same, by these profiles.
pub(super) fn plan_by(
    profiles: &Profiles,
    host: &dyn Host,
    detected: &Detected,
    cluster: &Origin,
    node: &Node,
    options: &Options,
) -> Result<Plan, PlanError> {
    let cross_site = check_same_site(cluster, &node.origin).err();
    if let Some(cross_site) = cross_site.clone()
        && node.proxied
        && !options.allow_cross_site
    {
        return Err(PlanError::CrossSite(cross_site));
    }
    let profile = profiles.for_release(&detected.release)?;
    let mut planner = Planner {
        profiles,
        host,
        detected,
        node,
        cross_site: cross_site.is_some(),
        is_ours: false,
        placeholders: Placeholders::new(cluster, node),
        edits: BTreeMap::new(),
        warnings: warn::warnings(host, detected, cluster, node, cross_site.as_ref())?,
        not_yet_verified: false,
    };
    planner.gather(profile)?;

    let mut changes = Vec::new();
    let mut findings = Vec::new();
    for (path, edit) in &planner.edits {
        let edited = change::change(host, path, edit)?;
        if let Some(items) = edited.before {
            let judge = mistakes::Judge { detected, cluster, node };
            findings.extend(judge.findings(path, edit, &items));
        }
        changes.extend(edited.change);
        planner.warnings.extend(edited.warnings);
    }
    let named = |name: &String| changes.iter().any(|change| change.restart.contains(name));
    let services: Vec<_> = services().into_iter().filter(|service| named(&service.name)).collect();
    Ok(Plan {
        node: node.name.clone(),
        cluster: cluster.clone(),
        origin: node.origin.clone(),
        proxied: node.proxied,
        release: detected.release.clone(),
        profile: profile.name.clone(),
        daemon_reload: changes.iter().any(|change| change.path.starts_with("/etc/systemd/")),
        hurts_running_meetings: services.iter().any(|service| service.hurts.is_some()),
        services,
        changes,
        findings,
        warnings: planner.warnings,
        not_yet_verified: planner.not_yet_verified,
    })
}

/// What is gathered before anything is changed.
struct Planner<'a> {
    profiles: &'a Profiles,
    host: &'a dyn Host,
    detected: &'a Detected,
    node: &'a Node,
    cross_site: bool,
    /// Whether we have written to this node before.
    is_ours: bool,
    placeholders: Placeholders,
    edits: BTreeMap<String, FileEdit>,
    warnings: Vec<String>,
    not_yet_verified: bool,
}

/// What is to be done in one file.
#[derive(Debug)]
pub(super) struct FileEdit {
    /// How it is written.
    pub(super) format: Format,
    /// Owner and mode when it is new; none for a file that is not ours to make.
    ours: Option<(String, u32)>,
    /// What it shall say.
    pub(super) entries: Vec<Rendered>,
    /// What it shall not say any more, besides what the entries say.
    pub(super) stale: Vec<Stale>,
    /// JSON: what is removed when it says exactly this.
    withdrawn: Vec<Rendered>,
    /// Values changed where they stand, in files of packages.
    pub(super) in_place: Vec<InPlace>,
    /// Whether mounts put into the client's locations by hand are taken out.
    restores_locations: Option<Reason>,
    /// Services that read it only when they start.
    restart: Vec<String>,
}

/// What a file shall not say any more.
#[derive(Debug)]
pub(super) struct Stale {
    /// The key; `*` stands for any text.
    pub(super) key: String,
    /// Why not.
    pub(super) reason: Reason,
}

/// A value in a file of a package.
#[derive(Debug)]
pub(super) struct InPlace {
    /// The key.
    pub(super) key: String,
    /// The value; none removes the key.
    pub(super) value: Option<String>,
    /// Done only where this value stands.
    only_over: Option<String>,
    /// Done only where the key stands at all.
    only_if_said: bool,
    reason: Reason,
}
