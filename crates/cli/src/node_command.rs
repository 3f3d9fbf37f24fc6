//! `bluegate node ...`: the configuration of nodes.

mod arguments;
mod change;
mod show;

use std::path::Path;

use anstream::{print, println};
use anyhow::Context as _;
use bluegate_cluster::Mount;
use bluegate_config::Config;
use bluegate_nodeconf::{
    DetectError, Detected, Evidence, Folder, Options, Plan, PlanError, detect, plan,
};
use serde::Serialize;

pub(crate) use self::arguments::NodeCommand;
use self::arguments::NodeOptions;
use crate::{
    Outcome, config_command,
    exit::{Exit, UsageError},
};

pub(crate) fn run(command: &NodeCommand) -> Outcome {
    let (options, show): (_, fn(&Detected, &Plan) -> String) = match command {
        NodeCommand::Plan(options) => (options, show::plan),
        NodeCommand::Verify(options) => (options, show::verification),
        NodeCommand::Apply(options) => return change::apply_plan(options),
        NodeCommand::Rollback(options) => return change::roll_back(options),
    };
    let (detected, plan) = make(&options.node)?;
    if options.json {
        let shown = Shown { plan: &plan, evidence: &detected.evidence };
        println!("{}", serde_json::to_string_pretty(&shown)?);
    } else {
        print!("{}", show(&detected, &plan));
    }
    Ok(if plan.is_empty() { Exit::Done } else { Exit::Problems })
}

/// A plan for programs.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    evidence: &'a [Evidence],
}

fn make(options: &NodeOptions) -> Result<(Detected, Plan), anyhow::Error> {
    let config = config_command::load(&options.config)?;
    let node = &named(&options.node, &options.config, &config)?.node;
    let host = Folder::new(&options.root);
    let detected = detect(&host, options.bbb.as_ref()).map_err(explain_detect)?;
    let allowed = Options { allow_cross_site: options.allow_cross_site };
    let plan = plan(&host, &detected, &config.cluster.origin, node, &allowed);
    let plan = plan.map_err(explain_plan);
    Ok((detected, plan.with_context(|| format!("cannot plan for `{}`", node.name))?))
}

/// Says whose it is to mend.
fn explain_detect(error: DetectError) -> anyhow::Error {
    match error {
        error @ (DetectError::NoRelease | DetectError::Release(_)) => {
            UsageError(error.to_string()).into()
        }
        error @ DetectError::Host(_) => error.into(),
    }
}

/// Says whose it is to mend.
fn explain_plan(error: PlanError) -> anyhow::Error {
    match error {
        PlanError::CrossSite(error) => UsageError(format!(
            "{error}, or say `--allow-cross-site`: it sets what can be set, and still fails in private windows and in Safari"
        ))
        .into(),
        PlanError::Profile(error) => UsageError(error.to_string()).into(),
        error => error.into(),
    }
}

fn named<'a>(
    node: &Mount,
    file: &Path,
    config: &'a Config,
) -> Result<&'a bluegate_config::NodeEntry, UsageError> {
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
