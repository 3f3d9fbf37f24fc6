//! Callbacks end to end: simulated nodes call, frontends hear of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::ready,
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bluegate_bbb_api::{RawQuery, encode_value};
use bluegate_cluster::AllowedHosts;
use bluegate_scaler::CallbackState;
use bluegate_simnode::{CallbackKind, MeetingSummary, SimNode};
use bluegate_testkit::Postgres;
use serde_json::Value;

use crate::{
    cluster::{Frontend, eventually, node_secret, within},
    receiver::{Got, Receiver, call, claims},
    simulated::{Kind, Simulated},
};

/// How long a thousand may take.
const LONG: Duration = Duration::from_secs(50);
const HOUR: i64 = 60 * 60 * 1_000;
/// The lines whose nodes call differently, or might.
const RELEASES: [&str; 2] = ["2.7.17", "3.0.28"];
/// One whose meeting IDs are others on nodes, and one whose are not.
const TENANTS: [&str; 2] = ["physics", "default"];

/// A scaler over nodes that call it, and a frontend's receiver.
pub(crate) struct Calling {
    pub(crate) simulated: Simulated,
    pub(crate) receiver: Receiver,
    now: Arc<AtomicI64>,
}

/// Names as the tests say; each look-up takes the next answer, the last stays.
#[derive(Default)]
struct Names(Mutex<BTreeMap<&'static str, Vec<IpAddr>>>);

impl bluegate_outbox::Resolve for Names {
    fn resolve(&self, host: &str) -> bluegate_outbox::Lookup {
        let mut names = self.0.lock().unwrap();
        let found = names
            .get_mut(host)
            .map(|answers| if answers.len() > 1 { answers.remove(0) } else { answers[0] });
        Box::pin(ready(match found {
            Some(address) => Ok(vec![address]),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }))
    }
}

impl Calling {
    pub(crate) async fn start(kinds: &[Kind]) -> Self {
        let mut calling = Self::prepare(kinds).await;
        calling.simulated.cluster.boot().await;
        calling
    }

    /// The same, before the scaler starts.
    pub(crate) async fn prepare(kinds: &[Kind]) -> Self {
        let mut simulated = Simulated::prepare(kinds).await;
        let cluster = &mut simulated.cluster;
        cluster.make_reachable();
        let now = Arc::new(AtomicI64::new(1_700_000_000_000));
        let mut callbacks = cluster.callback_config(&["127.0.0.1"]);
        let clock = Arc::clone(&now);
        callbacks.clock = Arc::new(move || clock.load(Ordering::SeqCst));
        callbacks.bounds.look = Duration::from_millis(20);
        cluster.callbacks = Some(callbacks);
        Self { simulated, receiver: Receiver::start().await, now }
    }

    pub(crate) fn node(&self) -> &SimNode {
        &self.simulated.nodes[0]
    }

    pub(crate) fn pass_an_hour(&self) {
        self.pass(HOUR);
    }

    fn pass(&self, milliseconds: i64) {
        self.now.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// Creates `class` with all four callbacks, and gives it as its node has it.
    async fn create(&self, frontend: &Frontend) -> MeetingSummary {
        let url = |path: &str| encode_value(&self.receiver.url(path));
        let query = format!(
            "name=Class&meetingID=class&meetingKeepEvents=true&meetingEndedURL={}\
             &meta_endCallbackUrl={}&meta_bbb-recording-ready-url={}\
             &meta_analytics-callback-url={}&meta_other=kept",
            url("/ended?token=1"),
            url("/end?x=%C3%A4"),
            url("/ready"),
            url("/analytics"),
        );
        assert_eq!(frontend.get("create", &query).await.answer().key(), "");
        self.node().meetings().remove(0)
    }

    /// A format of the meeting's recording is published.
    fn publish(&self, meeting: &MeetingSummary) {
        let url = &meeting.metadata["bbb-recording-ready-url"];
        self.node().recording_ready(&meeting.meeting_id, &meeting.internal_meeting_id, url);
    }

    /// What came, by its path.
    pub(crate) async fn got(&self, count: usize) -> Vec<Got> {
        eventually("received", async || self.receiver.got().len() >= count).await;
        let mut got = self.receiver.got();
        assert_eq!(got.len(), count, "{got:?}");
        got.sort_by(|left, right| left.target.cmp(&right.target));
        got
    }

    /// Waits until the node was answered so often, and gives the statuses.
    async fn answered(&self, count: usize) -> Vec<Option<u16>> {
        eventually("answered", async || self.node().callbacks().len() >= count).await;
        self.node().callbacks().iter().map(|callback| callback.status).collect()
    }

    /// How often the queued callback was tried that was tried least.
    async fn least_attempts(&self) -> Option<i64> {
        let scaler = self.simulated.cluster.scaler();
        let queued = scaler.callbacks(CallbackState::Queued, None, 20_000).await.unwrap();
        queued.iter().map(|callback| callback.attempts).min()
    }

    async fn count(&self, state: CallbackState) -> usize {
        let callbacks = self.simulated.cluster.scaler().callbacks(state, None, 20_000).await;
        callbacks.unwrap().len()
    }
}

fn kind(release: &'static str) -> Kind {
    Kind { release, ..Kind::STOCK }
}

fn assert_all_but_ready(got: &[Got]) {
    let targets: Vec<&str> = got.iter().map(|got| got.target.as_str()).collect();
    let end = "/end?x=%C3%A4&recordingmarks=false&meetingID=class";
    assert_eq!(targets, ["/analytics", end, "/ended?token=1"]);
}

/// The four that a frontend gets of `class`, signed with this secret of its.
fn assert_all_four(got: &[Got], meeting: &MeetingSummary, secret: &str, receiver: &Receiver) {
    let [analytics, end, ended, ready] = got else { unreachable!("{got:?}") };
    assert_eq!((end.method.as_str(), ended.method.as_str()), ("GET", "GET"));
    assert_eq!(end.target, "/end?x=%C3%A4&recordingmarks=false&meetingID=class");
    assert_eq!(ended.target, "/ended?token=1");

    assert_eq!((ready.method.as_str(), ready.target.as_str()), ("POST", "/ready"));
    let token = ready.body.strip_prefix("signed_parameters=").unwrap();
    let told = claims(token, secret);
    assert_eq!(told["meeting_id"], "class");
    assert_eq!(told["record_id"], meeting.internal_meeting_id);

    assert_eq!((analytics.method.as_str(), analytics.target.as_str()), ("POST", "/analytics"));
    let bearer = analytics.headers["authorization"].to_str().unwrap();
    assert!(claims(bearer.strip_prefix("Bearer ").unwrap(), secret)["exp"].is_i64());
    let document: Value = serde_json::from_str(&analytics.body).unwrap();
    assert_eq!(document["meeting_id"], "class");
    assert_eq!(document["internal_meeting_id"], meeting.internal_meeting_id);
    let metadata = &document["data"]["metadata"];
    assert_eq!(metadata["other"], "kept");
    assert_eq!(metadata["endcallbackurl"], receiver.url("/end?x=%C3%A4"));
    assert_eq!(metadata["bbb_recording_ready_url"], receiver.url("/ready"));
    for hidden in ["bluegate", "api/callback"] {
        assert!(!analytics.body.contains(hidden), "{}", analytics.body);
    }
}

#[tokio::test]
async fn all_four_arrive_signed_with_the_secret_that_made_the_call() {
    for (release, tenant) in RELEASES.iter().flat_map(|release| TENANTS.map(|name| (release, name)))
    {
        let calling = Calling::start(&[kind(release)]).await;
        let secret = format!("{tenant}-old");
        let frontend = calling.simulated.cluster.frontend_with_secret(&secret);
        let meeting = calling.create(&frontend).await;
        assert_eq!(
            frontend.get("end", "meetingID=class").await.answer().key(),
            "sentEndMeetingRequest"
        );
        calling.publish(&meeting);
        assert_all_four(&calling.got(4).await, &meeting, &secret, &calling.receiver);
        assert_eq!(calling.answered(4).await, [Some(200); 4]);
    }
}

#[tokio::test]
async fn a_lost_store_loses_no_callback() {
    let mut calling = Calling::start(&[Kind::STOCK]).await;
    let meeting = calling.create(&calling.simulated.cluster.frontend("physics")).await;
    calling.simulated.cluster.stop().await;
    calling.simulated.cluster.lose_store();
    calling.simulated.cluster.boot().await;
    let ended = format!("meetingID={}", meeting.meeting_id);
    calling.simulated.direct().get("end", &ended).await.answer();
    calling.publish(&meeting);
    assert_all_four(&calling.got(4).await, &meeting, "physics-secret", &calling.receiver);
}

#[tokio::test]
async fn a_receiver_down_for_an_hour_and_a_restarted_scaler_lose_nothing() {
    let mut calling = Calling::start(&[Kind::STOCK]).await;
    let frontend = calling.simulated.cluster.frontend("physics");
    let meeting = calling.create(&frontend).await;
    calling.receiver.unplug().await;
    frontend.get("end", "meetingID=class").await.answer();
    calling.publish(&meeting);
    assert_eq!(calling.answered(4).await, [Some(200); 4]);
    assert_eq!(calling.count(CallbackState::Queued).await, 4);
    for attempt in 1..=3 {
        eventually("tried", async || calling.least_attempts().await >= Some(attempt)).await;
        calling.pass(HOUR / 3);
    }
    calling.simulated.cluster.stop().await;
    calling.receiver.plug_in().await;
    calling.simulated.cluster.boot().await;
    calling.pass(HOUR);
    assert_all_four(&calling.got(4).await, &meeting, "physics-secret", &calling.receiver);
}

#[tokio::test]
async fn what_comes_while_the_scaler_is_away_is_taken_when_it_is_back() {
    let mut calling = Calling::start(&[Kind::STOCK]).await;
    let meeting = calling.create(&calling.simulated.cluster.frontend("physics")).await;
    let direct = calling.simulated.direct();
    calling.simulated.cluster.stop().await;
    let ended = format!("meetingID={}", meeting.meeting_id);
    direct.get("end", &ended).await.answer();
    calling.publish(&meeting);
    calling.simulated.cluster.boot().await;
    assert_all_four(&calling.got(4).await, &meeting, "physics-secret", &calling.receiver);
}

#[tokio::test]
async fn what_a_node_did_not_sign_with_its_secret_is_refused() {
    for release in RELEASES {
        let calling = Calling::start(&[kind(release), kind(release)]).await;
        let second = "bbb-02".parse().unwrap();
        calling.simulated.cluster.scaler().cordon_node(&second, true).await.unwrap();
        let meeting = calling.create(&calling.simulated.cluster.frontend("physics")).await;
        let [ready, analytics] = ["bbb-recording-ready-url", "analytics-callback-url"]
            .map(|name| meeting.metadata[name].clone());
        let id = &meeting.meeting_id;
        // The other node is not the one that was given this URL.
        let other = &calling.simulated.nodes[1];
        other.recording_ready(id, &meeting.internal_meeting_id, &ready);
        eventually("answered", async || other.callbacks().len() == 1).await;
        assert_eq!(other.callbacks()[0].status, Some(401));
        // The right one, about another meeting.
        calling.node().recording_ready("other", &meeting.internal_meeting_id, &ready);
        calling.node().recording_ready(id, &format!("{}-1", "0".repeat(40)), &ready);
        // The right one with a secret that we were not told of.
        assert_eq!(calling.answered(2).await, [Some(403); 2]);
        calling.simulated.reconfigure(0, "changed", "");
        calling.publish(&meeting);
        let mut direct = calling.simulated.cluster.frontend_with_secret("changed");
        direct.base = format!("http://{}/bigbluebutton/api", calling.node().address());
        let query = format!(
            "name=Class&meetingID={id}&meetingKeepEvents=true&meta_analytics-callback-url={}",
            encode_value(&analytics)
        );
        assert_eq!(direct.get("create", &query).await.answer().key(), "");
        direct.get("end", &format!("meetingID={id}")).await.answer();
        assert_eq!(calling.answered(4).await, [Some(403), Some(403), Some(401), Some(401)]);
        assert_eq!(calling.count(CallbackState::Queued).await, 0);
        assert_eq!(calling.receiver.got().len(), 0);
    }
}

#[tokio::test]
async fn an_end_that_is_none_is_told_to_nobody() {
    let calling = Calling::start(&[Kind::STOCK]).await;
    let frontend = calling.simulated.cluster.frontend("physics");
    let meeting = calling.create(&frontend).await;
    // Somebody has seen the URL in the node's metadata and calls it.
    let url = &meeting.metadata["endcallbackurl"];
    let status = call("GET", &format!("{url}?recordingmarks=true"), &[], "").await;
    assert_eq!(status, 200);
    let asked = async || {
        let records = calling.node().records();
        records.iter().any(|record| record.call.as_deref() == Some("getMeetingInfo"))
    };
    eventually("the node was asked", asked).await;
    assert_eq!(calling.receiver.got().len(), 0);
    // Told that it goes on as often as it asks, the scaler gives it up.
    for attempt in 1..5 {
        eventually("asked", async || calling.least_attempts().await == Some(attempt)).await;
        calling.pass(60_000);
    }
    eventually("given up", async || calling.count(CallbackState::Dead).await == 1).await;
    // The real one is not taken for a repetition of it.
    frontend.get("end", "meetingID=class").await.answer();
    assert_all_but_ready(&calling.got(3).await);
}

#[tokio::test]
async fn a_replay_is_not_passed_on_not_even_after_a_restart() {
    let mut calling = Calling::start(&[Kind::STOCK]).await;
    let frontend = calling.simulated.cluster.frontend("physics");
    let meeting = calling.create(&frontend).await;
    frontend.get("end", "meetingID=class").await.answer();
    calling.got(3).await;
    calling.answered(3).await;
    let sent = calling.node().callbacks();
    for restarted in [false, true] {
        if restarted {
            calling.simulated.cluster.stop().await;
            calling.simulated.cluster.boot().await;
        }
        for callback in &sent {
            assert_eq!(calling.node().send_again(callback).await, Some(200), "{callback:?}");
        }
    }
    // Told after them, so nothing of them is still to come. Of a recording BBB
    // tells once for each format, in the same words.
    for count in [4, 5] {
        calling.publish(&meeting);
        let got = calling.got(count).await;
        assert!(got[3..].iter().all(|got| got.target == "/ready"), "{got:?}");
    }
    eventually("none waits", async || calling.count(CallbackState::Queued).await == 0).await;
}

#[tokio::test]
async fn targets_inside_are_dead_letters_whatever_they_are_called() {
    let mut calling = Calling::prepare(&[Kind::STOCK]).await;
    let names = Arc::new(Names::default());
    let callbacks = calling.simulated.cluster.callbacks.as_mut().unwrap();
    callbacks.resolver = Arc::<Names>::clone(&names);
    // Nobody listens there; it only shows that a name was let through once.
    callbacks.targets = AllowedHosts::new(vec!["127.0.0.2".parse().unwrap()]);
    calling.simulated.cluster.boot().await;
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let say = |name, answers: &[&str]| {
        let answers = answers.iter().map(|text| address(text)).collect();
        names.0.lock().unwrap().insert(name, answers);
    };
    say("loopback.example.org", &["127.0.0.1"]);
    say("private.example.org", &["10.0.0.1"]);
    say("rebinding.example.org", &["127.0.0.2", "127.0.0.1"]);
    say("localhost", &["127.0.0.1"]);
    let port = calling.receiver.address.port();
    let frontend = calling.simulated.cluster.frontend("physics");
    let targets = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "http://10.0.0.1/".to_owned(),
        "http://192.168.1.1/".to_owned(),
        "http://172.16.0.1/".to_owned(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fe80::1]/".to_owned(),
        "http://[fd00::1]/".to_owned(),
        format!("http://loopback.example.org:{port}/"),
        "http://private.example.org/".to_owned(),
        format!("http://rebinding.example.org:{port}/"),
    ];
    for (index, target) in targets.iter().enumerate() {
        let url = encode_value(target);
        let query = format!("name=Class&meetingID=class-{index}&meta_endCallbackUrl={url}");
        assert_eq!(frontend.get("create", &query).await.answer().key(), "", "{target}");
        frontend.get("end", &format!("meetingID=class-{index}")).await.answer();
    }
    let but_one = targets.len() - 1;
    eventually("refused", async || calling.count(CallbackState::Dead).await == but_one).await;
    eventually("tried", async || calling.least_attempts().await == Some(1)).await;
    let queued = calling.simulated.cluster.scaler().callbacks(CallbackState::Queued, None, 9).await;
    let queued: Vec<String> = queued.unwrap().into_iter().map(|callback| callback.target).collect();
    assert_eq!(queued, [format!("http://rebinding.example.org:{port}")]);
    calling.pass(HOUR);
    eventually("refused", async || calling.count(CallbackState::Dead).await > but_one).await;
    let dead =
        calling.simulated.cluster.scaler().callbacks(CallbackState::Dead, None, 99).await.unwrap();
    for callback in dead {
        let error = callback.error.unwrap();
        assert!(error.contains("not among `callback_targets`"), "{}: {error}", callback.target);
    }
    assert_eq!(calling.receiver.got().len(), 0);
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let calling = Calling::start(&[Kind::STOCK]).await;
    let inside = Receiver::start().await;
    calling.receiver.redirect(&inside.url("/inside"));
    let frontend = calling.simulated.cluster.frontend("physics");
    let meeting = calling.create(&frontend).await;
    frontend.get("end", "meetingID=class").await.answer();
    calling.publish(&meeting);
    calling.got(4).await;
    let failed = async || {
        let scaler = calling.simulated.cluster.scaler();
        let queued = scaler.callbacks(CallbackState::Queued, None, 9).await.unwrap();
        let said = "the target answered with status 302";
        queued.iter().filter(|callback| callback.error.as_deref() == Some(said)).count() == 4
    };
    eventually("not settled", failed).await;
    assert_eq!(inside.got().len(), 0);
}

#[tokio::test]
async fn urls_arrive_as_they_were_given() {
    let calling = Calling::start(&[Kind::STOCK]).await;
    let frontend = calling.simulated.cluster.frontend("physics");
    let appended = "recordingmarks=false&meetingID=";
    let urls = [
        ("/", "/", format!("/?{appended}")),
        ("/p?a=1", "/p?a=1", format!("/p?a=1&{appended}")),
        ("/p?", "/p?", format!("/p?{appended}")),
        (
            "/p?a=b&&c=%26%23+%2B",
            "/p?a=b&&c=%26%23+%2B",
            format!("/p?a=b&&c=%26%23+%2B&{appended}"),
        ),
        ("/p?meetingID=x", "/p?meetingID=x", format!("/p?meetingID=x&{appended}")),
        ("/p?a=1#top", "/p?a=1", format!("/p?a=1&{appended}")),
        (
            "/ü?ä=日本",
            "/%C3%BC?%C3%A4=%E6%97%A5%E6%9C%AC",
            format!("/%C3%BC?%C3%A4=%E6%97%A5%E6%9C%AC&{appended}"),
        ),
    ];
    let mut wanted = Vec::new();
    for (index, (url, ended, end)) in urls.iter().enumerate() {
        let url = encode_value(&calling.receiver.url(url));
        let id = encode_value(&format!("Übung {index}"));
        let query =
            format!("name=Class&meetingID={id}&meetingEndedURL={url}&meta_endCallbackUrl={url}");
        assert_eq!(frontend.get("create", &query).await.answer().key(), "");
        frontend.get("end", &format!("meetingID={id}")).await.answer();
        wanted.push((*ended).to_owned());
        wanted.push(format!("{end}{}", id.replace("%20", "+")));
    }
    wanted.sort();
    let got = calling.got(wanted.len()).await;
    let seen: Vec<String> = got.into_iter().map(|got| got.target.replace("%20", "+")).collect();
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn every_url_a_tenant_reads_is_its_own() {
    for release in RELEASES {
        let calling = Calling::start(&[kind(release)]).await;
        let frontend = calling.simulated.cluster.frontend("physics");
        let names = [
            "endCallbackUrl",
            "bbb-recording-ready-url",
            "bn-recording-ready-url",
            "CANVAS-recording-ready-url",
            "analytics-callback-url",
        ];
        let given = |name: &str| format!("https://lms.example.org/{name}?a=1&b=<2>#c");
        let mut query = "name=Class&meetingID=class".to_owned();
        for name in names {
            query += &format!("&meta_{name}={}", encode_value(&given(name)));
        }
        query += &format!("&meetingEndedURL={}", encode_value(&given("ended")));
        assert_eq!(frontend.get("create", &query).await.answer().key(), "");
        let held = calling.node().meetings().remove(0).metadata;
        for name in names {
            let held = &held[&name.to_lowercase()];
            assert!(held.starts_with(&calling.simulated.cluster.origin), "{name}: {held}");
        }
        for (call, query) in [("getMeetingInfo", "meetingID=class"), ("getMeetings", "")] {
            // At once from what create told, and from what the node says later.
            for _ in 0..2 {
                let text = frontend.get(call, query).await.text;
                for name in names {
                    let shown =
                        given(name).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                    let element = name.to_lowercase();
                    let wanted = format!("<{element}>{shown}</{element}>");
                    assert!(text.contains(&wanted), "{call} {name}: {text}");
                }
                assert!(!text.contains("api/callback"), "{call}: {text}");
                let polls = |node: &SimNode| {
                    let records = node.records();
                    let is_poll = |call: &Option<String>| call.as_deref() == Some("getMeetings");
                    records.iter().filter(|record| is_poll(&record.call)).count()
                };
                let before = polls(calling.node());
                eventually("polled", async || polls(calling.node()) > before + 1).await;
            }
        }
    }
}

#[tokio::test]
async fn a_thousand_of_a_node_wait_for_a_receiver_and_arrive_once_each() {
    const ALL: usize = 1_000;
    let mut calling = Calling::prepare(&[Kind::STOCK]).await;
    let callbacks = calling.simulated.cluster.callbacks.as_mut().unwrap();
    callbacks.bounds.queue = 1_000;
    calling.simulated.cluster.boot().await;
    let meeting = calling.create(&calling.simulated.cluster.frontend("physics")).await;
    let url = &meeting.metadata["bbb-recording-ready-url"];
    let (hash, _) = meeting.internal_meeting_id.split_once('-').unwrap();
    calling.receiver.unplug().await;
    for number in 0..ALL {
        calling.node().recording_ready(&meeting.meeting_id, &format!("{hash}-{number}"), url);
    }
    let all = async || calling.node().callbacks().len() == ALL;
    within(LONG, "the node told them all", all).await;
    assert!(calling.node().callbacks().iter().all(|callback| callback.status == Some(200)));
    // One more of a tenant's kind waits at the node.
    calling.publish(&meeting);
    eventually("told", async || calling.node().callbacks().len() == ALL + 1).await;
    assert_eq!(calling.node().callbacks()[ALL].status, Some(503));
    let scaler = calling.simulated.cluster.scaler();
    let failed = || scaler.callback_counters().unwrap().failed;
    within(LONG, "each was tried", async || failed() >= ALL as u64).await;
    calling.receiver.plug_in().await;
    calling.pass(HOUR);
    let arrived = async || calling.receiver.count() >= ALL;
    within(LONG, "they arrived", arrived).await;
    let told =
        |got: Got| claims(got.body.strip_prefix("signed_parameters=").unwrap(), "physics-secret");
    let got = calling.receiver.got();
    assert_eq!(got.len(), ALL);
    let records: BTreeSet<String> =
        got.into_iter().map(|got| told(got)["record_id"].to_string()).collect();
    assert_eq!(records.len(), ALL);
}

#[tokio::test]
async fn two_scalers_on_one_database_deliver_each_once() {
    const ALL: usize = 100;
    let postgres = Postgres::start().await.unwrap();
    let mut calling = Calling::prepare(&[Kind::STOCK]).await;
    calling.simulated.cluster.store = Some(postgres.database().unwrap());
    let callbacks = calling.simulated.cluster.callbacks.as_mut().unwrap();
    callbacks.bounds.taken_per_place = 8;
    let at_once = callbacks.bounds.per_place;
    calling.simulated.cluster.boot().await;
    calling.simulated.cluster.add_replica().await;
    let frontend = calling.simulated.cluster.frontends("physics").remove(1);
    let meeting = calling.create(&frontend).await;
    let url = &meeting.metadata["bbb-recording-ready-url"];
    let (hash, _) = meeting.internal_meeting_id.split_once('-').unwrap();
    calling.receiver.unplug().await;
    for number in 0..ALL {
        calling.node().recording_ready(&meeting.meeting_id, &format!("{hash}-{number}"), url);
    }
    // Three more: ended, end, analytics.
    frontend.get("end", "meetingID=class").await.answer();
    assert_eq!(calling.answered(ALL + 3).await, vec![Some(200); ALL + 3]);
    let tried = async || calling.least_attempts().await >= Some(1);
    within(LONG, "they were tried", tried).await;
    calling.receiver.plug_in().await;
    // More than one of them sends at once.
    calling.receiver.hold_until(at_once + 1);
    calling.pass(60_000);
    within(LONG, "they arrived", async || calling.receiver.count() >= ALL + 3).await;
    let keys = |got: &[Got]| -> BTreeSet<String> {
        let key = |got: &Got| got.headers["idempotency-key"].to_str().unwrap().to_owned();
        got.iter().map(key).collect()
    };
    let got = calling.got(ALL + 3).await;
    assert_eq!(keys(&got).len(), ALL + 3);
    let delivered = || -> Vec<u64> {
        let scalers = calling.simulated.cluster.scalers();
        scalers.map(|scaler| scaler.callback_counters().unwrap().delivered).collect()
    };
    let recorded = async || delivered().iter().sum::<u64>() == (ALL + 3) as u64;
    eventually("recorded", recorded).await;
    assert!(delivered().iter().all(|count| *count > 0), "{:?}", delivered());
    assert_eq!(calling.receiver.got().len(), ALL + 3);
}

#[tokio::test]
async fn kinds_are_as_nodes_send_them() {
    let calling = Calling::start(&[Kind::STOCK]).await;
    let frontend = calling.simulated.cluster.frontend("physics");
    let meeting = calling.create(&frontend).await;
    frontend.get("end", "meetingID=class").await.answer();
    calling.publish(&meeting);
    calling.answered(4).await;
    let sent = calling.node().callbacks();
    let of = |kind| sent.iter().find(|callback| callback.kind == kind).unwrap();
    let end = of(CallbackKind::End);
    let (_, query) = end.url.split_once('?').unwrap();
    let query = RawQuery::parse(query);
    assert_eq!(query.get("meetingID").unwrap().decoded().unwrap(), meeting.meeting_id);
    let ready = of(CallbackKind::RecordingReady);
    let token = ready.body.strip_prefix("signed_parameters=").unwrap();
    assert_eq!(claims(token, node_secret(0).expose())["meeting_id"], meeting.meeting_id);
}
