//! The recording calls, as a BBB server without recordings answers them.

use bluegate_bbb_api::{Answer, Call, Failure, Parameters, checksum::ChecksumError};

use crate::front::{intake::ApiRequest, reply::Reply};

/// What such a call answers that nobody signed. BBB looks at the checksum's
/// value only after the parameters.
pub(crate) fn refusal(call: Call, parameters: &Parameters, error: ChecksumError) -> Reply {
    let has = |name: &str| parameters.text(name).is_some_and(|text| !text.is_empty());
    if call == Call::PutRecordingTextTrack {
        return match error {
            ChecksumError::Missing => Reply::json_failure("paramError", "Missing param checksum."),
            ChecksumError::NotADigest => missing_of_text_track(has).unwrap_or_else(|| {
                let failure = Failure::RecordingChecksum;
                Reply::json_failure(failure.key(), failure.message())
            }),
        };
    }
    let missing = match error {
        ChecksumError::Missing => None,
        ChecksumError::NotADigest => missing(call, has),
    };
    missing.unwrap_or(Failure::RecordingChecksum).into()
}

/// Answers a recording call.
pub(crate) fn answer(call: Call, request: &ApiRequest) -> Reply {
    let has = |name: &str| request.parameters.text(name).is_some_and(|text| !text.is_empty());
    match call {
        Call::GetRecordings => Answer::no_recordings().into(),
        Call::PutRecordingTextTrack => missing_of_text_track(has).unwrap_or_else(|| {
            Reply::json_failure("noRecordings", "No recording was found for ID")
        }),
        _ => match missing(call, has) {
            Some(failure) => failure.into(),
            None if call == Call::GetRecordingTextTracks => {
                Reply::json_failure("noRecordings", "No recording found for ID")
            }
            None => Failure::RecordingsNotFound.into(),
        },
    }
}

/// A parameter that is missing, the first that BBB names.
fn missing(call: Call, has: impl Fn(&str) -> bool) -> Option<Failure> {
    match call {
        Call::GetRecordings => None,
        _ if !has("recordID") => Some(Failure::MissingRecordId),
        Call::PublishRecordings if !has("publish") => Some(Failure::MissingPublish),
        _ => None,
    }
}

fn missing_of_text_track(has: impl Fn(&str) -> bool) -> Option<Reply> {
    let missing = ["recordID", "kind", "lang"].into_iter().find(|name| !has(name))?;
    Some(Reply::json_failure("paramError", &format!("Missing param {missing}.")))
}
