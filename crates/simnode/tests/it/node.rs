//! A node in a temporary folder, and a plain HTTP client that changes nothing.

use std::{fs, net::SocketAddr, path::PathBuf, sync::LazyLock};

use bluegate_simnode::{
    BackEndSettings, BackEnds, ClusterOf, FixtureError, NginxSettings, Settings, SimNode,
    StartError, Stock, install, install_webhooks, install_with_ports, start, start_with_nginx,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) const SECRET: &str = "639259d4-9dd8-4b25-bf01-95f9567eaf4b";
pub(crate) const PROXY: &str = "http://bbb.cluster.localhost:8080";

/// A running node and its files.
pub(crate) struct Node {
    pub(crate) sim: SimNode,
    pub(crate) origin: String,
    pub(crate) address: SocketAddr,
    secret: String,
    root: PathBuf,
    _folder: TempDir,
}

/// How a node is set up before it starts.
pub(crate) struct Setup {
    release: &'static str,
    files: Vec<(&'static str, String)>,
    fixture: Option<Fixture>,
    webhooks: bool,
}

/// Somebody else's way to configure a node.
type Fixture = fn(&std::path::Path, &ClusterOf) -> Result<(), FixtureError>;

/// Files of the node as [`Setup`] wants them, at one root.
fn write_files(root: &std::path::Path, origin: &str, files: &[(&'static str, String)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("{origin}", origin)).unwrap();
    }
}

impl Setup {
    pub(crate) fn stock() -> Self {
        Self { release: "3.0.28", files: Vec::new(), fixture: None, webhooks: false }
    }

    /// Installs bbb-webhooks.
    pub(crate) fn webhooks(mut self) -> Self {
        self.webhooks = true;
        self
    }

    /// Lets somebody else make the node part of the cluster.
    pub(crate) fn configured(mut self, fixture: Fixture) -> Self {
        self.fixture = Some(fixture);
        self
    }

    pub(crate) fn release(mut self, release: &'static str) -> Self {
        self.release = release;
        self
    }

    /// Adds an override file; `{origin}` stands for the node's own origin.
    pub(crate) fn file(mut self, path: &'static str, text: impl Into<String>) -> Self {
        self.files.push((path, text.into()));
        self
    }

    /// Adds properties after those of the stock override file.
    pub(crate) fn properties(self, text: &str) -> Self {
        let all =
            format!("bigbluebutton.web.serverURL={{origin}}\nsecuritySalt={SECRET}\n{text}\n");
        self.file("etc/bigbluebutton/bbb-web.properties", all)
    }

    /// The files of a node behind a cluster's proxy.
    pub(crate) fn clustered() -> Self {
        let java = format!(
            "-Dgrails.cors.enabled=true -Dgrails.cors.allowCredentials=true -Dgrails.cors.allowedOrigins={PROXY},{{origin}}"
        );
        Self::stock()
            .properties(&format!("defaultHTML5ClientUrl={PROXY}/bbb-01/html5client/"))
            .file(
                "etc/bigbluebutton/bbb-html5.yml",
                "public:\n  app:\n    basename: '/bbb-01/html5client'\n    bbbWebBase: '{origin}/bigbluebutton'\n",
            )
            .file(
                "etc/bigbluebutton/bbb-graphql-middleware.yml",
                "server:\n  authorized_cross_origin: 'bbb.cluster.localhost:8080'\n",
            )
            .file(
                "etc/bigbluebutton/bbb-graphql-server.env",
                format!("HASURA_GRAPHQL_CORS_DOMAIN=\"{PROXY}\"\n"),
            )
            .file(
                "etc/systemd/system/bbb-web.service.d/cluster.conf",
                format!("[Service]\nEnvironment=\"JDK_JAVA_OPTIONS={java}\"\n"),
            )
            .file(
                "etc/bigbluebutton/etherpad.json",
                format!("{{\"cluster_proxies\": [\"{PROXY}\"]}}\n"),
            )
            .file(
                "etc/bigbluebutton/nginx/bbb-cluster.nginx",
                format!(
                    "set $bbb_cors_origin '{PROXY}';
                    location = /bbb-01/html5client {{ return 301 /bbb-01/html5client/$is_args$args; }}
                    location ^~ /bbb-01/html5client/ {{ gzip_static on; alias /usr/share/bigbluebutton/html5-client/; index index.html; try_files $uri $uri/ =404; }}
                    location ^~ /bbb-01/html5client/locales {{ alias /usr/share/bigbluebutton/html5-client/locales; autoindex on; autoindex_format json; }}
                    location ^~ /bbb-01/html5client/wasm {{ types {{ application/wasm wasm; }} gzip_static on; alias /usr/share/bigbluebutton/html5-client/wasm; }}"
                ),
            )
    }

    pub(crate) async fn start(self) -> Node {
        self.start_with(None, "http").await
    }

    pub(crate) async fn start_with(
        self,
        tls: Option<std::sync::Arc<rustls::ServerConfig>>,
        scheme: &str,
    ) -> Node {
        let root = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let origin = format!("{scheme}://bbb-01.cluster.localhost:{}", address.port());
        let stock = Stock {
            origin: origin.clone(),
            secret: SECRET.to_owned(),
            release: self.release.to_owned(),
        };
        install(root.path(), &stock).unwrap();
        if self.webhooks {
            install_webhooks(root.path(), &stock).unwrap();
        }
        write_files(root.path(), &origin, &self.files);
        if let Some(fixture) = self.fixture {
            let cluster = ClusterOf { origin: PROXY.to_owned(), mount: "bbb-01".to_owned() };
            fixture(root.path(), &cluster).unwrap();
        }
        let settings = Settings {
            name: "bbb-01".to_owned(),
            root: root.path().to_owned(),
            listener,
            tls,
            strict: false,
        };
        let sim = start(settings).await.unwrap();
        let path = root.path().to_owned();
        Node { sim, origin, address, secret: stock.secret, root: path, _folder: root }
    }
}

impl Setup {
    /// Starts the node behind this machine's nginx.
    pub(crate) async fn start_with_nginx(self) -> Node {
        self.try_start_with_nginx().await.unwrap()
    }

    pub(crate) async fn try_start_with_nginx(self) -> Result<Node, StartError> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("node");
        let back_ends = BackEnds::bind().unwrap();
        // nginx takes the port over, which nobody else is given meanwhile.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let origin = format!("http://bbb-01.cluster.localhost:{}", address.port());
        let stock = Stock {
            origin: origin.clone(),
            secret: SECRET.to_owned(),
            release: self.release.to_owned(),
        };
        install_with_ports(&root, &stock, &back_ends.ports()).unwrap();
        write_files(&root, &origin, &self.files);
        if let Some(fixture) = self.fixture {
            let cluster = ClusterOf { origin: PROXY.to_owned(), mount: "bbb-01".to_owned() };
            fixture(&root, &cluster).unwrap();
        }
        let settings = NginxSettings {
            services: BackEndSettings {
                name: "bbb-01".to_owned(),
                root: root.clone(),
                back_ends,
                strict: false,
            },
            address,
            run: folder.path().join("run"),
            certificate: None,
        };
        let sim = start_with_nginx(settings).await?;
        Ok(Node { sim, origin, address, secret: stock.secret, root, _folder: folder })
    }
}

impl Node {
    /// Writes one of its files; `{origin}` stands for its own origin.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("{origin}", &self.origin)).unwrap();
    }

