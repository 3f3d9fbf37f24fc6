//! Starting, running and stopping a demo.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bluegate_cluster::{Origin, Routes, Scheme, Secret, TenantName};
use bluegate_net::{Limits, Listener, RouterService, Service, serve, tls};
use bluegate_scaler::{Bounds, NodeConfig, NodeTerms, Placement, RecordingConfig, TenantConfig};
use bluegate_simnode::Certificate;
use rustls::{ClientConfig, ServerConfig};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    certificates::{CertificateError, Certificates},
    cluster_file,
    frontend::{self, Api, Frontend, HttpClient, ShownNode},
    layout::{Layout, PortTaken, Seat},
    nodes::{self, NginxRecipe, NodeError, Recipe, Release, Running},
    ready::{Ready, ReadyNode},
};

/// How long connections may take to finish when the demo stops.
const DRAIN: Duration = Duration::from_secs(2);
/// How soon a recording is listed after its meeting has ended.
const RECORDINGS: Duration = Duration::from_secs(10);

/// What a demo is to be like.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many simulated nodes, 1 to [`crate::MAX_NODES`].
    pub nodes: usize,
    /// The BBB release they play.
    pub release: Release,
    /// First port; 0 takes free ports.
    pub port_base: u16,
    /// Where to keep everything; a temporary folder, removed at the end, when absent.
    pub data: Option<PathBuf>,
    /// Where the certificate authority is kept; everything is HTTPS when given.
    pub authority: Option<PathBuf>,
    /// Whether the cluster's origin serves the nodes' clients.
    pub proxied: bool,
    /// Whether this machine's nginx stands in front of every node.
    pub nginx: bool,
    /// Whether the simulated client drops its page's port, as the real one does.
    pub strict: bool,
}

/// A running demo. Dropping it without [`Demo::stop`] leaves its tasks to the runtime.
pub struct Demo {
    ready: Ready,
    nodes: Vec<Arc<bluegate_simnode::SimNode>>,
    roles: DemoRoles,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    /// Removed when the demo is gone.
    _temporary: Option<tempfile::TempDir>,
}

/// What the demo runs that has something to show on an admin listener.
#[derive(Clone)]
pub struct DemoRoles {
    /// The cluster's one origin.
    pub proxy: Arc<bluegate_proxy::Proxy>,
    /// The BBB API.
    pub scaler: bluegate_scaler::Scaler,
    /// What the proxy relays; never changes.
    pub routes: watch::Receiver<Arc<Routes>>,
}

/// Where the demo's admin API is to answer, and whom.
#[derive(Debug)]
pub struct AdminSeat {
    /// Bound on loopback.
    pub listener: Listener,
    /// The token in the demo's configuration file.
    pub token: Secret,
}

