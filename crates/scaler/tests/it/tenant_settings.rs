//! What tenants may and get: hosts, limits, rules for parameters.

use std::{collections::BTreeSet, time::Duration};

use bluegate_scaler::{Estate, LimitKind, TakenMeeting, Taking};
use bluegate_testkit::Postgres;

use crate::cluster::{Cluster, Frontend, eventually, polls, quick};

async fn cluster_of(nodes: usize, settings: &[(&str, &str)]) -> Cluster {
    let mut cluster = Cluster::prepare(nodes).await;
    for (tenant, json) in settings {
        cluster.set_tenant(tenant, json);
    }
    cluster.boot().await;
    cluster
}

fn at(frontend: &Frontend, host: &str) -> Frontend {
    let mut frontend = frontend.clone();
    frontend.host = Some(host.to_owned());
    frontend
}

fn refused(cluster: &Cluster, tenant: &str, limit: LimitKind) -> u64 {
    let tenants = cluster.scaler().tenants();
    tenants.iter().find(|report| report.name.as_str() == tenant).unwrap().refused[&limit]
}

fn exceeded(cluster: &Cluster, tenant: &str, limit: LimitKind) -> u64 {
    let tenants = cluster.scaler().tenants();
    tenants.iter().find(|report| report.name.as_str() == tenant).unwrap().exceeded[&limit]
}

#[tokio::test]
async fn a_host_of_a_tenant_takes_that_tenants_secrets_only() {
    let cluster = cluster_of(
        1,
        &[
            ("physics", r#"{"hosts": ["physics.example.org", "p.example.org"]}"#),
            ("history", r#"{"hosts": ["history.example.org"]}"#),
        ],
    )
    .await;
    let (physics, history) = (cluster.frontend("physics"), cluster.frontend("history"));
    at(&physics, "physics.example.org").create("exam").await;
    for host in ["physics.example.org", "P.EXAMPLE.org:8443", "p.example.org.", "api.example.org"] {
        assert_eq!(at(&physics, host).listed().await, ["exam"], "{host}");
    }
    for frontend in [&history, &cluster.frontend("default")] {
        for call in ["getMeetings", "create", "join", "end", "getRecordings"] {
            let reply =
                at(frontend, "physics.example.org").get(call, "name=x&meetingID=exam").await;
            assert_eq!(reply.failure(), "checksumError", "{call}");
        }
    }
    // Host and path must name the same tenant.
    for (path, works) in [("physics", true), ("history", false), ("nobody", false)] {
        let mut both = at(&physics, "physics.example.org");
        both.base = both.base.replace("/bigbluebutton/", &format!("/t/{path}/bigbluebutton/"));
        let listed = both.get("getMeetings", "").await;
        assert_eq!(listed.text.contains("SUCCESS"), works, "{path}");
    }
    // A signed query goes to nobody else, and makes nothing on a node.
    let query = history.sign("create", "name=x&meetingID=stolen");
    let stolen = at(&history, "physics.example.org");
    assert_eq!(
        stolen.raw("GET", &format!("/create?{query}"), None).await.failure(),
        "checksumError"
    );
    assert_eq!(cluster.nodes[0].meetings().len(), 1);
}

#[tokio::test]
async fn rules_shape_create_in_query_and_form_alike() {
    let rules = r#"{
        "create": {
            "record": {"set": false}, "duration": {"at_most": 120},
            "meta_Owner": {"default": "physics"}, "disabledFeatures": {"append": "polls"},
            "dialNumber": {"remove": true}
        },
        "logo": "https://physics.example.org/logo.png", "welcome": "Hello"
    }"#;
    let cluster = cluster_of(1, &[("physics", rules)]).await;
    let (physics, history) = (cluster.frontend("physics"), cluster.frontend("history"));
    let asked = "record=true&duration=0&disabledFeatures=chat&dialNumber=1&meta_owner=";
    physics.get("create", &format!("name=x&meetingID=query&{asked}")).await.answer();
    let form = format!("name=x&meetingID=form&{asked}");
    let body = ("application/x-www-form-urlencoded", form.as_str());
    physics.post("create", "", body).await.answer();
    let both = ("application/x-www-form-urlencoded", asked);
    physics.post("create", "name=x&meetingID=both&record=true", both).await.answer();
    history.get("create", &format!("name=x&meetingID=query&{asked}")).await.answer();

    let meetings = cluster.nodes[0].meetings();
    for id in ["query", "form", "both"] {
        let external = format!("bg1.physics.{id}");
        let meeting = meetings.iter().find(|meeting| meeting.external == external).unwrap();
        let get = |name: &str| meeting.parameters.get(name).map(String::as_str);
        assert_eq!(get("record"), Some("false"), "{id}");
        assert_eq!(get("duration"), Some("120"), "{id}");
        assert_eq!(get("meta_Owner"), Some("physics"), "{id}");
        assert_eq!(get("meta_owner"), None, "{id}");
        assert_eq!(get("disabledFeatures"), Some("chat,polls"), "{id}");
        assert_eq!(get("dialNumber"), None, "{id}");
        assert_eq!(get("logo"), Some("https://physics.example.org/logo.png"), "{id}");
        assert_eq!(get("welcome"), Some("Hello"), "{id}");
    }
    let other = meetings.iter().find(|meeting| meeting.external == "bg1.history.query").unwrap();
    assert_eq!(other.parameters["record"], "true", "another tenant's calls are not touched");
}

#[tokio::test]
async fn rules_shape_join() {
    let rules = r#"{"join": {
        "userdata-bbb_skip_check_audio": {"default": true}, "avatarURL": {"remove": true},
        "role": {"set": "VIEWER"}, "userdata-limit": {"at_most": 3},
        "userdata-bbb_hidden": {"append": ["chat", "notes"]}
    }}"#;
    let cluster = cluster_of(1, &[("physics", rules)]).await;
    let physics = cluster.frontend("physics");
    physics.create("class").await;
    let query = "meetingID=class&fullName=A+B&role=MODERATOR&avatarURL=https%3A%2F%2Fx.org\
        &userdata-limit=7&userdata-bbb_hidden=notes,polls";
    let reply = physics.get("join", query).await;
    let location = reply.location();
    assert!(location.contains("&fullName=A+B&"), "{location}");
    assert!(location.contains("&userdata-bbb_skip_check_audio=true"), "{location}");
    assert!(location.contains("&role=VIEWER"), "{location}");
    assert!(location.contains("&userdata-limit=3"), "{location}");
    assert!(location.contains("&userdata-bbb_hidden=notes%2Cpolls%2Cchat"), "{location}");
    assert!(!location.contains("avatarURL") && !location.contains("MODERATOR"), "{location}");
}

