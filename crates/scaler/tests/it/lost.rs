//! A node that is gone for good: its classes live on elsewhere, and nothing
//! splits when it returns.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bluegate_scaler::{Bounds, Health};
use tokio::task::JoinHandle;

use crate::{
    cluster::{Cluster, Frontend, eventually, node_name, polls, quick},
    fake_node::FakeNode,
    namespace::{drop_packets, pass_packets},
};

/// How a node fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    /// Powered off: connections are refused.
    Off,
    /// It takes connections and calls and answers none in time.
    Stalled,
    /// It answers, and does what it is told, 50 s later: here 50 times as late as
    /// a poll waits.
    Late,
    /// Its packets are dropped: see `namespace`.
    Dropped,
}

pub(crate) fn impatient() -> Bounds {
    Bounds {
        poll_timeout: Duration::from_millis(200),
        connect_timeout: Duration::from_millis(200),
        call_timeout: Duration::from_millis(500),
        lost_after: Duration::from_millis(600),
        twin_patience: Duration::from_millis(50),
        ..quick()
    }
}

async fn fail(node: &FakeNode, failure: Failure) {
    match failure {
        Failure::Off => node.unplug().await,
        Failure::Stalled => node.stall(),
        Failure::Dropped => drop_packets(),
        Failure::Late => node.be_late(impatient().poll_timeout * 50),
    }
}

async fn mend(node: &FakeNode, failure: Failure) {
    match failure {
        Failure::Off => node.plug_in().await,
        Failure::Stalled | Failure::Late => node.go_on(),
        Failure::Dropped => pass_packets(),
    }
}

pub(crate) async fn health_is(cluster: &Cluster, index: usize, wanted: Health) {
    eventually(&format!("node {index} is {wanted:?}"), async || {
        cluster.scaler().health()[index].1 == wanted
    })
    .await;
}

/// The node that has this meeting, of those that answer.
pub(crate) fn home(cluster: &Cluster, external: &str) -> Vec<usize> {
    let has = |node: &FakeNode| node.meetings().iter().any(|m| m.external == external);
    cluster.nodes.iter().enumerate().filter(|(_, node)| has(node)).map(|(index, _)| index).collect()
}

async fn join(frontend: &Frontend, id: &str, create_time: &str) -> String {
    let query = format!("meetingID={id}&fullName=x&createTime={create_time}");
    frontend.get("join", &query).await.location().to_owned()
}

