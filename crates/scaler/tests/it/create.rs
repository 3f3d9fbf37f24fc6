//! create: one meeting, whatever happens on the way.

use std::time::Duration;

use bluegate_bbb_api::Outcome;
use bluegate_scaler::{Bounds, Health};
use futures_util::future::join_all;

use crate::{
    cluster::{Cluster, eventually, quick},
    fake_node::{FakeNode, Manner},
    moved_clock::{MovedClock, goes_on},
};

#[tokio::test]
async fn a_hundred_racers_make_one_meeting_on_one_node() {
    let cluster = Cluster::start(3).await;
    let frontend = cluster.frontend("default");
    let creates = (0..100).map(|_| frontend.get("create", "name=Class&meetingID=race"));
    let answers: Vec<_> = join_all(creates).await.iter().map(|reply| reply.answer()).collect();

    assert!(answers.iter().all(|answer| answer.outcome() == Outcome::Success));
    let plain = answers.iter().filter(|answer| answer.key().is_empty()).count();
    let warned = answers.iter().filter(|answer| answer.key() == "duplicateWarning").count();
    assert_eq!((plain, warned), (1, 99));
    let mut lives: Vec<_> = answers.iter().map(|answer| answer.text("internalMeetingID")).collect();
    lives.dedup();
    assert_eq!(lives.len(), 1);
    assert_eq!(cluster.spread().iter().sum::<usize>(), 1);
    assert_eq!(frontend.listed().await, ["race"]);
}

#[tokio::test]
async fn thirty_meetings_spread_evenly_over_three_equal_nodes() {
    let cluster = Cluster::start(3).await;
    let frontend = cluster.frontend("default");
    join_all((0..30).map(|n| {
        let frontend = frontend.clone();
        async move { frontend.create(&format!("class-{n}")).await }
    }))
    .await;
    assert_eq!(cluster.spread(), [10, 10, 10]);
}

#[tokio::test]
async fn users_count_once_they_are_polled() {
    let cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("default");
    frontend.create("lecture").await;
    let lecture = cluster.spread().iter().position(|count| *count == 1).unwrap();
    cluster.nodes[lecture].set_users("lecture", 300);
    crate::cluster::polls(&cluster.nodes[lecture], 2).await;
    for n in 0..5 {
        frontend.create(&format!("seminar-{n}")).await;
    }
    assert_eq!(cluster.spread()[lecture], 1);
}

#[tokio::test]
async fn a_create_whose_answer_is_cut_is_one_meeting_and_answered_as_the_first() {
    let cluster = Cluster::start(2).await;
    for node in &cluster.nodes {
        node.next("create", Manner::CutAfter);
    }
    let frontend = cluster.frontend("physics");
    let answer = frontend.create("cut").await;
    assert_eq!(answer.key(), "");
    assert_eq!(answer.text("message").as_deref(), Some(""));
    assert_eq!(answer.text("meetingID").as_deref(), Some("cut"));
    assert_eq!(cluster.spread().iter().sum::<usize>(), 1);
    assert_eq!(frontend.listed().await, ["cut"]);
    assert_eq!(frontend.create("cut").await.key(), "duplicateWarning");
}

#[tokio::test]
async fn racers_of_a_cut_create_get_one_plain_answer_among_them() {
    let cluster = Cluster::start(2).await;
    for node in &cluster.nodes {
        node.next("create", Manner::CutAfter);
    }
    let frontend = cluster.frontend("default");
    let creates = (0..20).map(|_| frontend.get("create", "name=Class&meetingID=cut"));
    let answers: Vec<_> = join_all(creates).await.iter().map(|reply| reply.answer()).collect();
    assert!(answers.iter().all(|answer| answer.outcome() == Outcome::Success));
    assert!(answers.iter().filter(|answer| answer.key().is_empty()).count() <= 1);
    assert_eq!(cluster.spread().iter().sum::<usize>(), 1);
}