#[tokio::test]
async fn meetings_without_slides_get_the_tenants() {
    let settings = r#"{"presentation": "https://physics.example.org/welcome.pdf"}"#;
    let cluster = cluster_of(1, &[("physics", settings)]).await;
    let physics = cluster.frontend("physics");
    physics.create("bare").await;
    let slides = (
        "application/xml",
        "<modules><module name=\"presentation\">\
        <document url=\"https://own.org/a.pdf\"/></module></modules>",
    );
    physics.post("create", "name=x&meetingID=own", slides).await.answer();
    let form = ("application/x-www-form-urlencoded", "name=x&meetingID=form");
    physics.post("create", "", form).await.answer();

    let meetings = cluster.nodes[0].meetings();
    let of = |id: &str| {
        let external = format!("bg1.physics.{id}");
        meetings.iter().find(|meeting| meeting.external == external).unwrap()
    };
    assert_eq!(of("bare").content_type, "application/xml");
    let body = std::str::from_utf8(&of("bare").body).unwrap();
    assert!(body.contains("<document url=\"https://physics.example.org/welcome.pdf\"/>"), "{body}");
    assert_eq!(of("own").body, slides.1);
    let brought = &of("form").parameters["preUploadedPresentation"];
    assert_eq!(brought, "https://physics.example.org/welcome.pdf");
}

