//! A small cluster: simulated nodes, configured as they should be and then
//! broken by the test, behind the real proxy.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bluegate_cluster::{BbbVersion, Node, Origin, Routes, Scheme, Secret};
use bluegate_doctor::{Bounds, Config, Patient, Report, Subject, examine};
use bluegate_net::{Limits, Listener, serve, tls};
use bluegate_nodeconf::{Folder, Options, detect, plan, write_changes};
use bluegate_simnode::{
    BackEndSettings, BackEnds, NginxSettings, Settings, SimNode, Stock, install_with_ports,
};
use bluegate_testkit::eventually;
use tokio::{net::TcpStream, sync::watch};
use tokio_util::sync::CancellationToken;

use crate::meddler::{Rule, meddle};

/// A cluster to be.
pub(crate) struct Plan {
    release: &'static str,
    nodes: usize,
    /// Where the nodes live; the cluster is under `cluster.localhost`.
    node_domain: &'static str,
    /// Whether cluster and node are `127.0.0.1`, which no demo is.
    by_address: bool,
    /// The cluster's origin, where its proxy is not.
    elsewhere: Option<Origin>,
    configured: bool,
    told: bool,
    secrets: bool,
    proxied: bool,
    nginx: bool,
    break_files: Vec<Change>,
    at_node: Vec<Rule>,
    at_proxy: Vec<Rule>,
    tls: Option<TlsOf>,
}

/// How the cluster and its nodes speak TLS.
#[derive(Clone)]
pub(crate) struct TlsOf {
    pub(crate) cluster: Arc<rustls::ServerConfig>,
    pub(crate) nodes: Arc<rustls::ServerConfig>,
    pub(crate) client: Arc<rustls::ClientConfig>,
}

/// Where everything listens.
const ADDRESS: &str = "127.0.0.1";

/// A change of a node's files.
type Change = Box<dyn Fn(&Root)>;

/// The folder that is a node's `/`.
pub(crate) struct Root {
    path: PathBuf,
    pub(crate) node: Node,
    pub(crate) cluster: Origin,
}

/// A running cluster.
pub(crate) struct Cluster {
    pub(crate) subject: Subject,
    pub(crate) nodes: Vec<Arc<SimNode>>,
    tls: Arc<rustls::ClientConfig>,
    stop: Option<tokio_util::sync::DropGuard>,
    _routes: watch::Sender<Arc<Routes>>,
    folder: tempfile::TempDir,
}

/// A cluster of one node of this release, configured as it should be.
pub(crate) fn cluster(release: &'static str) -> Plan {
    Plan {
        release,
        nodes: 1,
        node_domain: "cluster.localhost",
        by_address: false,
        elsewhere: None,
        configured: true,
        told: true,
        secrets: true,
        proxied: true,
        nginx: false,
        break_files: Vec::new(),
        at_node: Vec::new(),
        at_proxy: Vec::new(),
        tls: None,
    }
}

impl Plan {
    pub(crate) fn nodes(self, nodes: usize) -> Self {
        Self { nodes, ..self }
    }

    pub(crate) fn nodes_under(self, node_domain: &'static str) -> Self {
        Self { node_domain, ..self }
    }

    /// A cluster of one node, both without a name.
    pub(crate) fn by_address(self) -> Self {
        Self { by_address: true, ..self }
    }

    /// A cluster whose origin is this one, with nodes that know that.
    pub(crate) fn elsewhere(self, origin: &str) -> Self {
        Self { elsewhere: Some(origin.parse().unwrap()), ..self }
    }

    /// Nodes as the packages leave them.
    pub(crate) fn stock(self) -> Self {
        Self { configured: false, ..self }
    }

    /// A cluster file that names no release.
    pub(crate) fn untold(self) -> Self {
        Self { told: false, ..self }
    }

    /// A cluster file without API secrets.
    pub(crate) fn without_secrets(self) -> Self {
        Self { secrets: false, ..self }
    }

    pub(crate) fn not_proxied(self) -> Self {
        Self { proxied: false, ..self }
    }

