//! What a tenant's settings make of a request, before any call looks at it.

use bluegate_bbb_api::{Call, Failure};
use bluegate_cluster::Mount;
use bluegate_tenant::Limit;
use http::HeaderValue;
use tokio::time::Instant;

use crate::{
    clock,
    context::Context,
    front::{intake::ApiRequest, reply::Reply, route::Named, waiting::Waiting},
    health::Health,
    nodes::{Nodes, occupancy},
    tenants::{
        Tenant,
        quota::{self, Allowance},
        usage::{LimitKind, Polled},
    },
};

const XML: HeaderValue = HeaderValue::from_static("application/xml");

/// Takes the request on, its parameters as the tenant's rules have them.
///
/// # Errors
/// The reply, when the tenant has had its requests of this second.
pub(crate) fn shape(request: &mut ApiRequest) -> Result<(), Reply> {
    let settings = &request.tenant.settings;
    let (usage, rate) = (&request.tenant.usage, settings.limits.requests);
    let now = Instant::now();
    let over_soft = rate.soft.is_some_and(|soft| !usage.soft_bucket.take(soft.get(), now));
    if rate.hard.is_some_and(|hard| !usage.hard_bucket.take(hard.get(), now)) {
        let failure = refused(&request.tenant, LimitKind::Requests);
        return Err(match request.person {
            // A person's browser asks again by itself.
            Some(language) => Reply::Wait(Waiting { language, node: None }),
            None => failure.into(),
        });
    }
    if over_soft {
        exceeded(&request.tenant, LimitKind::Requests);
    }
    let settings = &request.tenant.settings;
    match request.call {
        Named::Known(Call::Create) => {
            settings.shape_create(&mut request.parameters);
            let document = request.document.as_ref().map(|(_, bytes)| bytes.as_ref());
            let brought = settings
                .presentation
                .as_ref()
                .and_then(|presentation| presentation.bring(&mut request.parameters, document));
            if let Some(modules) = brought {
                request.document = Some((XML, modules.into()));
            }
        }
        Named::Known(Call::Join) => settings.join.apply(&mut request.parameters),
        _ => {}
    }
    Ok(())
}

/// Counts that a soft limit is exceeded, and tells the operator now and then.
pub(crate) fn exceeded(tenant: &Tenant, limit: LimitKind) {
    if tenant.usage.exceeded(limit, clock::now()) {
        tracing::warn!(
            tenant.id = %tenant.name, limit = limit.as_str(), "a tenant is above its soft limit"
        );
    }
}

/// Counts that a hard limit refuses a call; what that is answered with.
pub(crate) fn refused(tenant: &Tenant, limit: LimitKind) -> Failure {
    tenant.usage.refused(limit);
    tracing::debug!(tenant.id = %tenant.name, limit = limit.as_str(), "a tenant is at its limit");
    quota::failure(limit)
}

/// Whether a tenant may send one user more to `node`.
///
/// # Errors
/// The failure, when it has all the users it may have.
pub(crate) fn user_more(context: &Context, tenant: &Tenant, node: &Mount) -> Result<(), Failure> {
    let limit = tenant.settings.limits.users;
    if limit == Limit::default() {
        return Ok(());
    }
    match quota::new_user(limit, users_there(context, tenant)) {
        Allowance::Refused(limit) => Err(refused(tenant, limit)),
        Allowance::Granted(soft) => {
            soft.into_iter().for_each(|limit| exceeded(tenant, limit));
            let bound = limit.hard.or(limit.soft).map_or(1, |bound| bound.get() as usize);
            tenant.usage.arrives(node, clock::now(), bound);
            Ok(())
        }
    }
}

/// Users that a tenant has now: those of the last polls, and those who were
/// sent to a node since.
pub(crate) fn users_there(context: &Context, tenant: &Tenant) -> u64 {
    let (looks, nodes) = (context.fleet.looks(), context.nodes());
    tenant.usage.users(looks, || users_polled(context, &nodes, tenant))
}

/// Users that a tenant has as the last polls counted them. What is on a lost
/// node is gone for its frontends.
fn users_polled<'a>(context: &Context, nodes: &'a Nodes, tenant: &Tenant) -> Polled<'a> {
    let mut polled = Polled::default();
    for (name, node) in nodes {
        let here = occupancy::of(context, node);
        polled.begun.insert(name, here.begun);
        if node.health() != Health::Lost {
            polled.users += here.share(&tenant.name).users;
        }
    }
    polled
}
