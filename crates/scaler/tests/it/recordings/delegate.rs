//! Recordings that were left with a Scalelite: a fake one, with what Scalelite
//! answers and where it differs from a BBB server.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{Router, extract::State, http::Uri};
use bluegate_bbb_api::{RawQuery, checksum::Presented};
use bluegate_cluster::Secret;
use bluegate_scaler::DelegateConfig;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{TIME, meetings, nodes, stamped, until};
use crate::cluster::{Frontend, eventually, secret};

const SECRET: &str = "loadbalancer-secret";

/// A Scalelite that has recordings.
struct Scalelite {
    recordings: Arc<Mutex<BTreeMap<String, Held>>>,
    origin: String,
    serving: Option<DropGuard>,
}

#[derive(Clone)]
struct Held {
    meeting_id: String,
    published: bool,
    start_time: u64,
    metadata: BTreeMap<String, String>,
}

impl Scalelite {
    async fn start() -> Self {
        let recordings = Arc::<Mutex<BTreeMap<String, Held>>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&recordings));
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(stopped).await.unwrap();
        });
        Self { recordings, origin, serving: Some(stop.drop_guard()) }
    }

    fn add(&self, record_id: &str, meeting_id: &str, start_time: u64) {
        let metadata = BTreeMap::from([("course".to_owned(), "Old & wise".to_owned())]);
        let held =
            Held { meeting_id: meeting_id.to_owned(), published: true, start_time, metadata };
        self.recordings.lock().unwrap().insert(record_id.to_owned(), held);
    }

    fn published(&self, record_id: &str) -> bool {
        self.recordings.lock().unwrap()[record_id].published
    }

    fn config(&self) -> DelegateConfig {
        DelegateConfig {
            origin: self.origin.parse().unwrap(),
            secrets: vec![Secret::new(SECRET).unwrap()],
        }
    }
}

async fn answer(State(all): State<Arc<Mutex<BTreeMap<String, Held>>>>, uri: Uri) -> String {
    let call = uri.path().strip_prefix("/bigbluebutton/api/").unwrap().to_owned();
    let raw = uri.query().unwrap_or_default();
    let query = RawQuery::parse(raw);
    let given = |name: &str| query.get(name).map(|value| value.lossy()).unwrap_or_default();
    // Only SHA-1 and SHA-256 are allowed here.
    let signed = Presented::read(&call, raw, None)
        .is_ok_and(|presented| presented.is_signed_by(&secret(SECRET)));
    if !signed || given("checksum").len() > 64 {
        return failed("checksumError", "You did not pass the checksum security check");
    }
    let ids: Vec<String> = given("recordID").split(',').map(str::to_owned).collect();
    let mut all = all.lock().unwrap();
    if call == "getRecordings" {
        assert!(!given("recordID").is_empty(), "all at once is too much");
        let wanted = |id: &str| ids.iter().any(|prefix| id.starts_with(prefix.as_str()));
        let list: String =
            all.iter().filter(|(id, _)| wanted(id)).map(|(id, held)| printed(id, held)).collect();
        return format!(
            "<response>\n  <returncode>SUCCESS</returncode>\n  <recordings>\n{list}  \
             </recordings>\n</response>\n"
        );
    }
    if call != "publishRecordings" {
        return failed("unsupportedRequest", "This request is not supported.");
    }
    let mut found: Vec<&mut Held> =
        all.iter_mut().filter(|(id, _)| ids.contains(id)).map(|(_, held)| held).collect();
    if found.is_empty() {
        return failed("notFound", "We could not find recordings");
    }
    let publish = given("publish");
    found.iter_mut().for_each(|held| held.published = publish == "true");
    format!("<response><returncode>SUCCESS</returncode><published>{publish}</published></response>")
}

fn printed(id: &str, held: &Held) -> String {
    let metadata: String = held
        .metadata
        .iter()
        .map(|(name, value)| format!("      <{name}><![CDATA[{value}]]></{name}>\n"))
        .collect();
    let state = if held.published { "published" } else { "unpublished" };
    format!(
        "    <recording>\n      <recordID>{id}</recordID>\n      <meetingID>{}</meetingID>\n      \
         <internalMeetingID>{id}</internalMeetingID>\n      <name>Old</name>\n      \
         <published>{}</published>\n      <state>{state}</state>\n      \
         <startTime>{}</startTime>\n      <metadata>\n{metadata}      </metadata>\n      \
         <playback>\n      </playback>\n    </recording>\n",
        held.meeting_id, held.published, held.start_time,
    )
}

