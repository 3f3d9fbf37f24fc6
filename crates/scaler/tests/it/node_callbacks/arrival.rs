//! They arrive: all four, whatever was lost or away meanwhile.

use bluegate_bbb_api::RawQuery;
use bluegate_scaler::CallbackState;
use bluegate_simnode::CallbackKind;

use super::{Calling, HOUR, RELEASES, TENANTS, assert_all_four, kind};
use crate::{
    cluster::{eventually, node_secret},
    receiver::claims,
    simulated::Kind,
};

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
    calling.receiver.plug_in();
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
