//! Did the meeting end? Nobody signs a node's word that it did, so the node is
//! asked before a frontend is told.

use bluegate_bbb_api::{Call, Failure, Outcome, RawQuery};
use bluegate_cluster::TenantMeetingId;
use bluegate_outbox::Prepared;
use bluegate_store::Callback;

use super::prepare::Payload;
use crate::{context::Context, nodes::signing::NodeCall};

/// Times a node is asked that does not answer; then its word is passed on.
const UNANSWERED: i64 = 5;
/// Times a node is asked that says the meeting goes on; then it was not its
/// word.
const DENIED: i64 = 5;

/// What is to happen instead of telling the frontend; `None` when the meeting
/// has ended.
pub(super) async fn confirm(
    context: &Context,
    callback: &Callback,
    payload: &Payload,
) -> Option<Prepared> {
    let internal = payload.says.get("internal").and_then(|value| value.as_str())?;
    // Not open any more: ended on the node's own word, or superseded.
    let named = TenantMeetingId::new(&callback.tenant, internal);
    context.ledger.directory().internal(&named)?;
    let node = context.node(&payload.node)?;
    let mut query = RawQuery::default();
    query.append("meetingID", internal);
    let call = NodeCall::new(Call::GetMeetingInfo.name(), query);
    let Ok(answer) = node.call(call, context.bounds.call_timeout).await else {
        let again = callback.attempts + 1 < UNANSWERED;
        return again.then_some(Prepared::Later("the node does not say whether it has ended"));
    };
    if answer.outcome() == Outcome::Failed {
        let gone = answer.key() == Failure::NotFound.key();
        return (!gone).then_some(Prepared::Later("the node does not say whether it has ended"));
    }
    let ended = answer.text("hasBeenForciblyEnded").as_deref() == Some("true")
        || answer.text("endTime").is_some_and(|time| !matches!(time.trim(), "" | "0"));
    // The meeting there now may be a later one: then its URL is another.
    let has_this_url = payload.url.as_ref().is_none_or(|url| {
        let metadata = answer.root().child("metadata");
        metadata.is_some_and(|data| data.elements().any(|entry| entry.text() == *url))
    });
    if ended || !has_this_url {
        return None;
    }
    Some(if callback.attempts + 1 < DENIED {
        Prepared::Later("the node says that the meeting goes on")
    } else {
        Prepared::Never("the node says that the meeting goes on")
    })
}