    /// Nodes with a real nginx each.
    pub(crate) fn with_nginx(self) -> Self {
        Self { nginx: true, ..self }
    }

    /// Changes every node's files once they are configured.
    pub(crate) fn breaking(mut self, change: impl Fn(&Root) + 'static) -> Self {
        self.break_files.push(Box::new(change));
        self
    }

    /// Answers that take the place of every node's own.
    pub(crate) fn at_node(mut self, rule: Rule) -> Self {
        self.at_node.push(rule);
        self
    }

    /// Answers that take the place of the proxy's own.
    pub(crate) fn at_proxy(mut self, rule: Rule) -> Self {
        self.at_proxy.push(rule);
        self
    }

    pub(crate) fn over(self, tls: TlsOf) -> Self {
        Self { tls: Some(tls), ..self }
    }

    fn scheme(&self) -> Scheme {
        if self.tls.is_some() { Scheme::Https } else { Scheme::Http }
    }

    pub(crate) async fn start(self) -> Cluster {
        let folder = tempfile::tempdir().unwrap();
        let front = listener();
        let port = front.local_addr().unwrap().port();
        let host = if self.by_address { ADDRESS } else { "bbb.cluster.localhost" };
        let own = Origin::new(self.scheme(), host, Some(port)).unwrap();
        let origin = self.elsewhere.clone().unwrap_or(own);
        let mut patients = Vec::new();
        let mut nodes = Vec::new();
        for number in 1..=self.nodes {
            let (patient, node) = self.node(number, &origin, folder.path()).await;
            patients.push(patient);
            nodes.push(Arc::new(node));
        }
        let stop = CancellationToken::new();
        let tls = match &self.tls {
            Some(tls) => Arc::clone(&tls.client),
            None => tls::client_config(None).unwrap(),
        };
        let server = self.tls.as_ref().map(|tls| Arc::clone(&tls.cluster));
        let proxy = if self.at_proxy.is_empty() {
            front
        } else {
            let behind = listener();
            let address = behind.local_addr().unwrap();
            // What it passes on is TLS already, or in the clear on both sides.
            assert!(server.is_none(), "the one in the way of the proxy speaks no TLS");
            meddle(front, address, self.at_proxy.clone());
            behind
        };
        let all = patients.iter().map(|patient| patient.node.clone());
        let routes = Arc::new(Routes::new(origin.clone(), all).unwrap());
        let (sender, routes) = watch::channel(routes);
        let config = bluegate_proxy::Config::new(Arc::clone(&tls));
        let service = bluegate_proxy::build(config, routes).unwrap();
        let listening = Listener::from_std(proxy).unwrap();
        let stopped = stop.clone();
        tokio::spawn(async move {
            serve(listening, server, service, Limits::default(), stopped, Duration::ZERO).await
        });
        let file = PathBuf::from("/etc/bluegate/bluegate.toml");
        Cluster {
            subject: Subject { origin, file, nodes: patients },
            nodes,
            tls,
            stop: Some(stop.drop_guard()),
            _routes: sender,
            folder,
        }
    }

