//! Nodes that fail: nothing is forgotten, nobody else waits.

use std::time::Duration;

use bluegate_scaler::{Bounds, Health};

use crate::{
    cluster::{Cluster, eventually, polls, quick},
    fake_node::{FakeNode, Manner},
    moved_clock::{MovedClock, goes_on},
};

#[tokio::test]
async fn a_node_that_cannot_be_reached_forgets_nothing_and_is_trusted_again() {
    let cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("physics");
    frontend.create("one").await;
    frontend.create("two").await;
    assert_eq!(cluster.spread(), [1, 1]);
    for (node, id) in [(0, "one"), (1, "two"), (0, "two"), (1, "one")] {
        if cluster.nodes[node].meetings()[0].external.ends_with(id) {
            cluster.nodes[node].set_users(&format!("bg1.physics.{id}"), 3);
        }
    }
    for node in &cluster.nodes {
        polls(node, 2).await;
    }
    cluster.nodes[0].unplug().await;
    let health = |index: usize| cluster.scaler().health()[index].1;
    eventually("it is suspect", async || health(0) == Health::Suspect).await;

    assert_eq!(frontend.listed().await, ["one", "two"]);
    for id in ["one", "two"] {
        let query = format!("meetingID={id}");
        let info = frontend.get("getMeetingInfo", &query).await;
        assert!(info.text.contains(&format!("<meetingID>{id}</meetingID>")), "{}", info.text);
        assert!(info.text.contains("<participantCount>3</participantCount>"), "{}", info.text);
        let running = frontend.get("isMeetingRunning", &query).await;
        assert!(running.text.contains("<running>true"), "{}", running.text);
        frontend.get("join", &format!("{query}&fullName=x")).await.location();
    }
    // New meetings go elsewhere.
    frontend.create("three").await;
    assert_eq!(cluster.nodes[1].meetings().len(), 2);

    cluster.nodes[0].plug_in().await;
    eventually("it is healthy", async || health(0) == Health::Healthy).await;
    assert_eq!(frontend.listed().await, ["one", "three", "two"]);
}

#[tokio::test]
async fn a_person_whose_node_does_not_answer_waits_on_a_page_of_ours() {
    let cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("default");
    frontend.create("class").await;
    let home = cluster.spread().iter().position(|count| *count == 1).unwrap();
    cluster.nodes[home].unplug().await;
    let health = || cluster.scaler().health()[home].1;
    eventually("it is suspect", async || health() == Health::Suspect).await;

    let query = "meetingID=class&fullName=%22%3E%3Cb%3E";
    let page = frontend.as_browser("join", query, "de-DE,en;q=0.5").await;
    assert_eq!(page.status, 503);
    assert_eq!(page.headers["content-language"], "de");
    assert_eq!(page.headers["cache-control"], "no-store");
    assert!(page.text.contains("http-equiv=\"refresh\""), "{}", page.text);
    // Those who would rather try have the signed link to the node.
    let link = page.text.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(link.contains(":") && link.contains("/bigbluebutton/api/join?meetingID=class&amp;"));
    assert!(!page.text.contains("<b>"), "{}", page.text);
    // Software gets what BBB would answer.
    frontend.as_browser("join", &format!("{query}&redirect=false"), "de").await.location();
    frontend.get("join", query).await.location();

    cluster.nodes[home].plug_in().await;
    eventually("it is healthy", async || health() == Health::Healthy).await;
    frontend.as_browser("join", query, "de").await.location();
}

#[tokio::test]
async fn a_live_meeting_is_never_made_twice_because_its_node_is_away() {
    let cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("default");
    frontend.create("class").await;
    let home = cluster.spread().iter().position(|count| *count == 1).unwrap();
    cluster.nodes[home].unplug().await;
    let reply = frontend.get("create", "name=Class&meetingID=class").await;
    assert_eq!(reply.failure(), "internalError");
    assert_eq!(frontend.get("end", "meetingID=class").await.failure(), "internalError");
    assert_eq!(cluster.spread().iter().sum::<usize>(), 1);
    assert_eq!(frontend.listed().await, ["class"]);
    cluster.nodes[home].plug_in().await;
    assert_eq!(frontend.create("class").await.key(), "duplicateWarning");
}

