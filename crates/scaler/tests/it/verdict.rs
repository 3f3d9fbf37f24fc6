//! Who may say that a node is lost, besides its silence: an operator, a second
//! observer, the node itself after a boot.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bluegate_scaler::{Bounds, Health, LoseError, Witness};
use bluegate_store::Store;
use bluegate_testkit::Postgres;

use crate::{
    cluster::{Cluster, eventually, polls},
    lost::{health_is, home, impatient},
};

fn patient() -> Bounds {
    Bounds { lost_after: Duration::from_secs(3600), ..impatient() }
}

#[tokio::test]
async fn an_operator_need_not_wait() {
    let mut cluster = Cluster::start_with(3, patient()).await;
    let frontend = cluster.frontend("default");
    let old = frontend.create("class").await;
    let at = home(&cluster, "class")[0];
    let name = cluster.scaler().health()[at].0.clone();
    polls(&cluster.nodes[at], 1).await;
    // Not while it answers: that would split the class.
    assert!(matches!(cluster.scaler().lose(&name).await, Err(LoseError::Answers(_))));
    let stranger = "bbb-99".parse().unwrap();
    assert!(matches!(cluster.scaler().lose(&stranger).await, Err(LoseError::Unknown(_))));

    cluster.nodes[at].unplug().await;
    health_is(&cluster, at, Health::Suspect).await;
    cluster.scaler().lose(&name).await.unwrap();
    assert_eq!(cluster.scaler().health()[at].1, Health::Lost);
    let new = frontend.create("class").await;
    let to = format!("meetingID=class&fullName=x&createTime={}", old.text("createTime").unwrap());
    let to = frontend.get("join", &to).await.location().to_owned();
    assert!(to.contains(&format!("createTime={}", new.text("createTime").unwrap())), "{to}");

    // It holds across a restart, before any poll.
    cluster.stop().await;
    cluster.boot().await;
    assert_eq!(cluster.scaler().health()[at].1, Health::Lost);
    // And until the node is heard again, which is then remembered too.
    cluster.nodes[at].plug_in().await;
    health_is(&cluster, at, Health::Healthy).await;
    polls(&cluster.nodes[at], 3).await;
    eventually("the old copy is ended", async || home(&cluster, "class").len() == 1).await;
    let store = Store::open(&cluster.config().store).await.unwrap();
    eventually("no loss is kept", async || store.losses().await.unwrap().is_empty()).await;
    store.close().await;
    cluster.stop().await;
    cluster.boot().await;
    assert_ne!(cluster.scaler().health()[at].1, Health::Lost);
    assert_eq!(cluster.frontend("default").create("class").await.key(), "duplicateWarning");
}

#[tokio::test]
async fn what_an_operator_tells_one_scaler_holds_for_all() {
    let postgres = Postgres::start().await.unwrap();
    let mut cluster = Cluster::prepare(3).await;
    cluster.set_bounds(patient());
    cluster.store = Some(postgres.database().unwrap());
    cluster.boot().await;
    cluster.add_replica().await;
    cluster.nodes[0].unplug().await;
    let all_say = async |wanted| {
        eventually(&format!("all say {wanted:?}"), async || {
            cluster.scalers().all(|scaler| scaler.health()[0].1 == wanted)
        })
        .await;
    };
    all_say(Health::Suspect).await;
    cluster.scaler().lose(&"bbb-01".parse().unwrap()).await.unwrap();
    all_say(Health::Lost).await;
    cluster.nodes[0].plug_in().await;
    all_say(Health::Healthy).await;
}

