//! A cluster to tell stories with: fake nodes, a scaler, frontends.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bluegate_bbb_api::{Answer, Outcome, RawQuery, checksum};
use bluegate_cluster::{AllowedHosts, Node, Secret};
use bluegate_scaler::{
    Bounds, CallbackConfig, Config, NodeConfig, NodeTerms, Placement, RecordingConfig, Scaler,
    TenantConfig, build,
};
use bluegate_seal::Key;
use bluegate_tenant::{Form, Settings};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::fake_node::FakeNode;

/// How long a condition may take to come true.
const WITHIN: Duration = Duration::from_secs(20);

/// Nodes, and a scaler in front of them.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<FakeNode>,
    /// How many nodes before these have been taken out.
    gone: usize,
    folder: TempDir,
    bounds: Bounds,
    /// How nodes are chosen.
    pub(crate) placement: Placement,
    /// How recordings are asked for.
    pub(crate) recordings: RecordingConfig,
    /// The nodes' parts in it, as far as they are not the same.
    pub(crate) terms: Vec<NodeTerms>,
    others: Vec<NodeConfig>,
    trusted: rustls::RootCertStore,
    running: Option<Running>,
    /// Other scalers on the same store.
    replicas: Vec<Running>,
    /// What tenants may and get, where that is not everything.
    settings: HashMap<String, Settings>,
    more_tenants: Vec<TenantConfig>,
    /// The store's URL, when it is not a file of ours.
    pub(crate) store: Option<String>,
    /// Where frontends and nodes reach the scaler.
    pub(crate) origin: String,
    /// Callbacks through the scaler.
    pub(crate) callbacks: Option<CallbackConfig>,
    /// Where the scaler listens, kept while none runs.
    listener: Option<std::net::TcpListener>,
}