#[tokio::test]
async fn a_cut_create_with_one_password_is_still_answered_as_the_first() {
    let cluster = Cluster::start(1).await;
    cluster.nodes[0].next("create", Manner::CutAfter);
    let frontend = cluster.frontend("physics");
    let reply = frontend.get("create", "name=Class&meetingID=abc&moderatorPW=mod").await;
    let answer = reply.answer();
    assert_eq!(answer.outcome(), Outcome::Success, "{}", reply.text);
    assert_eq!(answer.key(), "");
    assert_eq!(answer.text("meetingID").as_deref(), Some("abc"));
    assert_eq!(answer.text("moderatorPW").as_deref(), Some("mod"));
    assert_eq!(answer.text("attendeePW").as_deref(), Some("drawn-a"));
    assert_eq!(cluster.spread(), [1]);

    let other = frontend.get("create", "name=Class&meetingID=abc&moderatorPW=other").await;
    assert_eq!(other.failure(), "idNotUnique");
    assert!(other.text.contains("<message>abc exists</message>"), "{}", other.text);
}

#[tokio::test]
async fn error_pages_are_no_answer() {
    let cluster = Cluster::start(1).await;
    cluster.nodes[0].next("create", Manner::ErrorPage);
    assert_eq!(cluster.frontend("default").create("abc").await.key(), "");
    assert_eq!(cluster.nodes[0].count("create"), 2);
}

#[tokio::test]
async fn a_node_that_refuses_connections_is_passed_over() {
    let cluster =
        Cluster::start_with(3, Bounds { poll_interval: Duration::from_secs(60), ..quick() }).await;
    for node in &cluster.nodes {
        eventually("a first poll", async || node.count("getMeetings") > 0).await;
    }
    cluster.nodes[1].unplug().await;
    let frontend = cluster.frontend("default");
    for n in 0..9 {
        assert_eq!(frontend.create(&format!("class-{n}")).await.key(), "");
    }
    let spread = cluster.spread();
    assert_eq!((spread[1], spread.iter().sum::<usize>()), (0, 9));
    assert!(spread[0].abs_diff(spread[2]) <= 1, "{spread:?}");
    let health = cluster.scaler().health();
    assert_eq!(health[1].1, Health::Suspect);
    assert_eq!(frontend.listed().await.len(), 9);
}

#[tokio::test]
async fn racers_at_a_refusing_node_still_make_one_meeting() {
    let cluster =
        Cluster::start_with(2, Bounds { poll_interval: Duration::from_secs(60), ..quick() }).await;
    let frontend = cluster.frontend("default");
    for node in &cluster.nodes {
        eventually("a first poll", async || node.count("getMeetings") > 0).await;
    }
    cluster.nodes[0].unplug().await;
    let creates = (0..30).map(|n| {
        let frontend = frontend.clone();
        async move { frontend.get("create", &format!("name=Class&meetingID=race-{}", n % 3)).await }
    });
    let answers: Vec<_> = join_all(creates).await.iter().map(|reply| reply.answer()).collect();
    assert!(answers.iter().all(|answer| answer.outcome() == Outcome::Success));
    assert_eq!(answers.iter().filter(|answer| answer.key().is_empty()).count(), 3);
    assert_eq!(cluster.spread(), [0, 3]);
}

#[tokio::test]
async fn without_any_node_create_says_so() {
    let cluster = Cluster::start(1).await;
    cluster.nodes[0].unplug().await;
    let reply = cluster.frontend("default").get("create", "name=Class&meetingID=abc").await;
    assert_eq!(reply.failure(), "internalError");
}

