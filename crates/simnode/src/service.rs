//! The services of a node, each with the configuration it read at its start.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    effective::{self, Akka, Engine, Meteor, Middleware, Nginx, Pads, ReadError, Web, Webhooks},
    nginx::NginxError,
    release::Release,
};

/// A service that reads configuration files when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// The web server in front; starting it again stands for a reload.
    Nginx,
    /// The API, uploads, sessions.
    Web,
    /// Meetings and, since 3.0, the client's settings.
    Akka,
    /// Meteor's processes, on 2.x.
    Html5,
    /// The GraphQL socket, since 3.0.
    GraphqlMiddleware,
    /// The GraphQL engine, since 3.0.
    GraphqlServer,
    /// Pads.
    Etherpad,
    /// Events for frontends, where that package is installed.
    Webhooks,
}

const UNITS: [(Unit, &str); 8] = [
    (Unit::Nginx, "nginx"),
    (Unit::Web, "bbb-web"),
    (Unit::Akka, "bbb-apps-akka"),
    (Unit::Html5, "bbb-html5"),
    (Unit::GraphqlMiddleware, "bbb-graphql-middleware"),
    (Unit::GraphqlServer, "bbb-graphql-server"),
    (Unit::Etherpad, "etherpad"),
    (Unit::Webhooks, "bbb-webhooks"),
];

impl Unit {
    /// All of them, in the order in which a node starts them.
    pub fn all() -> impl Iterator<Item = Self> {
        UNITS.iter().map(|(unit, _)| *unit)
    }

    /// The unit of a systemd name, with or without `.service`.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.strip_suffix(".service").unwrap_or(name);
        UNITS.iter().find(|(_, known)| *known == name).map(|(unit, _)| *unit)
    }

    /// The systemd name, without `.service`.
    #[must_use]
    pub fn name(self) -> &'static str {
        UNITS.iter().find(|(unit, _)| *unit == self).map_or("", |(_, name)| name)
    }
}

/// Why a service did not start again.
#[derive(Debug, thiserror::Error)]
pub enum RestartError {
    /// Its files are such that it does not start.
    #[error("the service does not start from its files")]
    Files(#[from] ReadError),
    /// nginx refuses its files and goes on with what it had.
    #[error("nginx was not reloaded")]
    Nginx(#[from] NginxError),
}

/// The configuration of every service.
#[derive(Debug)]
pub(crate) struct Services {
    root: PathBuf,
    /// Whether a real nginx stands in front.
    behind_nginx: bool,
    /// The installed release.
    pub(crate) release: Release,
    nginx: Mutex<Arc<Nginx>>,
    web: Mutex<Arc<Web>>,
    akka: Mutex<Arc<Akka>>,
    meteor: Mutex<Arc<Meteor>>,
    middleware: Mutex<Arc<Middleware>>,
    engine: Mutex<Arc<Engine>>,
    pads: Mutex<Arc<Pads>>,
    webhooks: Mutex<Arc<Option<Webhooks>>>,
    /// Services whose last start failed.
    down: Mutex<BTreeSet<Unit>>,
}

impl Services {
    /// Starts all services from the files below `root`.
    pub(crate) fn start(root: PathBuf) -> Result<Self, ReadError> {
        let nginx = Nginx::read(&root, &effective::release(&root)?)?;
        Self::with_nginx(root, nginx, false)
    }

    /// Starts all services but nginx, which reads its files by itself.
    pub(crate) fn start_behind_nginx(root: PathBuf) -> Result<Self, ReadError> {
        Self::with_nginx(root, Nginx::default(), true)
    }

    fn with_nginx(root: PathBuf, nginx: Nginx, behind_nginx: bool) -> Result<Self, ReadError> {
        let release = effective::release(&root)?;
        Ok(Self {
            nginx: slot(nginx),
            behind_nginx,
            web: slot(Web::read(&root, &release)?),
            akka: slot(Akka::read(&root, &release)?),
            meteor: slot(Meteor::read(&root, &release)?),
            middleware: slot(Middleware::read(&root, &release)?),
            engine: slot(Engine::read(&root, &release)?),
            pads: slot(Pads::read(&root)?),
            webhooks: slot(Webhooks::read(&root)?),
            down: Mutex::default(),
            root,
            release,
        })
    }

    /// Starts a service again from its files. One that cannot start is down,
    /// except nginx, which goes on with what it had.
    pub(crate) fn restart(&self, unit: Unit) -> Result<(), ReadError> {
        let started = self.read_again(unit);
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        match &started {
            Ok(()) => down.remove(&unit),
            Err(_) if unit == Unit::Nginx => false,
            Err(_) => down.insert(unit),
        };
        started
    }

    fn read_again(&self, unit: Unit) -> Result<(), ReadError> {
        let (root, release) = (self.root.as_path(), &self.release);
        match unit {
            Unit::Nginx if self.behind_nginx => {}
            Unit::Nginx => put(&self.nginx, Nginx::read(root, release)?),
            Unit::Web => put(&self.web, Web::read(root, release)?),
            Unit::Akka => put(&self.akka, Akka::read(root, release)?),
            Unit::Html5 => put(&self.meteor, Meteor::read(root, release)?),
            Unit::GraphqlMiddleware => put(&self.middleware, Middleware::read(root, release)?),
            Unit::GraphqlServer => put(&self.engine, Engine::read(root, release)?),
            Unit::Etherpad => put(&self.pads, Pads::read(root)?),
            Unit::Webhooks => put(&self.webhooks, Webhooks::read(root)?),
        }
        Ok(())
    }

    /// Whether a service's last start failed.
    pub(crate) fn is_down(&self, unit: Unit) -> bool {
        self.down.lock().unwrap_or_else(PoisonError::into_inner).contains(&unit)
    }

    /// Whether a real nginx stands in front.
    pub(crate) fn is_behind_nginx(&self) -> bool {
        self.behind_nginx
    }

    /// The folder that stands for `/`.
    pub(crate) fn root(&self) -> &std::path::Path {
        &self.root
    }

    pub(crate) fn nginx(&self) -> Arc<Nginx> {
        get(&self.nginx)
    }

    pub(crate) fn web(&self) -> Arc<Web> {
        get(&self.web)
    }

    pub(crate) fn akka(&self) -> Arc<Akka> {
        get(&self.akka)
    }

    pub(crate) fn meteor(&self) -> Arc<Meteor> {
        get(&self.meteor)
    }

    pub(crate) fn middleware(&self) -> Arc<Middleware> {
        get(&self.middleware)
    }

    pub(crate) fn engine(&self) -> Arc<Engine> {
        get(&self.engine)
    }

    pub(crate) fn pads(&self) -> Arc<Pads> {
        get(&self.pads)
    }

    /// `None` where bbb-webhooks is not installed.
    pub(crate) fn webhooks(&self) -> Option<Webhooks> {
        (*get(&self.webhooks)).clone()
    }
}

fn slot<T>(value: T) -> Mutex<Arc<T>> {
    Mutex::new(Arc::new(value))
}

fn put<T>(slot: &Mutex<Arc<T>>, value: T) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
}

fn get<T>(slot: &Mutex<Arc<T>>) -> Arc<T> {
    Arc::clone(&slot.lock().unwrap_or_else(PoisonError::into_inner))
}
