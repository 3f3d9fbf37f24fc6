//! Callbacks end to end: simulated nodes call, frontends hear of it.

mod arrival;
mod belief;
mod many;
mod targets;
mod urls;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bluegate_bbb_api::encode_value;
use bluegate_scaler::CallbackState;
use bluegate_simnode::{MeetingSummary, SimNode};
use serde_json::Value;

use crate::{
    cluster::{Frontend, eventually},
    receiver::{Got, Receiver, claims},
    simulated::{Kind, Simulated},
};

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