#[tokio::test]
async fn a_create_that_hangs_fails_in_time_and_is_settled_by_the_poller() {
    let bounds = Bounds { create_attempts: 2, ..Bounds::default() };
    let Bounds { create_deadline, settle_time, .. } = bounds;
    let cluster = Cluster::start_with(2, bounds).await;
    cluster.scaler().has_polled().await;
    for node in &cluster.nodes {
        node.next("create", Manner::Hang);
        node.next("create", Manner::Hang);
    }
    let clock = MovedClock::hold(Duration::from_millis(50));
    let frontend = cluster.frontend("default");
    let creating = {
        let frontend = frontend.clone();
        async move { frontend.get("create", "name=Class&meetingID=abc").await }
    };
    let reply = clock.given(create_deadline, &cluster, creating).await;
    assert_eq!(reply.failure(), "internalError");
    assert!(reply.text.contains("not confirmed"), "{}", reply.text);
    // Pinned: the same node was tried twice, the other not at all.
    let mut counts: Vec<_> = cluster.nodes.iter().map(|node| node.count("create")).collect();
    counts.sort_unstable();
    assert_eq!(counts, [0, 2]);

    // Asked, the node says it never was; the meeting may then be made anywhere.
    let pinned = cluster.nodes.iter().position(|node| node.count("create") == 2).unwrap();
    let is_asked = async || {
        goes_on(&cluster).await;
        cluster.nodes[pinned].count("getMeetingInfo") > 0
    };
    clock.until((create_deadline + settle_time) * 2, "the node was asked", is_asked).await;
    for node in &cluster.nodes {
        node.behave();
    }
    let again = clock.given(create_deadline, &cluster, async move { frontend.create("abc").await });
    assert_eq!(again.await.key(), "");
}

#[tokio::test]
async fn an_unanswered_create_that_took_effect_is_found_by_the_poller() {
    let bounds = Bounds { create_attempts: 1, ..quick() };
    let cluster = Cluster::start_with(1, bounds).await;
    cluster.nodes[0].next("create", Manner::CutAfter);
    let frontend = cluster.frontend("physics");
    assert_eq!(frontend.get("create", "name=Class&meetingID=abc").await.failure(), "internalError");
    eventually("the meeting is listed", async || frontend.listed().await == ["abc"]).await;
    assert!(
        frontend
            .get("join", "meetingID=abc&fullName=x")
            .await
            .location()
            .contains("bg1.physics.abc")
    );
}

#[tokio::test]
async fn a_refused_create_is_passed_on_and_leaves_nothing() {
    let cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("default");
    let reply = frontend.get("create", "meetingID=abc").await;
    assert_eq!(reply.failure(), "nullError");
    assert_eq!(frontend.listed().await, Vec::<String>::new());
    assert_eq!(
        frontend.get("join", "meetingID=abc&fullName=x").await.failure(),
        "meetingForciblyEnded"
    );
    let asked = async || cluster.nodes.iter().any(|node| node.count("getMeetingInfo") > 0);
    eventually("the row is cleared up", asked).await;
    assert_eq!(frontend.create("abc").await.key(), "");
}

#[tokio::test]
async fn a_call_that_its_node_refuses_for_good_is_sent_once() {
    let cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("default");
    let sent = || cluster.nodes.iter().map(|node| node.count("create")).sum::<usize>();
    // Whoever is asked says so; one more would be told the same.
    for status in [400, 413, 415] {
        for node in &cluster.nodes {
            node.always("create", Manner::Status(status));
        }
        let before = sent();
        let reply = frontend.get("create", "name=Class&meetingID=class").await;
        assert_eq!(reply.failure(), "internalError");
        assert!(reply.text.contains("does not take this call"), "{}", reply.text);
        assert_eq!(sent() - before, 1, "{status}");
        cluster.nodes.iter().for_each(FakeNode::behave);
    }
    assert!(cluster.scaler().health().iter().all(|(_, health)| *health == Health::Healthy));
    assert_eq!(frontend.create("class").await.key(), "");
}

