//! end: asked of the node, believed only when the node confirms it.

use std::sync::Arc;

use bluegate_bbb_api::{Call, Failure, Outcome, fault_without_meeting};

use super::read::{ask, note_if_gone};
use crate::{
    clock,
    context::Context,
    front::{intake::ApiRequest, reply::Reply, target::Target},
};

/// Answers an end call. Ending is asynchronous on the node: the meeting is
/// hidden from lists at once and kept until the node says it is gone.
pub(crate) async fn answer(context: &Arc<Context>, request: &ApiRequest) -> Reply {
    let found = Target::of(context, request).await;
    let Some((target, given)) = found else {
        let fault = fault_without_meeting(Call::End, &request.parameters);
        return fault.unwrap_or(Failure::NotFound).into();
    };
    let asked = clock::now();
    let Ok(mut answer) = ask(context, Call::End, request, &target, &given).await else {
        return Failure::NodeUnreachable.into();
    };
    if answer.outcome() == Outcome::Success {
        if let Some(generation) = &target.generation {
            let id = generation.id.clone();
            context.record(|context| async move { context.ledger.ending(&id, true).await }).await;
        }
        target.node.wake.notify_one();
        target.changed(context, &request.tenant.name);
    }
    note_if_gone(context, &target, &answer, asked).await;
    target.show(&mut answer);
    answer.into()
}