#[tokio::test]
async fn a_hanging_node_delays_nobody_who_does_not_use_it() {
    let bounds = Bounds {
        poll_interval: Duration::from_millis(500),
        poll_timeout: Duration::from_secs(30),
        ..Bounds::default()
    };
    let cluster = Cluster::start_with(3, bounds).await;
    cluster.scaler().has_polled().await;
    let frontend = cluster.frontend("default");
    for id in ["one", "two", "three"] {
        frontend.create(id).await;
    }
    let hanging = &cluster.nodes[0];
    for _ in 0..4 {
        hanging.next("getMeetings", Manner::Hang);
        hanging.next("getMeetingInfo", Manner::Hang);
    }
    let asked = |node: &FakeNode| {
        let (frontend, meeting) = (frontend.clone(), node.meetings()[0].external.clone());
        async move { frontend.get("getMeetingInfo", &format!("meetingID={meeting}")).await }
    };
    let waiting = tokio::spawn(asked(hanging));
    eventually("a call hangs", async || hanging.count("getMeetingInfo") > 0).await;

    // All the while that call hangs: it would be given up after `call_timeout`.
    let clock = MovedClock::hold(Duration::from_millis(50));
    let most = cluster.call_timeout() / 4;
    for node in &cluster.nodes[1..] {
        clock.given(most, &cluster, asked(node)).await.answer();
        let before = node.count("getMeetings");
        let is_polled = async || {
            goes_on(&cluster).await;
            node.count("getMeetings") > before + 2
        };
        clock.until(most, "it is polled", is_polled).await;
    }
    assert_eq!(frontend.listed().await.len(), 3);
    assert!(!waiting.is_finished(), "others were answered only after it");

    // The one who asked for the stuck meeting gets what was known of it.
    let answer = clock.given(cluster.call_timeout(), &cluster, waiting).await.unwrap();
    let stuck = &hanging.meetings()[0].external;
    assert!(answer.text.contains(&format!("<meetingID>{stuck}</meetingID>")), "{}", answer.text);
}

#[tokio::test]
async fn a_hundred_viewers_who_poll_make_one_call() {
    let bounds = Bounds { read_age: Duration::from_secs(3600), ..quick() };
    let cluster = Cluster::start_with(1, bounds).await;
    let frontend = cluster.frontend("default");
    assert_eq!(frontend.get("getMeetingInfo", "meetingID=class").await.failure(), "notFound");
    frontend.create("class").await;
    for call in ["getMeetingInfo", "isMeetingRunning"] {
        let calls: Vec<_> = (0..100)
            .map(|_| {
                let frontend = frontend.clone();
                tokio::spawn(async move { frontend.get(call, "meetingID=class").await })
            })
            .collect();
        for reply in calls {
            let reply = reply.await.unwrap();
            assert!(reply.text.contains("<returncode>SUCCESS"), "{}", reply.text);
        }
        assert_eq!(cluster.nodes[0].count(call), 1, "{call}");
    }
    // Other parameters are another question, and so is another tenant's.
    frontend.get("getMeetingInfo", "meetingID=class&password=x").await.answer();
    assert_eq!(cluster.nodes[0].count("getMeetingInfo"), 2);
    let stranger = cluster.frontend("physics").get("getMeetingInfo", "meetingID=class").await;
    assert_eq!(stranger.failure(), "notFound");
    // What ends is seen at once.
    frontend.get("end", "meetingID=class").await.answer();
    assert_eq!(frontend.get("getMeetingInfo", "meetingID=class").await.failure(), "notFound");
    let running = frontend.get("isMeetingRunning", "meetingID=class").await;
    assert!(running.text.contains("<running>false"), "{}", running.text);
}

#[tokio::test]
async fn lists_ask_no_node() {
    let cluster =
        Cluster::start_with(2, Bounds { poll_interval: Duration::from_secs(60), ..quick() }).await;
    let frontend = cluster.frontend("default");
    frontend.create("class").await;
    for node in &cluster.nodes {
        eventually("a first poll", async || node.count("getMeetings") == 1).await;
    }
    for _ in 0..50 {
        assert_eq!(frontend.listed().await, ["class"]);
    }
    assert!(cluster.nodes.iter().all(|node| node.count("getMeetings") == 1));
}
