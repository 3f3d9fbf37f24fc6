//! The same against the faithful simulation of a 3.0 node, which shares no
//! code with us.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use bluegate_bbb_api::{Answer, Outcome};
use bluegate_cluster::{Node, Secret};
use bluegate_scaler::{Bounds, Health, NodeConfig, NodeTerms};
use bluegate_simnode::{
    Fault, FaultAction, Settings, SimNode, Stock, Unit, install, install_webhooks, start,
};
use futures_util::future::join_all;
use tempfile::TempDir;

use crate::cluster::{Cluster, Frontend, Reply, eventually, node_name, node_secret, quick};

/// A scaler over simulated nodes.
pub(crate) struct Simulated {
    pub(crate) cluster: Cluster,
    pub(crate) nodes: Vec<SimNode>,
    roots: Vec<TempDir>,
}

/// A simulated node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) release: &'static str,
    /// Further lines of its `bbb-web.properties`.
    pub(crate) properties: &'static str,
    /// A secret before the one we sign with first, which the node still has.
    pub(crate) earlier_secret: Option<&'static str>,
    /// Whether bbb-webhooks is installed.
    pub(crate) webhooks: bool,
}

impl Kind {
    pub(crate) const STOCK: Self =
        Self { release: "3.0.28", properties: "", earlier_secret: None, webhooks: false };
}

async fn simulated(count: usize) -> Simulated {
    Simulated::start(&vec![Kind::STOCK; count]).await
}

/// Writes the properties of a node.
pub(crate) fn write_properties(root: &std::path::Path, origin: &str, secret: &str, more: &str) {
    let text = format!("bigbluebutton.web.serverURL={origin}\nsecuritySalt={secret}\n{more}\n");
    std::fs::write(root.join("etc/bigbluebutton/bbb-web.properties"), text).unwrap();
}

impl Simulated {
    /// A scaler over these nodes.
    pub(crate) async fn start(kinds: &[Kind]) -> Self {
        let mut simulated = Self::prepare(kinds).await;
        simulated.cluster.boot().await;
        simulated
    }

    /// The same, before the scaler starts.
    pub(crate) async fn prepare(kinds: &[Kind]) -> Self {
        Self::prepare_as(kinds, true).await
    }

    /// The same, with nodes whose release the configuration does not say.
    async fn prepare_unnamed(kinds: &[Kind]) -> Self {
        Self::prepare_as(kinds, false).await
    }

    async fn prepare_as(kinds: &[Kind], named: bool) -> Self {
        let mut simulated =
            Self { cluster: Cluster::prepare(0).await, nodes: Vec::new(), roots: Vec::new() };
        for kind in kinds {
            let mut config = simulated.start_node(*kind).await;
            config.node.bbb = config.node.bbb.filter(|_| named);
            simulated.cluster.add(config);
        }
        simulated
    }

    /// Starts one more node, which the scaler does not know yet.
    pub(crate) async fn start_node(&mut self, kind: Kind) -> NodeConfig {
        let index = self.nodes.len();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let name = node_name(index);
        let origin = format!("http://{name}.cluster.localhost:{}", address.port());
        let root = tempfile::tempdir().unwrap();
        let secrets: Vec<Secret> = std::iter::once(node_secret(index))
            .chain(kind.earlier_secret.map(|text| Secret::new(text).unwrap()))
            .collect();
        let secret = secrets.last().unwrap().expose().to_owned();
        let stock = Stock {
            origin: origin.clone(),
            secret: secret.clone(),
            release: kind.release.to_owned(),
        };
        install(root.path(), &stock).unwrap();
        if kind.webhooks {
            install_webhooks(root.path(), &stock).unwrap();
        }
        write_properties(root.path(), &origin, &secret, kind.properties);
        let settings = Settings {
            name: name.clone(),
            root: root.path().to_owned(),
            listener,
            tls: None,
            strict: false,
        };
        self.nodes.push(start(settings).await.unwrap());
        self.roots.push(root);
        NodeConfig {
            node: Node {
                name: name.parse().unwrap(),
                origin: origin.parse().unwrap(),
                address: Some(address.into()),
                bbb: Some(kind.release.parse().unwrap()),
                proxied: true,
            },
            secrets,
            terms: NodeTerms::default(),
        }
    }

    /// A frontend that calls the first node directly.
    pub(crate) fn direct(&self) -> Frontend {
        let mut frontend = self.cluster.frontend_with_secret(node_secret(0).expose());
        frontend.base = format!("http://{}/bigbluebutton/api", self.nodes[0].address());
        frontend
    }

