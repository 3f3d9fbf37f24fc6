//! The scaler's tenants: those of the file, and what all of them have and did, as
//! metrics.

use bluegate_admin::{
    Exposition,
    Kind::{Counter, Gauge},
};
use bluegate_config::Config;
use bluegate_scaler::{Scaler, TenantConfig, TenantReport};

use crate::serve::secrets;

/// The tenant whose meeting IDs are the same on the nodes.
const PLAIN_TENANT: &str = "default";

/// The tenants of a file, with the secrets that their files hold now.
pub(crate) fn of_file(config: &Config) -> Result<Vec<TenantConfig>, anyhow::Error> {
    let read = |tenant: &bluegate_config::TenantEntry| {
        Ok(TenantConfig {
            name: tenant.name.clone(),
            secrets: secrets::read(&tenant.secret_file)?,
            plain: tenant.name.as_str() == PLAIN_TENANT,
            settings: tenant.settings.clone(),
        })
    };
    config.tenants.iter().map(read).collect()
}

/// A gauge's name, its help, and how it is read off.
type Gauged = (&'static str, &'static str, fn(&TenantReport) -> u64);

/// The tenants' metrics. Labels are their names and words of ours: a call that we
/// do not know counts as `other`.
pub(crate) fn metrics(out: &mut Exposition, scaler: &Scaler) {
    let help = "Tenants that were added at run time and are not in force";
    let held_back = scaler.held_back_tenants().len();
    out.single("bluegate_tenants_held_back", Gauge, help, held_back);
    of_tenants(out, &scaler.tenants());
}

fn of_tenants(out: &mut Exposition, tenants: &[TenantReport]) {
    let requests = tenants.iter().flat_map(|tenant| {
        tenant.requests.iter().map(|((call, outcome), count)| {
            let labels =
                [("tenant", tenant.name.as_str()), ("call", *call), ("outcome", outcome.as_str())];
            (labels, *count)
        })
    });
    let help = "Signed API requests answered, by tenant, call and how they ended";
    out.family("bluegate_tenant_requests_total", Counter, help, requests);
    let gauges: [Gauged; 3] = [
        ("bluegate_tenant_enabled", "Whether the tenant may have new meetings", |tenant| {
            u64::from(tenant.settings.enabled)
        }),
        ("bluegate_tenant_meetings", "Meetings of the tenant, without breakout rooms", |tenant| {
            tenant.meetings
        }),
        ("bluegate_tenant_users", "Users in the tenant's meetings", |tenant| tenant.users),
    ];
    for (name, help, of) in gauges {
        let samples = tenants.iter().map(|tenant| ([("tenant", tenant.name.as_str())], of(tenant)));
        out.family(name, Gauge, help, samples);
    }
    let limits = tenants.iter().flat_map(|tenant| {
        let limits = tenant.settings.limits;
        let limits =
            [("meetings", limits.meetings), ("users", limits.users), ("requests", limits.requests)];
        limits.into_iter().flat_map(move |(limit, bounds)| {
            [("soft", bounds.soft), ("hard", bounds.hard)].into_iter().filter_map(
                move |(kind, bound)| {
                    let labels =
                        [("tenant", tenant.name.as_str()), ("limit", limit), ("kind", kind)];
                    Some((labels, bound?.get()))
                },
            )
        })
    });
    out.family("bluegate_tenant_limit", Gauge, "The tenant's limits", limits);
    let limited = tenants.iter().flat_map(|tenant| {
        let of = |kind: &'static str, counts: &std::collections::BTreeMap<_, u64>| {
            let counts = counts.iter().filter(|(_, count)| **count > 0);
            let counts = counts.map(|(limit, count): (&bluegate_scaler::LimitKind, _)| {
                (
                    [("tenant", tenant.name.as_str()), ("limit", limit.as_str()), ("kind", kind)],
                    *count,
                )
            });
            counts.collect::<Vec<_>>()
        };
        [of("hard", &tenant.refused), of("soft", &tenant.exceeded)].concat()
    });
    let help = "Requests that a limit met: refused at a hard one, let pass above a soft one";
    out.family("bluegate_tenant_limited_total", Counter, help, limited);
}
