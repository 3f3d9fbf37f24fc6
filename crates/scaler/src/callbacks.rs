//! Callbacks of nodes to frontends, through us.
//!
//! At create the frontend's URLs are replaced by ours ([`mod@rewrite`]), each with
//! all that is needed to pass its callback on, sealed ([`ticket`]): a lost store
//! loses no callback. What comes is checked and queued ([`mod@receive`]), and turned
//! into a request of the tenant's own when its turn comes ([`prepare`]).

use std::sync::Arc;

use bluegate_cluster::Origin;
use bluegate_outbox::Outbox;
use bluegate_seal::Key;
use bluegate_store::Store;

use crate::{config::CallbackConfig, hooks::Hooks};

mod confirm;
mod identity;
mod prepare;
mod receive;
mod report;
mod rewrite;
mod secret_id;
mod ticket;

pub(crate) use identity::Identity;
pub(crate) use prepare::{Preparer, with_query};
pub(crate) use receive::{Refusal, read as read_body, receive};
pub use report::{CallbackCounters, CallbackDepth, CallbackReport, CallbackState};
pub(crate) use rewrite::{rewrite, signer};
pub(crate) use secret_id::{find_secret, secret_id};

/// Below the scaler's origin; in the prefix that every balancer in front passes.
pub(crate) const PATH: &str = "/bigbluebutton/api/callback/";

/// Callbacks, when they pass through us.
pub(crate) struct Callbacks {
    key: Arc<Key>,
    /// The scaler's origin and [`PATH`].
    base: String,
    pub(crate) outbox: Outbox,
    /// Who wants to hear of events.
    pub(crate) hooks: Hooks,
    /// What events say of where they come from.
    pub(crate) domain: String,
    /// The time, in ms; tests move it.
    pub(crate) clock: bluegate_outbox::Clock,
}

impl Callbacks {
    pub(crate) fn new(config: CallbackConfig, origin: &Origin, store: Store) -> Self {
        let clock = Arc::clone(&config.clock);
        let hooks = Hooks::new(store.clone());
        let domain = origin.host().to_owned();
        let outbox = Outbox::new(bluegate_outbox::Config {
            store,
            tls: config.tls,
            targets: config.targets,
            resolver: config.resolver,
            clock: config.clock,
            bounds: config.bounds,
        });
        Self { key: config.key, base: format!("{origin}{PATH}"), outbox, hooks, domain, clock }
    }

    /// Our URL with this behind it.
    pub(crate) fn url(&self, rest: &str) -> String {
        format!("{}{rest}", self.base)
    }

    fn now(&self) -> i64 {
        (self.clock)()
    }
}
