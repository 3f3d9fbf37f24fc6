//! One event of the log for each tenant that changes.

use super::Tenants;

/// Says what is in force now and was not before.
pub(super) fn tell(before: &Tenants, now: &Tenants) {
    for tenant in now.all() {
        let name = &tenant.name;
        match before.get(name) {
            None => tracing::info!(
                target: "bluegate::state", event = "tenant.added", tenant.id = %name,
                "a tenant is new"
            ),
            Some(known) if known.settings.enabled && !tenant.settings.enabled => tracing::warn!(
                target: "bluegate::state", event = "tenant.disabled", tenant.id = %name,
                "the tenant may have no new meetings"
            ),
            Some(known) if !known.settings.enabled && tenant.settings.enabled => tracing::info!(
                target: "bluegate::state", event = "tenant.enabled", tenant.id = %name,
                "the tenant may have new meetings again"
            ),
            Some(known) if known.settings != tenant.settings || known.secrets != tenant.secrets => {
                tracing::info!(
                    target: "bluegate::state", event = "tenant.changed", tenant.id = %name,
                    "the tenant's settings or secrets are others"
                );
            }
            Some(_) => {}
        }
    }
    for tenant in before.all().filter(|tenant| now.get(&tenant.name).is_none()) {
        tracing::warn!(
            target: "bluegate::state", event = "tenant.removed", tenant.id = %tenant.name,
            "the tenant is gone"
        );
    }
}
