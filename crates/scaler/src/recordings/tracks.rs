//! getRecordingTextTracks and putRecordingTextTrack, which are about one
//! recording and answered by whoever keeps it, in JSON.

use std::sync::Arc;

use bluegate_bbb_api::{Call, Failure, RawQuery, sanitise};
use bluegate_cluster::TenantRecordingId;
use bytes::Bytes;
use http::HeaderValue;

use super::Kept;
use crate::{
    calls::as_query,
    context::Context,
    front::{intake::ApiRequest, reply::Reply},
    nodes::signing::NodeCall,
};

const NO_BODY: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// The captions of a recording.
pub(crate) async fn get_text_tracks(context: &Context, request: &ApiRequest) -> Reply {
    let (id, kept) = named(context, request);
    match kept {
        Some(kept) => {
            ask(context, Call::GetRecordingTextTracks, &kept, as_query(request), None).await
        }
        None => Reply::json_failure("noRecordings", &format!("No recording found for {id}")),
    }
}

/// More captions for a recording. Its body goes on as it came.
pub(crate) async fn put_text_track(context: &Context, request: &ApiRequest) -> Reply {
    let (id, kept) = named(context, request);
    let Some(kept) = kept.filter(|kept| kept.is_there()) else {
        let message = format!("No recording was found for {id}");
        return Reply::json_failure("noRecordings", &message);
    };
    let body = request.document.clone().unwrap_or((NO_BODY, Bytes::new()));
    let query = request.parameters.query.clone();
    ask(context, Call::PutRecordingTextTrack, &kept, query, Some(body)).await
}

/// The recording that a request names, and the best copy of it.
fn named(context: &Context, request: &ApiRequest) -> (String, Option<Arc<Kept>>) {
    let given = request.parameters.text("recordID").unwrap_or_default();
    let id = sanitise(&given).into_owned();
    let named = TenantRecordingId::new(&request.tenant.name, &id);
    let index = context.recordings.index();
    let copies = index.copies(&named).iter();
    let ranked = copies.filter_map(|copy| Some((copy.keeper.rank(context)?, copy)));
    let best = ranked.min_by_key(|(rank, copy)| (copy.preference(), *rank));
    let kept = best.map(|(_, copy)| Arc::clone(copy));
    (id, kept)
}

async fn ask(
    context: &Context,
    call: Call,
    kept: &Kept,
    mut query: RawQuery,
    body: Option<(HeaderValue, Bytes)>,
) -> Reply {
    let unreachable = || {
        let failure = Failure::RecordingsUnreachable;
        Reply::json_failure(failure.key(), failure.message())
    };
    let Some(handle) = kept.keeper.handle(context) else { return unreachable() };
    query.remove("recordID");
    query.append("recordID", &kept.record_id);
    let sent = NodeCall { call: call.name(), query, body };
    match handle.send(sent, context.bounds.call_timeout).await {
        Ok(raw) => match serde_json::from_slice::<serde_json::Value>(&raw.body) {
            Ok(answer) => Reply::Json(answer.to_string()),
            // Scalelite does not know these calls.
            Err(_) => unreachable(),
        },
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                keeper = kept.keeper.as_str(),
                call = call.name(),
                error,
                "a keeper of recordings did not answer a call"
            );
            unreachable()
        }
    }
}
