//! Callbacks: nodes that call us, frontends that hear of it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use bluegate_bbb_api::encode_value;
use bluegate_scaler::CallbackState;
use http::{Method, StatusCode};
use serde_json::json;

use crate::{
    cluster::{Cluster, eventually, node_secret},
    fake_node::Meeting,
    receiver::{Got, Receiver, call, claims, token},
};

const HOUR: i64 = 60 * 60 * 1_000;
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A cluster whose callbacks come through, and a frontend's receiver.
pub(crate) struct Story {
    pub(crate) cluster: Cluster,
    pub(crate) receiver: Receiver,
    now: Arc<AtomicI64>,
}

impl Story {
    pub(crate) async fn begin() -> Self {
        Self::with_targets(&["127.0.0.0/8"]).await
    }

    async fn with_targets(targets: &[&str]) -> Self {
        let mut cluster = Cluster::prepare(1).await;
        let now = Arc::new(AtomicI64::new(1_700_000_000_000));
        let mut callbacks = cluster.callback_config(targets);
        let clock = Arc::clone(&now);
        callbacks.clock = Arc::new(move || clock.load(Ordering::SeqCst));
        callbacks.bounds.look = std::time::Duration::from_millis(20);
        cluster.callbacks = Some(callbacks);
        cluster.boot().await;
        Self { cluster, receiver: Receiver::start().await, now }
    }

    /// Creates `class` with all callbacks, and gives it as its node has it.
    pub(crate) async fn create(&self, tenant: &str) -> Meeting {
        let url = |path: &str| encode_value(&self.receiver.url(path));
        let query = format!(
            "name=Class&meetingID=class&meetingEndedURL={}&meta_endCallbackUrl={}\
             &meta_bbb-recording-ready-url={}&meta_analytics-callback-url={}&meta_other=kept",
            url("/ended?token=1"),
            url("/end?meetingID=class&x=%C3%A4"),
            url("/ready"),
            url("/analytics"),
        );
        let frontend = self.cluster.frontend(tenant);
        assert_eq!(frontend.get("create", &query).await.answer().key(), "");
        self.cluster.nodes[0].meetings().remove(0)
    }

    /// Where a node's URL leads in this test.
    pub(crate) fn here(&self, url: &str) -> String {
        let path = url.strip_prefix("http://api.example.org").unwrap();
        let base = self.cluster.frontend("default").base;
        format!("{}{path}", base.strip_suffix("/bigbluebutton/api").unwrap())
    }

    fn url(&self, meeting: &Meeting, parameter: &str) -> String {
        self.here(&meeting.parameters[parameter])
    }

    pub(crate) async fn got(&self, count: usize) -> Vec<Got> {
        eventually("received", async || self.receiver.got().len() >= count).await;
        let got = self.receiver.got();
        assert_eq!(got.len(), count, "{got:?}");
        got
    }

    async fn ready(&self, meeting: &Meeting, secret: &str) -> StatusCode {
        let says = json!({"meeting_id": meeting.external, "record_id": meeting.internal});
        self.ready_with(meeting, &says, secret).await
    }

    async fn ready_with(
        &self,
        meeting: &Meeting,
        says: &serde_json::Value,
        secret: &str,
    ) -> StatusCode {
        let url = self.url(meeting, "meta_bbb-recording-ready-url");
        let body = format!("signed_parameters={}", token("HS256", says, secret));
        call("POST", &url, &[FORM], &body).await
    }

    async fn states(&self, state: CallbackState) -> usize {
        self.cluster.scaler().callbacks(state, None, 100).await.unwrap().len()
    }
}

fn secret() -> String {
    node_secret(0).expose().to_owned()
}

#[tokio::test]
async fn a_node_is_given_our_urls_and_tenants_see_their_own() {
    let story = Story::begin().await;
    let meeting = story.create("physics").await;
    for name in [
        "meetingEndedURL",
        "meta_endCallbackUrl",
        "meta_bbb-recording-ready-url",
        "meta_analytics-callback-url",
    ] {
        let given = &meeting.parameters[name];
        assert!(given.starts_with("http://api.example.org/bigbluebutton/api/callback/"), "{given}");
        assert!(given.len() < 500, "{}: {given}", given.len());
    }
    assert_eq!(meeting.parameters["meta_other"], "kept");
    let frontend = story.cluster.frontend("physics");
    let own = story.receiver.url("/end?meetingID=class&x=%C3%A4").replace('&', "&amp;");
    for (call, query) in [("getMeetingInfo", "meetingID=class"), ("getMeetings", "")] {
        eventually("shown", async || frontend.get(call, query).await.text.contains(&own)).await;
        let text = frontend.get(call, query).await.text;
        assert!(!text.contains("api/callback"), "{text}");
        assert!(text.contains("<other>kept</other>"), "{text}");
    }
}