#[tokio::test]
async fn a_body_that_is_no_xml_is_sent_once_and_another_body_of_a_failing_node_again() {
    let cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("default");
    for node in &cluster.nodes {
        node.always("create", Manner::Status(500));
    }
    let sent = || cluster.nodes.iter().map(|node| node.count("create")).sum::<usize>();
    for (id, body, times) in [
        ("cut", "<modules><module name=\"presentation\">", 1),
        ("no-xml", "slides", 1),
        ("whole", "<modules/>", Bounds::default().create_attempts as usize),
    ] {
        let before = sent();
        let query = format!("name=Class&meetingID={id}");
        let reply = frontend.post("create", &query, ("application/xml", body)).await;
        assert_eq!(reply.failure(), "internalError");
        assert_eq!(reply.text.contains("cannot read the XML"), times == 1, "{}", reply.text);
        assert_eq!(sent() - before, times, "{id}");
    }
    cluster.nodes.iter().for_each(FakeNode::behave);
    let whole = frontend.post("create", "name=Class&meetingID=cut", ("text/xml", "<modules/>"));
    assert_eq!(whole.await.answer().key(), "");
    assert_eq!(cluster.spread().iter().sum::<usize>(), 1);
}

#[tokio::test]
async fn a_create_that_is_sent_again_brings_its_slides_again() {
    let cluster = Cluster::start(1).await;
    let (node, frontend) = (&cluster.nodes[0], cluster.frontend("physics"));
    let slides =
        "<modules><module name='presentation'><document url='https://x'/></module></modules>";
    node.next("create", Manner::Status(500));
    node.next("create", Manner::ErrorPage);
    let query = "name=Class&meetingID=class";
    let reply = frontend.post("create", query, ("application/xml", slides)).await;
    assert_eq!(reply.answer().key(), "");
    assert_eq!((node.count("create"), node.meetings().len()), (3, 1));
    assert_eq!(node.meetings()[0].body, slides);
    assert_eq!(node.meetings()[0].content_type, "application/xml");
}

#[tokio::test]
async fn a_node_that_refuses_our_secret_gets_no_meeting() {
    let mut cluster = Cluster::prepare(2).await;
    let wrong = FakeNode::start(&crate::cluster::secret("another")).await;
    cluster.nodes[0] = wrong;
    cluster.boot().await;
    let frontend = cluster.frontend("default");
    for n in 0..4 {
        assert_eq!(frontend.create(&format!("class-{n}")).await.key(), "");
    }
    assert_eq!(cluster.spread(), [0, 4]);
}

#[tokio::test]
async fn parameters_reach_the_node_untouched_but_for_ours() {
    let cluster = Cluster::start(1).await;
    let frontend = cluster.frontend("physics");
    let query = "name=A+%26%20B&meetingID=a%2Fb&unknown=%c3%a4&unknown=2&empty=&meta_Course=7\
        &meta_bluegate-stamp=forged&META_BLUEGATE-x=1&logoutURL=https%3A%2F%2Fx%2F%25%25MEETINGID%25%25";
    let answer = frontend.get("create", query).await.answer();
    assert_eq!(answer.text("meetingID").as_deref(), Some("a/b"));
    let meeting = &cluster.nodes[0].meetings()[0];
    assert_eq!(meeting.external, "bg1.physics.a/b");
    assert_eq!(meeting.parameters["name"], "A & B");
    assert_eq!(meeting.parameters["unknown"], "2");
    assert_eq!(meeting.parameters["empty"], "");
    assert_eq!(meeting.parameters["logoutURL"], "https://x/a%2Fb");
    assert!(meeting.parameters["meta_bluegate-stamp"].starts_with("v1.physics."));
    assert!(!meeting.parameters.contains_key("META_BLUEGATE-x"));
    let number = &meeting.parameters["voiceBridge"];
    assert!(number.len() == 9 && !number.starts_with('0'), "{number}");

    let info = frontend.get("getMeetingInfo", "meetingID=a%2Fb").await;
    assert!(info.text.contains("<course>7</course>"), "{}", info.text);
    assert!(!info.text.contains("bluegate"), "{}", info.text);
    assert!(info.text.contains("<meetingID>a/b</meetingID>"), "{}", info.text);
}

