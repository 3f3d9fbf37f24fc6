//! getRecordingTextTracks and putRecordingTextTrack, which are about one
//! recording and answered by the nodes that keep it, in JSON.
//!
//! Where several nodes have a copy, captions go to all of them, as every other
//! change does, and are read from the best one that answers. A Scalelite does not
//! know these calls, so a delegate is not asked.

use std::sync::Arc;

use bluegate_bbb_api::{Call, Failure, RawQuery, sanitise};
use bluegate_cluster::TenantRecordingId;
use bytes::Bytes;
use http::HeaderValue;
use serde_json::Value;

use super::{Keeper, Kept, admin::ranked};
use crate::{
    calls::as_query,
    context::Context,
    front::{intake::ApiRequest, reply::Reply},
    nodes::signing::NodeCall,
};

const NO_BODY: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// The captions of a recording.
pub(crate) async fn get_text_tracks(context: &Context, request: &ApiRequest) -> Reply {
    let (id, mut copies) = named(context, request);
    if copies.is_empty() {
        return Reply::json_failure("noRecordings", &format!("No recording found for {id}"));
    }
    copies.retain(|kept| is_at_node(kept));
    if copies.is_empty() {
        return Reply::json_failure("noCaptionsFound", &format!("No captions found for {id}"));
    }
    for kept in &copies {
        let asked = ask(context, Call::GetRecordingTextTracks, kept, as_query(request), None);
        if let Some(answer) = asked.await {
            return Reply::Json(answer.to_string());
        }
    }
    unreachable()
}

/// More captions for a recording, at every node that has it. Its body goes on as
/// it came. If a node did not take them the call has failed; it may be repeated,
/// since captions of the same kind and language are replaced.
pub(crate) async fn put_text_track(context: &Context, request: &ApiRequest) -> Reply {
    let (id, mut copies) = named(context, request);
    copies.retain(|kept| kept.is_there());
    if copies.is_empty() {
        let message = format!("No recording was found for {id}");
        return Reply::json_failure("noRecordings", &message);
    }
    copies.retain(|kept| is_at_node(kept));
    let body = request.document.clone().unwrap_or((NO_BODY, Bytes::new()));
    let mut taken = None;
    for kept in &copies {
        let query = request.parameters.query.clone();
        let asked = ask(context, Call::PutRecordingTextTrack, kept, query, Some(body.clone()));
        let Some(answer) = asked.await else { return unreachable() };
        if answer.pointer("/response/returncode").is_some_and(|code| code == "FAILED") {
            return Reply::Json(answer.to_string());
        }
        taken.get_or_insert(answer);
    }
    match taken {
        Some(answer) => Reply::Json(answer.to_string()),
        None => Reply::json_failure(
            "upload_text_track_failed",
            "The server of this recording takes no captions.",
        ),
    }
}

fn unreachable() -> Reply {
    let failure = Failure::RecordingsUnreachable;
    Reply::json_failure(failure.key(), failure.message())
}

fn is_at_node(kept: &Kept) -> bool {
    matches!(kept.keeper, Keeper::Node(_))
}

/// The recording that a request names, and its copies, the best first.
fn named(context: &Context, request: &ApiRequest) -> (String, Vec<Arc<Kept>>) {
    let given = request.parameters.text("recordID").unwrap_or_default();
    let id = sanitise(&given).into_owned();
    let named = TenantRecordingId::new(&request.tenant.name, &id);
    let index = context.recordings.index();
    let copies = ranked(index.copies(&named), |keeper| keeper.rank(context));
    (id, copies)
}

/// What a node answers; nothing when it does not answer in JSON.
async fn ask(
    context: &Context,
    call: Call,
    kept: &Kept,
    mut query: RawQuery,
    body: Option<(HeaderValue, Bytes)>,
) -> Option<Value> {
    let handle = kept.keeper.handle(context)?;
    query.remove("recordID");
    query.append("recordID", &kept.record_id);
    let sent = NodeCall { call: call.name(), query, body };
    match handle.send(sent, context.bounds.call_timeout).await {
        Ok(raw) => serde_json::from_slice(&raw.body).ok(),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                keeper = kept.keeper.as_str(),
                call = call.name(),
                error,
                "a keeper of recordings did not answer a call"
            );
            None
        }
    }
}