#[tokio::test]
async fn a_tenant_that_is_disabled_keeps_what_it_has_and_gets_no_more() {
    let mut cluster = cluster_of(1, &[]).await;
    cluster.frontend("physics").create("class").await;
    cluster.stop().await;
    cluster.set_tenant("physics", r#"{"enabled": false}"#);
    cluster.boot().await;
    let physics = cluster.frontend("physics");
    let reply = physics.get("create", "name=x&meetingID=another").await;
    assert_eq!(reply.failure(), "tenantDisabled");
    assert_eq!(refused(&cluster, "physics", LimitKind::Disabled), 1);
    assert_eq!(physics.create("class").await.key(), "duplicateWarning");
    physics.get("join", "meetingID=class&fullName=x").await.location();
    assert_eq!(physics.listed().await, ["class"]);
    physics.get("end", "meetingID=class").await.answer();
    assert_eq!(cluster.nodes[0].meetings().len(), 0);
    cluster.frontend("history").create("class").await;
}

#[tokio::test]
async fn meetings_are_limited_and_one_that_ends_makes_room() {
    let settings = r#"{"limits": {"meetings": {"soft": 1, "hard": 2}}}"#;
    let cluster = cluster_of(2, &[("physics", settings)]).await;
    let physics = cluster.frontend("physics");
    for id in ["one", "two"] {
        physics.create(id).await;
    }
    let reply = physics.get("create", "name=x&meetingID=three").await;
    assert_eq!(reply.failure(), "meetingLimitReached");
    assert!(reply.text.contains("may take place at the same time"), "{}", reply.text);
    assert_eq!(cluster.spread().iter().sum::<usize>(), 2, "no node heard of it");
    assert_eq!(physics.create("one").await.key(), "duplicateWarning", "those that are there stay");
    cluster.frontend("history").create("three").await;

    let tenants = cluster.scaler().tenants();
    let report = tenants.iter().find(|report| report.name.as_str() == "physics").unwrap();
    assert_eq!((report.meetings, report.refused[&LimitKind::Meetings]), (2, 1));
    let above = exceeded(&cluster, "physics", LimitKind::Meetings);
    assert_eq!(above, 1, "the second was above the soft limit");

    physics.get("end", "meetingID=one").await.answer();
    physics.create("three").await;
}

#[tokio::test]
async fn meetings_are_counted_over_all_scalers_and_dial_in_numbers_are_unique() {
    let postgres = Postgres::start().await.unwrap();
    let mut cluster = Cluster::prepare(4).await;
    cluster.store = Some(postgres.database().unwrap());
    cluster.set_tenant("physics", r#"{"limits": {"meetings": 10}}"#);
    cluster.boot().await;
    cluster.add_replica().await;
    cluster.add_replica().await;
    let mut calls = Vec::new();
    for tenant in ["physics", "history"] {
        for (call, frontend) in cluster.frontends(tenant).iter().cycle().take(24).enumerate() {
            let frontend = frontend.clone();
            // Every other client wants the same number.
            let number = if call % 2 == 0 { "&voiceBridge=70000" } else { "" };
            let query = format!("name=x&meetingID=class-{call}{number}");
            calls.push(tokio::spawn(async move { frontend.get("create", &query).await.answer() }));
        }
    }
    let mut refused = 0;
    for call in calls {
        refused += usize::from(call.await.unwrap().key() == "meetingLimitReached");
    }
    assert_eq!(refused, 14);
    let meetings: Vec<_> = cluster.nodes.iter().flat_map(|node| node.meetings()).collect();
    let physics = meetings.iter().filter(|meeting| meeting.external.contains("physics"));
    assert_eq!(physics.count(), 10);
    let numbers: BTreeSet<_> = meetings.iter().map(|m| &m.parameters["voiceBridge"]).collect();
    assert_eq!(numbers.len(), 34, "each meeting has a number of its own");
    assert!(numbers.iter().any(|number| *number == "70000"), "one of them got what it asked for");
}

#[tokio::test]
async fn users_are_limited_at_join_and_no_meeting_has_more_seats_than_the_tenant() {
    let settings = r#"{"limits": {"users": {"soft": 2, "hard": 3}}}"#;
    let cluster = cluster_of(2, &[("physics", settings)]).await;
    let physics = cluster.frontend("physics");
    physics.get("create", "name=x&meetingID=class&maxParticipants=200").await.answer();
    let home = cluster.spread().iter().position(|count| *count == 1).unwrap();
    let node = &cluster.nodes[home];
    assert_eq!(node.meetings()[0].parameters["maxParticipants"], "3");

    node.set_users("bg1.physics.class", 2);
    polls(node, 2).await;
    let join = "meetingID=class&fullName=x&logoutURL=https%3A%2F%2Flms.org%2F";
    physics.get("join", join).await.location();
    node.set_users("bg1.physics.class", 3);
    polls(node, 2).await;
    let back = physics.get("join", join).await;
    let location = back.location();
    assert!(location.starts_with("https://lms.org/?errors="), "{location}");
    assert!(location.contains("maxParticipantsReached"), "{location}");
    let told = physics.get("join", "meetingID=class&fullName=x&redirect=false").await;
    assert_eq!(told.failure(), "maxParticipantsReached");
    let reply = physics.get("create", "name=x&meetingID=another").await;
    assert_eq!(reply.failure(), "maxParticipantsReached");
    assert_eq!(refused(&cluster, "physics", LimitKind::Users), 3);
    assert_eq!(exceeded(&cluster, "physics", LimitKind::Users), 1, "the third was above the soft");

    node.set_users("bg1.physics.class", 2);
    eventually("a user left", async || {
        physics.get("join", "meetingID=class&fullName=x").await.status == 302
    })
    .await;
}

/// Another balancer made it, so it has no stamp: only the store says whose it is.
#[tokio::test]
async fn people_in_an_imported_meeting_are_its_tenants_users() {
    let settings = r#"{"limits": {"users": {"soft": 2, "hard": 3}}}"#;
    let cluster = cluster_of(1, &[("imported", settings), ("default", settings)]).await;
    let node = &cluster.nodes[0];
    let balancer = cluster.at_node(0);
    balancer.create("class").await;
    node.set_users("class", 2);
    node.add_breakout("class", "room");
    polls(node, 2).await;
    let users = |tenant: &str| {
        let tenants = cluster.scaler().tenants();
        tenants.iter().find(|report| report.name.as_str() == tenant).unwrap().users
    };
    assert_eq!(["imported", "default"].map(users), [0, 0], "nobody knows whose it is");

    let config = cluster.config();
    let estate = Estate::open(&config.store, &config.key_file).await.unwrap();
    let class = TakenMeeting {
        tenant: "imported".parse().unwrap(),
        meeting_id: "class".to_owned(),
        node: "bbb-01".parse().unwrap(),
        voice_bridge: None,
        moderator_password: None,
    };
    let meetings = vec![class];
    estate.take("scalelite", &Taking { meetings, ..Taking::default() }).await.unwrap();
    estate.close().await;
    eventually("its people are its tenant's", async || users("imported") == 2).await;
    let imported = cluster.frontend("imported");
    imported.get("join", "meetingID=class&fullName=x").await.location();
    assert_eq!(exceeded(&cluster, "imported", LimitKind::Users), 1, "the third");

    node.set_users("class", 3);
    polls(node, 2).await;
    for (call, query) in
        [("join", "meetingID=class&fullName=x&redirect=false"), ("create", "meetingID=another")]
    {
        let reply = imported.get(call, &format!("name=x&{query}")).await;
        assert_eq!(reply.failure(), "maxParticipantsReached", "{call}");
    }
    assert_eq!(refused(&cluster, "imported", LimitKind::Users), 2);
    assert_eq!(["imported", "default"].map(users), [3, 0]);
    assert_eq!(cluster.frontend("default").create("mine").await.key(), "");
}

#[tokio::test]
async fn users_who_come_between_two_polls_count_too() {
    let settings = r#"{"limits": {"users": 5}}"#;
    let mut cluster = Cluster::prepare(1).await;
    cluster.set_tenant("physics", settings);
    cluster
        .set_bounds(bluegate_scaler::Bounds { poll_interval: Duration::from_secs(600), ..quick() });
    cluster.boot().await;
    let physics = cluster.frontend("physics");
    physics.create("class").await;
    let mut joined = 0;
    for _ in 0..20 {
        let reply = physics.get("join", "meetingID=class&fullName=x&redirect=false").await;
        joined += usize::from(reply.status == 302);
    }
    assert_eq!(joined, 5);
}

#[tokio::test]
async fn requests_are_limited_per_second() {
    let settings = r#"{"limits": {"requests": {"soft": 1, "hard": 3}}}"#;
    let cluster = cluster_of(1, &[("physics", settings)]).await;
    let physics = cluster.frontend("physics");
    let begun = std::time::Instant::now();
    let mut failures = Vec::new();
    for _ in 0..60 {
        let answer = physics.get("getMeetings", "").await.answer();
        failures.extend(Some(answer.key()).filter(|key| key == "requestLimitReached"));
    }
    let most = 3.0 + 3.0 * (begun.elapsed().as_secs_f64() + 0.1);
    let passed = 60 - failures.len();
    assert!(passed as f64 <= most, "{passed} passed");
    assert!(!failures.is_empty());
    assert_eq!(refused(&cluster, "physics", LimitKind::Requests), failures.len() as u64);
    assert!(exceeded(&cluster, "physics", LimitKind::Requests) > 0);
    // A person's browser is asked to wait, and others have their own rate.
    eventually("the rate is used up", async || {
        physics.as_browser("join", "meetingID=x&fullName=x", "en").await.status == 503
    })
    .await;
    cluster.frontend("history").create("class").await;
}

#[tokio::test]
async fn each_tenants_requests_are_counted_by_call_and_outcome() {
    let cluster = cluster_of(1, &[]).await;
    let physics = cluster.frontend("physics");
    physics.create("class").await;
    physics.get("end", "meetingID=none").await;
    physics.get("join", "meetingID=class&fullName=x").await;
    physics.get("newCall", "meetingID=none").await;
    physics.get("otherCall", "meetingID=none").await;
    physics.raw("GET", "/getMeetings?checksum=00", None).await;
    let tenants = cluster.scaler().tenants();
    let report = tenants.iter().find(|report| report.name.as_str() == "physics").unwrap();
    let counts: Vec<_> =
        report.requests.iter().map(|((call, how), n)| (*call, how.as_str(), *n)).collect();
    assert_eq!(
        counts,
        [
            ("create", "success", 1),
            ("end", "failed", 1),
            ("join", "redirect", 1),
            ("other", "refused", 2)
        ]
    );
    assert!(
        tenants
            .iter()
            .filter(|report| report.name.as_str() != "physics")
            .all(|report| report.requests.is_empty())
    );
}
