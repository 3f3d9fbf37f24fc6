//! Webhooks end to end: bbb-webhooks of simulated nodes send events, hooks of
//! tenants at the scaler hear of them.

use std::time::Duration;

use bluegate_bbb_api::{RawQuery, encode_value};
use bluegate_scaler::Bounds;
use bluegate_simnode::CallbackKind;
use bluegate_testkit::Postgres;
use serde_json::Value;

use crate::{
    cluster::{Frontend, eventually, quick},
    node_callbacks::Calling,
    receiver::{Got, Receiver},
    simulated::Kind,
};

const WEBHOOKS: Kind = Kind { webhooks: true, ..Kind::STOCK };

pub(crate) fn kind(release: &'static str) -> Kind {
    Kind { release, ..WEBHOOKS }
}

/// Registers a hook and waits until every node has what it needs for it.
pub(crate) async fn hook(calling: &Calling, frontend: &Frontend, url: &str, more: &str) -> String {
    let query = format!("callbackURL={}{more}", encode_value(url));
    let id = frontend.get("hooks/create", &query).await.answer().text("hookID").unwrap();
    let raw = if more.contains("getRaw=true") { "raw/" } else { "" };
    registered(calling, raw).await;
    id
}

async fn registered(calling: &Calling, raw: &str) {
    for index in 0..calling.simulated.nodes.len() {
        let origin = &calling.simulated.cluster.origin;
        let url = format!("{origin}/bigbluebutton/api/callback/hook/{raw}bbb-{:02}", index + 1);
        let node = &calling.simulated.nodes[index];
        eventually("registered", async || node.hooks().contains(&url)).await;
    }
}

/// The event of a POST of bbb-webhooks.
pub(crate) fn event(got: &Got) -> Value {
    let text = RawQuery::parse(&got.body).get("event").unwrap().decoded().unwrap();
    let events: Value = serde_json::from_str(&text).unwrap();
    events[0].clone()
}

/// An event's name and its meeting's ID.
fn named(got: &Got) -> (String, String) {
    let event = event(got);
    let id = event["data"]["id"].as_str().unwrap().to_owned();
    let meeting = &event["data"]["attributes"]["meeting"]["external-meeting-id"];
    (id, meeting.as_str().unwrap().to_owned())
}

/// What came, as [`named`] gives it.
pub(crate) fn told(receiver: &Receiver) -> Vec<(String, String)> {
    receiver.got().iter().map(named).collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(id, meeting)| ((*id).to_owned(), (*meeting).to_owned())).collect()
}

pub(crate) async fn live(frontend: &Frontend, id: &str) {
    frontend.create(id).await;
    frontend.get("end", &format!("meetingID={id}")).await.answer();
}

#[tokio::test]
async fn a_meetings_life_is_told_from_any_node() {
    for release in ["2.7.17", "3.0.28"] {
        for tenant in ["physics", "default"] {
            let calling = Calling::start(&[kind(release), kind(release)]).await;
            let frontend = calling.simulated.cluster.frontend(tenant);
            let history = calling.simulated.cluster.frontend("history");
            let other = Receiver::start().await;
            hook(&calling, &frontend, &calling.receiver.url("/hook?a=1"), "").await;
            hook(&calling, &history, &other.url("/"), "").await;
            let bound = Receiver::start().await;
            hook(&calling, &frontend, &bound.url("/"), "&meetingID=class-1&eventID=Meeting-Ended")
                .await;
            // Open at once, so that they are on both nodes.
            for class in 0..3 {
                frontend.create(&format!("class-{class}")).await;
            }
            for class in 0..3 {
                frontend.get("end", &format!("meetingID=class-{class}")).await.answer();
            }
            eventually("told", async || calling.receiver.count() >= 6).await;
            let mut got = told(&calling.receiver);
            got.sort();
            let wanted: Vec<(String, String)> = ["meeting-created", "meeting-ended"]
                .iter()
                .flat_map(|id| (0..3).map(|class| ((*id).to_owned(), format!("class-{class}"))))
                .collect();
            assert_eq!(got, wanted, "{release} {tenant}");
            let both = calling.simulated.nodes.iter().filter(|node| {
                node.callbacks().iter().any(|callback| callback.kind == CallbackKind::Webhook)
            });
            assert_eq!(both.count(), 2, "{release} {tenant}");
            eventually("told", async || bound.count() == 1).await;
            assert_eq!(told(&bound), pairs(&[("meeting-ended", "class-1")]));
            assert_eq!(other.count(), 0);
            for got in calling.receiver.got() {
                assert!(!got.body.contains("bluegate"), "{}", got.body);
            }
        }
    }
}

