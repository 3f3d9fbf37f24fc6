//! What a shadow would have done differently.

use std::collections::BTreeMap;

use bluegate_tenant::Limit;
use serde::Serialize;

use super::{MOST_KEPT, Shadow};

/// All of it. Times are milliseconds since 1970; no user is in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShadowReport {
    /// The first call that was decided.
    pub from: Option<i64>,
    /// The last.
    pub to: i64,
    /// Calls, by name; `other` for those that we do not know.
    pub calls: BTreeMap<String, u64>,
    /// Lines and requests that are no calls of the API.
    pub skipped: u64,
    /// Create, join and end calls that no secret here signed: they would be
    /// refused. Forms that were posted are among them: their signature is in the
    /// body, which is in no log.
    pub unsigned: u64,
    /// Meetings that we would have placed.
    pub placed: u64,
    /// Of these, on the node where they were.
    pub same: u64,
    /// On another.
    pub different: u64,
    /// Nobody was seen to be sent to them.
    pub uncompared: u64,
    /// Meetings that were there before the first call.
    pub unseen: u64,
    /// Creates that would have been refused.
    pub refused: u64,
    /// The first of them.
    pub refusals: Vec<Refusal>,
    /// Calls that tenants' limits meet, by tenant and limit.
    pub limits: Vec<LimitShare>,
    /// What tenants' rules would have made of parameters.
    pub changes: Vec<Change>,
    /// The first that would be elsewhere.
    pub differences: Vec<Difference>,
    /// When there were most users.
    pub busiest: i64,
    /// How many.
    pub users: u64,
    /// Where they were then.
    pub nodes: Vec<NodeShare>,
    /// The widest gap in users between two nodes in any minute, here.
    pub widest_gap: u64,
    /// The same at the other balancer, when it is known where its meetings were.
    pub widest_gap_there: Option<u64>,
    /// What calls cannot tell, so that it is not in the numbers.
    pub not_known: Vec<String>,
}

/// Calls that a limit of a tenant meets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LimitShare {
    /// Whose.
    pub tenant: String,
    /// Which.
    pub limit: &'static str,
    /// Calls that would have been refused.
    pub refused: u64,
    /// Calls that would have passed above the soft limit.
    pub exceeded: u64,
}

/// What the rules of a tenant would have made of a parameter; no value is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Whose.
    pub tenant: String,
    /// `create` or `join`.
    pub call: &'static str,
    /// Which.
    pub parameter: String,
    /// `added`, `changed` or `removed`.
    pub effect: &'static str,
    /// In how many calls.
    pub calls: u64,
}

/// A create that would have been refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// When.
    pub at: i64,
    /// Whose.
    pub tenant: String,
    /// Which.
    pub meeting: String,
    /// Why.
    pub reason: String,
}

/// A meeting that would have been elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// When it was created.
    pub at: i64,
    /// Whose.
    pub tenant: String,
    /// Which.
    pub meeting: String,
    /// Where it was.
    pub there: String,
    /// Where it would have been.
    pub here: String,
}

/// A node in the busiest minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeShare {
    /// Its name.
    pub node: String,
    /// Users on it, as we would have placed them.
    pub users: u64,
    /// Users that were on it, when that is known.
    pub users_there: Option<u64>,
    /// Meetings on it, as we would have placed them.
    pub meetings: u64,
    /// Meetings that were on it, when that is known.
    pub meetings_there: Option<u64>,
}

pub(super) fn of(shadow: &Shadow) -> ShadowReport {
    let morning = &shadow.morning;
    let share = |(node, load): (&bluegate_cluster::Mount, &super::morning::Load)| {
        let there = morning.busiest.theirs.get(node).copied().unwrap_or_default();
        NodeShare {
            node: node.to_string(),
            users: load.users,
            users_there: morning.compares.then_some(there.users),
            meetings: load.meetings,
            meetings_there: morning.compares.then_some(there.meetings),
        }
    };
    let differences = morning.differing.iter().take(MOST_KEPT).map(|compared| Difference {
        at: compared.at,
        tenant: compared.key.0.to_string(),
        meeting: compared.key.1.clone(),
        there: compared.theirs.to_string(),
        here: compared.ours.to_string(),
    });
    let limits = shadow.judge.met.iter().map(|((tenant, limit), met)| LimitShare {
        tenant: tenant.to_string(),
        limit: limit.as_str(),
        refused: met.refused,
        exceeded: met.exceeded,
    });
    let changes = shadow.judge.changed.iter().map(|((tenant, call, parameter, effect), calls)| {
        let (tenant, parameter, effect) = (tenant.to_string(), parameter.clone(), effect.as_str());
        Change { tenant, call, parameter, effect, calls: *calls }
    });
    ShadowReport {
        from: morning.first,
        to: morning.last,
        calls: shadow.calls.clone(),
        skipped: shadow.lines_skipped,
        unsigned: shadow.unsigned,
        placed: morning.placed(),
        same: morning.same,
        different: morning.differing.len() as u64,
        uncompared: morning.uncompared(),
        unseen: morning.unseen,
        refused: shadow.refused,
        refusals: shadow.refusals.clone(),
        limits: limits.collect(),
        changes: changes.collect(),
        differences: differences.collect(),
        busiest: morning.busiest.at,
        users: morning.busiest.users,
        nodes: morning.busiest.ours.iter().map(share).collect(),
        widest_gap: morning.gap.0,
        widest_gap_there: morning.compares.then_some(morning.gap.1),
        not_known: not_known(shadow),
    }
}

fn not_known(shadow: &Shadow) -> Vec<String> {
    let minutes = shadow.config.stay.as_secs() / 60;
    let mut not_known = vec![format!(
        "who left, and when: all numbers of users take whoever joins to stay {minutes} minutes"
    )];
    if shadow.config.mirrored {
        not_known.push(
            "what the other balancer answered, as a copy of a stream has no answers: where it had \
             its meetings, and which calls it refused itself"
                .to_owned(),
        );
    } else if !shadow.morning.compares && shadow.morning.placed() > 0 {
        not_known.push(
            "where the other balancer had its meetings: the log has no `Location`, see \
             docs/shadow.md"
                .to_owned(),
        );
    }
    for tenant in &shadow.tenants {
        let name = &tenant.name;
        if tenant.settings.limits.recordings != Limit::default() {
            not_known.push(format!(
                "how many recordings `{name}` has: its limit of recordings was not applied"
            ));
        }
        if tenant.settings.presentation.is_some() {
            not_known.push(format!(
                "who brings a presentation to meetings of `{name}`: the one that others would have \
                 got was not compared"
            ));
        }
    }
    not_known
}