pub(crate) async fn a_class_lives_on(mut cluster: Cluster, failure: Failure) {
    // So many meetings are not read fifty times a second.
    let bounds = Bounds {
        poll_interval: Duration::from_millis(200),
        poll_timeout: Duration::from_secs(1),
        call_timeout: Duration::from_secs(3),
        lost_after: Duration::from_secs(2),
        ..impatient()
    };
    cluster.set_bounds(bounds);
    cluster.boot().await;
    let frontend = cluster.frontend("default");
    let mut times = Vec::new();
    for class in 0..180 {
        let id = format!("class-{class}");
        let created = frontend.create(&id).await;
        times.push((id, created.text("createTime").unwrap(), created.text("voiceBridge").unwrap()));
    }
    let dead = 2;
    let struck: Vec<_> =
        times.iter().filter(|(id, ..)| home(&cluster, id) == [dead]).cloned().collect();
    assert_eq!(struck.len(), 30);
    for node in &cluster.nodes {
        polls(node, 2).await;
    }
    let before = cluster.spread();
    let bystanders = Bystanders::of(&cluster, dead);
    fail(&cluster.nodes[dead], failure).await;
    health_is(&cluster, dead, Health::Lost).await;

    // Frontends see that they are gone, and create them again.
    let others = times.iter().filter(|class| !struck.contains(class)).map(|(id, ..)| id.clone());
    let mut others: Vec<String> = others.collect();
    others.sort();
    assert_eq!(frontend.listed().await, others);
    for (id, old_time, voice_bridge) in &struck {
        let query = format!("meetingID={id}");
        let running = frontend.get("isMeetingRunning", &query).await;
        assert!(running.text.contains("<running>false"), "{}", running.text);
        assert_eq!(frontend.get("getMeetingInfo", &query).await.failure(), "notFound");
        let created = frontend.create(id).await;
        assert_eq!(created.key(), "", "a first create");
        assert_eq!(created.text("voiceBridge").as_ref(), Some(voice_bridge));
        // A latecomer with the link of the morning.
        let to = join(&frontend, id, old_time).await;
        let new_time = created.text("createTime").unwrap();
        assert_ne!(*old_time, new_time);
        assert!(to.contains(&format!("createTime={new_time}")), "{to}");
        assert!(!to.contains("bbb-03"), "{to}");
        let at = home(&cluster, id);
        cluster.nodes[*at.iter().find(|node| **node != dead).unwrap()].set_users(id, 30);
    }
    // They are spread, and the others' meetings stayed where they were.
    let after = cluster.spread();
    for index in (0..6).filter(|index| *index != dead) {
        let more = after[index] - before[index];
        assert!((3..=10).contains(&more), "{before:?} {after:?}");
    }

    // Nobody on another node has noticed anything, whatever they called.
    bystanders.were_served().await;

    // An hour later it is back, with the old copies, empty.
    mend(&cluster.nodes[dead], failure).await;
    health_is(&cluster, dead, Health::Healthy).await;
    eventually("the empty copies are ended", async || cluster.nodes[dead].meetings().is_empty())
        .await;
    for (id, ..) in &struck {
        let info = frontend.get("getMeetingInfo", &format!("meetingID={id}")).await;
        assert!(info.text.contains("<participantCount>30</participantCount>"), "{}", info.text);
        assert_eq!(home(&cluster, id).len(), 1);
    }
    assert_eq!(frontend.listed().await.len(), 180);
}

/// Users of the other nodes' meetings, who call all the while.
struct Bystanders {
    calling: Vec<JoinHandle<()>>,
    done: Arc<AtomicBool>,
}

impl Bystanders {
    fn of(cluster: &Cluster, dead: usize) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let alive = (0..cluster.nodes.len()).filter(|index| *index != dead);
        let calling = alive.map(|index| {
            let (frontend, done) = (cluster.frontend("default"), Arc::clone(&done));
            let meeting = cluster.nodes[index].meetings()[0].clone();
            let name = node_name(index);
            tokio::spawn(async move {
                let query = format!("meetingID={}", meeting.external);
                let mut calls = tokio::time::interval(Duration::from_millis(100));
                while !done.load(Ordering::SeqCst) {
                    calls.tick().await;
                    let to = frontend.get("join", &format!("{query}&fullName=x")).await;
                    assert!(to.location().contains(&name), "{}", to.location());
                    let info = frontend.get("getMeetingInfo", &query).await.answer();
                    assert_eq!(info.text("internalMeetingID"), Some(meeting.internal.clone()));
                    assert_eq!(frontend.create(&meeting.external).await.key(), "duplicateWarning");
                }
            })
        });
        Self { calling: calling.collect(), done }
    }

    async fn were_served(self) {
        self.done.store(true, Ordering::SeqCst);
        for calling in self.calling {
            calling.await.unwrap();
        }
    }
}

#[tokio::test]
async fn classes_of_a_node_powered_off_live_on_elsewhere() {
    a_class_lives_on(Cluster::prepare(6).await, Failure::Off).await;
}

#[tokio::test]
async fn classes_of_a_node_that_never_answers_live_on_elsewhere() {
    a_class_lives_on(Cluster::prepare(6).await, Failure::Stalled).await;
}

#[tokio::test]
async fn classes_of_a_node_that_answers_too_late_live_on_elsewhere() {
    a_class_lives_on(Cluster::prepare(6).await, Failure::Late).await;
}

