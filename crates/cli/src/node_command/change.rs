//! `bluegate node apply` and `rollback`.

use std::io::IsTerminal as _;

use anstream::{eprint, eprintln, print, println};
use anyhow::{Context as _, bail};
use bluegate_config::{Balancer, Config, NodeEntry};
use bluegate_nodeconf::{Detected, Plan};
use bluegate_nodeops::{
    ApplyError, Drain, Event, Machine, Pending, Restart, RollbackError, RolledBack, Target, apply,
    drained, recover, rollback,
};

use super::{
    arguments::ChangeOptions,
    balancer::{Patience, needed, now},
    fleet::{Fleet, Outcomes, summary},
    reach::{Counter, explain, named, reach, target},
    show,
};
use crate::{
    Outcome, config_command,
    exit::{Exit, UsageError},
};

/// What is common to the nodes of one command.
struct Change<'a> {
    config: &'a Config,
    options: &'a ChangeOptions,
    /// Of a drain.
    patience: Option<Patience>,
}

/// What is to be done at a node.
enum Prepared {
    Nothing,
    Plan(Box<(Detected, Plan, Pending)>),
}

/// `bluegate node apply`
pub(super) fn apply_plan(options: &ChangeOptions) -> Outcome {
    let config = config_command::load(&options.node.one.config)?;
    let change = Change::new(&config, options)?;
    let Some(name) = &options.node.node else { return change.apply_to_all() };
    let entry = named(name, &options.node.one.config, &config)?;
    let machine = change.reach(entry)?;
    let Prepared::Plan(prepared) = change.prepare(entry, machine.as_ref(), &tell)? else {
        println!("{name}: nothing to do");
        return Ok(Exit::Done);
    };
    let (detected, plan, due) = *prepared;
    print!("{}{}", show::plan(&detected, &plan), show::waiting(&due, &plan));
    change.refuse_while_meetings_run(entry, machine.as_ref(), due.hurts())?;
    if !options.yes && !is_agreed("Apply this?")? {
        println!("nothing was changed");
        return Ok(Exit::Done);
    }
    let pending = change.apply(entry, machine.as_ref(), &plan, &tell)?;
    println!("{name}: {}", applied(&plan));
    if !pending.services.is_empty() {
        println!("pending, since nothing was restarted: {}", pending.names());
    }
    if !plan.is_empty() {
        println!("undo it with `bluegate node rollback {name}`");
    }
    Ok(Exit::Done)
}

/// `bluegate node rollback`
pub(super) fn roll_back(options: &ChangeOptions) -> Outcome {
    let config = config_command::load(&options.node.one.config)?;
    let change = Change::new(&config, options)?;
    let Some(name) = &options.node.node else { return change.roll_all_back() };
    let entry = named(name, &options.node.one.config, &config)?;
    let machine = change.reach(entry)?;
    change.refuse_while_meetings_run(entry, machine.as_ref(), true)?;
    if !options.yes && !is_agreed(&format!("Undo the last apply on `{name}`?"))? {
        println!("nothing was changed");
        return Ok(Exit::Done);
    }
    match change.roll_back(entry, machine.as_ref(), &tell)? {
        Some(undone) => {
            println!("{name}: undone what was applied at {}", undone.time);
            print!("{}", files(&undone));
        }
        None => println!("{name}: nothing to undo"),
    }
    Ok(Exit::Done)
}

impl<'a> Change<'a> {
    fn new(config: &'a Config, options: &'a ChangeOptions) -> Result<Self, anyhow::Error> {
        // Said before anything is looked at, let alone asked.
        if options.drain {
            needed(config, &options.node.one.config)?;
        }
        let patience = if options.drain { Some(Patience::new()?) } else { None };
        Ok(Self { config, options, patience })
    }

    fn reach(&self, entry: &NodeEntry) -> Result<Box<dyn Machine>, anyhow::Error> {
        let node = &self.options.node;
        let machine = reach(&node.one, &node.reach, entry)?;
        if self.options.drain && !machine.is_live() {
            bail!(UsageError(
                "an image has no meetings: `--drain` is for nodes that run".to_owned()
            ));
        }
        Ok(machine)
    }

    fn target(&self, entry: &NodeEntry) -> Target {
        target(&self.options.node.one, self.config, entry)
    }

    fn restart(&self) -> Restart {
        if self.options.no_restart { Restart::Never } else { Restart::AsPlanned }
    }

