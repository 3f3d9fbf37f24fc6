//! bbb-webhooks: hooks that frontends register, and the events they are sent.
//!
//! An optional package, [`install_webhooks`](crate::install_webhooks): 2.x with
//! BBB 2.x and 3.x with BBB 3, which differ in what a checksum covers and how
//! hooks are named. Hooks are in its Redis and outlive the node's power.

mod api;
mod event;
mod lane;

use std::sync::{Mutex, PoisonError};

pub(crate) use api::{HooksCall, answer};
pub(crate) use lane::Lanes;

/// Hooks that a node holds at most.
const HOOKS_MAX: usize = 10_000;

/// A registered hook.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hook {
    /// Its `hookID`.
    id: String,
    /// Where events go.
    callback_url: String,
    /// The external id of the only meeting it hears of.
    meeting_id: Option<String>,
    /// The only events it hears of, in lower case.
    event_ids: Option<Vec<String>>,
    /// Whether it gets BBB's own messages.
    raw: bool,
}

/// The hooks of a node.
#[derive(Debug, Default)]
pub(crate) struct Hooks(Mutex<Registered>);

#[derive(Debug, Default)]
struct Registered {
    hooks: Vec<Hook>,
    /// How many there ever were: the names that 2.x gives.
    count: u64,
}

/// What became of a hook that was to be made.
enum Made {
    New(Hook),
    Known(Hook),
    Full,
}

impl Hooks {
    fn all(&self) -> Vec<Hook> {
        self.lock().hooks.clone()
    }

    /// Adds a hook unless there is one of its URL; `id` makes its name of how
    /// many there were.
    fn add(&self, mut hook: Hook, id: impl FnOnce(u64) -> String) -> Made {
        let mut registered = self.lock();
        let known = registered.hooks.iter().find(|known| known.callback_url == hook.callback_url);
        if let Some(known) = known {
            return Made::Known(known.clone());
        }
        if registered.hooks.len() >= HOOKS_MAX {
            return Made::Full;
        }
        registered.count += 1;
        hook.id = id(registered.count);
        registered.hooks.push(hook.clone());
        Made::New(hook)
    }

    /// Removes a hook; whether there was one.
    fn remove(&self, id: &str) -> bool {
        let mut registered = self.lock();
        let before = registered.hooks.len();
        registered.hooks.retain(|hook| hook.id != id);
        registered.hooks.len() < before
    }

    /// The URLs of all hooks, oldest first.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.lock().hooks.iter().map(|hook| hook.callback_url.clone()).collect()
    }

    /// Forgets all hooks, as an emptied Redis does.
    pub(crate) fn forget_all(&self) {
        self.lock().hooks.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
