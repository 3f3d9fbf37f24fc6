//! The recording calls: what they refuse, and which goes where.

use std::sync::Arc;

use bluegate_bbb_api::{Call, Failure, Parameters, checksum::ChecksumError};

use crate::{
    context::Context,
    front::{intake::ApiRequest, reply::Reply},
    recordings,
};

/// What such a call answers that nobody signed. BBB looks at the checksum's
/// value only after the parameters.
pub(crate) fn refusal(call: Call, parameters: &Parameters, error: ChecksumError) -> Reply {
    let is_put = call == Call::PutRecordingTextTrack;
    match error {
        ChecksumError::Missing if is_put => {
            Reply::json_failure("paramError", "Missing param checksum.")
        }
        ChecksumError::Missing => Failure::RecordingChecksum.into(),
        ChecksumError::NotADigest => missing(call, parameters).unwrap_or_else(|| {
            let failure = Failure::RecordingChecksum;
            match is_put {
                true => Reply::json_failure(failure.key(), failure.message()),
                false => failure.into(),
            }
        }),
    }
}

/// Answers a recording call.
pub(crate) async fn answer(context: &Arc<Context>, call: Call, request: ApiRequest) -> Reply {
    if let Some(missing) = missing(call, &request.parameters) {
        return missing;
    }
    match call {
        Call::GetRecordings => recordings::list(context, &request),
        Call::GetRecordingTextTracks => recordings::get_text_tracks(context, &request).await,
        Call::PutRecordingTextTrack => recordings::put_text_track(context, &request).await,
        _ => recordings::write(context, call, request).await,
    }
}

/// A parameter that is missing, the first that BBB names. What else captions need
/// is their keeper's to say, once it is known that there is one.
fn missing(call: Call, parameters: &Parameters) -> Option<Reply> {
    let has = |name: &str| parameters.text(name).is_some_and(|text| !text.is_empty());
    match call {
        Call::GetRecordings => None,
        Call::PutRecordingTextTrack if !has("recordID") => {
            Some(Reply::json_failure("paramError", "Missing param recordID."))
        }
        _ if !has("recordID") => Some(Failure::MissingRecordId.into()),
        Call::PublishRecordings if !has("publish") => Some(Failure::MissingPublish.into()),
        _ => None,
    }
}
