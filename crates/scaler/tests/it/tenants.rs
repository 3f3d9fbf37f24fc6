//! Tenants: each sees its own, and nothing it can write reaches another's.

use crate::{
    cluster::{Cluster, eventually, polls},
    fake_node::hash,
};

#[tokio::test]
async fn the_same_meeting_id_lives_apart_for_each_tenant() {
    let cluster = Cluster::start(1).await;
    let tenants = ["default", "physics", "history"].map(|name| cluster.frontend(name));
    for tenant in &tenants {
        assert_eq!(tenant.create("math").await.key(), "");
    }
    let mut on_node: Vec<_> = cluster.nodes[0].meetings().into_iter().map(|m| m.external).collect();
    on_node.sort();
    assert_eq!(on_node, ["bg1.history.math", "bg1.physics.math", "math"]);
    polls(&cluster.nodes[0], 2).await;
    for tenant in &tenants {
        assert_eq!(tenant.listed().await, ["math"]);
        let info = tenant.get("getMeetingInfo", "meetingID=math").await;
        assert!(info.text.contains("<meetingID>math</meetingID>"), "{}", info.text);
    }
    tenants[1].get("end", "meetingID=math").await.answer();
    assert_eq!(tenants[1].listed().await, Vec::<String>::new());
    assert_eq!(tenants[2].listed().await, ["math"]);
    assert_eq!(cluster.nodes[0].meetings().len(), 2);
}

#[tokio::test]
async fn no_name_reaches_another_tenants_meeting() {
    let cluster = Cluster::start(1).await;
    let victim = cluster.frontend("physics");
    let created = victim.create("exam").await;
    let internal = created.text("internalMeetingID").unwrap();
    let calls_before = cluster.nodes[0].calls().len();

    let prefix: String = internal.chars().take(8).collect();
    let (sha1, _) = internal.split_once('-').unwrap();
    for name in ["exam", "bg1.physics.exam", &internal, &prefix, sha1] {
        for attacker in ["default", "history"].map(|name| cluster.frontend(name)) {
            let query = format!("meetingID={name}&fullName=x&message=hi");
            assert_eq!(attacker.get("getMeetingInfo", &query).await.failure(), "notFound");
            assert_eq!(attacker.get("end", &query).await.failure(), "notFound");
            assert_eq!(attacker.get("join", &query).await.failure(), "meetingForciblyEnded");
            let chat = attacker.get("sendChatMessage", &query).await;
            assert_eq!(chat.failure(), "meetingNotFound");
            assert_eq!(attacker.get("newCall", &query).await.status, 404);
            let running = attacker.get("isMeetingRunning", &query).await;
            assert!(running.text.contains("<running>false"), "{}", running.text);
        }
    }
    assert_eq!(cluster.nodes[0].calls().len(), calls_before);
}

#[tokio::test]
async fn a_meeting_named_like_the_start_of_a_strangers_internal_id_stays_itself() {
    let cluster = Cluster::start(1).await;
    let victim = cluster.frontend("physics");
    victim.create("exam").await;
    let attacker = cluster.frontend("default");
    let prefix: String = hash("bg1.physics.exam").chars().take(8).collect();
    attacker.create(&prefix).await;

    let info = attacker.get("getMeetingInfo", &format!("meetingID={prefix}")).await;
    assert!(info.text.contains(&format!("<meetingID>{prefix}</meetingID>")), "{}", info.text);
    attacker.get("end", &format!("meetingID={prefix}")).await.answer();
    let left: Vec<_> = cluster.nodes[0].meetings().into_iter().map(|m| m.external).collect();
    assert_eq!(left, ["bg1.physics.exam"]);
}

#[tokio::test]
async fn parameters_that_a_node_would_read_differently_name_nothing_else() {
    let cluster = Cluster::start(1).await;
    cluster.frontend("physics").create("exam").await;
    let attacker = cluster.frontend("history");
    attacker.create("mine").await;
    for smuggled in [
        "meetingID=mine&meetingID=bg1.physics.exam",
        "meetingID=mine&+meetingID=bg1.physics.exam",
        "meetingID=mine&meeting%00ID=bg1.physics.exam",
        "meeting%49D=mine&meetingID=bg1.physics.exam",
    ] {
        let info = attacker.get("getMeetingInfo", smuggled).await;
        assert!(info.text.contains("<meetingID>mine</meetingID>"), "{smuggled}: {}", info.text);
        let join = attacker.get("join", &format!("{smuggled}&fullName=x")).await;
        let location = join.location().to_owned();
        assert!(location.contains("=bg1.history.mine&"), "{location}");
        assert!(!location.contains("physics"), "{location}");
    }
}

