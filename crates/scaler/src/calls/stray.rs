//! Meetings that another balancer made on our nodes, under an ID that is created
//! here now: in the seconds between the last import and the switch, or by a
//! Scalelite that had forgotten them.
//!
//! A create of a plain tenant goes to the node that lists such a meeting, as
//! if it were placed there: the node compares the passwords and answers as to
//! any repeated create. Placed elsewhere, the class would be split.

use bluegate_bbb_api::{Document, Failure, ids::Scope};
use bluegate_cluster::Mount;
use bluegate_tenant::Operator;

use crate::{context::Context, health::Health, nodes::PolledMeeting, tenants::Tenant};

/// What Scalelite says in a meeting's metadata of whose it is.
const TENANT_ID: &str = "tenant-id";

/// The node where a meeting of this ID runs that nobody here knows; of several,
/// the one with most users.
///
/// # Errors
/// [`Failure::IdNotUnique`] when it is another tenant's.
pub(crate) fn node_of(
    context: &Context,
    tenant: &Tenant,
    meeting_id: &str,
    node_meeting_id: &str,
) -> Result<Option<Mount>, Failure> {
    let directory = context.ledger.directory();
    if tenant.scope != Scope::Plain || directory.meeting(&tenant.meeting(meeting_id)).is_some() {
        return Ok(None);
    }
    let mut found: Option<(u32, Mount)> = None;
    for node in context.nodes().values().filter(|node| node.health() != Health::Lost) {
        let snapshot = node.snapshot();
        let Some(meeting) = snapshot.external(node_meeting_id) else { continue };
        let facts = &meeting.facts;
        let is_known = facts.stamp.is_some() || directory.stands_for(&facts.internal_id);
        if is_known || facts.is_breakout {
            continue;
        }
        if tenant_id(meeting) != own_id(tenant) {
            return Err(Failure::IdNotUnique);
        }
        if found.as_ref().is_none_or(|(users, _)| *users < facts.users) {
            found = Some((facts.users, node.node.name.clone()));
        }
    }
    if let Some((_, node)) = &found {
        tracing::info!(
            tenant.id = %tenant.name, node.id = %node,
            "a meeting that another balancer made goes on where it is"
        );
    }
    Ok(found.map(|(_, node)| node))
}

/// Whose a meeting is by Scalelite's word.
fn tenant_id(meeting: &PolledMeeting) -> Option<String> {
    let shown = Document::parse(&meeting.shown).ok()?;
    let id = shown.root().child("metadata")?.text_of(TENANT_ID)?;
    Some(id).filter(|id| !id.is_empty())
}

/// What Scalelite called this tenant, when it was taken over from there.
fn own_id(tenant: &Tenant) -> Option<String> {
    let rules = tenant.settings.create.rules().iter();
    let mut rules = rules.filter(|rule| rule.name().strip_prefix("meta_") == Some(TENANT_ID));
    rules.next()?.operators().iter().find_map(|operator| match operator {
        Operator::Set(id) => Some(id.clone()),
        _ => None,
    })
}