    async fn node(&self, number: usize, cluster: &Origin, folder: &Path) -> (Patient, SimNode) {
        let front = listener();
        let address = front.local_addr().unwrap();
        let name = format!("bbb-{number:02}");
        let host = match self.by_address {
            true => ADDRESS.to_owned(),
            false => format!("{name}.{}", self.node_domain),
        };
        let release: BbbVersion = self.release.parse().unwrap();
        let node = Node {
            name: name.parse().unwrap(),
            origin: Origin::new(self.scheme(), &host, Some(address.port())).unwrap(),
            // Systems need not know names under `localhost`, as browsers do.
            address: Some(address.into()),
            bbb: self.told.then(|| release.clone()),
            proxied: self.proxied,
        };
        let secret = format!("{number:032}");
        let root = Root { path: folder.join(&name), node: node.clone(), cluster: cluster.clone() };
        let stock = Stock {
            origin: node.origin.to_string(),
            secret: secret.clone(),
            release: self.release.to_owned(),
        };
        let back_ends = self.nginx.then(|| BackEnds::bind().unwrap());
        let ports = back_ends.as_ref().map(BackEnds::ports).unwrap_or_default();
        install_with_ports(&root.path, &stock, &ports).unwrap();
        if self.configured {
            let host = Folder::new(&root.path);
            let detected = detect(&host, None).unwrap();
            let options = Options { allow_cross_site: true };
            let plan = plan(&host, &detected, cluster, &node, &options).unwrap();
            write_changes(&root.path, &plan).unwrap();
        }
        for change in &self.break_files {
            change(&root);
        }
        let secrets = self.secrets.then(|| Secret::new(&secret).unwrap());
        let patient = Patient { node, secrets: secrets.into_iter().collect() };
        if let Some(back_ends) = back_ends {
            assert!(self.at_node.is_empty() && self.tls.is_none(), "nginx has the port itself");
            drop(front);
            let run = folder.join(format!("{name}.nginx"));
            let services = BackEndSettings { name, root: root.path, back_ends, strict: false };
            let settings = NginxSettings { services, address, run, certificate: None };
            return (patient, bluegate_simnode::start_with_nginx(settings).await.unwrap());
        }
        let tls = self.tls.as_ref().map(|tls| Arc::clone(&tls.nodes));
        let listener = if self.at_node.is_empty() {
            front
        } else {
            let behind = listener();
            assert!(tls.is_none(), "the one in the way of a node speaks no TLS");
            meddle(front, behind.local_addr().unwrap(), self.at_node.clone());
            behind
        };
        let settings = Settings { name, root: root.path, listener, tls, strict: false };
        (patient, bluegate_simnode::start(settings).await.unwrap())
    }
}

impl Cluster {
    /// Looks at it.
    pub(crate) async fn examine(&self) -> Report {
        examine(&self.config(), &CancellationToken::new(), |_| {}).await
    }

    /// Stops the proxy, and waits until nothing listens where it was.
    pub(crate) async fn stop_proxy(&mut self) {
        drop(self.stop.take());
        let place = (ADDRESS, self.subject.origin.port());
        let is_gone = || async { TcpStream::connect(place).await.is_err().then_some(()) };
        eventually("the proxy is gone", Duration::from_secs(20), is_gone).await.unwrap();
    }

    /// The files of a node, by its number.
    pub(crate) fn root(&self, number: usize) -> Root {
        let node = self.subject.nodes[number].node.clone();
        let path = self.folder.path().join(node.name.as_str());
        Root { path, node, cluster: self.subject.origin.clone() }
    }

    pub(crate) fn config(&self) -> Config {
        Config {
            subject: self.subject.clone(),
            tls: Arc::clone(&self.tls),
            bounds: Bounds::default(),
            browser: None,
        }
    }
}

impl Root {
    /// A file of the node, by its path there.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.path.join(path.trim_start_matches('/'))
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    /// Replaces a text that must be there.
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(from), "`{path}` does not hold `{from}`:\n{text}");
        self.write(path, &text.replace(from, to));
    }

    /// Removes the line with this text.
    pub(crate) fn remove_line(&self, path: &str, part: &str) {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(part), "`{path}` does not hold `{part}`:\n{text}");
        let kept: Vec<&str> = text.lines().filter(|line| !line.contains(part)).collect();
        self.write(path, &(kept.join("\n") + "\n"));
    }
}

fn listener() -> std::net::TcpListener {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

/// `node check file` of every finding, one per line.
pub(crate) fn findings(report: &Report) -> Vec<String> {
    let lines = report.findings().map(|(node, finding)| {
        let file = finding.fix.as_ref().map_or("", |fix| fix.file.as_str());
        format!("{} {} {file}", node.unwrap_or("cluster"), finding.check)
    });
    lines.collect()
}

/// Fails with the whole report unless exactly these were found.
#[track_caller]
pub(crate) fn assert_finds(report: &Report, wanted: &[&str]) {
    assert_eq!(findings(report), wanted, "\n{report}");
}