    /// What is to be done at a node, after an apply that was cut off is undone.
    fn prepare(
        &self,
        entry: &NodeEntry,
        machine: &dyn Machine,
        tell: &dyn Fn(&Event),
    ) -> Result<Prepared, anyhow::Error> {
        let target = self.target(entry);
        let undone =
            locked(machine, || Ok(recover(machine, &target, Restart::Never, now(), tell)?))?;
        if let Some(undone) = undone {
            eprintln!("an earlier apply was cut off and has been undone first");
            eprint!("{}", files(&undone));
        }
        let (detected, plan) = target.look(machine).map_err(explain)?;
        let due = Pending::read(machine)?.with(plan.daemon_reload, &plan.services);
        let waits = due.daemon_reload || !due.services.is_empty();
        if plan.is_empty() && (!waits || self.options.no_restart) {
            return Ok(Prepared::Nothing);
        }
        Ok(Prepared::Plan(Box::new((detected, plan, due))))
    }

    /// Restarting ends or disturbs what runs, so nothing may.
    fn refuse_while_meetings_run(
        &self,
        entry: &NodeEntry,
        machine: &dyn Machine,
        hurts: bool,
    ) -> Result<(), anyhow::Error> {
        let ChangeOptions { drain, force, no_restart, .. } = self.options;
        if !machine.is_live() || !hurts || *drain || *force || *no_restart {
            return Ok(());
        }
        let name = &entry.node.name;
        if entry.secret_file.is_none() {
            bail!(UsageError(format!(
                "[[node]] `{name}` has no `secret_file`, so its meetings cannot be counted: add it, \
                 or say `--force` or `--no-restart`"
            )));
        }
        let count = Counter::new(self.config, entry)?
            .count()
            .context("whether meetings run cannot be told; `--force` does without")?;
        if count > 0 {
            let plural = if count == 1 { "meeting runs" } else { "meetings run" };
            bail!(
                "{count} {plural} on `{name}`, and restarting services would disturb them: wait until \
                 they ended, have `--drain` wait, or say `--force`, or `--no-restart` to write the files only"
            );
        }
        Ok(())
    }

    /// Applies what was shown, and says what then waits.
    fn apply(
        &self,
        entry: &NodeEntry,
        machine: &dyn Machine,
        plan: &Plan,
        tell: &dyn Fn(&Event),
    ) -> Result<Pending, anyhow::Error> {
        let work = || {
            locked(machine, || {
                let applied = apply(machine, plan, self.restart(), now(), &|| Ok(()), tell);
                let applied =
                    applied.with_context(|| format!("cannot apply to `{}`", plan.node))?;
                Ok(applied.pending)
            })
        };
        self.while_drained(entry, machine, tell, work)
    }

    fn roll_back(
        &self,
        entry: &NodeEntry,
        machine: &dyn Machine,
        tell: &dyn Fn(&Event),
    ) -> Result<Option<RolledBack>, anyhow::Error> {
        let target = self.target(entry);
        let work = || {
            locked(machine, || {
                rollback(machine, &target, self.restart(), now(), tell)
                    .with_context(|| format!("cannot roll `{}` back", entry.node.name))
            })
        };
        self.while_drained(entry, machine, tell, work)
    }

    /// Does `work`, on a drained node when that was said.
    fn while_drained<T>(
        &self,
        entry: &NodeEntry,
        machine: &dyn Machine,
        tell: &dyn Fn(&Event),
        work: impl FnOnce() -> Result<T, anyhow::Error>,
    ) -> Result<T, anyhow::Error> {
        let Some(patience) = &self.patience else { return work() };
        let balancer = needed(self.config, &self.options.node.one.config)?;
        let counter = Counter::new(self.config, entry)?;
        // Where our own scaler places meetings, the file need have no `[balancer]`.
        let section = self.config.balancer.as_ref();
        let longest = section.map_or(Balancer::DRAIN_TIMEOUT, |section| section.drain_timeout);
        let drain = Drain {
            balancer: balancer.as_ref(),
            count: &|| counter.count(),
            longest,
            wait: &|time| patience.wait(time),
        };
        let leaves = |error: &anyhow::Error| {
            let apply = error.downcast_ref::<ApplyError>();
            matches!(apply, Some(ApplyError::HalfWay { .. }))
                || error.downcast_ref::<RollbackError>().is_some()
        };
        drained(machine, &entry.node, &drain, now(), tell, work, leaves)
    }

