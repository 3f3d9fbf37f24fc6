//! Which tenants are in force: those of the file and those that were added at
//! run time. Pure.

use std::collections::HashMap;

use bluegate_cluster::{HostName, TenantName};

use crate::config::TenantConfig;

/// Why two tenants cannot be in force together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantClash {
    /// One name for two.
    #[error("there is a tenant `{0}` already")]
    Name(TenantName),
    /// A secret that would let in two tenants.
    #[error("it has a secret of tenant `{0}`")]
    Secret(TenantName),
    /// A host name that would be two tenants'.
    #[error("`{1}` is a host of tenant `{0}`")]
    Host(TenantName, HostName),
}

/// Tenants side by side, and those that do not fit beside the ones before them.
#[derive(Debug)]
pub(crate) struct Merged<'a> {
    pub(crate) in_force: Vec<&'a TenantConfig>,
    pub(crate) clashes: Vec<(&'a TenantConfig, TenantClash)>,
}

/// Puts tenants side by side; of two that clash, the first stays.
pub(crate) fn merge<'a>(tenants: impl IntoIterator<Item = &'a TenantConfig>) -> Merged<'a> {
    let mut merged = Merged { in_force: Vec::new(), clashes: Vec::new() };
    let mut secrets: HashMap<&str, &TenantName> = HashMap::new();
    let mut hosts: HashMap<&HostName, &TenantName> = HashMap::new();
    for tenant in tenants {
        let same_name = merged.in_force.iter().any(|other| other.name == tenant.name);
        let by_secret = tenant.secrets.iter().find_map(|secret| secrets.get(secret.expose()));
        let by_host = tenant.settings.hosts.iter().find_map(|host| hosts.get_key_value(host));
        let clash = match (same_name, by_secret, by_host) {
            (true, ..) => TenantClash::Name(tenant.name.clone()),
            (_, Some(other), _) => TenantClash::Secret((*other).clone()),
            (_, _, Some((host, other))) => TenantClash::Host((*other).clone(), (*host).clone()),
            (false, None, None) => {
                for secret in &tenant.secrets {
                    secrets.insert(secret.expose(), &tenant.name);
                }
                for host in &tenant.settings.hosts {
                    hosts.insert(host, &tenant.name);
                }
                merged.in_force.push(tenant);
                continue;
            }
        };
        merged.clashes.push((tenant, clash));
    }
    merged
}

#[cfg(test)]
mod tests {
    use bluegate_cluster::Secret;
    use bluegate_tenant::Form;

    use super::*;

    fn tenant(name: &str, secret: &str, host: &str) -> TenantConfig {
        let form = Form { hosts: vec![host.to_owned()], ..Form::default() };
        TenantConfig {
            name: name.parse().unwrap(),
            secrets: vec![Secret::new(secret).unwrap()],
            plain: false,
            settings: form.try_into().unwrap(),
        }
    }

    #[test]
    fn of_two_that_clash_the_first_stays() {
        let all = [
            tenant("a", "s", "a.org"),
            tenant("a", "t", "b.org"),
            tenant("b", "s", "b.org"),
            tenant("c", "u", "a.org"),
            tenant("d", "t", "b.org"),
        ];
        let merged = merge(&all);
        let names: Vec<_> = merged.in_force.iter().map(|tenant| tenant.name.as_str()).collect();
        assert_eq!(names, ["a", "d"]);
        let clashes: Vec<_> = merged.clashes.iter().map(|(_, clash)| clash.to_string()).collect();
        assert_eq!(
            clashes,
            [
                "there is a tenant `a` already",
                "it has a secret of tenant `a`",
                "`a.org` is a host of tenant `a`"
            ]
        );
    }
}