#[tokio::test]
async fn a_tenant_is_found_by_its_secrets_or_bound_by_its_path() {
    let cluster = Cluster::start(1).await;
    let physics = cluster.frontend("physics");
    physics.create("exam").await;

    let mut by_path = physics.clone();
    by_path.base = by_path.base.replace("/bigbluebutton/", "/t/physics/bigbluebutton/");
    assert_eq!(by_path.listed().await, ["exam"]);
    for other in ["history", "nobody", "Physics"] {
        let mut wrong = physics.clone();
        wrong.base = wrong.base.replace("/bigbluebutton/", &format!("/t/{other}/bigbluebutton/"));
        assert_eq!(wrong.get("getMeetings", "").await.failure(), "checksumError", "{other}");
    }
    let by_old_secret = cluster.frontend_with_secret("physics-old");
    assert_eq!(by_old_secret.listed().await, ["exam"]);
}

#[tokio::test]
async fn breakout_rooms_belong_to_their_parents_tenant() {
    let cluster = Cluster::start(1).await;
    let (physics, history) = (cluster.frontend("physics"), cluster.frontend("history"));
    physics.create("class").await;
    let room = cluster.nodes[0].add_breakout("bg1.physics.class", "room-1");
    let mut wanted = vec!["class".to_owned(), room.external.clone()];
    wanted.sort();
    eventually("the room is listed", async || physics.listed().await == wanted).await;
    assert_eq!(history.listed().await, Vec::<String>::new());

    for name in [&room.external, &room.internal] {
        let query = format!("meetingID={name}");
        let info = physics.get("getMeetingInfo", &query).await;
        assert!(info.text.contains(&format!("<meetingID>{}<", room.external)), "{}", info.text);
        assert!(!info.text.contains("bluegate"), "{}", info.text);
        assert_eq!(history.get("getMeetingInfo", &query).await.failure(), "notFound");
    }
    // It hides and goes with its parent.
    physics.get("end", "meetingID=class").await.answer();
    assert_eq!(physics.listed().await, Vec::<String>::new());
}

#[tokio::test]
async fn rooms_are_created_only_under_meetings_of_the_caller() {
    let cluster = Cluster::start(3).await;
    let (physics, history) = (cluster.frontend("physics"), cluster.frontend("history"));
    let parent = physics.create("class").await;
    let internal = parent.text("internalMeetingID").unwrap();
    let home = cluster.spread().iter().position(|count| *count == 1).unwrap();
    for name in ["class", "bg1.physics.class", &internal] {
        let query =
            format!("name=Class&meetingID=room&isBreakout=true&parentMeetingID={name}&sequence=1");
        let reply = history.get("create", &query).await;
        assert_eq!(reply.failure(), "parentMeetingDoesNotExist", "{name}");
    }
    let query = "name=Class&meetingID=room&isBreakout=true&parentMeetingID=class&sequence=1";
    physics.get("create", query).await.answer();
    let room =
        cluster.nodes[home].meetings().into_iter().find(|m| m.external == "bg1.physics.room");
    assert_eq!(room.unwrap().parameters["parentMeetingID"], internal);
    cluster.nodes[home].make_breakout("bg1.physics.room", &internal);
    polls(&cluster.nodes[home], 2).await;
    assert_eq!(physics.listed().await.len(), 2);
}

#[tokio::test]
async fn unknown_calls_pass_for_own_meetings_only() {
    let cluster = Cluster::start(1).await;
    let physics = cluster.frontend("physics");
    physics.create("class").await;
    let reply = physics.get("newCall", "meetingID=class&x=%2f").await;
    assert!(
        reply.text.contains("<meetingID>class</meetingID><novelty>kept</novelty>"),
        "{}",
        reply.text
    );
    assert_eq!(physics.get("newCall", "meetingID=other").await.status, 404);
    assert_eq!(physics.get("newCall", "meetingID=class&recordID=x").await.status, 404);
    assert_eq!(physics.get("newCall", "x=1").await.status, 404);
    assert_eq!(physics.raw("GET", "/newCall?meetingID=class&checksum=00", None).await.status, 404);
    assert_eq!(physics.get("hooks/create", "meetingID=class").await.status, 404);

    let slides = ("application/xml", "<modules/>");
    let inserted = physics.post("insertDocument", "meetingID=class", slides).await;
    assert!(inserted.text.contains("uploading"), "{}", inserted.text);
    let missing = physics.post("insertDocument", "meetingID=none", slides).await;
    assert!(missing.text.contains("<message>Meeting with id [none] not found.</message>"));
}

#[tokio::test]
async fn two_plain_tenants_cannot_share_a_meeting() {
    let cluster = Cluster::start(2).await;
    let (default, imported) = (cluster.frontend("default"), cluster.frontend("imported"));
    default.create("class").await;
    let reply = imported.get("create", "name=Class&meetingID=class").await;
    assert_eq!(reply.failure(), "idNotUnique");
    assert_eq!(imported.get("getMeetingInfo", "meetingID=class").await.failure(), "notFound");
    imported.create("bg1.physics.class").await;
    let on_nodes: Vec<_> = cluster.nodes.iter().flat_map(|node| node.meetings()).collect();
    assert!(on_nodes.iter().any(|m| m.external == "bg1.imported.bg1.physics.class"));
    assert_eq!(imported.listed().await, ["bg1.physics.class"]);
}
