//! What tenants' limits and rules would make of calls, counted. The limits are
//! judged as the scaler judges them; what they are measured by is reckoned.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bluegate_bbb_api::{Call, Parameters};
use bluegate_cluster::TenantName;
use bluegate_tenant::Limit;
use tokio::time::Instant;

use super::morning::Load;
use crate::{
    config::TenantConfig,
    tenants::{
        bucket::Bucket,
        quota::{Allowance, Quota, new_user},
        usage::LimitKind,
    },
};

/// Times above a tenant's limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Met {
    /// Calls refused at the hard one.
    pub(super) refused: u64,
    /// Calls let pass above the soft one.
    pub(super) exceeded: u64,
}

/// What rules do to a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    Added,
    Changed,
    Removed,
}

impl Effect {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// A call's parameter and what becomes of it.
pub(super) type Changed = (TenantName, &'static str, String, Effect);

/// Judges calls.
#[derive(Debug)]
pub(super) struct Judge {
    /// The moment that the first call's time stands for.
    start: Instant,
    first: Option<i64>,
    /// Requests that the soft and the hard limit still leave.
    buckets: BTreeMap<TenantName, [Bucket; 2]>,
    pub(super) met: BTreeMap<(TenantName, LimitKind), Met>,
    pub(super) changed: BTreeMap<Changed, u64>,
}

impl Default for Judge {
    fn default() -> Self {
        let (buckets, met) = (BTreeMap::new(), BTreeMap::new());
        Self { start: Instant::now(), first: None, buckets, met, changed: BTreeMap::new() }
    }
}

impl Judge {
    /// Whether a tenant has this request left.
    pub(super) fn request(&mut self, tenant: &TenantConfig, at: i64) -> bool {
        let rate = tenant.settings.limits.requests;
        if rate == Limit::default() {
            return true;
        }
        let since = at.saturating_sub(*self.first.get_or_insert(at));
        let now = self.start + Duration::from_millis(u64::try_from(since).unwrap_or(0));
        let [soft, hard] = self.buckets.entry(tenant.name.clone()).or_default();
        let over_soft = rate.soft.is_some_and(|most| !soft.take(most.get(), now));
        let refused = rate.hard.is_some_and(|most| !hard.take(most.get(), now));
        let allowance = match (refused, over_soft) {
            (true, _) => Allowance::Refused(LimitKind::Requests),
            (false, true) => Allowance::Granted(vec![LimitKind::Requests]),
            (false, false) => return true,
        };
        self.count(tenant, allowance).is_none()
    }

    /// Which limit keeps a tenant that has so much from one meeting more.
    pub(super) fn new_meeting(&mut self, tenant: &TenantConfig, there: Load) -> Option<LimitKind> {
        let quota = Quota::new(&tenant.settings, there.users);
        self.count(tenant, quota.new_meeting(|| there.meetings))
    }

    /// Whether a tenant may have one user more; they are counted only where there
    /// is a limit.
    pub(super) fn new_user(&mut self, tenant: &TenantConfig, there: impl FnOnce() -> u64) -> bool {
        let limit = tenant.settings.limits.users;
        limit == Limit::default() || self.count(tenant, new_user(limit, there())).is_none()
    }

    fn count(&mut self, tenant: &TenantConfig, allowance: Allowance) -> Option<LimitKind> {
        let mut note = |kind, note: fn(&mut Met)| {
            note(self.met.entry((tenant.name.clone(), kind)).or_default());
        };
        match allowance {
            Allowance::Refused(kind) => {
                note(kind, |met| met.refused += 1);
                Some(kind)
            }
            Allowance::Granted(soft) => {
                soft.into_iter().for_each(|kind| note(kind, |met| met.exceeded += 1));
                None
            }
        }
    }

    /// Makes of a create what the tenant's rules say.
    pub(super) fn shape_create(&mut self, tenant: &TenantConfig, parameters: &mut Parameters) {
        let before = parameters.clone();
        tenant.settings.shape_create(parameters);
        self.note(tenant, Call::Create, &before, parameters);
    }

    /// Makes of a join what the tenant's rules say.
    pub(super) fn shape_join(&mut self, tenant: &TenantConfig, parameters: &mut Parameters) {
        let before = parameters.clone();
        tenant.settings.join.apply(parameters);
        self.note(tenant, Call::Join, &before, parameters);
    }

    fn note(&mut self, tenant: &TenantConfig, call: Call, before: &Parameters, after: &Parameters) {
        if before == after {
            return;
        }
        let names: BTreeSet<String> =
            before.iter().chain(after.iter()).map(|(name, _)| name).collect();
        for name in names {
            let effect = match (before.text(&name), after.text(&name)) {
                (None, Some(_)) => Effect::Added,
                (Some(_), None) => Effect::Removed,
                (given, made) if given != made => Effect::Changed,
                _ => continue,
            };
            let key = (tenant.name.clone(), call.name(), name, effect);
            *self.changed.entry(key).or_default() += 1;
        }
    }
}

/// Why a limit refuses a meeting, for people.
pub(super) fn describe(limit: LimitKind) -> &'static str {
    match limit {
        LimitKind::Disabled => "the tenant is disabled",
        LimitKind::Meetings => "the tenant's limit of meetings is reached",
        LimitKind::Users => "the tenant's limit of users is reached",
        LimitKind::Requests => "the tenant's limit of requests per second is reached",
        LimitKind::Recordings => "the tenant's limit of recordings is reached",
    }
}