#[tokio::test]
async fn raw_hooks_get_the_messages_of_bbb_and_others_do_not() {
    for (release, tenant) in [("2.7.17", "default"), ("3.0.28", "physics")] {
        let calling = Calling::start(&[kind(release)]).await;
        let frontend = calling.simulated.cluster.frontend(tenant);
        let [mapped, listed, bound] =
            [Receiver::start().await, Receiver::start().await, Receiver::start().await];
        let url = encode_value(&calling.receiver.url("/raw"));
        let made = frontend.get("hooks/create", &format!("callbackURL={url}&getRaw=TRUE")).await;
        assert_eq!(made.answer().text("rawData").as_deref(), Some("true"));
        registered(&calling, "raw/").await;
        hook(&calling, &frontend, &mapped.url("/"), "").await;
        hook(&calling, &frontend, &listed.url("/"), "&getRaw=true&eventID=meeting-ended").await;
        hook(&calling, &frontend, &bound.url("/"), "&getRaw=true&meetingID=second").await;
        live(&frontend, "first").await;
        live(&frontend, "second").await;
        eventually("told", async || calling.receiver.count() >= 4 && mapped.count() >= 4).await;
        eventually("told", async || bound.count() >= 2).await;
        let message = |got: &Got| {
            let event = event(got);
            event["envelope"]["name"].as_str().unwrap().to_owned()
        };
        let got = calling.receiver.got();
        let life = ["MeetingCreatedEvtMsg", "MeetingDestroyedEvtMsg"];
        assert_eq!(got.iter().map(message).collect::<Vec<_>>(), [life, life].concat());
        assert_eq!(bound.got().iter().map(message).collect::<Vec<_>>(), life);
        let created = event(&got[0]);
        let props = &created["core"]["body"]["props"];
        assert_eq!(props["meetingProp"]["extId"], "first", "{release} {tenant}");
        assert_eq!(props["metadataProp"]["metadata"], serde_json::json!({}));
        assert_eq!(told(&mapped)[0], ("meeting-created".to_owned(), "first".to_owned()));
        assert_eq!(listed.count(), 0);
        // Nobody wants them any more.
        let id = frontend.get("hooks/list", "").await.answer();
        for hook in id.root().child("hooks").unwrap().elements() {
            if hook.text_of("rawData").as_deref() == Some("true") {
                let query = format!("hookID={}", hook.text_of("hookID").unwrap());
                frontend.get("hooks/destroy", &query).await.answer();
            }
        }
        eventually("one left", async || calling.node().hooks().len() == 1).await;
    }
}

#[tokio::test]
async fn hooks_of_another_program_do_not_change_how_a_node_is_called() {
    let calling = Calling::start(&[kind("2.7.17")]).await;
    let frontend = calling.simulated.cluster.frontend("physics");
    hook(&calling, &frontend, &calling.receiver.url("/"), "").await;
    frontend.create("class").await;
    let join = frontend.get("join", "meetingID=class&fullName=J&role=VIEWER").await;
    let (_, checksum) = join.location().rsplit_once("&checksum=").unwrap();
    assert_eq!(checksum.len(), 128, "bbb-webhooks 2 takes SHA-1 only, bbb-web SHA-512");
}

#[tokio::test]
async fn breakout_rooms_are_told_of_to_the_tenant_of_their_meeting() {
    let calling = Calling::start(&[WEBHOOKS]).await;
    let frontend = calling.simulated.cluster.frontend("physics");
    hook(&calling, &frontend, &calling.receiver.url("/"), "").await;
    frontend.create("class").await;
    // As akka does: with the metadata of its meeting.
    let parent = calling.node().meetings().remove(0);
    let mut query = format!(
        "name=Room&meetingID=room-1&isBreakout=true&sequence=1&parentMeetingID={}",
        parent.meeting_id
    );
    for (name, value) in &parent.metadata {
        query += &format!("&meta_{name}={}", encode_value(value));
    }
    assert_eq!(calling.simulated.direct().get("create", &query).await.answer().key(), "");
    eventually("told", async || calling.receiver.count() == 2).await;
    assert_eq!(told(&calling.receiver)[1], ("meeting-created".to_owned(), "room-1".to_owned()));
    assert!(!calling.receiver.got()[1].body.contains("bluegate"));
}

