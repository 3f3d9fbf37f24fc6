//! What is logged when meetings change on their nodes' account: one event for each change, with the
//! fields of docs/operations.md, and nothing personal.

use std::{
    collections::BTreeMap,
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex},
};

use bluegate_scaler::{Health, Scaler};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::DefaultGuard,
};

use crate::{
    cluster::{Cluster, Frontend, eventually, node_name, node_secret, polls, quick},
    lost::{health_is, home, impatient},
};

/// An event of a state change: its fields, `event` among them, by name.
type Told = BTreeMap<String, String>;

/// All that is logged on this thread while it lives.
struct Log {
    shared: Arc<Shared>,
    _default: DefaultGuard,
}

#[derive(Default)]
struct Shared {
    told: Mutex<Vec<Told>>,
    /// Every line of ours, events among them.
    text: Mutex<String>,
}

impl Log {
    fn keep() -> Self {
        let shared = Arc::<Shared>::default();
        let default = tracing::subscriber::set_default(Keeper(Arc::clone(&shared)));
        Self { shared, _default: default }
    }

    /// The events of this name so far.
    fn of(&self, name: &str) -> Vec<Told> {
        let told = self.shared.told.lock().unwrap();
        told.iter().filter(|told| told["event"] == name).cloned().collect()
    }

    /// The names of the events of meetings so far, but for those of making them.
    fn names(&self) -> Vec<String> {
        let told = self.shared.told.lock().unwrap();
        let names = told.iter().map(|told| told["event"].clone());
        names.filter(|name| name.starts_with("meeting.") && name != "meeting.created").collect()
    }

