//! Nodes together: when most of them fail, the fault is ours.

use super::*;

fn fleet(count: usize) -> (Arc<Fleet>, Vec<Arc<Health>>) {
    let fleet = Arc::new(Fleet::default());
    let nodes: Vec<_> = (0..count)
        .map(|number| Arc::new(Health::new(&format!("n{number}"), Some(Arc::clone(&fleet)))))
        .collect();
    fleet.replace(nodes.iter());
    (fleet, nodes)
}

fn eject(node: &Health) {
    for _ in 0..state::EJECT_AFTER {
        node.admit().expect("not yet ejected").settle(Err(FailureKind::Connect));
    }
    assert!(!node.lock().is_healthy());
}

#[test]
fn when_most_nodes_fail_all_are_asked_until_they_answer() {
    let (fleet, nodes) = fleet(4);
    eject(&nodes[0]);
    eject(&nodes[1]);
    assert!(nodes[0].admit().is_none() && !fleet.is_panicking());
    assert_eq!(nodes[0].report().refused, 1);
    eject(&nodes[2]);
    assert!(fleet.is_panicking());
    assert_eq!(nodes[0].report().state, HealthState::Suspect);
    // Asked, and back: now only half of them fail.
    nodes[0].admit().expect("all are asked").settle(Ok(()));
    assert!(!fleet.is_panicking());
    assert_eq!(nodes[0].report().state, HealthState::Healthy);
    assert!(nodes[1].admit().is_none());
}

#[test]
fn nodes_that_left_the_routes_count_no_more() {
    let (fleet, nodes) = fleet(3);
    eject(&nodes[0]);
    eject(&nodes[1]);
    assert!(fleet.is_panicking());
    fleet.replace([&nodes[0], &nodes[2]].into_iter());
    assert!(!fleet.is_panicking());
}

#[test]
fn two_nodes_are_too_few_to_suspect_ourselves() {
    let (fleet, nodes) = fleet(2);
    eject(&nodes[0]);
    eject(&nodes[1]);
    assert!(!fleet.is_panicking());
    assert!(nodes.iter().all(|node| node.admit().is_none()));
}

#[test]
fn what_belongs_to_no_fleet_is_always_asked() {
    let only = Health::new("api", None);
    for _ in 0..10 {
        only.admit().expect("always").settle(Err(FailureKind::Connect));
    }
    assert_eq!(only.report().state, HealthState::Healthy);
}
