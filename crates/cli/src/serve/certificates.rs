//! The certificates of this process: pairs of files, read once, shown on every
//! listener that names them and followed as they are replaced; and those that
//! ACME keeps, one per host name.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use bluegate_cluster::Origin;
use bluegate_config::{Acme, Config, Tls};
use bluegate_net::{
    Redirect,
    acme::{self, Manager},
    tls::{self, CertificateFiles, Slot},
};
use bluegate_scaler::Scaler;
use rustls::ServerConfig;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How often the hosts of tenants are looked at.
const HOSTS_LOOK: std::time::Duration = std::time::Duration::from_secs(1);

/// What listeners show, by what the configuration says of it.
#[derive(Default)]
pub(crate) struct Certificates {
    files: HashMap<(PathBuf, PathBuf), (Arc<CertificateFiles>, Arc<ServerConfig>)>,
    managed: HashMap<(Acme, PathBuf), (Manager, Arc<ServerConfig>)>,
    /// Files by the name of what shows them.
    named: Vec<(String, (PathBuf, PathBuf))>,
    /// Tells which hosts tenants have, where ACME keeps their certificates.
    hosts: Option<watch::Sender<Vec<String>>>,
}

/// The certificates that are shown, as they now are.
pub(crate) struct Display {
    files: Vec<(String, Arc<Slot>)>,
    managed: Vec<Arc<acme::Names>>,
}

impl Display {
    /// All of them.
    pub(crate) fn all(&self) -> Vec<Shown> {
        let files = self.files.iter().map(|(name, slot)| Shown {
            name: name.clone(),
            slot: Arc::clone(slot),
            status: None,
        });
        let managed = self.managed.iter().flat_map(|names| {
            let named = names.all();
            let shown = named.iter().map(|named| Shown {
                name: named.name.clone(),
                slot: Arc::clone(&named.slot),
                status: Some(Arc::clone(&named.status)),
            });
            shown.collect::<Vec<_>>()
        });
        files.chain(managed).collect()
    }
}

/// A certificate that is shown, by the name it is shown for.
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) slot: Arc<Slot>,
    /// How ACME fares with it, where that keeps it.
    pub(crate) status: Option<Arc<acme::Status>>,
}

/// What a section says of its certificate, and the names it is for.
struct Wanted<'a> {
    tls: &'a Tls,
    folder: &'a Path,
    origin: &'a Origin,
    /// Whether it is for the hosts of tenants too.
    with_hosts: bool,
}

impl Certificates {
    /// Reads the files and opens the folders that `config` names.
    pub(crate) fn open(config: &Config) -> Result<Self, anyhow::Error> {
        let proxy = config.proxy.as_ref().map(|proxy| Wanted {
            tls: &proxy.tls,
            folder: &proxy.acme_folder,
            origin: &config.cluster.origin,
            with_hosts: false,
        });
        let scaler = config.scaler.as_ref().map(|scaler| Wanted {
            tls: &scaler.tls,
            folder: &scaler.acme_folder,
            origin: &scaler.origin,
            with_hosts: true,
        });
        let redirects = config.proxy.as_ref().is_some_and(|p| !p.front.redirect_listen.is_empty());
        let mut this = Self::default();
        // Names of one authority and folder go to one manager.
        let mut names: HashMap<(Acme, PathBuf), (Vec<String>, bool)> = HashMap::new();
        for wanted in proxy.into_iter().chain(scaler) {
            match wanted.tls {
                Tls::Off => {}
                Tls::Files { cert, key } => this.add_files(wanted.origin.host(), cert, key)?,
                Tls::Acme(acme) => {
                    let group = names.entry((acme.clone(), wanted.folder.to_owned())).or_default();
                    let (group, with_hosts) = group;
                    *with_hosts |= wanted.with_hosts;
                    let name = wanted.origin.host();
                    if !group.iter().any(|known| known == name) {
                        group.push(name.to_owned());
                    }
                }
            }
        }
        if let Some(Tls::Files { cert, key }) = config.admin.as_ref().map(|admin| &admin.tls) {
            this.add_files("admin", cert, key)?;
        }
        for ((acme, folder), (names, with_hosts)) in names {
            let mut manager = acme::build(acme::Config {
                folder: folder.clone(),
                directory: acme
                    .directory
                    .clone()
                    .unwrap_or_else(|| acme::DEFAULT_DIRECTORY.to_owned()),
                directory_tls: tls::client_config(acme.directory_ca.as_deref())?,
                contact: acme.contact.clone(),
                names,
                http: redirects,
                pace: acme::Pace::default(),
            })
            .context("certificates by ACME")?;
            if with_hosts {
                let hosts = config.tenants.iter().flat_map(|tenant| &tenant.settings.hosts);
                let hosts = hosts.map(|host| host.as_str().to_owned()).collect();
                let (tells, follows) = watch::channel(hosts);
                manager = manager.following(follows);
                this.hosts = Some(tells);
            }
            let config = manager.server_config()?;
            this.managed.insert((acme, folder), (manager, config));
        }
        Ok(this)
    }

