//! `bluegate node ...`: the nodes of a cluster and their configuration.

mod arguments;
mod balancer;
mod change;
mod fleet;
mod hook;
mod list;
mod reach;
mod record;
mod run_time;
mod show;

use anstream::{print, println};
use anyhow::Context as _;
use bluegate_config::{Config, NodeEntry};
use bluegate_nodeconf::{Detected, Evidence, Plan};
use bluegate_nodeops::Pending;
use serde::Serialize;

use self::{
    arguments::{LostOptions, PlanOptions},
    fleet::{Fleet, summary},
    reach::{explain, named, reach, target},
};
pub(crate) use self::{
    arguments::{NodeCommand, OneOptions, ReachOptions},
    record::files as record_files,
};
use crate::{
    Outcome,
    admin_command::{ask, print_answer},
    config_command,
    exit::Exit,
};

pub(crate) fn run(command: &NodeCommand) -> Outcome {
    match command {
        NodeCommand::List(options) => list::list(options),
        NodeCommand::Show(options) => list::show(options),
        NodeCommand::Plan(options) => look(options, show::plan),
        NodeCommand::Verify(options) => look(options, show::verification),
        NodeCommand::Apply(options) => change::apply_plan(options),
        NodeCommand::Rollback(options) => change::roll_back(options),
        NodeCommand::Add(options) => run_time::add(options),
        NodeCommand::Remove(options) => run_time::remove(options),
        NodeCommand::Weight(options) => run_time::weight(options),
        NodeCommand::Drain(options) => run_time::drain(options),
        NodeCommand::Cordon(options) => balancer::cordon(options),
        NodeCommand::Uncordon(options) => balancer::uncordon(options),
        NodeCommand::InstallHook(options) => hook::install(options),
        NodeCommand::RemoveHook(options) => hook::remove(options),
        NodeCommand::Reapply(options) => hook::again(options),
        NodeCommand::Record(options) => record::run(options),
        NodeCommand::Lost(options) => lose(options),
    }
}

/// A plan, and what the node waits for from earlier ones.
struct Looked {
    detected: Detected,
    plan: Plan,
    pending: Pending,
}

/// `bluegate node lost`
fn lose(options: &LostOptions) -> Outcome {
    let lost = ask(&options.admin, async |client| client.lose(&options.node).await)?;
    print_answer(&lost, options.json, |lost| {
        format!("{}: {}; its meetings may be created anew\n", options.node, lost.health)
    })?;
    Ok(Exit::Done)
}

/// A plan for programs.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    evidence: &'a [Evidence],
    pending: &'a Pending,
}

impl Looked {
    fn of(
        options: &PlanOptions,
        config: &Config,
        entry: &NodeEntry,
    ) -> Result<Self, anyhow::Error> {
        let machine = reach(&options.node.one, &options.node.reach, entry)?;
        let target = target(&options.node.one, config, entry);
        let looked = target.look(machine.as_ref()).map_err(explain);
        let (detected, plan) =
            looked.with_context(|| format!("cannot plan for `{}`", entry.node.name))?;
        Ok(Self { detected, plan, pending: Pending::read(machine.as_ref())? })
    }

    fn exit(&self) -> Exit {
        let is_done = self.plan.is_empty() && self.pending.services.is_empty();
        if is_done { Exit::Done } else { Exit::Problems }
    }

    fn shown(&self) -> Shown<'_> {
        Shown { plan: &self.plan, evidence: &self.detected.evidence, pending: &self.pending }
    }

    fn text(&self, show: fn(&Detected, &Plan) -> String) -> String {
        show(&self.detected, &self.plan) + &show::waiting(&self.pending, &self.plan)
    }
}

/// `bluegate node plan` and `verify`
fn look(options: &PlanOptions, show: fn(&Detected, &Plan) -> String) -> Outcome {
    let config = config_command::load(&options.node.one.config)?;
    let Some(name) = &options.node.node else { return look_at_all(options, &config, show) };
    let entry = named(name, &options.node.one.config, &config)?;
    let looked = Looked::of(options, &config, entry)?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&looked.shown())?);
    } else {
        print!("{}", looked.text(show));
    }
    Ok(looked.exit())
}

fn look_at_all(
    options: &PlanOptions,
    config: &Config,
    show: fn(&Detected, &Plan) -> String,
) -> Outcome {
    let fleet = Fleet::of(config, options.node.parallel, false)?.json(options.json);
    let outcomes = fleet.each(|entry, _| Looked::of(options, config, entry));
    let looked = || outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().ok());
    if options.json {
        let shown: Vec<_> = looked().map(Looked::shown).collect();
        println!("{}", serde_json::to_string_pretty(&shown)?);
        let mut worst = Exit::Done;
        for (name, outcome) in &outcomes {
            match outcome {
                Ok(looked) if worst == Exit::Done => worst = looked.exit(),
                Ok(_) => {}
                Err(error) => {
                    worst = Exit::Failed;
                    anstream::eprintln!("{name}: failed: {error:#}");
                }
            }
        }
        return Ok(worst);
    }
    for looked in looked() {
        println!("{}", looked.text(show));
    }
    Ok(summary(&outcomes, |looked| {
        let text = match looked.exit() {
            Exit::Done => "nothing to do".to_owned(),
            _ => show::short(&looked.plan, &looked.pending),
        };
        (text, looked.exit())
    }))
}
