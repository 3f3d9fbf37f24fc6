//! Packets that are dropped, in network namespaces of the tests' own: the
//! scaler in one, nodes in another, a cable between them.

use std::{
    fs::File,
    net::Ipv4Addr,
    os::fd::AsFd as _,
    process::{Command, Stdio},
    thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{
    cluster::{Cluster, node_secret},
    fake_node::FakeNode,
    lost::{Failure, a_class_lives_on},
};

/// Makes both namespaces and runs what follows in the scaler's.
const ENTER: &str = "set -e
mount -t tmpfs tmpfs /run
ip link set lo up
ip netns add nodes
ip link add scaler0 address 02:00:00:00:00:01 type veth \
  peer name nodes0 address 02:00:00:00:00:02 netns nodes
ip addr add 10.77.0.1/24 dev scaler0
ip -n nodes addr add 10.77.0.2/24 dev nodes0
ip -n nodes link set nodes0 up
ip link set scaler0 up
ip neigh add 10.77.0.2 lladdr 02:00:00:00:00:02 dev scaler0 nud permanent
ip -n nodes neigh add 10.77.0.1 lladdr 02:00:00:00:00:01 dev nodes0 nud permanent
exec \"$@\"";

/// The nodes' end of the cable.
const NODES: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

/// Runs an ignored test in namespaces made for it.
pub(crate) fn inside(test: &str) {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--propagation", "private"]);
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let program = std::env::current_exe().unwrap();
    command.args(["sh", "-c", ENTER, "sh"]).arg(program);
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// The scaler's end is in again, and knows the other's hardware from the start: who does
/// not answer that question is asked again only after a second, however far a test moves
/// its clock meanwhile.
pub(crate) fn plug_in_the_cable() {
    ip("link set scaler0 up");
    ip("neigh replace 10.77.0.2 lladdr 02:00:00:00:00:02 dev scaler0 nud permanent");
}

/// The scaler's end is out.
pub(crate) fn unplug_the_cable() {
    ip("link set scaler0 down");
}

/// Changes the network.
fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "ip {arguments}");
}

/// Drops all that nodes there send from now on: no call is answered, no connection is
/// made.
pub(crate) fn drop_packets() {
    ip("-n nodes route add blackhole 10.77.0.1/32");
}

/// Lets it through again.
pub(crate) fn pass_packets() {
    ip("-n nodes route del blackhole 10.77.0.1/32");
}

/// A node in the nodes' namespace: a socket belongs to where it was made.
pub(crate) async fn far_node(index: usize) -> FakeNode {
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
    inside("namespace::a_node_whose_packets_are_dropped");
}

#[tokio::test]
#[ignore = "run by the test above, in namespaces made for it"]
async fn a_node_whose_packets_are_dropped() {
    let mut cluster = Cluster::prepare(6).await;
    cluster.nodes[2] = far_node(2).await;
    a_class_lives_on(cluster, Failure::Dropped).await;
}