#[tokio::test]
async fn a_lost_node_that_returns_untouched_has_its_meetings_again() {
    let cluster = Cluster::start_with(3, impatient()).await;
    let frontend = cluster.frontend("physics");
    let created = frontend.create("class").await;
    let external = "bg1.physics.class";
    let at = home(&cluster, external)[0];
    cluster.nodes[at].set_users(external, 12);
    cluster.nodes[at].unplug().await;
    health_is(&cluster, at, Health::Lost).await;
    assert_eq!(frontend.listed().await, [""; 0]);

    cluster.nodes[at].plug_in().await;
    health_is(&cluster, at, Health::Healthy).await;
    assert_eq!(frontend.listed().await, ["class"]);
    let again = frontend.create("class").await;
    assert_eq!(again.key(), "duplicateWarning");
    assert_eq!(again.text("createTime"), created.text("createTime"));
    assert_eq!(cluster.spread().iter().sum::<usize>(), 1);
}

#[tokio::test]
async fn of_two_copies_the_one_with_users_is_kept() {
    let cluster = Cluster::start_with(3, impatient()).await;
    let frontend = cluster.frontend("default");
    let old = frontend.create("class").await;
    let at = home(&cluster, "class")[0];
    cluster.nodes[at].set_users("class", 25);
    cluster.nodes[at].unplug().await;
    health_is(&cluster, at, Health::Lost).await;
    let new = frontend.create("class").await;
    let elsewhere = *home(&cluster, "class").iter().find(|node| **node != at).unwrap();

    // The scaler was cut off from it, not its users, who are still there.
    cluster.nodes[at].plug_in().await;
    eventually("the empty copy is ended", async || cluster.nodes[elsewhere].meetings().is_empty())
        .await;
    assert_eq!(home(&cluster, "class"), [at]);
    let again = frontend.create("class").await;
    assert_eq!(again.text("createTime"), old.text("createTime"));
    // Whoever has the link to the short-lived copy comes to the class.
    let to = join(&frontend, "class", &new.text("createTime").unwrap()).await;
    assert!(to.contains(&format!("createTime={}", old.text("createTime").unwrap())), "{to}");
}

#[tokio::test]
async fn while_both_copies_have_users_nobody_is_thrown_out() {
    let cluster = Cluster::start_with(3, impatient()).await;
    let frontend = cluster.frontend("default");
    frontend.create("class").await;
    let at = home(&cluster, "class")[0];
    cluster.nodes[at].set_users("class", 3);
    cluster.nodes[at].unplug().await;
    health_is(&cluster, at, Health::Lost).await;
    let new = frontend.create("class").await;
    let elsewhere = *home(&cluster, "class").iter().find(|node| **node != at).unwrap();
    cluster.nodes[elsewhere].set_users("class", 20);
    polls(&cluster.nodes[elsewhere], 2).await;
    cluster.nodes[at].plug_in().await;
    health_is(&cluster, at, Health::Healthy).await;
    polls(&cluster.nodes[at], 10).await;
    assert_eq!(home(&cluster, "class").len(), 2);
    assert_eq!(frontend.create("class").await.text("createTime"), new.text("createTime"));

    // When the last of the old copy has left, it is ended.
    cluster.nodes[at].set_users("class", 0);
    eventually("one is left", async || home(&cluster, "class") == [elsewhere]).await;
}

#[tokio::test]
async fn cut_off_from_most_nodes_nothing_is_given_up() {
    let cluster = Cluster::start_with(3, impatient()).await;
    let frontend = cluster.frontend("default");
    for id in ["one", "two", "three"] {
        frontend.create(id).await;
    }
    for node in &cluster.nodes {
        node.unplug().await;
    }
    for index in 0..3 {
        health_is(&cluster, index, Health::Suspect).await;
    }
    // Much longer than a single node may be silent.
    let begun = std::time::Instant::now();
    eventually("time has passed", async || begun.elapsed() > impatient().lost_after * 3).await;
    assert_eq!(frontend.listed().await, ["one", "three", "two"]);
    assert_eq!(frontend.get("create", "name=x&meetingID=one").await.failure(), "internalError");
    for node in &cluster.nodes {
        node.plug_in().await;
    }
    for index in 0..3 {
        health_is(&cluster, index, Health::Healthy).await;
    }
    assert_eq!(cluster.spread(), [1, 1, 1]);
    assert_eq!(frontend.listed().await, ["one", "three", "two"]);
}