#[tokio::test]
async fn hooks_survive_restarts_and_every_change_of_nodes() {
    let mut calling = Calling::prepare(&[WEBHOOKS]).await;
    let soon = Bounds { hook_interval: Duration::from_millis(200), ..quick() };
    calling.simulated.cluster.set_bounds(soon);
    calling.simulated.cluster.boot().await;
    let frontend = calling.simulated.cluster.frontend("physics");
    let id = hook(&calling, &frontend, &calling.receiver.url("/"), "").await;
    // A node that is added.
    let added = calling.simulated.start_node(WEBHOOKS).await;
    let name = added.node.name.clone();
    calling.simulated.cluster.scaler().add_node(added).await.unwrap();
    registered(&calling, "").await;
    // One whose own hooks are lost, and one that was switched off.
    calling.simulated.nodes[0].lose_hooks();
    calling.simulated.nodes[1].lose_hooks();
    calling.simulated.nodes[1].power_off();
    calling.simulated.nodes[1].power_on().unwrap();
    registered(&calling, "").await;
    // The scaler, and then its store's hooks are what it had.
    calling.simulated.cluster.stop().await;
    calling.simulated.cluster.boot().await;
    let frontend = calling.simulated.cluster.frontend("physics");
    let listed = frontend.get("hooks/list", "").await;
    assert!(listed.text.contains(&format!("<hookID>{id}</hookID>")), "{}", listed.text);
    for index in 0..2 {
        calling.simulated.cluster.scaler().cordon_node(&name, index == 0).await.unwrap();
        let before = calling.receiver.count();
        frontend.create(&format!("class-{index}")).await;
        eventually("told", async || calling.receiver.count() > before).await;
    }
    // A node that is taken away is no loss for the others.
    calling.simulated.cluster.scaler().remove_node(&name, true).await.unwrap();
    frontend.create("last").await;
    let last = ("meeting-created".to_owned(), "last".to_owned());
    eventually("told", async || told(&calling.receiver).contains(&last)).await;
}

#[tokio::test]
async fn a_receiver_that_is_away_gets_its_events_later_in_order() {
    let mut calling = Calling::start(&[WEBHOOKS]).await;
    let frontend = calling.simulated.cluster.frontend("physics");
    hook(&calling, &frontend, &calling.receiver.url("/"), "").await;
    calling.receiver.unplug().await;
    for class in 0..5 {
        live(&frontend, &format!("class-{class}")).await;
    }
    eventually("taken", async || calling.node().callbacks().len() == 10).await;
    calling.simulated.cluster.stop().await;
    calling.receiver.plug_in();
    calling.simulated.cluster.boot().await;
    calling.pass_an_hour();
    eventually("told", async || calling.receiver.count() == 10).await;
    let wanted: Vec<(String, String)> = (0..5)
        .flat_map(|class| {
            ["meeting-created", "meeting-ended"].map(|id| (id.to_owned(), format!("class-{class}")))
        })
        .collect();
    assert_eq!(told(&calling.receiver), wanted);
}

#[tokio::test]
async fn an_event_that_was_not_signed_by_its_node_is_not_taken() {
    let calling = Calling::start(&[WEBHOOKS]).await;
    let frontend = calling.simulated.cluster.frontend("physics");
    hook(&calling, &frontend, &calling.receiver.url("/"), "").await;
    frontend.create("class").await;
    eventually("told", async || calling.receiver.count() == 1).await;
    let own = |text: &str| {
        calling.simulated.write(0, "etc/bigbluebutton/bbb-webhooks/production.yml", text)
    };
    let restart = || calling.node().restart(bluegate_simnode::Unit::Webhooks).unwrap();
    own("bbb:\n  sharedSecret: 'changed'\n");
    restart();
    frontend.get("end", "meetingID=class").await.answer();
    let refused = async || calling.node().callbacks().last().unwrap().status == Some(401);
    eventually("refused", refused).await;
    // The secret as a bearer token, as bbb-webhooks with `auth2_0` has it.
    own("bbb:\n  auth2_0: true\n");
    restart();
    frontend.create("class").await;
    eventually("told", async || calling.receiver.count() == 2).await;
    assert_eq!(told(&calling.receiver)[1].0, "meeting-created");
}

#[tokio::test]
async fn a_hook_made_at_one_scaler_hears_of_events_that_come_to_another() {
    let postgres = Postgres::start().await.unwrap();
    let mut calling = Calling::prepare(&[WEBHOOKS]).await;
    // Neither follows the other by itself in this time.
    let slow = Bounds { refresh_interval: Duration::from_secs(3_600), ..quick() };
    calling.simulated.cluster.set_bounds(slow);
    calling.simulated.cluster.store = Some(postgres.database().unwrap());
    calling.simulated.cluster.boot().await;
    calling.simulated.cluster.add_replica().await;
    let [first, second] = calling.simulated.cluster.frontends("physics").try_into().ok().unwrap();
    // Nodes call the first one.
    let id = hook(&calling, &second, &calling.receiver.url("/"), "").await;
    live(&first, "class").await;
    eventually("told", async || calling.receiver.count() == 2).await;
    let wanted = pairs(&[("meeting-created", "class"), ("meeting-ended", "class")]);
    assert_eq!(told(&calling.receiver), wanted);
    for frontend in [&first, &second] {
        let listed = frontend.get("hooks/list", "").await;
        assert!(listed.text.contains(&id), "{}", listed.text);
    }
    let url = encode_value(&calling.receiver.url("/"));
    let again = first.get("hooks/create", &format!("callbackURL={url}")).await;
    assert_eq!(again.answer().key(), "duplicateWarning");
    assert_eq!(first.get("hooks/destroy", &format!("hookID={id}")).await.answer().key(), "");
    live(&second, "other").await;
    eventually("taken", async || calling.node().callbacks().len() >= 4).await;
    assert_eq!(calling.receiver.count(), 2);
}
