//! The same work at many nodes, a few at a time: one that fails stops no other.

use std::{
    num::NonZeroUsize,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anstream::print;
use bluegate_cluster::Mount;
use bluegate_config::{Config, NodeEntry};
use bluegate_nodeops::Event;

use crate::{
    exit::{Exit, UsageError},
    progress::Progress,
    table::table,
};

/// At how many nodes at once, unless it is said.
const AT_ONCE: usize = 4;

/// At most at so many, whatever is said.
const MOST_AT_ONCE: usize = 64;

/// All nodes, or some.
pub(super) struct Fleet<'a> {
    entries: Vec<&'a NodeEntry>,
    at_once: usize,
    json: bool,
}

/// What the work came to, node by node, in the file's order.
pub(super) type Outcomes<T> = Vec<(Mount, Result<T, anyhow::Error>)>;

impl<'a> Fleet<'a> {
    /// All nodes of `config`.
    pub(super) fn of(
        config: &'a Config,
        parallel: Option<NonZeroUsize>,
        drains: bool,
    ) -> Result<Self, UsageError> {
        if config.nodes.is_empty() {
            return Err(UsageError("the configuration file has no [[node]]".to_owned()));
        }
        let usual = if drains { 1 } else { AT_ONCE };
        let at_once = parallel.map_or(usual, NonZeroUsize::get).min(MOST_AT_ONCE);
        Ok(Self { entries: config.nodes.iter().collect(), at_once, json: false })
    }

    /// Whether the outcome is JSON, beside which nothing is told.
    pub(super) fn json(self, json: bool) -> Self {
        Self { json, ..self }
    }

    /// Only those of `names`.
    pub(super) fn only(mut self, names: &[Mount]) -> Self {
        self.entries.retain(|entry| names.contains(&entry.node.name));
        self
    }

    /// Does `job` at each, and shows how far that is.
    pub(super) fn each<T: Send>(
        &self,
        job: impl Fn(&NodeEntry, &dyn Fn(&Event)) -> Result<T, anyhow::Error> + Sync,
    ) -> Outcomes<T> {
        let steps = Steps::new(self.entries.len(), self.json);
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..self.at_once.min(self.entries.len()) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(entry) = self.entries.get(index) else { break };
                        let name = &entry.node.name;
                        steps.begin(name);
                        let outcome = job(entry, &|event| steps.say(name, event));
                        steps.end(name, outcome.is_ok());
                        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                        done.push((index, (name.clone(), outcome)));
                    }
                });
            }
        });
        drop(steps);
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, outcome)| outcome).collect()
    }
}

/// One line per step; on a terminal also a bar, and what is at work.
struct Steps {
    progress: Progress,
    total: usize,
    state: Mutex<(usize, Vec<Mount>)>,
}

impl Steps {
    fn new(total: usize, json: bool) -> Self {
        Self { progress: Progress::new(json), total, state: Mutex::default() }
    }

    fn begin(&self, name: &Mount) {
        self.change(|(_, at_work)| at_work.push(name.clone()));
    }

    fn say(&self, name: &Mount, event: &Event) {
        self.progress.say(&format!("{name}: {event}"));
    }

    fn end(&self, name: &Mount, is_ok: bool) {
        self.progress.say(&format!("{name}: {}", if is_ok { "done" } else { "failed" }));
        self.change(|(done, at_work)| {
            *done += 1;
            at_work.retain(|one| one != name);
        });
    }

    fn change(&self, change: impl FnOnce(&mut (usize, Vec<Mount>))) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        self.progress.nodes(state.0, self.total, state.1.iter().map(Mount::as_str));
    }
}

/// Prints what became of each node, and says how to exit: with 3 when one
/// failed, else with the worst that `told` says.
pub(super) fn summary<T>(outcomes: &Outcomes<T>, told: impl Fn(&T) -> (String, Exit)) -> Exit {
    let mut worst = Exit::Done;
    let mut rows = Vec::new();
    for (name, outcome) in outcomes {
        let text = match outcome {
            Ok(done) => {
                let (text, exit) = told(done);
                if exit != Exit::Done && worst == Exit::Done {
                    worst = exit;
                }
                text
            }
            Err(error) => {
                worst = Exit::Failed;
                let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
                format!("failed: {}", chain.join(": "))
            }
        };
        rows.push([name.to_string(), text]);
    }
    let failed = outcomes.iter().filter(|(_, outcome)| outcome.is_err()).count();
    print!("{}", table(["node", "outcome"], &rows));
    if failed > 0 {
        print!("{failed} of {} nodes failed\n", outcomes.len());
    }
    worst
}