    /// Plans everywhere, asks once, applies where something is to be done.
    fn apply_to_all(&self) -> Outcome {
        let node = &self.options.node;
        let fleet = || Fleet::of(self.config, node.parallel, self.options.drain);
        let prepared = fleet()?.each(|entry, tell| {
            let machine = self.reach(entry)?;
            let prepared = self.prepare(entry, machine.as_ref(), tell)?;
            if let Prepared::Plan(prepared) = &prepared {
                self.refuse_while_meetings_run(entry, machine.as_ref(), prepared.2.hurts())?;
            }
            Ok(prepared)
        });
        let told = |prepared: &Prepared| match prepared {
            Prepared::Nothing => ("nothing to do".to_owned(), Exit::Done),
            Prepared::Plan(prepared) => (show::short(&prepared.1, &prepared.2), Exit::Done),
        };
        summary(&prepared, told);
        let (mut plans, mut outcomes) = (Vec::new(), Outcomes::new());
        for (name, prepared) in prepared {
            match prepared {
                Ok(Prepared::Plan(prepared)) => plans.push((name, prepared.1)),
                Ok(Prepared::Nothing) => outcomes.push((name, Ok("nothing to do".to_owned()))),
                Err(error) => outcomes.push((name, Err(error))),
            }
        }
        let names: Vec<_> = plans.iter().map(|(name, _)| name.clone()).collect();
        if !plans.is_empty() {
            println!("\n`bluegate node plan NODE` shows what has to change on one, line by line.");
            let plural = if plans.len() == 1 { "node" } else { "nodes" };
            let question = format!("Apply this to {} {plural}?", plans.len());
            if !self.options.yes && !is_agreed(&question)? {
                println!("nothing was changed");
                return Ok(Exit::Done);
            }
        }
        outcomes.extend(fleet()?.only(&names).each(|entry, tell| {
            let machine = self.reach(entry)?;
            let plan = plans.iter().find(|(name, _)| *name == entry.node.name);
            let (_, plan) = plan.context("a plan was made for each")?;
            let pending = self.apply(entry, machine.as_ref(), plan, tell)?;
            let waits = if pending.services.is_empty() { "" } else { "; pending: " };
            Ok(format!("{}{waits}{}", applied(plan), pending.names()))
        }));
        let place = |name: &_| self.config.nodes.iter().position(|entry| entry.node.name == *name);
        outcomes.sort_by_key(|(name, _)| place(name));
        println!();
        Ok(summary(&outcomes, |text| (text.clone(), Exit::Done)))
    }

    fn roll_all_back(&self) -> Outcome {
        let node = &self.options.node;
        let question = format!("Undo the last apply on {} nodes?", self.config.nodes.len());
        if !self.options.yes && !is_agreed(&question)? {
            println!("nothing was changed");
            return Ok(Exit::Done);
        }
        let fleet = Fleet::of(self.config, node.parallel, self.options.drain)?;
        let outcomes = fleet.each(|entry, tell| {
            let machine = self.reach(entry)?;
            self.refuse_while_meetings_run(entry, machine.as_ref(), true)?;
            self.roll_back(entry, machine.as_ref(), tell)
        });
        Ok(summary(&outcomes, |undone| {
            let text = match undone {
                Some(undone) => format!("undone what was applied at {}", undone.time),
                None => "nothing to undo".to_owned(),
            };
            (text, Exit::Done)
        }))
    }
}

fn applied(plan: &Plan) -> String {
    match plan.changes.len() {
        0 => "restarted what waited for it".to_owned(),
        1 => "applied, 1 file".to_owned(),
        count => format!("applied, {count} files"),
    }
}

/// Nobody else changes a living node meanwhile.
fn locked<T>(
    machine: &dyn Machine,
    work: impl FnOnce() -> Result<T, anyhow::Error>,
) -> Result<T, anyhow::Error> {
    if !machine.is_live() {
        return work();
    }
    machine.lock()?;
    let outcome = work();
    machine.unlock();
    outcome
}

fn files(undone: &RolledBack) -> String {
    undone.files.iter().map(|(path, undone)| format!("  {path} {undone}\n")).collect()
}

pub(super) fn tell(event: &Event) {
    eprintln!("{event}");
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
