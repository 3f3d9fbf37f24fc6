//! A server with exported configuration in front of a few nodes.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    time::Duration,
};

use bluegate_cluster::{Node, Origin, Routes};
use bluegate_export::{Certificate, Options, render};
use bluegate_testkit::{Process, certificates::Authority, eventually};
use tokio::net::TcpStream;

use crate::{client::Client, fake_node::FakeNode, server::Server};

const WITHIN: Duration = Duration::from_secs(20);

/// Another process may take a port between its choice and its use.
const ATTEMPTS: usize = 5;

/// The name of the cluster's origin.
pub(crate) const NAME: &str = "bbb.example.org";

/// A running server and its nodes: `bbb-01` (BBB 2.7), `bbb-10` (3.0), and three
/// that fail: `bbb-dead` (nobody listens), `bbb-lost` (its name does not exist),
/// `bbb-fake` (a certificate of another authority). `bbb-off` is not proxied.
pub(crate) struct Front {
    pub(crate) server: Server,
    pub(crate) client: Client,
    pub(crate) old: FakeNode,
    pub(crate) new: FakeNode,
    pub(crate) fake: FakeNode,
    pub(crate) off: FakeNode,
    pub(crate) new_origin: Origin,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) process: Process,
}

impl Front {
    pub(crate) async fn start(server: Server) -> Self {
        let authority = Authority::new().unwrap();
        let names = ["bbb-01.example.org", "bbb-10.example.org", "localhost"];
        let old = FakeNode::start(&authority, &names).await;
        let new = FakeNode::start(&authority, &names).await;
        let fake =
            FakeNode::start(&Authority::new().unwrap(), &["bbb-fake.example.org", "localhost"])
                .await;
        let off = FakeNode::start(&authority, &["bbb-off.example.org", "localhost"]).await;
        let closed = free_address();
        let node = |name: &str, address: SocketAddr, bbb: &str| {
            // Apache connects where the name says.
            let by_name = server == Server::Apache;
            let origin = if by_name {
                format!("https://localhost:{}", address.port())
            } else {
                format!("https://{name}.example.org")
            };
            Node {
                name: name.parse().unwrap(),
                origin: origin.parse().unwrap(),
                address: (!by_name).then(|| address.into()),
                bbb: Some(bbb.parse().unwrap()),
                proxied: true,
            }
        };
        let mut lost = node("bbb-lost", closed, "3.0");
        lost.origin = "https://bbb-lost.invalid".parse().unwrap();
        lost.address = None;
        let mut not_proxied = node("bbb-off", off.address, "3.0");
        not_proxied.proxied = false;
        let (first, second) =
            (node("bbb-01", old.address, "2.7"), node("bbb-10", new.address, "3.0"));
        let new_origin = second.origin.clone();
        let dead = node("bbb-dead", closed, "3.0");
        let nodes = [first, second, dead, node("bbb-fake", fake.address, "3.0"), lost, not_proxied];
        let origin: Origin = format!("https://{NAME}").parse().unwrap();
        let routes = Routes::new(origin, nodes).unwrap();

        for _ in 0..ATTEMPTS {
            let folder = tempfile::Builder::new().prefix("bluegate-export-").tempdir().unwrap();
            let listen = free_address();
            let options = options(&folder, &authority, listen);
            let exported = render(server.software(), &routes, &options).unwrap();
            let mut process = server.start(folder.path(), &exported, listen.port());
            if !accepts(&mut process, listen).await {
                continue;
            }
            let client = Client::new(listen, NAME, &authority.certificate());
            return Self { server, client, old, new, fake, off, new_origin, folder, process };
        }
        panic!("{server:?} did not start: its words are above");
    }

    /// Everything the server wrote down, its standard streams included.
    pub(crate) fn logs(&self) -> String {
        let mut text = self.process.stdout() + &self.process.stderr();
        for name in ["access.log", "error.log", "main-error.log"] {
            text += &std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        }
        // HAProxy's JSON escapes slashes.
        text.replace("\\/", "/")
    }

    /// Requests and connections that reached any node.
    pub(crate) fn reached(&self) -> usize {
        let nodes = [&self.old, &self.new, &self.fake, &self.off];
        nodes.iter().map(|node| node.requests().len() + node.connections()).sum()
    }
}

fn options(folder: &tempfile::TempDir, authority: &Authority, listen: SocketAddr) -> Options {
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let issued = authority.issue(&[NAME]).unwrap();
    std::fs::write(path("chain.pem"), &issued.certificate).unwrap();
    std::fs::write(path("key.pem"), &issued.key).unwrap();
    std::fs::write(path("combined.pem"), issued.certificate + &issued.key).unwrap();
    std::fs::write(path("ca.pem"), authority.certificate()).unwrap();
    std::fs::create_dir(path("cache")).unwrap();
    Options {
        listen: vec![listen],
        certificate: Some(Certificate { chain: path("chain.pem"), key: path("key.pem") }),
        combined_certificate: path("combined.pem"),
        node_ca: Some(path("ca.pem")),
        // The system's authorities sign nothing here; a file that is there is all it needs.
        system_ca: path("ca.pem"),
        cache: path("cache"),
        access_log: path("access.log"),
        error_log: path("error.log"),
        addresses: std::collections::BTreeMap::<_, Vec<IpAddr>>::new(),
        own_user: false,
    }
}

/// Whether the server comes to accept connections; it says why when it ends instead.
async fn accepts(process: &mut Process, address: SocketAddr) -> bool {
    let accepting = eventually("the server accepts connections or ends", WITHIN, || {
        let ended = process.exited().unwrap().is_some();
        async move {
            if ended {
                return Some(false);
            }
            TcpStream::connect(address).await.is_ok().then_some(true)
        }
    });
    let accepting = accepting.await.unwrap_or(false);
    if !accepting {
        eprintln!("{}{}", process.stdout(), process.stderr());
    }
    accepting
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}