    fn assert_impersonal(&self) {
        let text = self.shared.text.lock().unwrap();
        assert!(text.contains("meeting."), "{text}");
        for personal in ["zauberkreis", "Class", "Fritzi", "geheimpw", "checksum", "?", "secret-of"]
        {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
        for index in 0..3 {
            assert!(!text.contains(node_secret(index).expose()), "{text}");
        }
    }
}

struct Keeper(Arc<Shared>);

struct Fields(Told);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl Subscriber for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("bluegate")
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(Told::new());
        event.record(&mut fields);
        writeln!(self.0.text.lock().unwrap(), "{:?}", fields.0).unwrap();
        if event.metadata().target() == "bluegate::state" {
            fields.0.remove("message");
            self.0.told.lock().unwrap().push(fields.0);
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

fn told<const N: usize>(fields: [(&str, &str); N]) -> Told {
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Creates a class whose passwords and whose user nobody shall read of; its ID on
/// its node.
async fn class(frontend: &Frontend, number: usize) -> String {
    let id = format!("zauberkreis-{number}");
    let query = format!("name=Class&meetingID={id}&attendeePW=geheimpw-a&moderatorPW=geheimpw-m");
    frontend.get("create", &query).await.answer();
    let join = format!("meetingID={id}&fullName=Fritzi&password=geheimpw-m");
    frontend.get("join", &join).await.location();
    format!("bg1.physics.{id}")
}

/// BBB's ID of this class on this node.
fn internal(cluster: &Cluster, index: usize, class: &str) -> String {
    let meetings = cluster.nodes[index].meetings();
    meetings.iter().find(|meeting| meeting.external == class).unwrap().internal.clone()
}

/// Waits for so many more looks at each node.
async fn looks(cluster: &Cluster) {
    for node in &cluster.nodes {
        polls(node, 6).await;
    }
}

#[tokio::test]
async fn each_meeting_that_goes_with_its_nodes_restart_is_told_once() {
    let log = Log::keep();
    let mut cluster = Cluster::start_with(2, impatient()).await;
    cluster.add_replica().await;
    let frontend = cluster.frontend("physics");
    let mut classes = Vec::new();
    for number in 0..4 {
        classes.push(class(&frontend, number).await);
    }
    let mut lost = Vec::new();
    for class in classes.iter().filter(|class| home(&cluster, class) == [0]) {
        lost.push(told([
            ("event", "meeting.lost"),
            ("node.id", &node_name(0)),
            ("tenant.id", "physics"),
            ("meeting.id", &internal(&cluster, 0, class)),
        ]));
    }
    assert_eq!(lost.len(), 2);
    looks(&cluster).await;
    cluster.nodes[0].unplug().await;
    let is_silent = |scaler: &Scaler| scaler.health()[0].1 != Health::Healthy;
    eventually("both miss it", async || cluster.scalers().all(is_silent)).await;
    cluster.nodes[0].forget();
    cluster.nodes[0].plug_in().await;
    eventually("they are lost", async || log.of("meeting.lost").len() >= 2).await;
    looks(&cluster).await;
    let mut all = log.of("meeting.lost");
    all.sort();
    lost.sort();
    assert_eq!(all, lost, "by one of two scalers");
    assert_eq!(log.names(), ["meeting.lost"; 2], "and nothing else");
    log.assert_impersonal();
}

#[tokio::test]
async fn each_meeting_of_a_node_that_was_taken_out_is_told_once() {
    let log = Log::keep();
    let mut cluster = Cluster::start(2).await;
    let frontend = cluster.frontend("physics");
    for number in 0..4 {
        class(&frontend, number).await;
    }
    let left: Vec<String> =
        cluster.nodes[0].meetings().into_iter().map(|meeting| meeting.internal).collect();
    cluster.stop().await;
    cluster.without_first();
    for _ in 0..2 {
        cluster.boot().await;
        looks(&cluster).await;
        cluster.stop().await;
    }
    let lost = log.of("meeting.lost");
    assert!(lost.iter().all(|told| told["node.id"] == node_name(0)), "{lost:?}");
    let mut ids: Vec<&str> = lost.iter().map(|told| told["meeting.id"].as_str()).collect();
    let mut left: Vec<&str> = left.iter().map(String::as_str).collect();
    ids.sort_unstable();
    left.sort_unstable();
    assert_eq!((ids, log.names().len()), (left, 2));
    log.assert_impersonal();
}

#[tokio::test]
async fn a_meeting_that_moves_and_moves_back_is_told_once_each_time() {
    let log = Log::keep();
    let cluster = Cluster::start_with(3, impatient()).await;
    let frontend = cluster.frontend("physics");
    let class_there = class(&frontend, 1).await;
    let at = home(&cluster, &class_there)[0];
    let old = internal(&cluster, at, &class_there);
    cluster.nodes[at].set_users(&class_there, 25);
    cluster.nodes[at].unplug().await;
    health_is(&cluster, at, Health::Lost).await;
    assert_eq!(log.names(), [""; 0], "nothing is lost that may be placed anew");
    class(&frontend, 1).await;
    let elsewhere = *home(&cluster, &class_there).iter().find(|node| **node != at).unwrap();
    let new = internal(&cluster, elsewhere, &class_there);
    // The scaler was cut off from it, not its users, who are still there.
    cluster.nodes[at].plug_in().await;
    eventually("the empty copy is ended", async || cluster.nodes[elsewhere].meetings().is_empty())
        .await;
    looks(&cluster).await;
    let moved = |from: usize, to: usize, id: &str| {
        told([
            ("event", "meeting.moved"),
            ("node.id", &node_name(from)),
            ("to.id", &node_name(to)),
            ("tenant.id", "physics"),
            ("meeting.id", id),
        ])
    };
    let wanted = [moved(at, elsewhere, &old), moved(elsewhere, at, &new)];
    assert_eq!(log.of("meeting.moved"), wanted);
    assert_eq!(log.of("meeting.lost"), [], "it goes on");
    log.assert_impersonal();
}

#[tokio::test]
async fn a_meeting_on_two_nodes_is_told_once_for_each_thing_to_do_about_it() {
    let log = Log::keep();
    let cluster = Cluster::start_with(3, impatient()).await;
    let frontend = cluster.frontend("physics");
    let class_there = class(&frontend, 1).await;
    let at = home(&cluster, &class_there)[0];
    let old = internal(&cluster, at, &class_there);
    cluster.nodes[at].set_users(&class_there, 3);
    cluster.nodes[at].unplug().await;
    health_is(&cluster, at, Health::Lost).await;
    class(&frontend, 1).await;
    let elsewhere = *home(&cluster, &class_there).iter().find(|node| **node != at).unwrap();
    cluster.nodes[elsewhere].set_users(&class_there, 20);
    polls(&cluster.nodes[elsewhere], 2).await;
    cluster.nodes[at].plug_in().await;
    let split = |users: &str, resolution: &str| {
        told([
            ("event", "meeting.split"),
            ("node.id", &node_name(at)),
            ("other.id", &node_name(elsewhere)),
            ("tenant.id", "physics"),
            ("meeting.id", &old),
            ("users", users),
            ("resolution", resolution),
        ])
    };
    eventually("it is told", async || !log.of("meeting.split").is_empty()).await;
    looks(&cluster).await;
    assert_eq!(log.of("meeting.split"), [split("3", "KeepBoth")], "not at each look");

    cluster.nodes[at].set_users(&class_there, 0);
    eventually("one is left", async || home(&cluster, &class_there) == [elsewhere]).await;
    looks(&cluster).await;
    assert_eq!(log.of("meeting.split"), [split("3", "KeepBoth"), split("0", "EndOther")]);
    assert_eq!(log.names(), ["meeting.moved", "meeting.split", "meeting.split"]);
    log.assert_impersonal();
}

#[tokio::test]
async fn each_meeting_found_after_the_store_was_lost_is_told_once() {
    let log = Log::keep();
    let mut cluster = Cluster::start_with(2, quick()).await;
    let frontend = cluster.frontend("physics");
    let mut found = Vec::new();
    for number in 0..4 {
        let class = class(&frontend, number).await;
        let at = home(&cluster, &class)[0];
        found.push(told([
            ("event", "meeting.adopted"),
            ("node.id", &node_name(at)),
            ("tenant.id", "physics"),
            ("meeting.id", &internal(&cluster, at, &class)),
        ]));
    }
    looks(&cluster).await;
    assert_eq!(log.names(), [""; 0], "what was created is no find");
    cluster.stop().await;
    cluster.lose_store();
    cluster.boot().await;
    cluster.add_replica().await;
    eventually("they are adopted", async || log.of("meeting.adopted").len() >= 4).await;
    looks(&cluster).await;
    let mut all = log.of("meeting.adopted");
    all.sort();
    found.sort();
    assert_eq!(all, found, "by one of two scalers");
    assert_eq!(log.names(), ["meeting.adopted"; 4], "and nothing else");
    log.assert_impersonal();
}
