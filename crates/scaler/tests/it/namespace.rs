//! Packets that are dropped, in network namespaces of the tests' own: the
//! scaler in one, nodes in another, a cable between them.

use std::{
    fs::File,
    net::Ipv4Addr,
    os::fd::AsFd as _,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use bluegate_scaler::{Bounds, Health};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{
    cluster::{Cluster, eventually, node_secret, polls},
    fake_node::FakeNode,
    lost::{Failure, a_class_lives_on, health_is, impatient},
};

/// Makes both namespaces and runs what follows in the scaler's.
const ENTER: &str = "set -e
mount -t tmpfs tmpfs /run
ip link set lo up
ip netns add nodes
ip link add scaler0 type veth peer name nodes0 netns nodes
ip addr add 10.77.0.1/24 dev scaler0
ip link set scaler0 up
ip -n nodes addr add 10.77.0.2/24 dev nodes0
ip -n nodes link set nodes0 up
exec \"$@\"";

/// The nodes' end of the cable.
const NODES: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

/// Runs an ignored test of this file in namespaces made for it.
fn inside(test: &str) {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--propagation", "private"]);
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let program = std::env::current_exe().unwrap();
    command.args(["sh", "-c", ENTER, "sh"]).arg(program);
    command.args(["--exact", &format!("namespace::{test}"), "--ignored", "--nocapture"]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Changes the network.
pub(crate) fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "ip {arguments}");
}

/// A node in the nodes' namespace: a socket belongs to where it was made.
async fn far_node(index: usize) -> FakeNode {
    let made = thread::spawn(|| {
        let nodes = File::open("/run/netns/nodes").unwrap();
        move_into_link_name_space(nodes.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        std::net::TcpListener::bind((NODES, 0)).unwrap()
    });
    let listener = made.join().unwrap();
    listener.set_nonblocking(true).unwrap();
    FakeNode::start_on(&node_secret(index), tokio::net::TcpListener::from_std(listener).unwrap())
}

#[test]
fn classes_of_a_node_whose_packets_are_dropped_live_on_elsewhere() {
    inside("a_node_whose_packets_are_dropped");
}

#[tokio::test]
#[ignore = "run by the test above, in namespaces made for it"]
async fn a_node_whose_packets_are_dropped() {
    let mut cluster = Cluster::prepare(6).await;
    cluster.nodes[2] = far_node(2).await;
    a_class_lives_on(cluster, Failure::Dropped).await;
}

#[test]
fn a_cut_between_the_scaler_and_all_nodes_forgets_and_splits_nothing() {
    inside("a_cut_for_a_moment_and_for_long");
}

/// 10 s and 10 min, where `lost_after` is 90 s.
#[tokio::test]
#[ignore = "run by the test above, in namespaces made for it"]
async fn a_cut_for_a_moment_and_for_long() {
    let mut cluster = Cluster::prepare(6).await;
    for index in 0..6 {
        cluster.nodes[index] = far_node(index).await;
    }
    let bounds = Bounds { lost_after: Duration::from_millis(900), ..impatient() };
    let lost_after = bounds.lost_after;
    cluster.set_bounds(bounds);
    cluster.boot().await;
    let frontend = cluster.frontend("physics");
    let mut created = Vec::new();
    for class in 0..18 {
        let id = format!("class-{class:02}");
        let answer = frontend.create(&id).await;
        created.push((id, answer.text("createTime").unwrap()));
    }
    let ids: Vec<String> = created.iter().map(|(id, _)| id.clone()).collect();
    for (tenths, froze) in [(1, 0), (67, 1)] {
        for node in &cluster.nodes {
            polls(node, 1).await;
        }
        let begun = Instant::now();
        ip("link set scaler0 down");
        // Whoever asks meanwhile is answered from memory, and nothing is made anew.
        eventually("the cut has lasted", async || {
            assert_eq!(frontend.listed().await, ids);
            let to = frontend.get("join", "meetingID=class-00&fullName=x").await;
            assert!(to.location().contains(&created[0].0), "{}", to.location());
            begun.elapsed() > lost_after * tenths / 10
        })
        .await;
        let health = cluster.scaler().health();
        assert!(health.iter().all(|(_, health)| *health != Health::Lost), "{health:?}");
        ip("link set scaler0 up");
        for index in 0..6 {
            health_is(&cluster, index, Health::Healthy).await;
        }
        assert!(cluster.scaler().health_report().freezes >= froze);
        for (id, time) in &created {
            let again = frontend.create(id).await;
            assert_eq!(again.key(), "duplicateWarning");
            assert_eq!(again.text("createTime").as_ref(), Some(time));
        }
        assert_eq!(cluster.spread(), [3; 6]);
        assert_eq!(frontend.listed().await, ids);
    }
    let report = cluster.scaler().health_report();
    assert_eq!(report.nodes.values().map(|node| node.losses + node.boots).sum::<u64>(), 0);
    assert_eq!(report.splits_found, 0);
}