/// Why a demo does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port is taken.
    #[error(transparent)]
    Port(#[from] PortTaken),
    /// The data folder cannot be had.
    #[error("cannot use the data folder `{path}`")]
    Data {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No certificates.
    #[error(transparent)]
    Certificates(#[from] CertificateError),
    /// The certificates cannot be used.
    #[error("cannot set up TLS")]
    Tls(#[from] tls::TlsError),
    /// A node does not start.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The proxy does not start.
    #[error("the proxy does not start")]
    Proxy(#[from] bluegate_proxy::BuildError),
    /// The scaler does not start.
    #[error("the scaler does not start")]
    Scaler(#[from] bluegate_scaler::BuildError),
    /// A socket cannot be used.
    #[error("cannot use a listening socket")]
    Socket(#[source] io::Error),
}

/// TLS of all parts, when the demo is HTTPS.
struct DemoTls {
    server: Arc<ServerConfig>,
    certificate: Certificate,
    ca_file: PathBuf,
}

impl Demo {
    /// Starts everything but the admin API; when it returns, every other socket accepts
    /// connections. The admin API is the caller's: it shows more than a demo knows of.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then but what the runtime ends.
    pub async fn start(options: Options) -> Result<(Self, AdminSeat), StartError> {
        let scheme = if options.authority.is_some() { Scheme::Https } else { Scheme::Http };
        let layout = Layout::bind(scheme, options.nodes, options.port_base)?;
        let (folder, temporary) = data_folder(options.data.as_deref())?;
        let demo_tls = match &options.authority {
            Some(authority) => Some(set_up_tls(authority)?),
            None => None,
        };
        let server_tls = demo_tls.as_ref().map(|tls| tls.server.clone());
        let client_tls = tls::client_config(demo_tls.as_ref().map(|tls| tls.ca_file.as_path()))?;

        let cluster = layout.proxy.origin.clone();
        let nginx = options.nginx.then(|| NginxRecipe {
            certificate: demo_tls.as_ref().map(|tls| tls.certificate.clone()),
        });
        let recipe = Recipe {
            cluster: &cluster,
            folder: &folder.join("nodes"),
            release: options.release,
            proxied: options.proxied,
            strict: options.strict,
            tls: server_tls.clone(),
            nginx: nginx.as_ref(),
        };
        let mut running = Vec::with_capacity(layout.nodes.len());
        for (name, seat) in layout.nodes {
            running.push(nodes::start(&recipe, name, seat).await?);
        }

        let mut parts = Parts {
            cluster,
            client_tls,
            server_tls,
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let secret = random_secret();
        let access_log = folder.join("access.jsonl");
        let mut ready = Ready {
            proxy_origin: layout.proxy.origin.to_string(),
            api_base: format!("{}://{}/bigbluebutton/api", scheme.as_str(), layout.scaler.address),
            secret: secret.expose().to_owned(),
            admin: format!("http://{}", layout.admin.local_addr().map_err(StartError::Socket)?),
            frontend: format!("{}/", layout.frontend.origin),
            nodes: running.iter().map(|running| describe(running, options.release)).collect(),
            access_log: access_log.display().to_string(),
            ca: demo_tls.map(|tls| tls.ca_file.display().to_string()),
            configuration: String::new(),
        };
        let admin = AdminSeat {
            listener: Listener::from_std(layout.admin).map_err(StartError::Socket)?,
            token: random_secret(),
        };
        let configuration = cluster_file::write(&folder, &ready, &admin.token, options.proxied)
            .map_err(|source| StartError::Data { path: folder.clone(), source })?;
        ready.configuration = configuration.display().to_string();
        let api = Api::new(
            HttpClient::new(
                layout.scaler.address,
                layout.scaler.origin.authority(),
                parts.server_tls.is_some().then(|| parts.client_tls.clone()),
            ),
            layout.scaler.origin.clone(),
            secret.clone(),
            format!("{}/", layout.frontend.origin),
        );
        let (proxy, routes) = parts.proxy(layout.proxy, &running, &access_log)?;
        let scaler = parts.scaler(layout.scaler, &running, secret, &folder).await?;
        parts.frontend(layout.frontend, &running, api, options.proxied)?;
        parts.tasks.close();
        let demo = Self {
            ready,
            nodes: running.into_iter().map(|running| running.simulated).collect(),
            roles: DemoRoles { proxy, scaler, routes },
            shutdown: parts.shutdown,
            tasks: parts.tasks,
            _temporary: temporary,
        };
        Ok((demo, admin))
    }

    /// Where everything is.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// What it has to show on an admin listener.
    #[must_use]
    pub fn roles(&self) -> &DemoRoles {
        &self.roles
    }

    /// Stops everything, within a bound, and removes a temporary data folder.
    pub async fn stop(self) {
        self.shutdown.cancel();
        // What does not end by itself ends with the runtime.
        if tokio::time::timeout(2 * DRAIN, self.tasks.wait()).await.is_err() {
            tracing::warn!("some connections were cut");
        }
        self.roles.proxy.close().await;
        // Last, so that nobody who still asks a node finds it dead and says so.
        for node in self.nodes {
            // The frontend may still hold it; its sockets close all the same.
            node.power_off();
        }
    }
}

/// What the roles are started with.
struct Parts {
    cluster: Origin,
    client_tls: Arc<ClientConfig>,
    server_tls: Option<Arc<ServerConfig>>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Parts {
    fn proxy(
        &mut self,
        seat: Seat,
        running: &[Running],
        access_log: &Path,
    ) -> Result<(Arc<bluegate_proxy::Proxy>, watch::Receiver<Arc<Routes>>), StartError> {
        let nodes = running.iter().map(|running| running.node.clone());
        let routes = Routes::new(self.cluster.clone(), nodes)
            .expect("the demo's nodes have names and origins of their own");
        let (keep, routes) = watch::channel(Arc::new(routes));
        let config = bluegate_proxy::Config {
            access_log: Some(access_log.to_owned()),
            // A person switches nodes off and waits for the error page.
            connect_timeout: Duration::from_secs(3),
            response_timeout: Duration::from_secs(5),
            ..bluegate_proxy::Config::new(self.client_tls.clone())
        };
        // The routes stay in force without their sender: a demo's never change.
        drop(keep);
        let proxy = bluegate_proxy::build(config, routes.clone())?;
        self.serve(seat, proxy.clone())?;
        Ok((proxy, routes))
    }

    async fn scaler(
        &mut self,
        seat: Seat,
        running: &[Running],
        secret: Secret,
        folder: &Path,
    ) -> Result<bluegate_scaler::Scaler, StartError> {
        let nodes = running.iter().map(|running| NodeConfig {
            node: running.node.clone(),
            secrets: vec![running.secret.clone()],
            terms: NodeTerms::default(),
        });
        let tenant = TenantConfig {
            settings: Default::default(),
            name: "default".parse::<TenantName>().expect("`default` is a tenant name"),
            secrets: vec![secret],
            plain: true,
        };
        let store = format!("sqlite://{}", folder.join("bluegate.db").display());
        let config = bluegate_scaler::Config {
            origin: seat.origin.clone(),
            nodes: nodes.collect(),
            tenants: vec![tenant],
            store,
            key_file: folder.join("key"),
            node_tls: self.client_tls.clone(),
            callbacks: None,
            bounds: Bounds::default(),
            placement: Placement::default(),
            recordings: RecordingConfig { interval: RECORDINGS, ..RecordingConfig::default() },
        };
        let scaler = bluegate_scaler::build(config).await?;
        self.serve(seat, Arc::new(scaler.clone()))?;
        let (running, shutdown) = (scaler.clone(), self.shutdown.clone());
        self.tasks.spawn(async move { running.run(shutdown.clone(), shutdown).await });
        Ok(scaler)
    }

    fn frontend(
        &mut self,
        seat: Seat,
        running: &[Running],
        api: Api,
        proxied: bool,
    ) -> Result<(), StartError> {
        let nodes = running.iter().map(|running| ShownNode {
            name: running.node.name.to_string(),
            origin: running.node.origin.clone(),
            node: running.simulated.clone(),
            power: true.into(),
        });
        let frontend = Frontend {
            api,
            origin: seat.origin.clone(),
            cluster: self.cluster.clone(),
            nodes: nodes.collect(),
            proxied,
        };
        self.serve(seat, Arc::new(RouterService::new(frontend::router(frontend))))
    }

    fn serve(&self, seat: Seat, service: Arc<impl Service>) -> Result<(), StartError> {
        let listener = Listener::from_std(seat.listener).map_err(StartError::Socket)?;
        let (tls, shutdown) = (self.server_tls.clone(), self.shutdown.clone());
        self.tasks.spawn(async move {
            let served = serve(listener, tls, service, Limits::default(), shutdown, DRAIN).await;
            if let Err(error) = served {
                tracing::error!(%error, "a listener failed");
            }
        });
        Ok(())
    }
}

fn data_folder(wanted: Option<&Path>) -> Result<(PathBuf, Option<tempfile::TempDir>), StartError> {
    let Some(folder) = wanted else {
        let temporary = tempfile::Builder::new()
            .prefix("bluegate-demo-")
            .tempdir()
            .map_err(|source| StartError::Data { path: std::env::temp_dir(), source })?;
        return Ok((temporary.path().to_owned(), Some(temporary)));
    };
    fs::create_dir_all(folder)
        .map_err(|source| StartError::Data { path: folder.to_owned(), source })?;
    Ok((folder.to_owned(), None))
}

fn set_up_tls(authority: &Path) -> Result<DemoTls, StartError> {
    let certificates = Certificates::from_folder(authority)?;
    let server =
        tls::server_config_from_pem(certificates.chain.as_bytes(), certificates.key.as_bytes())?;
    let certificate = Certificate { chain: certificates.chain, key: certificates.key };
    Ok(DemoTls { server, certificate, ca_file: certificates.ca_file })
}

fn random_secret() -> Secret {
    Secret::new(&format!("{:032x}", rand::random::<u128>())).expect("32 digits are not empty")
}

fn describe(running: &Running, release: Release) -> ReadyNode {
    let (host, port) = running.node.connect_to();
    ReadyNode {
        name: running.node.name.to_string(),
        origin: running.node.origin.to_string(),
        address: format!("{host}:{port}"),
        secret: running.secret.expose().to_owned(),
        bbb: release.number().to_owned(),
        nginx: running.simulated.nginx_version(),
    }
}
