//! Who says what is relayed, in one place: the configuration file and the
//! nodes that were added at run time.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

use bluegate_cluster::{Mount, Routes, RoutesError};
use tokio::sync::watch;

use super::{
    EditError, HeldBackEntry, RouteEntry, RouteSource, RoutesReport,
    edit::{Edit, apply},
    file::{self, RoutesFileError},
    merge::{Added, Given, HeldBack, Merged, merge},
};

/// The routes of one process, and where the added ones are kept.
///
/// Blocks on the file system; the file is read anew before each change, so
/// that what another process wrote there is not lost.
#[derive(Debug)]
pub struct RouteBook {
    /// Absent where there is no admin listener: then nothing is ever added.
    path: Option<PathBuf>,
    state: Mutex<State>,
    routes: watch::Sender<Arc<Routes>>,
}

#[derive(Debug)]
struct State {
    given: Given,
    added: Added,
    held_back: Vec<(Mount, HeldBack)>,
}

/// Why the routes could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The file with the added nodes.
    #[error(transparent)]
    File(#[from] RoutesFileError),
    /// The configuration file's nodes by themselves.
    #[error(transparent)]
    Routes(#[from] RoutesError),
    /// An added node that cannot stand beside the configuration file's.
    #[error("the node `{mount}` in the routes file `{path}` cannot be used: {reason}")]
    HeldBack {
        /// The added node.
        mount: Mount,
        /// Where it is kept.
        path: PathBuf,
        /// Why not.
        reason: HeldBack,
    },
}

/// A change that was made.
pub(crate) struct Edited {
    pub(super) route: RouteEntry,
    pub(super) etag: String,
}

impl RouteBook {
    /// Puts both together for a start. An added node that cannot stand beside
    /// the file's is held back, with a word in the log: the file wins.
    ///
    /// # Errors
    /// [`BookError::File`] when what is kept cannot be read.
    pub fn open(given: Given, path: Option<PathBuf>) -> Result<Arc<Self>, BookError> {
        let added = load(path.as_ref())?;
        let Merged { routes, held_back } = merge(&given, &added)?;
        for (mount, reason) in &held_back {
            tracing::error!(mount = %mount, %reason, "a node that was added at run time is held back");
        }
        let (routes, _) = watch::channel(Arc::new(routes));
        let state = Mutex::new(State { given, added, held_back });
        Ok(Arc::new(Self { path, state, routes }))
    }

    /// Whether both can stand together.
    ///
    /// # Errors
    /// [`BookError`], naming the first that cannot.
    pub fn check(given: &Given, path: Option<&PathBuf>) -> Result<(), BookError> {
        together(given, &load(path)?, path).map(drop)
    }

    /// The routes, from now on.
    pub fn follow(&self) -> watch::Receiver<Arc<Routes>> {
        self.routes.subscribe()
    }

    /// Takes a new configuration file, and reads again what is kept.
    ///
    /// # Errors
    /// [`BookError`]; then nothing changed.
    pub fn reload(&self, given: Given) -> Result<(), BookError> {
        let mut state = self.state();
        let added = load(self.path.as_ref())?;
        let routes = together(&given, &added, self.path.as_ref())?;
        *state = State { given, added, held_back: Vec::new() };
        self.routes.send_replace(Arc::new(routes));
        Ok(())
    }

    /// What is relayed and who says so.
    #[must_use]
    pub fn report(&self) -> RoutesReport {
        self.report_of(&self.state())
    }

    /// The nodes that are held back, by why.
    #[must_use]
    pub fn held_back(&self) -> Vec<(Mount, HeldBack)> {
        self.state().held_back.clone()
    }

    pub(crate) fn edit(&self, edit: Edit, if_match: Option<&str>) -> Result<Edited, EditError> {
        let path = self.path.as_ref();
        let mut state = self.state();
        if if_match.is_some_and(|tags| !names(tags, &self.report_of(&state).etag())) {
            return Err(EditError::Changed);
        }
        let verb = match edit {
            Edit::Add(_) => "added",
            Edit::Change(..) => "changed",
            Edit::Remove(_) => "removed",
        };
        let before = load(path).map_err(BookError::from)?;
        let (added, node) = apply(&before, &state.given, edit)?;
        let Merged { routes, held_back } = merge(&state.given, &added).map_err(BookError::from)?;
        if let Some(path) = path {
            file::save(path, &added).map_err(BookError::from)?;
        }
        state.added = added;
        state.held_back = held_back;
        self.routes.send_replace(Arc::new(routes));
        tracing::info!(
            target: "bluegate::state", event = "route.edited", node.id = %node.name,
            origin = %node.origin, "a route was {verb} by the admin API"
        );
        let route = RouteEntry::of(&node, RouteSource::Api);
        Ok(Edited { route, etag: self.report_of(&state).etag() })
    }

    fn report_of(&self, state: &State) -> RoutesReport {
        let routes = self.routes.borrow();
        let source = |mount: &Mount| {
            let of_file = state.given.nodes.iter().any(|node| node.name == *mount);
            if of_file { RouteSource::File } else { RouteSource::Api }
        };
        let held_back = state.held_back.iter().map(|(mount, reason)| HeldBackEntry {
            mount: mount.to_string(),
            code: reason.code().to_owned(),
            reason: reason.to_string(),
        });
        RoutesReport {
            origin: routes.origin().to_string(),
            routes: routes.nodes().map(|node| RouteEntry::of(node, source(&node.name))).collect(),
            held_back: held_back.collect(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds this")
    }
}

fn load(path: Option<&PathBuf>) -> Result<Added, RoutesFileError> {
    path.map_or_else(|| Ok(Added::new()), |path| file::load(path))
}

/// The routes of both when all of them can be.
fn together(given: &Given, added: &Added, path: Option<&PathBuf>) -> Result<Routes, BookError> {
    let Merged { routes, held_back } = merge(given, added)?;
    match held_back.into_iter().next() {
        None => Ok(routes),
        Some((mount, reason)) => {
            let path = path.cloned().unwrap_or_default();
            Err(BookError::HeldBack { mount, path, reason })
        }
    }
}

/// Whether an `If-Match` names this tag (RFC 9110, 13.1.1).
fn names(tags: &str, etag: &str) -> bool {
    tags.trim() == "*" || tags.split(',').any(|tag| tag.trim() == etag)
}