#[tokio::test]
async fn an_end_callback_is_passed_on_when_the_node_says_that_it_ended() {
    let story = Story::begin().await;
    let meeting = story.create("physics").await;
    let end = story.url(&meeting, "meta_endCallbackUrl");
    let end = format!("{end}?recordingmarks=false&meetingID={}", encode_value(&meeting.external));
    // Somebody has got hold of the URL; the meeting goes on.
    assert_eq!(call("GET", &end, &[], "").await, StatusCode::OK);
    eventually("asked the node", async || story.cluster.nodes[0].count("getMeetingInfo") > 0).await;
    assert_eq!(story.receiver.got().len(), 0);

    story.cluster.nodes[0].end(&meeting.external);
    let ended = story.url(&meeting, "meetingEndedURL");
    for url in [&end, &ended, &end] {
        assert_eq!(call("GET", url, &[], "").await, StatusCode::OK);
    }
    story.now.fetch_add(HOUR, Ordering::SeqCst);
    let mut got = story.got(2).await;
    got.sort_by(|left, right| left.target.cmp(&right.target));
    let targets: Vec<&str> = got.iter().map(|got| got.target.as_str()).collect();
    let end = "/end?meetingID=class&x=%C3%A4&recordingmarks=false&meetingID=class";
    assert_eq!(targets, [end, "/ended?token=1"]);
    assert!(got.iter().all(|got| got.method == Method::GET));
    let frontend = story.cluster.frontend("physics");
    eventually("ended here too", async || frontend.listed().await.is_empty()).await;
}

#[tokio::test]
async fn a_meeting_that_goes_on_was_not_ended_by_whoever_has_the_url() {
    let story = Story::begin().await;
    let meeting = story.create("physics").await;
    let end = story.url(&meeting, "meta_endCallbackUrl");
    assert_eq!(call("GET", &end, &[], "").await, StatusCode::OK);
    eventually("given up", async || {
        story.now.fetch_add(HOUR / 4, Ordering::SeqCst);
        story.states(CallbackState::Dead).await == 1
    })
    .await;
    assert_eq!(story.receiver.got().len(), 0);
    let dead =
        story.cluster.scaler().callbacks(CallbackState::Dead, None, 1).await.unwrap().remove(0);
    assert_eq!(dead.error.as_deref(), Some("the node says that the meeting goes on"));
    assert_eq!(dead.target, story.receiver.url(""));
}

#[tokio::test]
async fn a_recording_is_told_of_with_the_tenants_id_and_secret() {
    for (tenant, secret_of_call) in [("physics", "physics-secret"), ("default", "default-secret")] {
        let story = Story::begin().await;
        let meeting = story.create(tenant).await;
        assert_eq!(story.ready(&meeting, &secret()).await, StatusCode::OK);
        let got = story.got(1).await.remove(0);
        assert_eq!((got.method.as_str(), got.target.as_str()), ("POST", "/ready"));
        assert_eq!(got.headers["content-type"], "application/x-www-form-urlencoded");
        let token = got.body.strip_prefix("signed_parameters=").unwrap();
        let wanted = json!({"meeting_id": "class", "record_id": meeting.internal});
        assert_eq!(claims(token, secret_of_call), wanted);
        // Told again for the next format, as BBB does.
        assert_eq!(story.ready(&meeting, &secret()).await, StatusCode::OK);
        story.got(2).await;
    }
}

#[tokio::test]
async fn the_secret_that_made_the_call_signs_and_another_one_after_a_refusal() {
    let story = Story::begin().await;
    let url = encode_value(&story.receiver.url("/ready"));
    let old = story.cluster.frontend_with_secret("physics-old");
    let query = format!("name=Class&meetingID=class&meta_bbb-recording-ready-url={url}");
    assert_eq!(old.get("create", &query).await.answer().key(), "");
    let meeting = story.cluster.nodes[0].meetings().remove(0);
    story.receiver.answer(401);
    assert_eq!(story.ready(&meeting, &secret()).await, StatusCode::OK);
    let signed = |got: &Got| got.body.strip_prefix("signed_parameters=").unwrap().to_owned();
    claims(&signed(&story.got(1).await[0]), "physics-old");
    story.receiver.answer(200);
    let recorded = async || {
        let queued =
            story.cluster.scaler().callbacks(CallbackState::Queued, None, 1).await.unwrap();
        queued.first().is_some_and(|callback| callback.attempts == 1)
    };
    eventually("recorded", recorded).await;
    story.now.fetch_add(HOUR, Ordering::SeqCst);
    claims(&signed(&story.got(2).await[1]), "physics-secret");
}

