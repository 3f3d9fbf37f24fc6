//! isMeetingRunning and getMeetingInfo: asked of the meeting's node, or
//! answered from memory while that node is not to be relied on.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use bluegate_bbb_api::{Answer, Call, Failure, Outcome, fault_without_meeting};

use tokio::time::Instant;

use super::{as_query, meeting_id};
use crate::{
    clock,
    context::Context,
    front::{intake::ApiRequest, reply::Reply, target::Target},
    health::Health,
    nodes::{
        client::CallError,
        reads::{Asked, Question},
        signing::NodeCall,
    },
    request_id,
};

/// Either of them, asked once per moment however many ask.
pub(crate) async fn coalesced(context: &Arc<Context>, call: Call, request: ApiRequest) -> Reply {
    let mut query = as_query(&request);
    query.remove("checksum");
    let question = Question {
        tenant: request.tenant.name.clone(),
        meeting: meeting_id(&request).unwrap_or_default(),
        asked: format!("{}?{query}", call.name()),
    };
    let shared = match context.reads.ask(question, Instant::now()) {
        Asked::Shared(shared) => shared,
        Asked::First(turn, shared) => {
            let answering = Arc::clone(context);
            // Others may wait for it when this client has gone.
            context.tracker.spawn(request_id::carried(async move {
                let reply = match call {
                    Call::IsMeetingRunning => is_running(&answering, &request).await,
                    _ => info(&answering, &request).await,
                };
                turn.answered(&reply);
            }));
            shared
        }
    };
    shared.answer().await
}

/// isMeetingRunning.
async fn is_running(context: &Arc<Context>, request: &ApiRequest) -> Reply {
    let found = Target::of(context, request).await;
    let Some((target, given)) = found else {
        let fault = fault_without_meeting(Call::IsMeetingRunning, &request.parameters);
        return fault.map_or_else(|| Answer::running(false).into(), Reply::from);
    };
    if target.node.health() != Health::Healthy {
        return Answer::running(target.was_running()).into();
    }
    match ask(context, Call::IsMeetingRunning, request, &target, &given).await {
        Ok(answer) => answer.into(),
        Err(_) => Answer::running(target.was_running()).into(),
    }
}

/// getMeetingInfo.
async fn info(context: &Arc<Context>, request: &ApiRequest) -> Reply {
    let found = Target::of(context, request).await;
    let Some((target, given)) = found else { return Failure::NotFound.into() };
    if target.node.health() != Health::Healthy
        && let Some(remembered) = target.remembered()
    {
        return remembered.into();
    }
    let asked = clock::now();
    match ask(context, Call::GetMeetingInfo, request, &target, &given).await {
        Ok(answer) if target.is_foreign(&answer, &request.tenant.name) => {
            let node = &target.node.node.name;
            tracing::error!(node.id = %node, "the node answered with a meeting of another tenant");
            target.remembered().map_or(Failure::NodeUnreachable.into(), Reply::from)
        }
        Ok(mut answer) => {
            note_if_gone(context, &target, &answer, asked).await;
            target.show(&mut answer);
            answer.into()
        }
        Err(_) => target.remembered().map_or(Failure::NodeUnreachable.into(), Reply::from),
    }
}

/// Asks the meeting's node what the client asked us.
pub(crate) async fn ask(
    context: &Context,
    call: Call,
    request: &ApiRequest,
    target: &Target,
    given: &str,
) -> Result<Answer, CallError> {
    let query = target.query(as_query(request), given);
    let result =
        target.node.call(NodeCall::new(call.name(), query), context.bounds.call_timeout).await;
    if let Err(error) = &result {
        error.tell(&target.node.node.name, call.name());
    }
    result
}

/// The node's word that there is no such meeting, asked for at `asked`, ends
/// the generation that was live by then.
pub(crate) async fn note_if_gone(
    context: &Arc<Context>,
    target: &Target,
    answer: &Answer,
    asked: i64,
) {
    let says_gone = answer.outcome() == Outcome::Failed && answer.key() == Failure::NotFound.key();
    if let Some(generation) = target.generation.as_ref().filter(|_| says_gone) {
        let id = generation.id.clone();
        let booted_at = target.node.booted_at.load(Relaxed);
        let gone = move |context: Arc<Context>| async move {
            context.ledger.gone(&id, asked, booted_at).await
        };
        context.record(gone).await;
    }
}