fn failed(key: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<response>\n  <returncode>FAILED</returncode>\n  \
         <messageKey>{key}</messageKey>\n  <message>{message}</message>\n</response>\n"
    )
}

#[tokio::test]
async fn what_a_delegate_has_is_listed_with_ours_and_changed_there() {
    let scalelite = Scalelite::start().await;
    let mut simulated = nodes(1).await;
    simulated.cluster.recordings.delegate = Some(scalelite.config());
    let ours = stamped(0, "physics", "optics", TIME);
    simulated.nodes[0].add_recording(ours.clone());
    // The node still has what it has handed over.
    scalelite.add(&ours.record_id, "bg1.physics.optics", TIME);
    scalelite.add("0a-1", "old-class", TIME - 1);
    simulated.cluster.boot().await;
    let default = simulated.cluster.frontend("default");
    let physics = simulated.cluster.frontend("physics");
    until(&default, "", &["old-class"]).await;
    until(&physics, "meta_course=Old%25wise", &[]).await;
    until(&physics, "meta_course=Old%20%26%20wise", &["optics"]).await;
    let merged = meetings(&physics, "").await;
    assert_eq!(merged, ["optics"], "once");

    let hide = |id: &str| format!("recordID={id}&publish=false");
    physics.get("publishRecordings", &hide(&ours.record_id)).await.answer();
    assert!(!scalelite.published(&ours.record_id));
    assert_eq!(meetings(&physics, "state=published").await, Vec::<String>::new());
    assert_eq!(physics.get("publishRecordings", &hide("0a-1")).await.failure(), "notFound");
    assert!(scalelite.published("0a-1"));
    default.get("publishRecordings", &hide("0a-1")).await.answer();
    assert!(!scalelite.published("0a-1"));
    // Captions are not Scalelite's: where a node has a copy, it is asked.
    let tracks = async |frontend: &Frontend, id: &str| {
        frontend.get("getRecordingTextTracks", &format!("recordID={id}")).await.text
    };
    let of_its_own = tracks(&default, "0a-1").await;
    assert!(of_its_own.contains("No captions found for 0a-1"), "{of_its_own}");
    let put = "recordID=0a-1&kind=captions&lang=de";
    let refused = default
        .post("putRecordingTextTrack", put, ("multipart/form-data; boundary=b", "--b--\r\n"))
        .await;
    assert!(refused.text.contains("upload_text_track_failed"), "{}", refused.text);
    let of_both = tracks(&physics, &ours.record_id).await;
    assert!(of_both.contains("noCaptionsFound"), "{of_both}");
}

#[tokio::test]
async fn a_delegate_that_is_away_takes_nothing_with_it_and_that_is_said() {
    let mut scalelite = Scalelite::start().await;
    let mut simulated = nodes(1).await;
    simulated.cluster.recordings.delegate = Some(scalelite.config());
    simulated.nodes[0].add_recording(stamped(0, "default", "new-class", TIME));
    scalelite.add("0a-1", "old-class", TIME - 1);
    simulated.cluster.boot().await;
    let frontend = simulated.cluster.frontend("default");
    until(&frontend, "", &["new-class", "old-class"]).await;
    drop(scalelite.serving.take());
    let scaler = simulated.cluster.scaler();
    let is_up = |keeper: &str| scaler.recordings().keepers[keeper].is_up;
    eventually("it is said", async || !is_up("delegate")).await;
    assert!(is_up("bbb-01"));
    assert_eq!(meetings(&frontend, "").await, ["new-class", "old-class"]);
    let reply = frontend.get("publishRecordings", "recordID=0a-1&publish=false").await;
    assert_eq!(reply.failure(), "internalError");
    let id = stamped(0, "default", "new-class", TIME).record_id;
    let done = frontend.get("publishRecordings", &format!("recordID={id}&publish=false")).await;
    assert!(done.text.contains("<published>false</published>"), "{}", done.text);
}