#[tokio::test]
async fn what_its_node_did_not_sign_is_not_taken() {
    let story = Story::begin().await;
    let meeting = story.create("physics").await;
    let id = &meeting.external;
    let own = json!({"meeting_id": id, "record_id": meeting.internal});
    assert_eq!(story.ready(&meeting, "guess").await, StatusCode::UNAUTHORIZED);
    // The tenant's own secret is not the node's.
    assert_eq!(story.ready(&meeting, "physics-secret").await, StatusCode::UNAUTHORIZED);
    for says in [
        json!({"meeting_id": "bg1.history.class", "record_id": meeting.internal}),
        json!({"meeting_id": id, "record_id": "0".repeat(40) + "-1"}),
        json!({"meeting_id": "other", "record_id": meeting.internal}),
        json!({"meeting_id": id}),
    ] {
        let status = story.ready_with(&meeting, &says, &secret()).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{says}");
    }
    let expired = json!({"meeting_id": id, "record_id": meeting.internal, "exp": 1_600_000_000});
    let status = story.ready_with(&meeting, &expired, &secret()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);

    let url = story.url(&meeting, "meta_bbb-recording-ready-url");
    let signed = format!("signed_parameters={}", token("HS256", &own, &secret()));
    let damaged = |url: &str| {
        let (whole, last) = url.split_at(url.len() - 1);
        format!("{whole}{}", if last == "A" { "B" } else { "A" })
    };
    let end = story.url(&meeting, "meta_endCallbackUrl");
    for (method, url, body, wanted) in [
        ("POST", damaged(&url).as_str(), signed.as_str(), StatusCode::NOT_FOUND),
        // BBB signs none of these: nobody but its node was given the meeting's URL.
        ("GET", &damaged(&end), "", StatusCode::NOT_FOUND),
        ("POST", &format!("{url}x"), &signed, StatusCode::NOT_FOUND),
        ("GET", &url, "", StatusCode::METHOD_NOT_ALLOWED),
        ("POST", &url, "", StatusCode::BAD_REQUEST),
        ("POST", &url, "signed_parameters=x", StatusCode::UNAUTHORIZED),
        ("POST", &end, "", StatusCode::METHOD_NOT_ALLOWED),
        // A token for one thing is none for another.
        (
            "POST",
            &story.url(&meeting, "meta_analytics-callback-url"),
            &signed,
            StatusCode::UNAUTHORIZED,
        ),
    ] {
        assert_eq!(call(method, url, &[FORM], body).await, wanted, "{method} {url}");
    }
    assert_eq!(story.receiver.got().len(), 0);
    assert_eq!(story.states(CallbackState::Queued).await, 0);
}

#[tokio::test]
async fn analytics_arrive_as_the_tenant_may_see_them_once() {
    let story = Story::begin().await;
    let meeting = story.create("physics").await;
    let url = story.url(&meeting, "meta_analytics-callback-url");
    let metadata: serde_json::Map<String, serde_json::Value> = meeting
        .parameters
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("meta_")?.to_owned(), json!(value))))
        .collect();
    assert!(metadata.contains_key("bluegate-stamp"));
    let document = json!({
        "version": "1.0", "meeting_id": meeting.external, "internal_meeting_id": meeting.internal,
        "data": {"metadata": metadata, "duration": 12, "attendees": [{"name": "A"}]},
    });
    let exp = story.now.load(Ordering::SeqCst) / 1_000 + 60;
    let bearer = format!("Bearer {}", token("HS512", &json!({ "exp": exp }), &secret()));
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    for _ in 0..2 {
        let status = call("POST", &url, &headers, &document.to_string()).await;
        assert_eq!(status, StatusCode::OK);
    }
    let got = story.got(1).await.remove(0);
    assert_eq!((got.method.as_str(), got.target.as_str()), ("POST", "/analytics"));
    assert_eq!(got.headers["user-agent"], "BigBlueButton Analytics Callback");
    let bearer = got.headers["authorization"].to_str().unwrap();
    let ends = &claims(bearer.strip_prefix("Bearer ").unwrap(), "physics-secret")["exp"];
    assert_eq!(ends.as_i64().unwrap(), story.now.load(Ordering::SeqCst) / 1_000 + 86_400);
    let told: serde_json::Value = serde_json::from_str(&got.body).unwrap();
    assert_eq!(told["meeting_id"], "class");
    assert_eq!(told["internal_meeting_id"], meeting.internal);
    assert_eq!(told["data"]["duration"], 12);
    assert_eq!(
        told["data"]["metadata"]["analytics-callback-url"],
        story.receiver.url("/analytics")
    );
    assert!(!got.body.contains("bluegate") && !got.body.contains("api/callback"), "{}", got.body);

    for bearer in ["", "Bearer x", &bearer.replace("Bearer", "Basic")] {
        let headers = [("content-type", "application/json"), ("authorization", bearer)];
        let status = call("POST", &url, &headers, &document.to_string()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{bearer}");
    }
}

