//! The recording calls of a server that has no recordings.

use serde_json::json;

use super::{ApiRequest, Call, check::RECORDING_CHECKSUM, check::Rules, digests, failure};
use crate::{
    answer::{self, Answer, Caching},
    state::NodeState,
    xml::Xml,
};

/// Answers any recording call.
pub(super) fn answer(node: &NodeState, request: &ApiRequest) -> Answer {
    let parameters = &request.parameters;
    let bad_checksum = || failure(request, RECORDING_CHECKSUM.key, RECORDING_CHECKSUM.message);
    if parameters.filled("checksum").is_none() {
        return if request.call == Call::PutRecordingTextTrack {
            json_failure("paramError", "Missing param checksum.")
        } else {
            bad_checksum()
        };
    }
    if request.call == Call::PutRecordingTextTrack {
        for name in ["recordID", "kind", "lang"] {
            if parameters.filled(name).is_none() {
                return json_failure("paramError", &format!("Missing param {name}."));
            }
        }
    } else if request.call != Call::GetRecordings {
        if parameters.filled("recordID").is_none() {
            return failure(request, "missingParamRecordID", "You must specify a recordID.");
        }
        if request.call == Call::PublishRecordings && parameters.filled("publish").is_none() {
            return failure(
                request,
                "missingParamPublish",
                "You must specify a publish value true or false.",
            );
        }
    }
    let right = node.read(|meetings| {
        let rules = Rules {
            secret: &node.services.web().secret,
            algorithms: &digests(node),
            posts_are_strict: node.services.release.is_strict_about_posts(),
            has_external_upload: node.services.release.has_external_upload(),
            meetings,
        };
        rules.checksum_is_right(request)
    });
    if !right {
        return if request.call == Call::PutRecordingTextTrack {
            json_failure("checksumError", RECORDING_CHECKSUM.message)
        } else {
            bad_checksum()
        };
    }
    match request.call {
        Call::GetRecordings => {
            let text = Xml::success(|xml| {
                xml.element("recordings", |_| {});
                xml.value("messageKey", "noRecordings");
                xml.value("message", "There are no recordings for the meeting(s).");
            });
            answer::xml(text, Caching::Unsaid)
        }
        Call::GetRecordingTextTracks => json_failure("noRecordings", "No recording found for ID"),
        Call::PutRecordingTextTrack => {
            json_failure("noRecordings", "No recording was found for ID")
        }
        _ => failure(request, "notFound", "We could not find recordings"),
    }
}

fn json_failure(key: &str, message: &str) -> Answer {
    let response = json!({
        "response": {"returncode": "FAILED", "messageKey": key, "message": message}
    });
    answer::json(&response, Caching::NoCache)
}
