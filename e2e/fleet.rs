//! Nodes of chosen releases behind a real nginx each, made part of a cluster by the binary, and the
//! binary in front of them; everything over HTTPS.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use bluegate_simnode::{
    BackEndSettings, BackEnds, Certificate, ClusterOf, NginxSettings, SimNode, Stock,
    configure_by_ansible, configure_by_hand, install_with_ports, start_with_nginx,
};
use bluegate_testkit::{Process, certificates::Authority, eventually, http::Request};
use tokio::net::TcpStream;

use crate::{
    cluster::{BLUEGATE, sign},
    command_line::{bluegate, free_port, seen},
};

/// How long the proxy may take to listen.
const WITHIN: Duration = Duration::from_secs(30);

/// Where the cluster is, and nodes of its site.
pub(crate) const SITE: &str = "cluster.localhost";

/// Who was at the node before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nobody but the packages.
    Stock,
    /// A reader of BBB's documentation.
    ByHand,
    /// The ebbba ansible role.
    Ansible,
}

const ALL: &[Before] = &[Before::Stock, Before::ByHand, Before::Ansible];
/// The ansible role has no recipe for what is older or newer.
const WITHOUT_A_RECIPE: &[Before] = &[Before::Stock, Before::ByHand];

/// A release of every profile, on both sides of what changed within it, and who had its nodes before.
pub(crate) const MATRIX: &[(&str, &[Before])] = &[
    ("2.4.9", WITHOUT_A_RECIPE),
    ("2.5.18", WITHOUT_A_RECIPE),
    ("2.6.9", ALL),
    ("2.6.18", ALL),
    ("2.7.17", ALL),
    ("3.0.18", ALL),
    ("3.0.28", ALL),
    ("4.0.0", WITHOUT_A_RECIPE),
];

/// A cluster of such nodes.
pub(crate) struct Fleet {
    pub(crate) origin: String,
    pub(crate) nodes: Vec<FleetNode>,
    pub(crate) authority: String,
    file: PathBuf,
    options: Vec<String>,
    _proxy: Process,
    // Last: what runs uses it.
    _folder: tempfile::TempDir,
}

/// A node of the fleet.
pub(crate) struct FleetNode {
    pub(crate) name: String,
    pub(crate) before: Before,
    origin: String,
    secret: String,
    address: SocketAddr,
    /// Keeps the port until nginx takes it over.
    seat: Option<TcpListener>,
    root: PathBuf,
    files: BTreeMap<PathBuf, File>,
    simulated: Option<SimNode>,
}

/// What rollback has to bring back.
#[derive(PartialEq, Eq, Debug)]
enum File {
    Link(PathBuf),
    Plain { mode: u32, bytes: Vec<u8> },
}

impl Fleet {
    /// Installs nodes of a release, lets others configure them, applies our plans, and starts all.
    pub(crate) async fn start(
        release: &str,
        nodes: &[Before],
        domain: &str,
        options: &[&str],
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let authority = Authority::new()?;
        let certificate = |names: &[&str]| -> Result<Certificate> {
            let issued = authority.issue(names)?;
            Ok(Certificate { chain: issued.certificate, key: issued.key })
        };
        let ca = folder.path().join("ca.pem");
        fs::write(&ca, authority.certificate())?;
        let port = free_port();
        let origin = format!("https://bbb.cluster.localhost:{port}");
        let own = certificate(&["bbb.cluster.localhost"])?;
        fs::write(folder.path().join("proxy.pem"), own.chain)?;
        fs::write(folder.path().join("proxy.key"), own.key)?;

        let mut text = format!(
            "[cluster]\norigin = \"{origin}\"\nnode_ca = \"ca.pem\"\n\
             [proxy]\nlisten = \"127.0.0.1:{port}\"\ntls = {{ cert = \"proxy.pem\", key = \"proxy.key\" }}\n"
        );
        let mut prepared = Vec::new();
        for (number, before) in (1..).zip(nodes) {
            let name = format!("bbb-{number:02}");
            let (node, back_ends) =
                FleetNode::install(folder.path(), &name, domain, release, *before, &origin)?;
            fs::write(folder.path().join(format!("{name}.secret")), &node.secret)?;
            write!(
                text,
                "[[node]]\nname = \"{name}\"\norigin = \"{}\"\naddress = \"{}\"\nsecret_file = \"{name}.secret\"\n",
                node.origin, node.address
            )?;
            prepared.push((node, back_ends));
        }
        let file = folder.path().join("bluegate.toml");
        fs::write(&file, text)?;

        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let mut fleet = Self {
            origin,
            nodes: Vec::new(),
            authority: authority.certificate(),
            file,
            options,
            _proxy: Process::start(Path::new("/bin/true"), [""; 0])?,
            _folder: folder,
        };
        let host = format!("*.{domain}");
        for (mut node, back_ends) in prepared {
            node.files = files(&node.root)?;
            fleet.apply(&node)?;
            let settings = NginxSettings {
                services: BackEndSettings {
                    name: node.name.clone(),
                    root: node.root.clone(),
                    back_ends,
                    strict: false,
                },
                address: node.address,
                run: node.root.with_extension("nginx"),
                certificate: Some(certificate(&[host.as_str()])?),
            };
            node.seat = None;
            node.simulated = Some(start_with_nginx(settings).await?);
            fleet.nodes.push(node);
        }
        let arguments = ["serve", "-c", &fleet.file.display().to_string()].map(str::to_owned);
        fleet._proxy = Process::start(Path::new(BLUEGATE), arguments)?;
        eventually("the proxy listens", WITHIN, || async {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()
        })
        .await?;
        Ok(fleet)
    }