#[tokio::test]
async fn a_lost_store_loses_no_callback() {
    let mut story = Story::begin().await;
    let meeting = story.create("physics").await;
    story.cluster.nodes[0].end(&meeting.external);
    story.cluster.stop().await;
    story.cluster.lose_store();
    story.cluster.boot().await;
    assert_eq!(story.ready(&meeting, &secret()).await, StatusCode::OK);
    let end = story.url(&meeting, "meta_endCallbackUrl");
    assert_eq!(call("GET", &end, &[], "").await, StatusCode::OK);
    let got = story.got(2).await;
    let ready = got.iter().find(|got| got.target == "/ready").unwrap();
    let token = ready.body.strip_prefix("signed_parameters=").unwrap();
    assert_eq!(claims(token, "physics-secret")["meeting_id"], "class");
}

#[tokio::test]
async fn a_receiver_that_is_down_for_an_hour_and_a_restart_delay_and_lose_nothing() {
    let mut story = Story::begin().await;
    let meeting = story.create("physics").await;
    story.receiver.unplug().await;
    assert_eq!(story.ready(&meeting, &secret()).await, StatusCode::OK);
    let attempts = async |story: &Story| {
        let queued =
            story.cluster.scaler().callbacks(CallbackState::Queued, None, 1).await.unwrap();
        queued.first().map_or(0, |callback| callback.attempts)
    };
    for wanted in 1..4 {
        eventually("tried", async || attempts(&story).await == wanted).await;
        story.now.fetch_add(HOUR / 3, Ordering::SeqCst);
    }
    eventually("tried", async || attempts(&story).await == 4).await;
    story.cluster.stop().await;
    story.receiver.plug_in();
    story.cluster.boot().await;
    assert_eq!(story.receiver.got().len(), 0);
    story.now.fetch_add(HOUR, Ordering::SeqCst);
    story.got(1).await;
}

#[tokio::test]
async fn receivers_inside_are_refused_unless_allowed() {
    let story = Story::with_targets(&[]).await;
    let meeting = story.create("physics").await;
    assert_eq!(story.ready(&meeting, &secret()).await, StatusCode::OK);
    eventually("refused", async || story.states(CallbackState::Dead).await == 1).await;
    assert_eq!(story.receiver.got().len(), 0);
    let dead =
        story.cluster.scaler().callbacks(CallbackState::Dead, None, 1).await.unwrap().remove(0);
    assert!(dead.error.unwrap().contains("not among `callback_targets`"));
    assert!(story.cluster.scaler().drop_callback(&dead.id, None).await.unwrap());
    assert_eq!(story.states(CallbackState::Dead).await, 0);
}

#[tokio::test]
async fn without_callbacks_urls_stay_as_they_were_given() {
    let mut story = Story::begin().await;
    story.cluster.stop().await;
    story.cluster.callbacks = None;
    story.cluster.boot().await;
    let meeting = story.create("physics").await;
    assert_eq!(meeting.parameters["meta_bbb-recording-ready-url"], story.receiver.url("/ready"));
    assert_eq!(meeting.parameters["meetingEndedURL"], story.receiver.url("/ended?token=1"));
}

#[tokio::test]
async fn what_is_no_url_or_too_long_for_a_node_is_left_alone() {
    let story = Story::begin().await;
    let long = format!("https://example.org/{}", "x".repeat(2_000));
    let query = format!(
        "name=Class&meetingID=class&meta_endCallbackUrl=nonsense\
         &meta_analytics-callback-url={long}&meetingEndedURL="
    );
    assert_eq!(story.cluster.frontend("physics").get("create", &query).await.answer().key(), "");
    let meeting = story.cluster.nodes[0].meetings().remove(0);
    assert_eq!(meeting.parameters["meta_endCallbackUrl"], "nonsense");
    assert_eq!(meeting.parameters["meta_analytics-callback-url"], long);
    assert_eq!(meeting.parameters["meetingEndedURL"], "");
}
