//! Calls that only concern a meeting's node: passed on and back.

use std::sync::Arc;

use bluegate_bbb_api::{Answer, Call, Failure, Method, fault_without_meeting};
use bytes::Bytes;
use http::{HeaderValue, StatusCode};

use super::as_query;
use crate::{
    context::Context,
    front::{intake::ApiRequest, reply::Reply, target::Target},
    nodes::{client::RawAnswer, signing::NodeCall},
};

const NO_BODY: HeaderValue = HeaderValue::from_static("application/xml");

/// Parameters by which a call could reach what is not its tenant's.
const FOREIGN_KEYS: [&str; 3] = ["recordID", "parentMeetingID", "sessionToken"];

/// insertDocument.
pub(crate) async fn insert_document(context: &Arc<Context>, request: &ApiRequest) -> Reply {
    match Target::of(context, request).await {
        Some((target, given)) => forward(context, request, &target, &given).await,
        None => match fault_without_meeting(Call::InsertDocument, &request.parameters) {
            Some(fault) => fault.into(),
            None => {
                let given = request.parameters.text("meetingID").unwrap_or_default();
                Answer::document_without_meeting(&given).into()
            }
        },
    }
}

/// sendChatMessage.
pub(crate) async fn send_chat_message(context: &Arc<Context>, request: &ApiRequest) -> Reply {
    match Target::of(context, request).await {
        Some((target, given)) => forward(context, request, &target, &given).await,
        None => {
            let fault = fault_without_meeting(Call::SendChatMessage, &request.parameters);
            fault.unwrap_or(Failure::MeetingNotFound).into()
        }
    }
}

/// A call we do not know, about a meeting of the tenant.
pub(crate) async fn unknown(context: &Arc<Context>, request: &ApiRequest) -> Reply {
    if FOREIGN_KEYS.iter().any(|key| request.parameters.get(key).is_some()) {
        return Reply::NotFound;
    }
    match Target::of(context, request).await {
        Some((target, given)) => forward(context, request, &target, &given).await,
        None => Reply::NotFound,
    }
}

async fn forward(context: &Context, request: &ApiRequest, target: &Target, given: &str) -> Reply {
    let call = NodeCall {
        call: request.call.name(),
        query: target.query(as_query(request), given),
        body: request.document.clone().or_else(|| {
            // A POST stays one; what its form said is in the query.
            (request.method == Method::Post).then_some((NO_BODY, Bytes::new()))
        }),
    };
    match target.node.send(call, context.bounds.call_timeout).await {
        Ok(raw) => show(raw, target),
        Err(error) => {
            error.tell(&target.node.node.name, request.call.name());
            Failure::NodeUnreachable.into()
        }
    }
}

/// A BBB answer is shown as the tenant may see it; redirects never pass.
fn show(raw: RawAnswer, target: &Target) -> Reply {
    if let Ok(mut answer) = Answer::parse(&raw.body) {
        target.show(&mut answer);
        return answer.into();
    }
    if raw.status.is_redirection() || raw.status == StatusCode::SWITCHING_PROTOCOLS {
        return Failure::NodeUnreachable.into();
    }
    Reply::Raw(raw)
}