struct Running {
    scaler: Scaler,
    address: std::net::SocketAddr,
    /// Stops polls, and closes the store.
    background: CancellationToken,
    /// Stops answering.
    front: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// Bounds that make tests quick: polls every 20 ms.
pub(crate) fn quick() -> Bounds {
    Bounds {
        retry_pause: Duration::from_millis(10),
        poll_interval: Duration::from_millis(20),
        settle_time: Duration::from_millis(50),
        ..Bounds::default()
    }
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

impl Cluster {
    /// A running cluster of so many equal nodes; tenants `default` and
    /// `imported` (plain), `physics` and `history`.
    pub(crate) async fn start(nodes: usize) -> Self {
        let mut cluster = Self::prepare(nodes).await;
        cluster.boot().await;
        cluster
    }

    /// The same, with other bounds.
    pub(crate) async fn start_with(nodes: usize, bounds: Bounds) -> Self {
        let mut cluster = Self::prepare(nodes).await;
        cluster.bounds = bounds;
        cluster.boot().await;
        cluster
    }

    /// What a tenant may and gets, for scalers started from now on.
    pub(crate) fn set_tenant(&mut self, name: &str, json: &str) {
        let form: Form = serde_json::from_str(json).unwrap();
        self.settings.insert(name.to_owned(), form.try_into().unwrap());
    }

    /// Other bounds, for scalers started from now on.
    pub(crate) fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Every scaler that runs.
    pub(crate) fn scalers(&self) -> impl Iterator<Item = &Scaler> {
        self.running.iter().chain(&self.replicas).map(|running| &running.scaler)
    }

    /// Nodes without a scaler yet.
    pub(crate) async fn prepare(nodes: usize) -> Self {
        let mut started = Vec::new();
        for index in 0..nodes {
            started.push(FakeNode::start(&node_secret(index)).await);
        }
        Self {
            nodes: started,
            gone: 0,
            folder: tempfile::tempdir().unwrap(),
            bounds: quick(),
            placement: Placement { slow_start: Duration::ZERO, ..Placement::default() },
            recordings: RecordingConfig::default(),
            terms: Vec::new(),
            others: Vec::new(),
            trusted: rustls::RootCertStore::empty(),
            running: None,
            replicas: Vec::new(),
            settings: HashMap::new(),
            more_tenants: Vec::new(),
            store: None,
            origin: "http://api.example.org".to_owned(),
            callbacks: None,
            listener: None,
        }
    }

    /// Adds a node that is served elsewhere.
    pub(crate) fn add(&mut self, node: NodeConfig) {
        self.others.push(node);
    }

    /// Believes nodes' certificates that this one signed.
    pub(crate) fn trust(&mut self, certificate: rustls_pki_types::CertificateDer<'static>) {
        self.trusted.add(certificate).unwrap();
    }

    /// Takes the first node out; the others keep their names.
    pub(crate) fn without_first(&mut self) {
        self.nodes.remove(0);
        self.gone += 1;
    }

    /// Starts the scaler.
    pub(crate) async fn boot(&mut self) {
        let listener = self.listener.as_ref().map(|listener| listener.try_clone().unwrap());
        self.running = Some(run(self.config(), listener).await);
    }

    /// Callbacks through the scaler, to receivers on these hosts and networks.
    pub(crate) fn callback_config(&self, targets: &[&str]) -> CallbackConfig {
        let key = Key::open_or_create(&self.path("key")).unwrap();
        let targets = targets.iter().map(|text| text.parse().unwrap()).collect();
        CallbackConfig::new(key, AllowedHosts::new(targets), self.config().node_tls)
    }

    /// Gives the scaler an origin that nodes reach, the same whenever it starts:
    /// what comes while it does not run waits.
    pub(crate) fn make_reachable(&mut self) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        self.origin = format!("http://{}", listener.local_addr().unwrap());
        self.listener = Some(listener);
    }

    /// Starts another one on the same store.
    pub(crate) async fn add_replica(&mut self) {
        let replica = self.boot_one().await;
        self.replicas.push(replica);
    }

    /// Starts another one on the same store, which takes a closed port for one
    /// of the nodes.
    pub(crate) async fn add_replica_blind_to(&mut self, index: usize) {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let mut config = self.config();
        config.nodes[index].node.address = Some(closed.into());
        let replica = run(config, None).await;
        self.replicas.push(replica);
    }

    /// A frontend of this tenant for each scaler.
    pub(crate) fn frontends(&self, tenant: &str) -> Vec<Frontend> {
        let replicas = self.replicas.iter().map(|replica| Frontend {
            base: format!("http://{}/bigbluebutton/api", replica.address),
            ..self.frontend(tenant)
        });
        std::iter::once(self.frontend(tenant)).chain(replicas).collect()
    }

    async fn boot_one(&self) -> Running {
        run(self.config(), None).await
    }

    /// A tenant as the file has it: `default` and `imported` are plain.
    pub(crate) fn tenant(&self, name: &str) -> TenantConfig {
        TenantConfig {
            name: name.parse().unwrap(),
            secrets: vec![secret(&format!("{name}-secret")), secret(&format!("{name}-old"))],
            plain: matches!(name, "default" | "imported"),
            settings: self.settings.get(name).cloned().unwrap_or_default(),
        }
    }

    /// One more tenant in the file, for scalers started from now on.
    pub(crate) fn add_tenant_to_file(&mut self, tenant: TenantConfig) {
        self.more_tenants.push(tenant);
    }

    /// All that is kept in the store.
    pub(crate) fn store_bytes(&self) -> Vec<u8> {
        let read =
            |suffix: &str| std::fs::read(self.folder.path().join(format!("bluegate.db{suffix}")));
        ["", "-wal"].into_iter().filter_map(|suffix| read(suffix).ok()).flatten().collect()
    }

    /// Deletes the key that seals secrets.
    pub(crate) fn lose_key(&self) {
        std::fs::remove_file(self.folder.path().join("key")).unwrap();
    }

    /// What the scaler is built from.
    pub(crate) fn config(&self) -> Config {
        let fakes = (self.gone..).zip(&self.nodes).map(|(index, node)| NodeConfig {
            node: Node {
                name: node_name(index).parse().unwrap(),
                origin: format!("http://{}:{}", node_host(index), node.address.port())
                    .parse()
                    .unwrap(),
                address: Some(node.address.into()),
                bbb: None,
                proxied: true,
            },
            secrets: vec![node_secret(index)],
            terms: self.terms.get(index).cloned().unwrap_or_default(),
        });
        Config {
            origin: self.origin.parse().unwrap(),
            nodes: fakes.chain(self.others.iter().cloned()).collect(),
            tenants: ["default", "imported", "physics", "history"]
                .map(|name| self.tenant(name))
                .into_iter()
                .chain(self.more_tenants.iter().cloned())
                .collect(),
            store: self.store.clone().unwrap_or_else(|| {
                format!("sqlite://{}", self.folder.path().join("bluegate.db").display())
            }),
            key_file: self.folder.path().join("key"),
            node_tls: Arc::new(
                rustls::ClientConfig::builder_with_provider(Arc::new(
                    rustls::crypto::aws_lc_rs::default_provider(),
                ))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(self.trusted.clone())
                .with_no_client_auth(),
            ),
            callbacks: self.callbacks.clone(),
            bounds: self.bounds.clone(),
            placement: self.placement.clone(),
            recordings: self.recordings.clone(),
        }
    }

    /// Stops the scaler as an operator does.
    pub(crate) async fn stop(&mut self) {
        let running = self.running.take().unwrap();
        running.background.cancel();
        running.front.cancel();
        for task in running.tasks {
            tokio::time::timeout(WITHIN, task).await.unwrap().unwrap();
        }
    }

    /// Closes the store under a scaler that goes on answering.
    pub(crate) async fn close_store(&mut self) {
        let running = self.running.as_mut().unwrap();
        running.background.cancel();
        let background = running.tasks.remove(0);
        tokio::time::timeout(WITHIN, background).await.unwrap().unwrap();
    }

    /// A file beside the store, which outlives it.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Deletes the store; the scaler must be stopped.
    pub(crate) fn lose_store(&self) {
        assert!(self.running.is_none());
        for suffix in ["", "-wal", "-shm"] {
            let file = self.folder.path().join(format!("bluegate.db{suffix}"));
            if file.exists() {
                std::fs::remove_file(file).unwrap();
            }
        }
    }

    /// Where the store and the key are.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) fn scaler(&self) -> &Scaler {
        &self.running.as_ref().unwrap().scaler
    }

