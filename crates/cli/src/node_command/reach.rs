//! One node, by its name: what it shall be, where it is, who is on it.

use std::path::{Path, PathBuf};

use bluegate_cluster::{Mount, Secret};
use bluegate_config::{Config, NodeEntry};
use bluegate_net::tls;
use bluegate_nodeconf::{CROSS_SITE_LIMIT, DetectError, Options, PlanError};
use bluegate_nodeops::{
    Asker, Local, Machine, MeetingsError, Shell, ShellOptions, Target, TargetError,
    running_meetings,
};

use super::arguments::{OneOptions, ReachOptions};
use crate::{exit::UsageError, serve::secrets};

/// The node's name, where a place is told for many.
const NAME: &str = "{node}";

/// The section of the file that `node` has.
pub(super) fn named<'a>(
    node: &Mount,
    file: &Path,
    config: &'a Config,
) -> Result<&'a NodeEntry, UsageError> {
    config.nodes.iter().find(|entry| entry.node.name == *node).ok_or_else(|| {
        let known: Vec<String> =
            config.nodes.iter().map(|entry| format!("`{}`", entry.node.name)).collect();
        UsageError(format!(
            "`{}` has no [[node]] `{node}`; it has {}",
            file.display(),
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        ))
    })
}

/// What the node shall be.
pub(super) fn target(options: &OneOptions, config: &Config, entry: &NodeEntry) -> Target {
    Target {
        cluster: config.cluster.origin.clone(),
        node: entry.node.clone(),
        release: options.bbb.clone(),
        options: Options { allow_cross_site: options.allow_cross_site },
    }
}

/// The node itself.
pub(super) fn reach(
    options: &OneOptions,
    reach: &ReachOptions,
    entry: &NodeEntry,
) -> Result<Box<dyn Machine>, anyhow::Error> {
    let name = entry.node.name.as_str();
    let root = PathBuf::from(options.root.to_string_lossy().replace(NAME, name));
    let Some(place) = &reach.ssh else {
        return Ok(Box::new(Local::new(&root)));
    };
    let own = entry.node.origin.host().trim_start_matches('[').trim_end_matches(']');
    let place = if place.is_empty() { own.to_owned() } else { place.replace(NAME, name) };
    let root = (root != Path::new("/")).then_some(root);
    let shell = ShellOptions { root, ssh_config: reach.ssh_config.clone(), sudo: reach.sudo };
    Ok(Box::new(Shell::connect(&place, &shell)?))
}

/// Counts a node's meetings.
pub(super) struct Counter {
    asker: Asker,
    entry: NodeEntry,
    secret: Option<Secret>,
}

impl Counter {
    pub(super) fn new(config: &Config, entry: &NodeEntry) -> Result<Self, anyhow::Error> {
        let secret = match &entry.secret_file {
            Some(file) => Some(secrets::read(file)?.swap_remove(0)),
            None => None,
        };
        Ok(Self { asker: asker(config)?, entry: entry.clone(), secret })
    }

    pub(super) fn count(&self) -> Result<usize, MeetingsError> {
        let node = &self.entry.node;
        let secret = self.secret.as_ref();
        let secret = secret.ok_or_else(|| MeetingsError::NoSecret(node.name.clone()))?;
        running_meetings(&self.asker, node, secret)
    }
}

/// Trusts whom the configuration file trusts.
pub(super) fn asker(config: &Config) -> Result<Asker, anyhow::Error> {
    Ok(Asker::new(tls::client_config(config.cluster.node_ca.as_deref())?))
}

/// Says whose it is to mend.
pub(super) fn explain(error: TargetError) -> anyhow::Error {
    match error {
        TargetError::Detect(error @ (DetectError::NoRelease | DetectError::Release(_))) => {
            UsageError(error.to_string()).into()
        }
        TargetError::Detect(error) => error.into(),
        TargetError::Plan(PlanError::CrossSite(error)) => UsageError(format!(
            "{error}, or say `--allow-cross-site`: it sets what can be set, and still {CROSS_SITE_LIMIT}"
        ))
        .into(),
        TargetError::Plan(PlanError::Profile(error)) => UsageError(error.to_string()).into(),
        TargetError::Plan(error) => error.into(),
    }
}
