//! `bluegate node apply` and `rollback`.

use std::{io::IsTerminal as _, path::Path, time::SystemTime};

use anstream::{eprint, eprintln, print, println};
use anyhow::{Context as _, bail};
use bluegate_config::{Config, NodeEntry};
use bluegate_net::tls;
use bluegate_nodeconf::Options;
use bluegate_nodeops::{
    Asker, Event, Local, Machine, Restart, RolledBack, Shell, ShellOptions, Target, TargetError,
    apply, recover, rollback, running_meetings,
};

use super::{
    arguments::{ApplyOptions, NodeOptions, ReachOptions, RollbackOptions},
    explain_detect, explain_plan, named, show,
};
use crate::{
    Outcome, config_command,
    exit::{Exit, UsageError},
    serve::secrets,
};

/// `bluegate node apply`
pub(super) fn apply_plan(options: &ApplyOptions) -> Outcome {
    let config = config_command::load(&options.plan.config)?;
    let entry = named(&options.plan.node, &options.plan.config, &config)?;
    let target = target(&options.plan, &config, entry);
    let machine = reach(&options.plan, &options.reach, entry)?;
    let restart = if options.no_restart { Restart::Never } else { Restart::AsPlanned };

    if let Some(undone) = recover(machine.as_ref(), &target, Restart::Never, &tell)? {
        eprintln!("an earlier apply was cut off and has been undone first");
        print!("{}", files(&undone));
    }
    let plan = target.plan(machine.as_ref()).map_err(|error| match error {
        TargetError::Detect(error) => explain_detect(error),
        TargetError::Plan(error) => explain_plan(error),
    })?;
    if plan.is_empty() {
        println!("{}: nothing to do", plan.node);
        return Ok(Exit::Done);
    }
    let detected = bluegate_nodeconf::detect(machine.as_ref(), target.release.as_ref())?;
    print!("{}", show::plan(&detected, &plan));

    let hurts = machine.is_live() && !options.no_restart && plan.hurts_running_meetings;
    if hurts && !options.force {
        refuse_while_meetings_run(&config, entry)?;
    }
    if !options.yes && !is_agreed("Apply this?")? {
        println!("nothing was changed");
        return Ok(Exit::Done);
    }
    let applied = apply(machine.as_ref(), &plan, restart, SystemTime::now(), &|| Ok(()), &tell)
        .with_context(|| format!("cannot apply to `{}`", plan.node))?;
    println!("{}: applied, {} files", plan.node, applied.files);
    if machine.is_live() && options.no_restart && !plan.services.is_empty() {
        let names: Vec<&str> = plan.services.iter().map(|service| service.name.as_str()).collect();
        println!("pending, since nothing was restarted: {}", names.join(", "));
    }
    println!("undo it with `bluegate node rollback {}`", plan.node);
    Ok(Exit::Done)
}

/// `bluegate node rollback`
pub(super) fn roll_back(options: &RollbackOptions) -> Outcome {
    let config = config_command::load(&options.plan.config)?;
    let entry = named(&options.plan.node, &options.plan.config, &config)?;
    let target = target(&options.plan, &config, entry);
    let machine = reach(&options.plan, &options.reach, entry)?;
    if machine.is_live() && !options.no_restart && !options.force {
        refuse_while_meetings_run(&config, entry)?;
    }
    let question = format!("Undo the last apply on `{}`?", entry.node.name);
    if !options.yes && !is_agreed(&question)? {
        println!("nothing was changed");
        return Ok(Exit::Done);
    }
    let restart = if options.no_restart { Restart::Never } else { Restart::AsPlanned };
    match rollback(machine.as_ref(), &target, restart, &tell)
        .with_context(|| format!("cannot roll `{}` back", entry.node.name))?
    {
        Some(undone) => {
            println!("{}: undone what was applied at {}", entry.node.name, undone.time);
            print!("{}", files(&undone));
        }
        None => println!("{}: nothing to undo", entry.node.name),
    }
    Ok(Exit::Done)
}

fn files(undone: &RolledBack) -> String {
    undone.files.iter().map(|(path, undone)| format!("  {path} {undone}\n")).collect()
}

fn tell(event: &Event) {
    eprintln!("{event}");
}

fn target(options: &NodeOptions, config: &Config, entry: &NodeEntry) -> Target {
    Target {
        cluster: config.cluster.origin.clone(),
        node: entry.node.clone(),
        release: options.bbb.clone(),
        options: Options { allow_cross_site: options.allow_cross_site },
    }
}

fn reach(
    options: &NodeOptions,
    reach: &ReachOptions,
    entry: &NodeEntry,
) -> Result<Box<dyn Machine>, anyhow::Error> {
    let Some(place) = &reach.ssh else {
        return Ok(Box::new(Local::new(&options.root)));
    };
    let own = entry.node.origin.host().trim_start_matches('[').trim_end_matches(']');
    let place = if place.is_empty() { own } else { place };
    let root = (options.root != Path::new("/")).then(|| options.root.clone());
    let shell = ShellOptions { root, ssh_config: reach.ssh_config.clone(), sudo: reach.sudo };
    Ok(Box::new(Shell::connect(place, &shell)?))
}

/// Restarting ends or disturbs what runs, so nothing may.
fn refuse_while_meetings_run(config: &Config, entry: &NodeEntry) -> Result<(), anyhow::Error> {
    let name = &entry.node.name;
    let Some(file) = &entry.secret_file else {
        bail!(UsageError(format!(
            "[[node]] `{name}` has no `secret_file`, so its meetings cannot be counted: add it, \
             or say `--force` or `--no-restart`"
        )));
    };
    let mut secrets = secrets::read(file)?;
    let asker = Asker::new(tls::client_config(config.cluster.node_ca.as_deref())?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let count = runtime
        .block_on(running_meetings(&asker, &entry.node, &secrets.swap_remove(0)))
        .context("whether meetings run cannot be told; `--force` does without")?;
    if count > 0 {
        let plural = if count == 1 { "meeting runs" } else { "meetings run" };
        bail!(
            "{count} {plural} on `{name}`, and restarting services would disturb them: wait until \
             they ended, or say `--force`, or `--no-restart` to write the files only"
        );
    }
    Ok(())
}

/// Asks on the terminal; without one somebody has to have said so before.
fn is_agreed(question: &str) -> Result<bool, anyhow::Error> {
    if !std::io::stdin().is_terminal() {
        bail!(UsageError("there is no terminal to ask on: say `--yes`".to_owned()));
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