    pub(crate) fn host(&self) -> String {
        self.origin.split_once("://").unwrap().1.to_owned()
    }

    /// A signed API path with query.
    pub(crate) fn signed(&self, call: &str, query: &str) -> String {
        format!(
            "/bigbluebutton/api/{call}?{query}&checksum={}",
            sign_with(&self.secret, call, query)
        )
    }

    /// The answer to a signed GET.
    pub(crate) async fn api(&self, call: &str, query: &str) -> Answer {
        self.get(&self.signed(call, query)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"").await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, b"").await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.try_send(method, path, headers, body).await.expect("an answer")
    }

    /// `None` when the connection is refused or closes before a whole header.
    pub(crate) async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<Answer> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request.push_str(&format!("Host: {}\r\n", self.host()));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        let mut stream = TcpStream::connect(self.address).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        stream.write_all(body).await.ok()?;
        let mut bytes = Vec::new();
        // A reset in the middle still leaves what came before it.
        drop(stream.read_to_end(&mut bytes).await);
        Answer::parse(&bytes)
    }

    /// Creates a meeting and joins it as a browser would.
    pub(crate) async fn browser(&self, meeting: &str, role: &str) -> Browser {
        self.api("create", &format!("name=Class&meetingID={meeting}")).await.success();
        let query = format!("fullName=Ada&meetingID={meeting}&role={role}");
        let answer = self.api("join", &query).await;
        assert_eq!(answer.status, 302, "{answer:?}");
        let location = answer.header("location").unwrap().to_owned();
        let token = location.split_once("sessionToken=").unwrap().1.to_owned();
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        Browser { location, token, cookie }
    }
}

/// What a browser has after joining.
#[derive(Debug)]
pub(crate) struct Browser {
    pub(crate) location: String,
    pub(crate) token: String,
    pub(crate) cookie: String,
}

/// The checksum of a call with the secret all nodes of these tests have.
pub(crate) fn sign(call: &str, query: &str) -> String {
    sign_with(SECRET, call, query)
}

fn sign_with(secret: &str, call: &str, query: &str) -> String {
    let digest = Sha256::digest(format!("{call}{query}{secret}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The chunks of a body, as far as they came.
fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        let rest = &bytes[end + 2..];
        body.extend(&rest[..size.min(rest.len())]);
        bytes = rest.get(size + 2..).unwrap_or_default();
    }
    body
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut answer = Self { status, headers, body: bytes[end + 4..].to_vec() };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = unchunked(&answer.body);
        }
        Some(answer)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The text of the first element of this name.
    pub(crate) fn element(&self, name: &str) -> Option<String> {
        let text = self.text();
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    }

    /// Asserts an API success and hands the answer on.
    pub(crate) fn success(self) -> Self {
        assert_eq!(self.element("returncode").as_deref(), Some("SUCCESS"), "{}", self.text());
        self
    }

    /// The messageKey of an API failure.
    pub(crate) fn failure(&self) -> String {
        assert_eq!(self.element("returncode").as_deref(), Some("FAILED"), "{}", self.text());
        self.element("messageKey").unwrap()
    }

    /// The element names in order of their opening.
    pub(crate) fn element_names(&self) -> Vec<String> {
        let text = self.text();
        text.split('<')
            .skip(1)
            .filter(|part| !part.starts_with('/'))
            .map(|part| part.split(['>', '/']).next().unwrap().to_owned())
            .collect()
    }
}

/// Patience of tests that wait for something on another task.
pub(crate) static PATIENCE: LazyLock<std::time::Duration> =
    LazyLock::new(|| std::time::Duration::from_secs(10));

/// Waits until a condition holds; yields in between, so no time is wasted.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(*PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}
