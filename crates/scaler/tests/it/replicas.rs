//! Several scalers on one PostgreSQL.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bluegate_scaler::{Bounds, Health};
use bluegate_testkit::Postgres;

use crate::cluster::{Cluster, eventually, quick};

/// Longer than a test may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Three scalers over so many nodes.
async fn three(nodes: usize, bounds: Bounds) -> (Cluster, Postgres) {
    let postgres = Postgres::start().await.unwrap();
    let mut cluster = Cluster::prepare(nodes).await;
    cluster.set_bounds(bounds);
    cluster.store = Some(postgres.database().unwrap());
    cluster.boot().await;
    cluster.add_replica().await;
    cluster.add_replica().await;
    (cluster, postgres)
}

/// A poll that a busy machine holds up makes no node silent: only a port that
/// refuses does, of a node that is off.
fn bounds() -> Bounds {
    Bounds {
        refresh_interval: Duration::from_millis(20),
        poll_patience: PATIENCE,
        poll_timeout: PATIENCE,
        connect_timeout: PATIENCE,
        ..quick()
    }
}

/// Nor is a call given up that is held up.
fn patient() -> Bounds {
    Bounds { call_timeout: PATIENCE, create_deadline: PATIENCE, settle_time: PATIENCE, ..bounds() }
}

#[tokio::test]
async fn racing_creates_of_one_meeting_make_one() {
    // Polls come in between, and leave a slow machine time for the creates.
    let bounds = Bounds { poll_interval: Duration::from_millis(200), ..patient() };
    let (cluster, _postgres) = three(5, bounds).await;
    let frontends = cluster.frontends("physics");
    for class in 0..6 {
        let calls: Vec<_> = (0..30)
            .map(|call| {
                let frontend = frontends[call % 3].clone();
                tokio::spawn(async move { frontend.create(&format!("class-{class}")).await })
            })
            .collect();
        let mut internal = BTreeSet::new();
        let mut plain = 0;
        for call in calls {
            let answer = call.await.unwrap();
            internal.insert(answer.text("internalMeetingID").unwrap());
            plain += usize::from(answer.key().is_empty());
        }
        assert_eq!(internal.len(), 1, "one meeting");
        assert_eq!(plain, 1, "one of them made it");
    }
    assert_eq!(cluster.spread().iter().sum::<usize>(), 6);
}

