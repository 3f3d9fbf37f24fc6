//! The scaler's tenants: those of the file, how the admin API shows and changes
//! them, and what all of them have and did, as metrics.

use bluegate_admin::{
    Exposition, HeldBackTenant,
    Kind::{Counter, Gauge},
    TenantEdit, TenantEdited, TenantEntry, TenantRefusal, TenantRefusalKind, TenantsReport,
    TenantsSource,
};
use bluegate_cluster::Secret;
use bluegate_config::Config;
use bluegate_scaler::{Scaler, TenantChange, TenantConfig, TenantError, TenantReport};
use bluegate_tenant::Form;

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

/// The scaler's tenants, as the admin API shows and changes them.
pub(crate) struct ScalerTenants(pub(crate) Scaler);

/// Bytes of a secret that is made.
const SECRET_BYTES: usize = 32;

impl TenantsSource for ScalerTenants {
    fn report(&self) -> TenantsReport {
        let held_back = self.0.held_back_tenants().into_iter();
        TenantsReport {
            tenants: self.0.tenants().iter().map(entry).collect(),
            held_back: held_back
                .map(|held| HeldBackTenant { name: held.name.to_string(), reason: held.reason })
                .collect(),
        }
    }

    fn edit(&self, edit: TenantEdit) -> TenantEdited {
        let scaler = self.0.clone();
        Box::pin(async move { edited(&scaler, edit).await.map_err(refusal) })
    }
}

async fn edited(scaler: &Scaler, edit: TenantEdit) -> Result<Option<Secret>, TenantError> {
    match edit {
        TenantEdit::Add { name, mut secrets, settings } => {
            let made = secrets.is_empty().then(new_secret);
            secrets.extend(made.clone());
            scaler.add_tenant(name, secrets, settings).await.map(|()| made)
        }
        TenantEdit::Change { name, secrets, settings } => {
            scaler.change_tenant(&name, TenantChange { settings, secrets }).await.map(|()| None)
        }
        TenantEdit::Remove { name, insist } => {
            scaler.remove_tenant(&name, insist).await.map(|()| None)
        }
    }
}

fn new_secret() -> Secret {
    let bytes: [u8; SECRET_BYTES] = rand::random();
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Secret::new(&text).expect("64 digits are not empty")
}

fn entry(tenant: &TenantReport) -> TenantEntry {
    let refused = tenant.refused.iter();
    TenantEntry {
        name: tenant.name.to_string(),
        source: if tenant.in_file { "file" } else { "api" }.to_owned(),
        secrets: tenant.secrets,
        meetings: tenant.meetings,
        users: tenant.users,
        refused: refused.map(|(limit, count)| (limit.as_str().to_owned(), *count)).collect(),
        settings: Form::from(&tenant.settings),
    }
}

fn refusal(error: TenantError) -> TenantRefusal {
    let kind = match &error {
        TenantError::Unknown(_) => TenantRefusalKind::Unknown,
        TenantError::InFile(_) => TenantRefusalKind::InFile,
        TenantError::Clash { .. } => TenantRefusalKind::Clash,
        TenantError::HasMeetings { .. } => TenantRefusalKind::HasMeetings,
        TenantError::NoSecret | TenantError::TooMany => TenantRefusalKind::Invalid,
        TenantError::Key(_) | TenantError::Store(_) => TenantRefusalKind::Unavailable,
    };
    let error = anyhow::Error::from(error);
    if kind == TenantRefusalKind::Unavailable {
        tracing::error!("tenants were not changed: {error:#}");
    }
    TenantRefusal { kind, message: format!("{error:#}") }
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
    let gauges: [Gauged; 4] = [
        ("bluegate_tenant_enabled", "Whether the tenant may have new meetings", |tenant| {
            u64::from(tenant.settings.enabled)
        }),
        ("bluegate_tenant_meetings", "Meetings of the tenant, without breakout rooms", |tenant| {
            tenant.meetings
        }),
        ("bluegate_tenant_users", "Users in the tenant's meetings", |tenant| tenant.users),
        (
            "bluegate_tenant_recordings",
            "Recordings of the tenant, without deleted ones",
            |tenant| tenant.recordings,
        ),
    ];
    for (name, help, of) in gauges {
        let samples = tenants.iter().map(|tenant| ([("tenant", tenant.name.as_str())], of(tenant)));
        out.family(name, Gauge, help, samples);
    }
    let limits = tenants.iter().flat_map(|tenant| {
        let limits = tenant.settings.limits;
        let limits = [
            ("meetings", limits.meetings),
            ("users", limits.users),
            ("requests", limits.requests),
            ("recordings", limits.recordings),
        ];
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
