//! What each tenant has and did, to be looked at.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bluegate_cluster::TenantName;
use bluegate_tenant::Settings;

use crate::{
    context::Context,
    front::outcome::Outcome,
    health::Health,
    nodes::occupancy::{self, Occupancy, Share},
    tenants::{Tenant, usage::LimitKind},
};

/// One tenant.
#[derive(Clone, Debug)]
pub struct TenantReport {
    /// Its name.
    pub name: TenantName,
    /// What it may and gets.
    pub settings: Settings,
    /// Whether the configuration file has it; else it was added at run time.
    pub in_file: bool,
    /// How many secrets it has.
    pub secrets: usize,
    /// Its meetings now, as getMeetings lists them, without breakout rooms.
    pub meetings: u64,
    /// Its users now, as the last polls counted them.
    pub users: u64,
    /// Its recordings, without deleted ones.
    pub recordings: u64,
    /// Requests answered since the start, by call and outcome.
    pub requests: BTreeMap<(&'static str, Outcome), u64>,
    /// Refusals at each hard limit since the start.
    pub refused: BTreeMap<LimitKind, u64>,
    /// What went above each soft limit since the start.
    pub exceeded: BTreeMap<LimitKind, u64>,
}

/// All tenants, by name. From what each node's poll counted, so that it takes no
/// look at every meeting.
pub(crate) fn of(context: &Context) -> Vec<TenantReport> {
    let nodes = context.nodes();
    let occupancies: Vec<Arc<Occupancy>> = nodes
        .values()
        .filter(|node| node.health() != Health::Lost)
        .map(|node| occupancy::of(context, node))
        .collect();
    let mut shares: HashMap<&TenantName, Share> = HashMap::new();
    for (tenant, here) in occupancies.iter().flat_map(|occupancy| &occupancy.tenants) {
        let share = shares.entry(tenant).or_default();
        share.meetings += here.meetings;
        share.users += here.users;
    }
    let in_file = context.book.in_file();
    let report = |tenant: &Arc<Tenant>| {
        let Share { meetings, users } = shares.get(&tenant.name).copied().unwrap_or_default();
        let limited = tenant.usage.limited();
        TenantReport {
            name: tenant.name.clone(),
            settings: tenant.settings.clone(),
            in_file: in_file.contains(&tenant.name),
            secrets: tenant.secrets().len(),
            meetings,
            users,
            recordings: context.recordings.count(&tenant.name),
            requests: tenant.usage.requests(),
            refused: limited.iter().map(|(limit, refused, _)| (*limit, *refused)).collect(),
            exceeded: limited.iter().map(|(limit, _, exceeded)| (*limit, *exceeded)).collect(),
        }
    };
    context.tenants().all().map(report).collect()
}
