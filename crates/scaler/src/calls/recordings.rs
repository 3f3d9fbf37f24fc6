//! The recording calls, as a BBB server without recordings answers them.

use bluegate_bbb_api::{Answer, Call, Failure};

use crate::{intake::ApiRequest, reply::Reply};

/// Answers a recording call.
pub(crate) fn answer(call: Call, request: &ApiRequest) -> Reply {
    let has = |name: &str| request.parameters.text(name).is_some_and(|text| !text.is_empty());
    match call {
        Call::GetRecordings => Answer::no_recordings().into(),
        Call::PutRecordingTextTrack => put_text_track(has),
        _ if !has("recordID") => Failure::MissingRecordId.into(),
        Call::PublishRecordings if !has("publish") => Failure::MissingPublish.into(),
        Call::GetRecordingTextTracks => json_failure("noRecordings", "No recording found for ID"),
        _ => Failure::RecordingsNotFound.into(),
    }
}

fn put_text_track(has: impl Fn(&str) -> bool) -> Reply {
    match ["recordID", "kind", "lang"].into_iter().find(|name| !has(name)) {
        Some(missing) => json_failure("paramError", &format!("Missing param {missing}.")),
        None => json_failure("noRecordings", "No recording was found for ID"),
    }
}

/// `key` and `message` are our own texts and need no escapes.
fn json_failure(key: &str, message: &str) -> Reply {
    Reply::Json(format!(
        r#"{{"response":{{"returncode":"FAILED","messageKey":"{key}","message":"{message}"}}}}"#
    ))
}
