//! `bluegate node install-hook`, `remove-hook` and `reapply`.

use anstream::{print, println};
use anyhow::Context as _;
use bluegate_config::{Config, NodeEntry};
use bluegate_nodeops::{
    Event, Hook, HookError, Left, Machine, Means, Reapplied, Restart, install_hook, reapply,
    remove_hook,
};

use super::{
    arguments::{HookOptions, ReapplyOptions},
    balancer::{balancer, now},
    change::tell,
    fleet::{Fleet, summary},
    reach::{Counter, named, reach, target},
    show,
};
use crate::{
    Outcome, config_command,
    exit::{Exit, UsageError},
};

/// Where packages put the program.
const PROGRAM: &str = "/usr/bin/bluegate";

/// `bluegate node install-hook`
pub(super) fn install(options: &HookOptions) -> Outcome {
    at(options, |entry, machine, tell| {
        let hook = Hook {
            node: entry.node.name.clone(),
            program: program(options, machine)?,
            config: config_path(options)?,
            allow_cross_site: options.node.one.allow_cross_site,
        };
        install_hook(machine, &hook, tell).map_err(explain)?;
        Ok("looks after its configuration now".to_owned())
    })
}

/// `bluegate node remove-hook`
pub(super) fn remove(options: &HookOptions) -> Outcome {
    at(options, |_, machine, tell| {
        let was_there = remove_hook(machine, tell)?;
        let text = if was_there { "the hook is removed" } else { "there is no hook" };
        Ok(text.to_owned())
    })
}

/// Does `work` at one node or at all.
fn at(
    options: &HookOptions,
    work: impl Fn(&NodeEntry, &dyn Machine, &dyn Fn(&Event)) -> Result<String, anyhow::Error> + Sync,
) -> Outcome {
    let config = config_command::load(&options.node.one.config)?;
    let job = |entry: &NodeEntry, tell: &dyn Fn(&Event)| {
        let machine = reach(&options.node.one, &options.node.reach, entry)?;
        work(entry, machine.as_ref(), tell)
    };
    let Some(name) = &options.node.node else {
        let outcomes = Fleet::of(&config, options.node.parallel, false)?.each(job);
        return Ok(summary(&outcomes, |text| (text.clone(), Exit::Done)));
    };
    let text = job(named(name, &options.node.one.config, &config)?, &tell)?;
    println!("{name}: {text}");
    Ok(Exit::Done)
}

fn explain(error: HookError) -> anyhow::Error {
    match error {
        HookError::Path(_) | HookError::Missing { .. } => {
            UsageError(format!("{error}; `--program` and `--node-config` say where it is there"))
                .into()
        }
        error => error.into(),
    }
}

/// Where the program is on the node.
fn program(options: &HookOptions, machine: &dyn Machine) -> Result<String, anyhow::Error> {
    if let Some(program) = &options.program {
        return Ok(program.clone());
    }
    if machine.is_live() && options.node.reach.ssh.is_none() {
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        return Ok(program.display().to_string());
    }
    Ok(PROGRAM.to_owned())
}

/// Where the configuration file is on the node.
fn config_path(options: &HookOptions) -> Result<String, anyhow::Error> {
    if let Some(config) = &options.node_config {
        return Ok(config.clone());
    }
    Ok(std::path::absolute(&options.node.one.config)?.display().to_string())
}

/// `bluegate node reapply`
pub(super) fn again(options: &ReapplyOptions) -> Outcome {
    let config = config_command::load(&options.one.config)?;
    let entry = named(&options.node, &options.one.config, &config)?;
    let machine = reach(&options.one, &options.reach, entry)?;
    let done = do_again(options, &config, entry, machine.as_ref())?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&done)?);
    } else {
        print!("{}", show::reapplied(entry.node.name.as_str(), &done));
    }
    let waits = !done.pending.services.is_empty();
    let is_yours = matches!(done.left, Some(Left::UnderWay(_) | Left::OtherWish { .. }));
    Ok(if waits || is_yours { Exit::Problems } else { Exit::Done })
}

fn do_again(
    options: &ReapplyOptions,
    config: &Config,
    entry: &NodeEntry,
    machine: &dyn Machine,
) -> Result<Reapplied, anyhow::Error> {
    let balancer = balancer(config, &options.one.config)?;
    let counter = Counter::new(config, entry)?;
    let means = Means {
        count: &|| counter.count(),
        balancer: balancer.as_deref(),
        restart: if options.no_restart { Restart::Harmless } else { Restart::AsPlanned },
    };
    let target = target(&options.one, config, entry);
    reapply(machine, &target, &means, now(), &tell)
        .with_context(|| format!("`{}` is not as it was applied", entry.node.name))
}
