//! join: sends the browser to the node's own join, signed for that node.
//!
//! The node is not asked: the browser must go there itself, for the session
//! cookie, and whatever is wrong with the call is the node's to say.

use std::sync::Arc;

use bluegate_bbb_api::{Call, Failure, error_redirect, fault_without_meeting};
use bluegate_page::Language;
use bluegate_store::{Generation, State};

use super::meeting_id;
use crate::{
    context::Context,
    front::{intake::ApiRequest, reply::Reply, target::Target, waiting::Waiting},
    health::Health,
    tenants::shape,
};

/// Answers a join call.
pub(crate) async fn answer(context: &Arc<Context>, request: ApiRequest) -> Reply {
    let found = Target::of(context, &request).await;
    let Some((target, given)) = found else {
        if let Some(language) = being_placed(context, &request) {
            return Reply::Wait(Waiting { language, node: None });
        }
        let fault = fault_without_meeting(Call::Join, &request.parameters);
        return refuse(context, &request, fault.unwrap_or(Failure::MeetingForciblyEnded));
    };
    if let Err(failure) = shape::user_more(context, &request.tenant, &target.node.node.name) {
        return refuse(context, &request, failure);
    }
    let renewed = match &target.generation {
        Some(generation) => renewed_create_time(context, &request, generation).await,
        None => None,
    };
    let mut query = target.query(request.parameters.query, &given);
    if let Some(generation) = &target.generation {
        if let Some(current) = renewed {
            query.replace("createTime", &current.to_string());
        }
        super::create::name_meeting_in_logout_url(&mut query, generation);
    }
    let address = target.node.join_address(&query);
    match request.person.filter(|_| target.node.health() == Health::Suspect) {
        Some(language) => Reply::Wait(Waiting { language, node: Some(address) }),
        None => Reply::Redirect(address),
    }
}

/// Back to the frontend with the failure. BBB 2.7 asks `redirect` about that
/// too; since 3.0 the browser is sent back whatever it says.
fn refuse(context: &Context, request: &ApiRequest, failure: Failure) -> Reply {
    let redirect = request.parameters.text("redirect");
    let wants_document =
        redirect.is_some_and(|text| !text.is_empty() && !text.eq_ignore_ascii_case("true"));
    if wants_document && context.is_before_3_0() {
        return failure.into();
    }
    match error_redirect(&request.parameters, failure) {
        Some(location) => Reply::Redirect(location),
        None => failure.into(),
    }
}

/// What a person reads who asks for a meeting that is being placed.
fn being_placed(context: &Context, request: &ApiRequest) -> Option<Language> {
    let language = request.person?;
    let given = meeting_id(request)?;
    let found = context.ledger.directory().meeting(&request.tenant.meeting(&given))?;
    (found.state == State::Placing).then_some(language)
}

/// The createTime to send instead of the client's, when the client's is that
/// of a generation we superseded ourselves. Any other mismatch is BBB's to
/// answer.
async fn renewed_create_time(
    context: &Context,
    request: &ApiRequest,
    generation: &Generation,
) -> Option<i64> {
    let current = generation.create_time?;
    let given: i64 = request.parameters.text("createTime")?.trim().parse().ok()?;
    if given == current {
        return None;
    }
    let ledger = &context.ledger;
    // The store down, the join goes on as it is.
    let superseded = ledger.was_superseded(&generation.meeting(), given).await;
    superseded.unwrap_or(false).then_some(current)
}