    fn add_files(&mut self, name: &str, cert: &Path, key: &Path) -> Result<(), anyhow::Error> {
        if !self.named.iter().any(|(known, _)| known == name) {
            self.named.push((name.to_owned(), (cert.to_owned(), key.to_owned())));
        }
        if let Entry::Vacant(entry) = self.files.entry((cert.to_owned(), key.to_owned())) {
            let files = CertificateFiles::open(cert, key)?;
            let config = files.server_config()?;
            entry.insert((files, config));
        }
        Ok(())
    }

    /// Every certificate, to be looked at.
    pub(crate) fn display(&self) -> Display {
        let files = self.named.iter().filter_map(|(name, files)| {
            let slot = Arc::clone(self.files.get(files)?.0.slot());
            Some((name.clone(), slot))
        });
        let managed = self.managed.values().map(|(manager, _)| manager.names());
        Display { files: files.collect(), managed: managed.collect() }
    }

    /// TLS for a listener of a section that says `tls` and `acme_folder`.
    pub(crate) fn tls_for(&self, tls: &Tls, folder: &Path) -> Option<Arc<ServerConfig>> {
        match tls {
            Tls::Off => None,
            Tls::Files { cert, key } => {
                let found = self.files.get(&(cert.clone(), key.clone()));
                found.map(|(_, config)| Arc::clone(config))
            }
            Tls::Acme(acme) => {
                let found = self.managed.get(&(acme.clone(), folder.to_owned()));
                found.map(|(_, config)| Arc::clone(config))
            }
        }
    }

    /// What listens beside the https origin.
    pub(crate) fn redirect(&self, origin: &Origin) -> Redirect {
        let mut redirect = Redirect::to(origin.clone());
        for (manager, _) in self.managed.values() {
            redirect = redirect.with_challenges(manager.challenges());
            if let Some(slot) = manager.slot(origin.host()) {
                redirect = redirect.waiting_for(slot);
            }
        }
        redirect
    }

    /// Keeps everything fresh until `shutdown`, for the hosts that the scaler's
    /// tenants have by then; SIGHUP has files looked at at once.
    pub(crate) fn follow(
        mut self,
        scaler: Option<Scaler>,
        shutdown: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Result<(), anyhow::Error> {
        if let (Some(hosts), Some(scaler)) = (self.hosts.take(), scaler) {
            let tell = move || {
                let now: Vec<String> =
                    scaler.tenant_hosts().iter().map(ToString::to_string).collect();
                hosts.send_if_modified(|known| {
                    let differs = *known != now;
                    *known = now;
                    differs
                });
            };
            tell();
            let shutdown = shutdown.clone();
            tasks.spawn(async move {
                loop {
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        () = tokio::time::sleep(HOSTS_LOOK) => tell(),
                    }
                }
            });
        }
        for (manager, _) in self.managed.into_values() {
            // Added tenants' certificates are shown from the first connection on.
            tasks.spawn(manager.caught_up().run(shutdown.clone()));
        }
        for (files, _) in self.files.into_values() {
            let mut hangup = signal(SignalKind::hangup()).context("cannot handle SIGHUP")?;
            tasks.spawn(Arc::clone(&files).watch(shutdown.clone()));
            let shutdown = shutdown.clone();
            tasks.spawn(async move {
                loop {
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        signal = hangup.recv() => if signal.is_none() { return },
                    }
                    files.check();
                }
            });
        }
        Ok(())
    }
}
