//! The calls, one file each, and which goes where.

use std::sync::Arc;

use bluegate_bbb_api::{Call, RawQuery, sanitise};

use crate::{
    context::Context,
    front::{intake::ApiRequest, reply::Reply, route::Named},
};

mod create;
mod end;
mod join;
mod list;
mod pass;
mod read;
mod recordings;
mod session;
mod stray;

pub(crate) use recordings::refusal as recordings_refusal;
pub(crate) use session::answer as session;

/// Answers an authenticated request.
pub(crate) async fn answer(context: &Arc<Context>, request: ApiRequest) -> Reply {
    let Named::Known(call) = request.call else {
        return pass::unknown(context, &request).await;
    };
    match call {
        Call::Index => Reply::NotFound,
        Call::Create => create::answer(context, request).await,
        Call::Join => join::answer(context, request).await,
        Call::IsMeetingRunning | Call::GetMeetingInfo => {
            read::coalesced(context, call, request).await
        }
        Call::End => end::answer(context, &request).await,
        Call::GetMeetings => list::meetings(context, &request),
        Call::GetSessions => list::sessions(),
        Call::InsertDocument => pass::insert_document(context, &request).await,
        Call::SendChatMessage => pass::send_chat_message(context, &request).await,
        Call::GetRecordings
        | Call::PublishRecordings
        | Call::DeleteRecordings
        | Call::UpdateRecordings
        | Call::GetRecordingTextTracks
        | Call::PutRecordingTextTrack => recordings::answer(context, call, request).await,
    }
}

/// The meeting a request names, as BBB reads it.
pub(crate) fn meeting_id(request: &ApiRequest) -> Option<String> {
    let given = request.parameters.get("meetingID")?.decoded()?;
    let read = if sanitise(&given) == given { given } else { sanitise(&given).into_owned() };
    Some(read).filter(|read| !read.is_empty())
}

/// Query and form as one query, for a call that we send on without a body.
pub(crate) fn as_query(request: &ApiRequest) -> RawQuery {
    let mut query = request.parameters.query.clone();
    if let Some(form) = &request.parameters.form {
        query.extend(form);
    }
    query
}