    /// Applies a node's plan; there is one, and none afterwards.
    fn apply(&self, node: &FleetNode) -> Result<()> {
        self.expect(node, &["plan"], 1)?;
        self.expect(node, &["apply", "--yes"], 0)?;
        self.expect(node, &["plan"], 0)
    }

    fn expect(&self, node: &FleetNode, arguments: &[&str], code: i32) -> Result<()> {
        let output = self.node_command(node, arguments);
        ensure!(
            output.status.code() == Some(code),
            "{arguments:?} {:?}: {}",
            node.before,
            seen(&output)
        );
        Ok(())
    }

    fn node_command(&self, node: &FleetNode, arguments: &[&str]) -> Output {
        let (file, root) = (self.file.display().to_string(), node.root.display().to_string());
        let (command, more) = arguments.split_first().unwrap();
        let mut all = vec!["node", command, &node.name, "-c", &file, "--root", &root];
        all.extend(more);
        if *command != "rollback" {
            all.extend(self.options.iter().map(String::as_str));
        }
        bluegate(&all)
    }

    /// The node of a fleet of one.
    pub(crate) fn the_node(&self) -> &FleetNode {
        self.nodes.first().unwrap()
    }

    /// What the doctor says.
    pub(crate) fn doctor(&self) -> Output {
        bluegate(&["doctor", "-c", &self.file.display().to_string()])
    }

    /// Stops the nodes and takes everything back that was applied.
    pub(crate) async fn roll_back(mut self) -> Result<()> {
        for node in std::mem::take(&mut self.nodes) {
            self.roll_back_node(node).await?;
        }
        Ok(())
    }

    async fn roll_back_node(&self, mut node: FleetNode) -> Result<()> {
        if let Some(simulated) = node.simulated.take() {
            simulated.shutdown().await;
        }
        self.expect(&node, &["rollback", "--yes"], 0)?;
        let now = files(&node.root)?;
        for (path, before) in &node.files {
            let same = now.get(path) == Some(before);
            ensure!(same, "{:?}: {} is not as it was", node.before, path.display());
        }
        // Below `etc` nothing but its certificate is the running node's own.
        let added = now.keys().find(|path| {
            let ours = path.starts_with("etc") && !path.starts_with("etc/nginx/ssl");
            ours && !node.files.contains_key(*path)
        });
        ensure!(added.is_none(), "{:?}: {added:?} was left", node.before);
        Ok(())
    }
}

impl FleetNode {
    fn install(
        folder: &Path,
        name: &str,
        domain: &str,
        release: &str,
        before: Before,
        cluster: &str,
    ) -> Result<(Self, BackEnds)> {
        // nginx takes it over a moment later: no connection of another test may take it first.
        let seat = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port()))?;
        let address = seat.local_addr()?;
        let back_ends = BackEnds::bind()?;
        let node = Self {
            name: name.to_owned(),
            before,
            origin: format!("https://{name}.{domain}:{}", address.port()),
            secret: format!("a-secret-of-{name}-0123456789"),
            address,
            seat: Some(seat),
            root: folder.join(name),
            files: BTreeMap::new(),
            simulated: None,
        };
        let stock = Stock {
            origin: node.origin.clone(),
            secret: node.secret.clone(),
            release: release.to_owned(),
        };
        install_with_ports(&node.root, &stock, &back_ends.ports())?;
        let cluster = ClusterOf { origin: cluster.to_owned(), mount: name.to_owned() };
        match before {
            Before::Stock => {}
            Before::ByHand => configure_by_hand(&node.root, &cluster)?,
            Before::Ansible => configure_by_ansible(&node.root, &cluster)?,
        }
        Ok((node, back_ends))
    }

    /// Makes a meeting and gives a moderator's way into it.
    pub(crate) async fn join_url(&self, authority: &str, meeting: &str) -> Result<String> {
        let create = sign("create", &[("meetingID", meeting), ("name", "Lesson")], &self.secret);
        let host = self.origin.split("://").nth(1).context("an authority")?;
        let request = Request::get(&format!("/bigbluebutton/api/create?{create}"));
        let request = request.header("Host", host).trusting(authority);
        let answer = request.send(&self.address.to_string()).await?;
        ensure!(answer.text().contains("SUCCESS"), "{}", answer.text());
        let parameters = [("meetingID", meeting), ("fullName", "Ada"), ("role", "MODERATOR")];
        let join = sign("join", &parameters, &self.secret);
        Ok(format!("{}/bigbluebutton/api/join?{join}", self.origin))
    }
}

/// All files below a folder, by their paths there.
fn files(root: &Path) -> Result<BTreeMap<PathBuf, File>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let data = path.symlink_metadata()?;
            let file = if data.is_symlink() {
                File::Link(fs::read_link(&path)?)
            } else if data.is_dir() {
                folders.push(path);
                continue;
            } else {
                File::Plain { mode: data.permissions().mode(), bytes: fs::read(&path)? }
            };
            found.insert(path.strip_prefix(root)?.to_owned(), file);
        }
    }
    Ok(found)
}
