//! Who calls: tenants and their secrets.

use std::{collections::BTreeMap, sync::Arc};

use bluegate_bbb_api::{checksum::Presented, ids::Scope};
use bluegate_cluster::{Secret, TenantMeetingId, TenantName};

use crate::config::TenantConfig;

/// A tenant as requests know it.
#[derive(Debug)]
pub(crate) struct Tenant {
    /// Its name.
    pub(crate) name: TenantName,
    /// How its meeting IDs appear on nodes.
    pub(crate) scope: Scope,
    secrets: Vec<Secret>,
}

/// All tenants.
#[derive(Debug)]
pub(crate) struct Tenants {
    by_name: BTreeMap<TenantName, Arc<Tenant>>,
}

impl Tenants {
    pub(crate) fn new(tenants: Vec<TenantConfig>) -> Self {
        let by_name = tenants
            .into_iter()
            .map(|config| {
                let scope = if config.plain { Scope::Plain } else { Scope::Scoped };
                let tenant = Tenant { name: config.name, scope, secrets: config.secrets };
                (tenant.name.clone(), Arc::new(tenant))
            })
            .collect();
        Self { by_name }
    }

    pub(crate) fn get(&self, name: &TenantName) -> Option<&Arc<Tenant>> {
        self.by_name.get(name)
    }

    /// The tenant whose secret made this checksum. Every secret is tried,
    /// whichever matches: how long it takes tells nothing.
    pub(crate) fn authenticate(&self, presented: &Presented) -> Option<Arc<Tenant>> {
        let mut found = None;
        for tenant in self.by_name.values() {
            if tenant.is_authentic(presented) {
                found.get_or_insert_with(|| Arc::clone(tenant));
            }
        }
        found
    }
}

impl Tenant {
    /// The meeting this tenant calls `id`.
    pub(crate) fn meeting(&self, id: &str) -> TenantMeetingId {
        TenantMeetingId::new(&self.name, id)
    }

    /// Whether one of this tenant's secrets made the checksum.
    pub(crate) fn is_authentic(&self, presented: &Presented) -> bool {
        self.secrets.iter().fold(false, |found, secret| presented.is_signed_by(secret) | found)
    }
}
