//! What is known of the nodes' health, for operators.

use std::{collections::BTreeMap, sync::atomic::Ordering::Relaxed, time::Duration};

use bluegate_cluster::{Mount, TenantName};

use crate::{
    context::Context,
    health::{Health, breaker::BreakerState},
};

/// The health of all nodes.
#[derive(Clone, Debug)]
pub struct HealthReport {
    /// Whether most nodes are silent, so that nothing is given up.
    pub frozen: bool,
    /// Times that began.
    pub freezes: u64,
    /// By name.
    pub nodes: BTreeMap<Mount, NodeHealth>,
    /// Meetings that live on two nodes just now.
    pub splits: Vec<Split>,
    /// Meetings that were found to live on two nodes.
    pub splits_found: u64,
    /// Other stores whose scalers place meetings of our tenants on our nodes.
    pub foreign_stores: usize,
}

/// One node's part.
#[derive(Clone, Debug)]
pub struct NodeHealth {
    /// What is believed of it.
    pub health: Health,
    /// Since how long.
    pub health_age: Duration,
    /// Since how long no poll was answered; absent when the last one was.
    pub silent: Option<Duration>,
    /// How old its word is that lists are made from; absent before the first.
    pub snapshot_age: Option<Duration>,
    /// Times it was given up.
    pub losses: u64,
    /// Times it was heard again after a silence without any of its meetings.
    pub boots: u64,
    /// Whether it gets no new meetings because it is found broken.
    pub held_back: bool,
    /// Whether calls pass.
    pub breaker: BreakerState,
    /// Times they were cut off.
    pub breaker_openings: u64,
}

/// A meeting that lives on two nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Whose.
    pub tenant: TenantName,
    /// The tenant's ID for it.
    pub meeting_id: String,
    /// Where calls go.
    pub node: Mount,
    /// Where the other copy is.
    pub other: Mount,
    /// Users in the other copy.
    pub other_users: u32,
}

/// Everything that is known now.
pub(crate) fn of(context: &Context) -> HealthReport {
    let now = crate::clock::now();
    let (fleet, held_back) = (context.nodes(), context.held_back.load());
    let nodes = fleet.values().map(|node| {
        let record = node.record();
        let begun = Some(node.snapshot().begun).filter(|begun| *begun > 0);
        let age = |begun: i64| Duration::from_millis(u64::try_from(now - begun).unwrap_or(0));
        let health = NodeHealth {
            health: record.health(),
            health_age: node.health_age(),
            silent: record.silent_since().map(|since| since.elapsed()),
            snapshot_age: begun.map(age),
            losses: node.losses.load(Relaxed),
            boots: node.boots.load(Relaxed),
            held_back: held_back.contains(&node.node.name),
            breaker: node.client.breaker_state(),
            breaker_openings: node.client.breaker_openings(),
        };
        (node.node.name.clone(), health)
    });
    HealthReport {
        frozen: context.frozen.load(Relaxed),
        freezes: context.freezes.load(Relaxed),
        nodes: nodes.collect(),
        splits: fleet.values().flat_map(|node| node.splits()).collect(),
        splits_found: context.splits_found.load(Relaxed),
        foreign_stores: context.stores.foreign(),
    }
}