    /// Writes one of a node's files.
    pub(crate) fn write(&self, index: usize, path: &str, text: &str) {
        let path = self.roots[index].path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Configures a node anew and restarts it.
    pub(crate) fn reconfigure(&self, index: usize, secret: &str, properties: &str) {
        let node = &self.nodes[index];
        let origin =
            format!("http://{}.cluster.localhost:{}", node_name(index), node.address().port());
        write_properties(self.roots[index].path(), &origin, secret, properties);
        node.restart(Unit::of_name("bbb-web").unwrap()).unwrap();
    }

    /// Does what a browser does with a redirect to a node.
    pub(crate) async fn follow(&self, frontend: &Frontend, location: &str) -> Reply {
        let (origin, path) = location.split_once("/bigbluebutton/api").unwrap();
        let port: u16 = origin.rsplit(':').next().unwrap().parse().unwrap();
        let mut addresses = self.nodes.iter().map(SimNode::address);
        let at = addresses.find(|address: &SocketAddr| address.port() == port);
        let mut browser = frontend.clone();
        browser.base = format!("http://{}/bigbluebutton/api", at.unwrap());
        browser.raw("GET", path, None).await
    }

    fn meetings(&self) -> usize {
        self.nodes.iter().map(|node| node.meetings().len()).sum()
    }
}

#[tokio::test]
async fn a_meeting_lives_from_create_to_end() {
    let simulated = simulated(2).await;
    let frontend = simulated.cluster.frontend("physics");
    let created = frontend.create("class").await;
    assert_eq!(created.text("meetingID").as_deref(), Some("class"));
    let internal = created.text("internalMeetingID").unwrap();
    assert_eq!(frontend.listed().await, ["class"]);
    assert_eq!(frontend.create("class").await.key(), "duplicateWarning");

    let info = frontend.get("getMeetingInfo", "meetingID=class").await;
    assert_eq!(info.answer().text("internalMeetingID").as_deref(), Some(internal.as_str()));
    assert!(!info.text.contains("bluegate"), "{}", info.text);

    // The node accepts the join we signed, with the createTime it gave.
    let time = created.text("createTime").unwrap();
    let query = format!("meetingID=class&fullName=J+D&role=MODERATOR&createTime={time}");
    let join = frontend.get("join", &query).await;
    let joined = simulated.follow(&frontend, join.location()).await;
    assert!(joined.location().contains("/html5client"), "{}", joined.location());
    assert!(joined.headers.contains_key("set-cookie"));

    let ended = frontend.get("end", "meetingID=class").await;
    assert_eq!(ended.answer().key(), "sentEndMeetingRequest");
    assert_eq!(frontend.listed().await, Vec::<String>::new());
    let gone = async || {
        let reply = frontend.get("getMeetingInfo", "meetingID=class").await;
        Answer::parse(reply.text.as_bytes()).unwrap().outcome() == Outcome::Failed
    };
    eventually("the node has ended it", gone).await;
    assert_eq!(frontend.create("class").await.key(), "");
}

#[tokio::test]
async fn racers_and_cut_answers_make_one_meeting() {
    let simulated = simulated(3).await;
    for node in &simulated.nodes {
        node.faults().order(Fault::on_call("create", 1, FaultAction::Cut)).unwrap();
    }
    let frontend = simulated.cluster.frontend("default");
    let answer = frontend.create("cut").await;
    assert_eq!(answer.key(), "");
    assert_eq!(simulated.meetings(), 1);
    for node in &simulated.nodes {
        node.faults().clear();
    }

    let creates = (0..100).map(|_| frontend.get("create", "name=Class&meetingID=race"));
    let answers: Vec<_> = join_all(creates).await.iter().map(Reply::answer).collect();
    assert!(answers.iter().all(|answer| answer.outcome() == Outcome::Success));
    let plain = answers.iter().filter(|answer| answer.key().is_empty()).count();
    assert_eq!(plain, 1);
    assert_eq!(simulated.meetings(), 2);
}

#[tokio::test]
async fn one_password_and_a_cut_answer_do_not_lose_the_class() {
    let simulated = simulated(1).await;
    let node = &simulated.nodes[0];
    node.faults().order(Fault::on_call("create", 1, FaultAction::CutHalf)).unwrap();
    let frontend = simulated.cluster.frontend("physics");
    let reply = frontend.get("create", "name=Class&meetingID=class&moderatorPW=secret").await;
    let recovered = reply.answer();
    assert_eq!(recovered.key(), "", "{}", reply.text);
    // Word for word what a second create with both passwords says of it.
    let both = format!(
        "name=Class&meetingID=class&moderatorPW=secret&attendeePW={}",
        recovered.text("attendeePW").unwrap()
    );
    let again = frontend.get("create", &both).await;
    let plain = again
        .text
        .replace("<messageKey>duplicateWarning</messageKey>", "<messageKey></messageKey>");
    let (plain, _) = plain.split_once("<message>").unwrap();
    assert!(reply.text.starts_with(plain), "{}\n{}", reply.text, again.text);
}

#[tokio::test]
async fn a_rebooted_node_has_lost_its_meetings_and_says_so() {
    let simulated = simulated(1).await;
    let frontend = simulated.cluster.frontend("default");
    frontend.create("class").await;
    simulated.nodes[0].power_off();
    assert_eq!(
        frontend.get("create", "name=Class&meetingID=class").await.failure(),
        "internalError"
    );
    assert_eq!(frontend.listed().await, ["class"]);
    simulated.nodes[0].power_on().unwrap();
    eventually("it is gone", async || frontend.listed().await.is_empty()).await;
    eventually("the node is trusted again", async || {
        let reply = frontend.get("create", "name=Class&meetingID=class").await;
        reply.answer().outcome() == Outcome::Success
    })
    .await;
    assert_eq!(frontend.listed().await, ["class"]);
}

#[tokio::test]
async fn failures_read_as_the_nodes_own() {
    let simulated = simulated(1).await;
    let (direct, scaler) = (simulated.direct(), simulated.cluster.frontend("default"));
    direct.create("class").await;
    scaler.create("class").await;
    let long = format!("name=Class&meetingID={}", "x".repeat(257));
    for (call, query) in [
        ("create", "name=Class"),
        ("create", "name=Class&meetingID="),
        ("create", "name=Class&meetingID=x"),
        ("create", "name=Class&meetingID=a,b"),
        ("create", "name=Class&meetingID=abc+"),
        ("create", long.as_str()),
        ("create", "name=&meetingID=a,b"),
        ("create", "name=Class&meetingID=a,b&attendeePW=x"),
        ("create", "meetingID=nameless"),
        ("create", "name=Class&meetingID=bridge&voiceBridge=x"),
        ("create", "name=Class&meetingID=class&moderatorPW=another"),
        ("create", "name=Class&meetingID=room&isBreakout=true&parentMeetingID=none&sequence=1"),
        ("isMeetingRunning", "meetingID=none"),
        ("isMeetingRunning", "meetingID="),
        ("isMeetingRunning", "meetingID=a,b"),
        ("getMeetingInfo", ""),
        ("getMeetingInfo", "meetingID=none"),
        ("getMeetingInfo", "meetingID="),
        ("end", ""),
        ("end", "meetingID=none"),
        ("join", "meetingID=none&fullName=x&logoutURL=https%3A%2F%2Flms.org%2F%3Fa%3D1"),
        ("sendChatMessage", "meetingID=none&message=hi"),
        ("getRecordings", ""),
        ("publishRecordings", "publish=true"),
        ("publishRecordings", "recordID=x"),
        ("publishRecordings", "recordID=x&publish=true"),
        ("deleteRecordings", "recordID=x"),
        ("updateRecordings", "recordID=x"),
        ("getSessions", ""),
    ] {
        let (direct, scaler) = (direct.get(call, query).await, scaler.get(call, query).await);
        assert_eq!(seen(&scaler), seen(&direct), "{call}?{query}");
    }
    for path in ["/getMeetings?checksum=00", "/getRecordings?checksum=00", "/unknown?checksum=00"] {
        let direct = direct.raw("GET", path, None).await;
        let scaler = scaler.raw("GET", path, None).await;
        assert_eq!(scaler.status, direct.status, "{path}");
        if scaler.status == 200 {
            assert_eq!(seen(&scaler), seen(&direct), "{path}");
        }
    }
}

/// What a frontend sees of an answer.
fn seen(reply: &Reply) -> (u16, [Option<String>; 3], String) {
    let header = |name: &str| reply.headers.get(name).map(|v| v.to_str().unwrap().to_owned());
    let content_type = header("content-type").map(|text| text.to_lowercase().replace(' ', ""));
    let body = if reply.status == 200 { reply.text.clone() } else { String::new() };
    (reply.status.as_u16(), [content_type, header("location"), header("cache-control")], body)
}

#[tokio::test]
async fn meetings_read_as_the_nodes_own_but_for_our_stamp() {
    // One poll, before there is a meeting.
    let mut simulated = Simulated::prepare(&[Kind::STOCK]).await;
    let never = Bounds { poll_interval: Duration::from_secs(3600), ..quick() };
    simulated.cluster.set_bounds(never);
    simulated.cluster.boot().await;
    simulated.cluster.scaler().has_polled().await;
    let (direct, scaler) = (simulated.direct(), simulated.cluster.frontend("default"));
    let query = "name=A+%26+B&meetingID=class&record=true&maxParticipants=25&meta_Course-1=%3Cx%3E\
        &attendeePW=viewer&duration=90&moderatorPW=mod&unknown=1";
    let created = scaler.get("create", query).await;
    // Not polled yet: told from the create call alone.
    let at_once = scaler.get("getMeetings", "").await;
    let repeated = direct.get("create", &query.replace("&unknown=1", "")).await;
    let (plain, warned) = (created.text.as_str(), repeated.text.as_str());
    assert_eq!(
        plain.split_once("<messageKey>").unwrap().0,
        warned.split_once("<messageKey>").unwrap().0
    );

    let listed = direct.get("getMeetings", "").await;
    assert!(listed.text.contains("<bluegate-stamp>v1.default."), "{}", listed.text);
    // What create cannot tell: the node starts a meeting a moment later.
    let time = created.answer().text("createTime").unwrap();
    let not_started = unstamped(&listed.text)
        .replace(&format!("<startTime>{time}</startTime>"), "<startTime>0</startTime>");
    assert_eq!(at_once.text, not_started);
    simulated.cluster.stop().await;
    simulated.cluster.set_bounds(quick());
    simulated.cluster.boot().await;
    let scaler = simulated.cluster.frontend("default");
    let polled = async || scaler.get("getMeetings", "").await.text == unstamped(&listed.text);
    eventually("the polled list is the node's", polled).await;

    let info = direct.get("getMeetingInfo", "meetingID=class").await;
    let shown = scaler.get("getMeetingInfo", "meetingID=class").await;
    assert_eq!(seen(&shown).1, seen(&info).1);
    assert_eq!(shown.text, unstamped(&info.text));
    // The same from memory, while the node is away.
    simulated.nodes[0].power_off();
    let health = async || simulated.cluster.scaler().health()[0].1 == Health::Suspect;
    eventually("it is suspect", health).await;
    let remembered = scaler.get("getMeetingInfo", "meetingID=class").await;
    assert_eq!(remembered.text, shown.text);
    // And after a restart, before any poll.
    simulated.cluster.stop().await;
    simulated.cluster.boot().await;
    let scaler = simulated.cluster.frontend("default");
    assert_eq!(scaler.get("getMeetings", "").await.text, at_once.text);
}

/// A document without our metadata.
fn unstamped(text: &str) -> String {
    ["stamp", "store"].iter().fold(text.to_owned(), |text, name| {
        let (begin, end) = (format!("<bluegate-{name}>"), format!("</bluegate-{name}>"));
        let mut parts = text.split(&begin);
        let first = parts.next().unwrap().to_owned();
        parts.fold(first, |all, part| all + part.split_once(&end).unwrap().1)
    })
}

#[tokio::test]
async fn a_release_that_nobody_configured_is_the_nodes_own_word() {
    let told =
        Kind { release: "2.7.17", properties: "allowRevealOfBBBVersion=true", ..Kind::STOCK };
    let hidden = Kind { release: "2.7.17", ..Kind::STOCK };
    let mut simulated = Simulated::prepare_unnamed(&[told, hidden, Kind::STOCK]).await;
    simulated.cluster.boot().await;
    let known = || -> Vec<Option<String>> {
        let nodes = simulated.cluster.scaler().nodes();
        nodes.iter().map(|node| node.release.as_ref().map(ToString::to_string)).collect()
    };
    let are = |wanted: [&str; 3]| known() == wanted.map(|text| Some(text.to_owned()));
    eventually("all have told", async || are(["2.7.17", "<3.0", ">=3.0"])).await;

    let frontend = simulated.cluster.frontend("default");
    for (class, (rule, wanted)) in [
        (">=3.0", Some(2)),
        ("<3.0,>=2.7", Some(0)),
        ("2.7.17", Some(0)),
        (">=3.0.1", None),
        ("2.6", None),
    ]
    .into_iter()
    .enumerate()
    {
        let rule = rule.replace('<', "%3C").replace('>', "%3E");
        let query = format!("name=Class&meetingID=class-{class}&meta_bluegate-version={rule}");
        let reply = frontend.get("create", &query).await.answer();
        let has = |node: &SimNode| {
            node.meetings().iter().any(|meeting| meeting.meeting_id == format!("class-{class}"))
        };
        assert_eq!(simulated.nodes.iter().position(has), wanted, "{rule}");
        assert_eq!(reply.outcome() == Outcome::Success, wanted.is_some(), "{rule}");
    }

    // Upgraded, it says another.
    simulated.reconfigure(1, node_secret(1).expose(), "allowRevealOfBBBVersion=true");
    simulated.nodes[1].power_off();
    let silent = async || simulated.cluster.scaler().health()[1].1 == Health::Suspect;
    eventually("it is suspect", silent).await;
    simulated.nodes[1].power_on().unwrap();
    eventually("it has told more", async || are(["2.7.17", "2.7.17", ">=3.0"])).await;
}