#[tokio::test]
async fn bodies_pass_through_and_forms_name_the_nodes_meeting() {
    let cluster = Cluster::start(1).await;
    let frontend = cluster.frontend("physics");
    let node = &cluster.nodes[0];

    let slides =
        "<modules><module name='presentation'><document url='https://x'/></module></modules>";
    let xml = ("application/xml; charset=UTF-8", slides);
    assert_eq!(frontend.post("create", "name=Class&meetingID=xml", xml).await.answer().key(), "");
    assert_eq!(node.meetings()[0].body, slides);
    assert_eq!(node.meetings()[0].content_type, "application/xml; charset=UTF-8");

    let form = (
        "application/x-www-form-urlencoded",
        "name=My%20class&meetingID=form&meta_bluegate-stamp=x",
    );
    assert_eq!(frontend.post("create", "", form).await.answer().key(), "");
    let meeting = &node.meetings()[1];
    assert_eq!(meeting.external, "bg1.physics.form");
    assert_eq!(meeting.body, "name=My%20class&meetingID=bg1.physics.form");
    assert!(meeting.parameters["meta_bluegate-stamp"].starts_with("v1.physics."));

    // A second meetingID in the body cannot name another meeting.
    let double = ("application/x-www-form-urlencoded", "meetingID=bg1.history.victim");
    frontend.post("create", "name=Class&meetingID=double", double).await.answer();
    let meeting = &node.meetings()[2];
    assert_eq!(meeting.external, "bg1.physics.double");
    assert_eq!(meeting.body, "meetingID=bg1.physics.double");

    let multipart = "--B\r\nContent-Disposition: form-data; name=\"meetingID\"\r\n\r\nparts\r\n--B\r\n\
        Content-Disposition: form-data; name=\"name\"\r\n\r\nn\r\n--B--\r\n";
    let body = ("multipart/form-data; boundary=B", multipart);
    assert_eq!(frontend.post("create", "", body).await.answer().key(), "");
    assert_eq!(node.meetings()[3].external, "bg1.physics.parts");

    // Announced as a form, but XML: taken for what it is.
    let old = ("application/x-www-form-urlencoded", "<modules>&meetingID=bg1.history.x</modules>");
    frontend.post("create", "name=Class&meetingID=old", old).await.answer();
    assert_eq!(node.meetings()[4].external, "bg1.physics.old");
    assert_eq!(node.meetings()[4].content_type, "application/xml");

    let wrong = ("application/json", "{}");
    let reply = frontend.post("create", "name=Class&meetingID=json", wrong).await;
    assert_eq!(reply.failure(), "unsupportedContentType");
}

#[tokio::test]
async fn a_number_the_client_chose_is_kept_and_ours_are_stable() {
    let cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("default");
    let chosen =
        frontend.get("create", "name=Class&meetingID=own&voiceBridge=70123").await.answer();
    assert_eq!(chosen.text("voiceBridge").as_deref(), Some("70123"));
    let first = frontend.create("abc").await.text("voiceBridge");
    let again = frontend.create("abc").await.text("voiceBridge");
    assert_eq!(first, again);
    let other = frontend.create("abd").await.text("voiceBridge");
    assert_ne!(first, other);
}

#[tokio::test]
async fn a_cut_create_that_the_poller_sees_first_is_still_answered_as_the_first() {
    let bounds = Bounds { retry_pause: Duration::from_millis(500), ..quick() };
    let cluster = Cluster::start_with(1, bounds).await;
    cluster.nodes[0].next("create", Manner::CutAfter);
    let frontend = cluster.frontend("default");
    let creating = tokio::spawn({
        let frontend = frontend.clone();
        async move { frontend.create("class").await }
    });
    eventually("a poll shows it", async || frontend.listed().await == ["class"]).await;
    assert_eq!(creating.await.unwrap().key(), "");
    assert_eq!(frontend.create("class").await.key(), "duplicateWarning");
}
