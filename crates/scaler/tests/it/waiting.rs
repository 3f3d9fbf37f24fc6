//! The page of a person whose meeting's node is not there just now.

use std::collections::BTreeSet;

use bluegate_scaler::Health;

use crate::{
    cluster::{Cluster, Reply, eventually, node_secret, polls},
    fake_node::Manner,
    lost::{health_is, home},
};

/// What a browser asks for, and what its user reads.
const LANGUAGES: [(&str, &str, &str); 7] = [
    ("en-GB,en;q=0.9", "en", "One moment"),
    ("de-DE,en;q=0.5", "de", "Einen Moment"),
    ("fr-CA,fr;q=0.8,en;q=0.5", "fr", "Un instant"),
    ("es", "es", "Un momento"),
    ("ja,zh;q=0.9", "en", "One moment"),
    ("ja,es;q=0.3,fr;q=0.2", "es", "Un momento"),
    ("", "en", "One moment"),
];

/// Pages after which all ways of asking again have come.
const PAGES: usize = 16;

/// A page of ours, which asks again after so many seconds.
fn seconds(page: &Reply) -> u64 {
    assert_eq!(page.status, 503, "{}", page.text);
    assert_eq!(page.headers["cache-control"], "no-store");
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(page.headers.contains_key("content-security-policy"));
    let (_, rest) = page.text.split_once("<meta http-equiv=\"refresh\" content=\"").unwrap();
    rest.split_once('"').unwrap().0.parse().unwrap()
}

#[tokio::test]
async fn a_person_waits_in_their_language_and_learns_nothing_of_the_cluster() {
    let cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("physics");
    let created = frontend.get("create", "name=Class&meetingID=class&moderatorPW=mod-pw").await;
    let internal = created.answer().text("internalMeetingID").unwrap();
    let at = home(&cluster, "bg1.physics.class")[0];
    polls(&cluster.nodes[at], 1).await;
    cluster.nodes[at].unplug().await;
    health_is(&cluster, at, Health::Suspect).await;

    let query = "meetingID=class&fullName=J&role=VIEWER";
    for (languages, tag, title) in LANGUAGES {
        let page = frontend.as_browser("join", query, languages).await;
        seconds(&page);
        assert_eq!(page.headers["content-language"], tag, "{languages}");
        for part in [format!("<html lang=\"{tag}\">"), format!("<h1>{title}</h1>")] {
            assert!(page.text.contains(&part), "{languages}: {}", page.text);
        }
        // The one link is the node's own join, which is where the browser would be sent.
        let (before, rest) = page.text.split_once("<a href=\"").unwrap();
        let (link, after) = rest.split_once('"').unwrap();
        assert!(link.contains("/bigbluebutton/api/join?"), "{link}");
        let secret = node_secret(at);
        let words = [
            "suspect",
            "lost",
            "bluegate",
            "bbb-0",
            "127.0.0.1",
            "physics",
            "stamp",
            "mod-pw",
            "sqlite",
            "error",
            secret.expose(),
            internal.as_str(),
        ];
        for word in words {
            assert!(!before.contains(word) && !after.contains(word), "{word}: {}", page.text);
        }
        assert!(!link.contains(secret.expose()) && !link.contains("mod-pw"), "{link}");
    }
}

#[tokio::test]
async fn pages_ask_again_at_different_times() {
    let cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("default");
    frontend.create("class").await;
    let at = home(&cluster, "class")[0];
    cluster.nodes[at].unplug().await;
    health_is(&cluster, at, Health::Suspect).await;
    let mut times = Vec::new();
    for _ in 0..PAGES {
        let page = frontend.as_browser("join", "meetingID=class&fullName=J", "en").await;
        times.push(seconds(&page));
    }
    let different: BTreeSet<u64> = times.iter().copied().collect();
    assert!(different.iter().all(|time| (5..=12).contains(time)), "{times:?}");
    assert!(different.len() >= 4, "{times:?}");
    // Asking again is what leads into the meeting.
    cluster.nodes[at].plug_in().await;
    health_is(&cluster, at, Health::Healthy).await;
    frontend.as_browser("join", "meetingID=class&fullName=J", "en").await.location();
}

#[tokio::test]
async fn whoever_comes_while_a_class_is_placed_waits_too() {
    let cluster = Cluster::start(1).await;
    let node = &cluster.nodes[0];
    node.next("create", Manner::HeldBack);
    let frontend = cluster.frontend("default");
    let creating = tokio::spawn({
        let frontend = frontend.clone();
        async move { frontend.create("class").await }
    });
    eventually("the create is under way", async || node.holding() == 1).await;
    let page = frontend.as_browser("join", "meetingID=class&fullName=J", "fr").await;
    seconds(&page);
    assert_eq!(page.headers["content-language"], "fr");
    assert!(!page.text.contains("<a "), "no node is asked yet: {}", page.text);
    node.release();
    creating.await.unwrap();
    frontend.as_browser("join", "meetingID=class&fullName=J", "fr").await.location();
}
