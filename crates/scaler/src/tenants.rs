//! Who calls: tenants, how they are told apart, and their secrets.

pub(crate) mod book;
pub(crate) mod bucket;
mod event;
pub(crate) mod merge;
pub(crate) mod quota;
pub(crate) mod report;
pub(crate) mod shape;
pub(crate) mod usage;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bluegate_bbb_api::{checksum::Presented, ids::Scope};
use bluegate_cluster::{HostName, Secret, TenantMeetingId, TenantName};
use bluegate_tenant::Settings;

use crate::{config::TenantConfig, tenants::usage::Usage};

/// A tenant as requests know it.
#[derive(Debug)]
pub(crate) struct Tenant {
    /// Its name.
    pub(crate) name: TenantName,
    /// How its meeting IDs appear on nodes.
    pub(crate) scope: Scope,
    /// What it may and gets.
    pub(crate) settings: Settings,
    /// What it did; outlives a change of its settings.
    pub(crate) usage: Arc<Usage>,
    secrets: Vec<Secret>,
}

/// All tenants.
#[derive(Debug, Default)]
pub(crate) struct Tenants {
    by_name: BTreeMap<TenantName, Arc<Tenant>>,
    by_host: HashMap<HostName, Arc<Tenant>>,
}

/// The tenant that an address names, by its path or its host.
#[derive(Debug)]
pub(crate) enum Addressed {
    /// It names none: any tenant may call.
    Nobody,
    /// It names this one, and only this one may call.
    Tenant(Arc<Tenant>),
    /// It names one that there is not, or two.
    Unknown,
}

impl Tenants {
    /// These tenants, of which none shares its name, a host or a secret with
    /// another; those that were there `before` go on counting.
    pub(crate) fn new(tenants: Vec<TenantConfig>, before: &Self) -> Self {
        let mut all = Self::default();
        for config in tenants {
            let scope = if config.plain { Scope::Plain } else { Scope::Scoped };
            let known = before.get(&config.name).map(|tenant| Arc::clone(&tenant.usage));
            let tenant = Arc::new(Tenant {
                name: config.name,
                scope,
                settings: config.settings,
                usage: known.unwrap_or_default(),
                secrets: config.secrets,
            });
            for host in &tenant.settings.hosts {
                all.by_host.insert(host.clone(), Arc::clone(&tenant));
            }
            all.by_name.insert(tenant.name.clone(), tenant);
        }
        all
    }

    pub(crate) fn get(&self, name: &TenantName) -> Option<&Arc<Tenant>> {
        self.by_name.get(name)
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Tenant>> {
        self.by_name.values()
    }

    /// The hosts that are tenants' own, sorted.
    pub(crate) fn hosts(&self) -> Vec<HostName> {
        let mut hosts: Vec<HostName> = self.by_host.keys().cloned().collect();
        hosts.sort();
        hosts
    }

    /// Whether the host of this authority is a tenant's own.
    pub(crate) fn has_host(&self, authority: &str) -> bool {
        HostName::of_authority(authority).is_some_and(|host| self.by_host.contains_key(&host))
    }

    /// The tenant that a request's authority and the segment behind `/t/` name.
    pub(crate) fn addressed(&self, authority: Option<&str>, path: Option<&str>) -> Addressed {
        // Most have no hosts of their own, and every request asks.
        let authority = authority.filter(|_| !self.by_host.is_empty());
        let host = authority.and_then(HostName::of_authority);
        let by_host = host.and_then(|host| self.by_host.get(&host));
        let by_path = path.map(|name| name.parse().ok().and_then(|name| self.get(&name)));
        match (by_host, by_path) {
            (None, None) => Addressed::Nobody,
            (Some(tenant), None) | (None, Some(Some(tenant))) => {
                Addressed::Tenant(Arc::clone(tenant))
            }
            (Some(host), Some(Some(path))) if host.name == path.name => {
                Addressed::Tenant(Arc::clone(host))
            }
            (_, Some(_)) => Addressed::Unknown,
        }
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

    /// Its secrets: the first signs what nobody's call asked for.
    pub(crate) fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    /// Whether one of this tenant's secrets made the checksum. Without a secret
    /// nothing is authentic.
    pub(crate) fn is_authentic(&self, presented: &Presented) -> bool {
        self.secrets.iter().fold(false, |found, secret| presented.is_signed_by(secret) | found)
    }
}

#[cfg(test)]
mod tests {
    use bluegate_tenant::Form;

    use super::*;

    fn tenants(of: &[(&str, &[&str], &[&str])]) -> Tenants {
        let configs = of.iter().map(|(name, hosts, secrets)| TenantConfig {
            name: name.parse().unwrap(),
            secrets: secrets.iter().map(|text| Secret::new(text).unwrap()).collect(),
            plain: false,
            settings: Form {
                hosts: hosts.iter().map(ToString::to_string).collect(),
                ..Form::default()
            }
            .try_into()
            .unwrap(),
        });
        Tenants::new(configs.collect(), &Tenants::default())
    }

    #[test]
    fn an_address_names_a_tenant_by_host_and_path() {
        let all = tenants(&[("a", &["a.example.org"], &["s"]), ("b", &[], &["t"])]);
        for (authority, path, wanted) in [
            (Some("api.example.org"), None, "nobody"),
            (None, None, "nobody"),
            (Some("A.example.org:8443"), None, "a"),
            (Some("api.example.org"), Some("b"), "b"),
            (Some("a.example.org"), Some("a"), "a"),
            (Some("a.example.org"), Some("b"), "unknown"),
            (Some("a.example.org"), Some("nobody"), "unknown"),
            (Some("api.example.org"), Some("B"), "unknown"),
            (Some("x.a.example.org"), None, "nobody"),
        ] {
            let got = match all.addressed(authority, path) {
                Addressed::Nobody => "nobody".to_owned(),
                Addressed::Tenant(tenant) => tenant.name.to_string(),
                Addressed::Unknown => "unknown".to_owned(),
            };
            assert_eq!(got, wanted, "{authority:?} {path:?}");
        }
    }

    #[test]
    fn without_a_secret_nobody_gets_in() {
        let all = tenants(&[("a", &[], &[]), ("b", &[], &["t"])]);
        // Signed with an empty secret, as who knows none would.
        let digest = "7c77eb87aee52c58f38af3f45bd3913a9d084aaa";
        for query in [format!("checksum={digest}"), "checksum=".to_owned(), String::new()] {
            let presented = Presented::read("getMeetings", &query, None);
            assert!(presented.ok().is_none_or(|presented| all.authenticate(&presented).is_none()));
        }
        assert!(Secret::new("").is_err() && Secret::new(" \n").is_err());
    }
}