#[tokio::test]
async fn racing_placements_spread_evenly() {
    let bounds = Bounds { poll_interval: Duration::from_millis(500), ..patient() };
    let (cluster, _postgres) = three(22, bounds).await;
    let frontends = cluster.frontends("default");
    let calls: Vec<_> = (0..200)
        .map(|call| {
            let frontend = frontends[call % 3].clone();
            tokio::spawn(async move { frontend.create(&format!("class-{call}")).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let spread = cluster.spread();
    let (least, most) = (spread.iter().min().unwrap(), spread.iter().max().unwrap());
    assert!(most - least <= 1, "{spread:?}");
}

#[tokio::test]
async fn what_one_has_created_the_others_know_at_once() {
    let slow = Bounds {
        refresh_interval: Duration::from_secs(3600),
        poll_interval: Duration::from_secs(3600),
        ..quick()
    };
    let (cluster, _postgres) = three(3, slow).await;
    let frontends = cluster.frontends("physics");
    for round in 0..5 {
        let id = format!("class-{round}");
        let created = frontends[round % 3].create(&id).await;
        for frontend in &frontends {
            let query = format!("meetingID={id}");
            let to = frontend.get("join", &format!("{query}&fullName=x")).await;
            let at = to.location().split("/bigbluebutton/").next().unwrap().to_owned();
            let info = frontend.get("getMeetingInfo", &query).await.answer();
            assert_eq!(info.text("internalMeetingID"), created.text("internalMeetingID"));
            let home = cluster.nodes.iter().position(|node| {
                node.meetings().iter().any(|meeting| meeting.external.ends_with(&id))
            });
            assert!(at.contains(&format!("bbb-{:02}", home.unwrap() + 1)), "{at}");
        }
        frontends[(round + 1) % 3].get("end", &format!("meetingID={id}")).await.answer();
    }
}

#[tokio::test]
async fn each_lists_what_all_have_created() {
    let (cluster, _postgres) = three(3, bounds()).await;
    let frontends = cluster.frontends("default");
    for (index, frontend) in frontends.iter().enumerate() {
        frontend.create(&format!("class-{index}")).await;
    }
    for frontend in &frontends {
        eventually("all are listed", async || frontend.listed().await.len() == 3).await;
    }
}

#[tokio::test]
async fn racing_creates_while_a_node_dies_make_one_meeting_each() {
    let bounds = Bounds {
        lost_after: Duration::from_millis(1500),
        poll_interval: Duration::from_millis(100),
        ..bounds()
    };
    let (cluster, _postgres) = three(4, bounds).await;
    let frontends = cluster.frontends("physics");
    let done = Arc::new(AtomicBool::new(false));
    let racers: Vec<_> = (0..6)
        .map(|racer| {
            let (frontend, done) = (frontends[racer % 3].clone(), Arc::clone(&done));
            tokio::spawn(async move {
                // Some fail while the node is silent; that is what is raced about.
                for round in 0.. {
                    let id = format!("class-{}", (round * 5 + racer) % 12);
                    frontend.get("create", &format!("name=x&meetingID={id}")).await;
                    if done.load(Ordering::SeqCst) {
                        return;
                    }
                }
            })
        })
        .collect();
    eventually("all are created", async || cluster.spread().iter().sum::<usize>() >= 12).await;
    cluster.nodes[0].unplug().await;
    eventually("all give it up", async || {
        cluster.scalers().all(|scaler| scaler.health()[0].1 == Health::Lost)
    })
    .await;
    eventually("all are there again", async || cluster.spread()[1..].iter().sum::<usize>() >= 12)
        .await;
    done.store(true, Ordering::SeqCst);
    for racer in racers {
        racer.await.unwrap();
    }
    assert_eq!(cluster.spread()[1..].iter().sum::<usize>(), 12, "one copy of each");
    for class in 0..12 {
        let mut internal = BTreeSet::new();
        for frontend in &frontends {
            let again = frontend.create(&format!("class-{class}")).await;
            internal.insert(again.text("internalMeetingID").unwrap());
        }
        assert_eq!(internal.len(), 1, "class-{class}");
    }
}

#[tokio::test]
async fn while_the_server_of_the_store_is_down_joins_go_on_and_nothing_is_given_up() {
    let bounds = Bounds { lost_after: Duration::from_millis(500), ..bounds() };
    let (cluster, mut postgres) = three(3, bounds).await;
    let frontends = cluster.frontends("physics");
    for class in 0..6 {
        frontends[class % 3].create(&format!("class-{class}")).await;
    }
    for frontend in &frontends {
        eventually("all are listed", async || frontend.listed().await.len() == 6).await;
    }
    postgres.stop().await.unwrap();
    cluster.nodes[0].unplug().await;
    let silent = || cluster.scaler().health_report().nodes.values().next().unwrap().silent;
    eventually("a node would be given up", async || {
        silent().is_some_and(|silent| silent > Duration::from_secs(2))
    })
    .await;
    for frontend in &frontends {
        for class in 0..6 {
            let query = format!("meetingID=class-{class}&fullName=x");
            frontend.get("join", &query).await.location();
        }
        assert_eq!(frontend.listed().await.len(), 6);
    }
    let health = cluster.scalers().map(|scaler| scaler.health()[0].1);
    assert_eq!(health.collect::<Vec<_>>(), [Health::Suspect; 3]);
    postgres.start_again().await.unwrap();
    eventually("then it is", async || {
        cluster.scalers().all(|scaler| scaler.health()[0].1 == Health::Lost)
    })
    .await;
}

#[tokio::test]
async fn the_classes_of_a_lost_node_move_once() {
    let bounds = Bounds { lost_after: Duration::from_millis(800), ..patient() };
    let (cluster, _postgres) = three(4, bounds).await;
    let frontends = cluster.frontends("default");
    for class in 0..8 {
        frontends[class % 3].create(&format!("class-{class}")).await;
    }
    let struck = cluster.nodes[0].meetings();
    assert_eq!(struck.len(), 2);
    cluster.nodes[0].unplug().await;
    eventually("all give it up", async || {
        cluster.scalers().all(|scaler| scaler.health()[0].1 == Health::Lost)
    })
    .await;
    for meeting in &struck {
        let id = &meeting.external;
        let calls = frontends.iter().map(|frontend| {
            let (frontend, id) = (frontend.clone(), id.clone());
            tokio::spawn(async move { frontend.create(&id).await })
        });
        let mut internal = BTreeSet::new();
        for call in calls.collect::<Vec<_>>() {
            internal.insert(call.await.unwrap().text("internalMeetingID").unwrap());
        }
        assert_eq!(internal.len(), 1);
        // The link of the morning works at each of them.
        for frontend in &frontends {
            let query = format!("meetingID={id}&fullName=x&createTime={}", meeting.create_time);
            let reply = frontend.get("join", &query).await;
            let time = internal.first().unwrap().rsplit('-').next().unwrap();
            assert!(reply.location().contains(&format!("createTime={time}")), "{reply:?}");
        }
    }
    assert_eq!(cluster.spread()[1..].iter().sum::<usize>(), 8);
}