    /// A frontend of this tenant.
    pub(crate) fn frontend(&self, tenant: &str) -> Frontend {
        Frontend {
            base: format!("http://{}/bigbluebutton/api", self.running.as_ref().unwrap().address),
            host: None,
            secret: secret(&format!("{tenant}-secret")),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// A frontend with any secret.
    pub(crate) fn frontend_with_secret(&self, text: &str) -> Frontend {
        Frontend { secret: secret(text), ..self.frontend("default") }
    }

    /// Who calls a node itself, as a balancer does.
    pub(crate) fn at_node(&self, index: usize) -> Frontend {
        let base = format!("http://{}/bigbluebutton/api", self.nodes[index].address);
        Frontend { base, secret: node_secret(index), ..self.frontend("default") }
    }

    /// How long a call to a node may take.
    pub(crate) fn call_timeout(&self) -> Duration {
        self.bounds.call_timeout
    }

    /// How many meetings each node has.
    pub(crate) fn spread(&self) -> Vec<usize> {
        self.nodes.iter().map(|node| node.meetings().len()).collect()
    }
}

async fn run(config: Config, listener: Option<std::net::TcpListener>) -> Running {
    let scaler = build(config).await.unwrap();
    let listener = match listener {
        Some(listener) => TcpListener::from_std(listener).unwrap(),
        None => TcpListener::bind("127.0.0.1:0").await.unwrap(),
    };
    let address = listener.local_addr().unwrap();
    let (background, front) = (CancellationToken::new(), CancellationToken::new());
    let serve = axum::serve(listener, scaler.router())
        .with_graceful_shutdown(front.clone().cancelled_owned());
    let running = {
        let (scaler, background) = (scaler.clone(), background.clone());
        tokio::spawn(async move { scaler.run(background.clone(), background).await })
    };
    let serving = tokio::spawn(async move { serve.await.unwrap() });
    Running { scaler, address, background, front, tasks: vec![running, serving] }
}

pub(crate) fn node_name(index: usize) -> String {
    format!("bbb-{:02}", index + 1)
}

fn node_host(index: usize) -> String {
    format!("{}.cluster.localhost", node_name(index))
}

pub(crate) fn node_secret(index: usize) -> Secret {
    secret(&format!("secret-of-{}", node_name(index)))
}

/// A frontend: signs and calls, and follows nothing.
#[derive(Clone)]
pub(crate) struct Frontend {
    pub(crate) base: String,
    /// The host it calls by, when it is not the address.
    pub(crate) host: Option<String>,
    secret: Secret,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Frontend {
    /// A signed GET.
    pub(crate) async fn get(&self, call: &str, query: &str) -> Reply {
        self.raw("GET", &format!("/{call}?{}", self.sign(call, query)), None).await
    }

    /// A signed GET as a browser's address bar sends it.
    pub(crate) async fn as_browser(&self, call: &str, query: &str, languages: &str) -> Reply {
        let uri = format!("{}/{call}?{}", self.base, self.sign(call, query));
        let request = Request::get(uri)
            .header(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .header(header::ACCEPT_LANGUAGE, languages)
            .body(Full::default());
        self.send(request.unwrap()).await
    }

    /// A signed POST with a body.
    pub(crate) async fn post(&self, call: &str, query: &str, body: (&str, &str)) -> Reply {
        self.raw("POST", &format!("/{call}?{}", self.sign(call, query)), Some(body)).await
    }

    /// The query with its checksum.
    pub(crate) fn sign(&self, call: &str, query: &str) -> String {
        let algorithm = checksum::Algorithm::Sha1;
        checksum::signed_query(call, &RawQuery::parse(query), &self.secret, algorithm)
    }

    /// Any request below the API's base.
    pub(crate) async fn raw(&self, method: &str, path: &str, body: Option<(&str, &str)>) -> Reply {
        self.request(method, path, body, &[]).await
    }

    /// Any request below the API's base, with further headers.
    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, &str)>,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some((content_type, _)) = body.filter(|(content_type, _)| !content_type.is_empty()) {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let body = Bytes::from(body.map_or("", |(_, text)| text).to_owned());
        self.send(request.body(Full::new(body)).unwrap()).await
    }

    /// The checksum over a query as it is.
    pub(crate) fn checksum(
        &self,
        call: &str,
        query: &str,
        algorithm: checksum::Algorithm,
    ) -> String {
        checksum::sign(call, query, &self.secret, algorithm)
    }

    async fn send(&self, mut request: Request<Full<Bytes>>) -> Reply {
        if let Some(host) = &self.host {
            request.headers_mut().insert(header::HOST, host.parse().unwrap());
        }
        let response = self.client.request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Reply { status: parts.status, headers: parts.headers, text }
    }

    /// Creates a meeting, which must succeed.
    pub(crate) async fn create(&self, meeting_id: &str) -> Answer {
        let reply = self.get("create", &format!("name=Class&meetingID={meeting_id}")).await;
        let answer = reply.answer();
        assert_eq!(answer.outcome(), Outcome::Success, "{}", reply.text);
        answer
    }

    /// The meeting IDs getMeetings lists, sorted.
    pub(crate) async fn listed(&self) -> Vec<String> {
        let reply = self.get("getMeetings", "").await;
        let answer = reply.answer();
        let mut ids: Vec<String> = answer
            .root()
            .child("meetings")
            .unwrap()
            .elements()
            .map(|meeting| meeting.text_of("meetingID").unwrap())
            .collect();
        ids.sort();
        ids
    }
}

impl Reply {
    pub(crate) fn answer(&self) -> Answer {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        Answer::parse(self.text.as_bytes()).unwrap()
    }

    /// `messageKey` of a FAILED answer.
    pub(crate) fn failure(&self) -> String {
        let answer = self.answer();
        assert_eq!(answer.outcome(), Outcome::Failed, "{}", self.text);
        answer.key()
    }

    pub(crate) fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::FOUND, "{}", self.text);
        self.headers[header::LOCATION].to_str().unwrap()
    }
}

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, condition: impl AsyncFnMut() -> bool) {
    within(WITHIN, what, condition).await;
}

/// The same for what takes longer, and may be looked at less often.
pub(crate) async fn within(time: Duration, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        let mut looks = tokio::time::interval(time / 4_000);
        while !condition().await {
            looks.tick().await;
        }
    };
    assert!(tokio::time::timeout(time, waiting).await.is_ok(), "never: {what}");
}

/// Waits until a node has been polled this many more times, start to end.
pub(crate) async fn polls(node: &FakeNode, more: usize) {
    let until = node.count("getMeetings") + more + 1;
    eventually("more polls", async || node.count("getMeetings") >= until).await;
}
