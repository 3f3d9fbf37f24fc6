//! What each tenant has and did, to be looked at.

use std::{collections::BTreeMap, sync::Arc};

use bluegate_cluster::TenantName;
use bluegate_store::{Generation, State};
use bluegate_tenant::Settings;

use crate::{
    context::Context,
    front::outcome::Outcome,
    nodes::lost,
    tenants::{Tenant, shape, usage::LimitKind},
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

/// All tenants, by name.
pub(crate) fn of(context: &Context) -> Vec<TenantReport> {
    let nodes = context.nodes();
    let lost = lost(&nodes);
    let is_there = |generation: &Generation| {
        generation.state == State::Live
            && generation.end_requested_at.is_none()
            && !lost.contains(&generation.node)
    };
    let report = |tenant: &Arc<Tenant>| {
        let there = context.ledger.directory().count_of_tenant(&tenant.name, is_there);
        let limited = tenant.usage.limited();
        TenantReport {
            name: tenant.name.clone(),
            settings: tenant.settings.clone(),
            in_file: context.book.is_in_file(&tenant.name),
            secrets: tenant.secrets().len(),
            meetings: there as u64,
            users: shape::users_polled(context, tenant),
            recordings: context.recordings.count(&tenant.name),
            requests: tenant.usage.requests(),
            refused: limited.iter().map(|(limit, refused, _)| (*limit, *refused)).collect(),
            exceeded: limited.iter().map(|(limit, _, exceeded)| (*limit, *exceeded)).collect(),
        }
    };
    context.tenants().all().map(report).collect()
}
