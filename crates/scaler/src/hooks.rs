//! hooks/*: webhooks once for the whole cluster.
//!
//! Tenants' hooks are in the store ([`api`]); at each node with bbb-webhooks
//! are hooks of ours ([`register`]), whose events are checked ([`event`]), mapped
//! to the tenant ([`subject`]) and passed on to every hook that wants them, by the
//! queue that all callbacks go through ([`deliver`]).

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use bluegate_cluster::Mount;
use bluegate_store::{Hook, Store, StoreError};
use tokio::sync::Notify;

mod api;
mod deliver;
mod event;
mod register;
mod subject;

pub(crate) use api::{answer, is_hooks_path};
pub(crate) use deliver::{KIND, prepare};
pub(crate) use event::receive;
pub(crate) use register::run;

/// Behind the path of callbacks, before a node's name.
pub(crate) const PREFIX: &str = "hook/";
/// Between [`PREFIX`] and the node's name, where BBB's own messages come.
const RAW: &str = "raw/";

/// The hooks of all tenants.
pub(crate) struct Hooks {
    store: Store,
    all: ArcSwap<Vec<Hook>>,
    /// Wakes the registering at nodes.
    changed: Notify,
}

impl Hooks {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, all: ArcSwap::default(), changed: Notify::new() }
    }

    /// All hooks, as they were read last.
    pub(crate) fn all(&self) -> Arc<Vec<Hook>> {
        self.all.load_full()
    }

    /// All hooks, those just made at another scaler too.
    async fn current(&self) -> Arc<Vec<Hook>> {
        if self.store.is_shared()
            && let Err(error) = self.refresh().await
        {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "hooks are those that were read last");
        }
        self.all()
    }

    /// Whether any tenant wants events of this flavour.
    fn wants(&self, flavour: Flavour) -> bool {
        self.all.load().iter().any(|hook| Flavour::of(hook) == flavour)
    }

    /// Reads what this or another scaler has written.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        self.all.store(Arc::new(self.store.hooks().await?));
        Ok(())
    }
}

/// Events as bbb-webhooks maps them, or as they are inside of BBB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Flavour {
    Mapped,
    Raw,
}

impl Flavour {
    const ALL: [Self; 2] = [Self::Mapped, Self::Raw];

    /// What a hook wants.
    fn of(hook: &Hook) -> Self {
        if hook.raw { Self::Raw } else { Self::Mapped }
    }
}

/// Where a node's events come, behind the path of callbacks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    node: Mount,
    flavour: Flavour,
}

impl Place {
    fn parse(path: &str) -> Option<Self> {
        let name = path.strip_prefix(PREFIX)?;
        let (flavour, name) = match name.strip_prefix(RAW) {
            Some(name) => (Flavour::Raw, name),
            None => (Flavour::Mapped, name),
        };
        Some(Self { node: name.parse().ok()?, flavour })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raw = if self.flavour == Flavour::Raw { RAW } else { "" };
        write!(f, "{PREFIX}{raw}{}", self.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_path() {
        for (path, wanted) in [
            ("hook/bbb-01", Some(("bbb-01", Flavour::Mapped))),
            ("hook/raw/bbb-01", Some(("bbb-01", Flavour::Raw))),
            ("hook/raw", Some(("raw", Flavour::Mapped))),
            ("hook/raw/raw", Some(("raw", Flavour::Raw))),
            ("hook/", None),
            ("hook/a/b", None),
            ("bbb-01", None),
        ] {
            let wanted =
                wanted.map(|(node, flavour)| Place { node: node.parse().unwrap(), flavour });
            assert_eq!(Place::parse(path), wanted, "{path}");
            if let Some(place) = wanted {
                assert_eq!(place.to_string(), path);
            }
        }
    }
}
