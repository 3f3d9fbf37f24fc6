//! The routes in force, and the upstream each mount leads to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use bluegate_cluster::{Node, Routes};
use http::HeaderValue;
use tokio::sync::watch;

use crate::upstream::{Upstream, UpstreamSettings};

/// One state of the routes. Requests keep the one they started with.
pub(crate) struct Snapshot {
    pub(crate) routes: Arc<Routes>,
    /// The origin's authority, for `Host`-like headers.
    pub(crate) authority: HeaderValue,
    upstreams: HashMap<String, Arc<Upstream>>,
    /// Tells whether newer routes than these are there.
    source: watch::Receiver<Arc<Routes>>,
}

impl Snapshot {
    /// The upstream of exactly this mount.
    pub(crate) fn upstream(&self, mount: &str) -> Option<&Arc<Upstream>> {
        self.upstreams.get(mount)
    }

    /// All upstreams, in no order.
    pub(crate) fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.upstreams.values()
    }

    fn build(
        mut source: watch::Receiver<Arc<Routes>>,
        before: Option<&Self>,
        settings: &Arc<UpstreamSettings>,
    ) -> Self {
        let routes = Arc::clone(&source.borrow_and_update());
        let upstreams: HashMap<String, Arc<Upstream>> = routes
            .nodes()
            .map(|node| {
                let mount = node.name.as_str();
                let upstream =
                    before.and_then(|before| before.kept(mount, node)).unwrap_or_else(|| {
                        let traffic = before
                            .and_then(|before| before.upstreams.get(mount))
                            .map(|upstream| Arc::clone(upstream.traffic()));
                        Arc::new(Upstream::new(node, settings, traffic.unwrap_or_default()))
                    });
                (mount.to_owned(), upstream)
            })
            .collect();
        if let Some(fleet) = &settings.fleet {
            fleet.replace(upstreams.values().map(|upstream| upstream.health()));
        }
        let authority = HeaderValue::try_from(routes.origin().authority())
            .expect("a host and a port are header text");
        Self { routes, authority, upstreams, source }
    }

    /// The upstream of an unchanged node, with its connections and counts.
    fn kept(&self, mount: &str, node: &Node) -> Option<Arc<Upstream>> {
        self.upstreams.get(mount).filter(|upstream| **upstream.node() == *node).cloned()
    }
}

/// Hands out the newest [`Snapshot`].
pub(crate) struct Snapshots {
    current: ArcSwap<Snapshot>,
    rebuild: Mutex<()>,
    settings: Arc<UpstreamSettings>,
}

impl Snapshots {
    pub(crate) fn new(
        source: watch::Receiver<Arc<Routes>>,
        settings: Arc<UpstreamSettings>,
    ) -> Self {
        let first = Snapshot::build(source, None, &settings);
        Self { current: ArcSwap::from_pointee(first), rebuild: Mutex::new(()), settings }
    }

    /// Tells when newer routes come.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Routes>> {
        self.current.load().source.clone()
    }

    /// The routes as they are now. Costs two atomic reads while nothing
    /// changes; the first request after a change builds the new snapshot.
    pub(crate) fn current(&self) -> Arc<Snapshot> {
        let current = self.current.load();
        if !is_stale(&current) {
            return Arc::clone(&current);
        }
        let _building = self.rebuild.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current.load_full();
        if !is_stale(&current) {
            return current;
        }
        let newer =
            Arc::new(Snapshot::build(current.source.clone(), Some(&current), &self.settings));
        self.current.store(Arc::clone(&newer));
        newer
    }
}

/// A sender that is gone has said its last word: the routes stay.
fn is_stale(snapshot: &Snapshot) -> bool {
    snapshot.source.has_changed().unwrap_or(false)
}