#[tokio::test]
async fn a_node_that_another_scaler_hears_is_not_lost() {
    let postgres = Postgres::start().await.unwrap();
    let mut cluster = Cluster::prepare(4).await;
    cluster.set_bounds(impatient());
    cluster.store = Some(postgres.database().unwrap());
    cluster.boot().await;
    let frontend = cluster.frontend("default");
    for class in 0..4 {
        frontend.create(&format!("class-{class}")).await;
    }
    cluster.add_replica_blind_to(0).await;
    let blind = cluster.scalers().nth(1).unwrap().clone();
    let silent = || blind.health_report().nodes.values().next().unwrap().silent;
    eventually("it has been silent for long enough", async || {
        silent().is_some_and(|silent| silent > impatient().lost_after * 3)
    })
    .await;
    assert_eq!(blind.health()[0].1, Health::Suspect);
    assert!(matches!(blind.lose(&"bbb-01".parse().unwrap()).await, Err(LoseError::Answers(_))));
    // It goes on, and its meeting is not made twice.
    let on_it = cluster.nodes[0].meetings()[0].external.clone();
    let second = &cluster.frontends("default")[1];
    let refused = second.get("create", &format!("name=Class&meetingID={on_it}")).await;
    assert_eq!(refused.failure(), "internalError");
    assert_eq!(cluster.spread(), [1, 1, 1, 1]);

    cluster.nodes[0].unplug().await;
    eventually("both give it up", async || {
        cluster.scalers().all(|scaler| scaler.health()[0].1 == Health::Lost)
    })
    .await;
    // Heard by one, it is back for both.
    cluster.nodes[0].plug_in().await;
    eventually("neither calls it lost", async || {
        cluster.scalers().all(|scaler| scaler.health()[0].1 != Health::Lost)
    })
    .await;
    assert_eq!(frontend.create(&on_it).await.key(), "duplicateWarning");
}

#[tokio::test]
async fn a_node_that_another_part_of_the_process_hears_is_not_lost() {
    let cluster = Cluster::start_with(3, impatient()).await;
    let hears = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&hears);
    cluster.scaler().witnessed_by(Witness::new(move |node| {
        (node.as_str() == "bbb-01").then(|| seen.load(Ordering::SeqCst))
    }));
    cluster.nodes[0].stall();
    let silent = || cluster.scaler().health_report().nodes.values().next().unwrap().silent;
    eventually("it has been silent for long enough", async || {
        silent().is_some_and(|silent| silent > impatient().lost_after * 2)
    })
    .await;
    assert_eq!(cluster.scaler().health()[0].1, Health::Suspect);
    hears.store(false, Ordering::SeqCst);
    health_is(&cluster, 0, Health::Lost).await;
    // One who does not look at a node says nothing of it.
    cluster.nodes[1].stall();
    let silent = async || cluster.scaler().health_report().frozen;
    eventually("two of three are too many", silent).await;
}

#[tokio::test]
async fn a_new_boot_takes_all_meetings_and_their_links_lead_on() {
    let cluster = Cluster::start_with(2, patient()).await;
    let frontend = cluster.frontend("physics");
    let mut old = Vec::new();
    for class in 0..8 {
        let id = format!("class-{class}");
        let created = frontend.create(&id).await;
        old.push((id, created.text("createTime").unwrap()));
    }
    assert_eq!(cluster.spread(), [4, 4]);
    let node = &cluster.nodes[0];
    node.unplug().await;
    health_is(&cluster, 0, Health::Suspect).await;
    node.forget();
    node.plug_in().await;
    // At once: nobody waits for `lost_after`.
    eventually("its meetings are gone", async || frontend.listed().await.len() == 4).await;
    for (id, time) in &old {
        let new = frontend.create(id).await;
        let to = format!("meetingID={id}&fullName=x&createTime={time}");
        let to = frontend.get("join", &to).await.location().to_owned();
        assert!(to.contains(&format!("createTime={}", new.text("createTime").unwrap())), "{to}");
    }
    let report = cluster.scaler().health_report();
    let boots: Vec<u64> = report.nodes.values().map(|node| node.boots).collect();
    assert_eq!(boots, [1, 0]);
    // A meeting that ends by itself is not taken for a boot.
    cluster.nodes[1].end(&cluster.nodes[1].meetings()[0].external);
    eventually("it has ended", async || frontend.listed().await.len() == 7).await;
    assert_eq!(cluster.scaler().health_report().nodes.values().map(|n| n.boots).sum::<u64>(), 1);
}
