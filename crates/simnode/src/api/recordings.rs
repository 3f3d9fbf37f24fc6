//! The recording calls.
//!
//! Facts: `RecordingController` and the recording service of bbb-web. Of several
//! errors these calls report the first they come upon, and they look at the
//! checksum's value after some of the parameters.

use serde_json::{Value, json};

use super::{ApiRequest, Call, check::RECORDING_CHECKSUM, check::Rules, digests, failure};
use crate::{
    answer::{self, Answer, Caching},
    callbacks::News,
    checksum::Algorithm,
    meeting::Happening,
    query::decode,
    recording::{Recording, Track, Wanted},
    state::NodeState,
    xml::Xml,
};

mod template;

/// The most that one page holds.
const LIMIT_MAX: i32 = 100;

/// Answers any recording call.
pub(super) fn answer(node: &NodeState, request: &ApiRequest) -> Answer {
    if let Some(refusal) = refusal(node, request) {
        return refusal;
    }
    match request.call {
        Call::GetRecordings => list(node, request),
        Call::PublishRecordings => publish(node, request),
        Call::DeleteRecordings => delete(node, request),
        Call::UpdateRecordings => update(node, request),
        Call::GetRecordingTextTracks => tracks(node, request),
        _ => put_track(node, request),
    }
}

/// What is missing, or not signed.
fn refusal(node: &NodeState, request: &ApiRequest) -> Option<Answer> {
    let parameters = &request.parameters;
    let is_put = request.call == Call::PutRecordingTextTrack;
    let bad_checksum = || failure(request, RECORDING_CHECKSUM.key, RECORDING_CHECKSUM.message);
    if parameters.filled("checksum").is_none() {
        let missing = || json_failure("paramError", "Missing param checksum.");
        return Some(if is_put { missing() } else { bad_checksum() });
    }
    if request.call != Call::GetRecordings && parameters.filled("recordID").is_none() {
        return Some(if is_put {
            json_failure("paramError", "Missing param recordID.")
        } else {
            failure(request, "missingParamRecordID", "You must specify a recordID.")
        });
    }
    if request.call == Call::PublishRecordings && parameters.filled("publish").is_none() {
        let message = "You must specify a publish value true or false.";
        return Some(failure(request, "missingParamPublish", message));
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
    let wrong = || match is_put {
        true => json_failure("checksumError", RECORDING_CHECKSUM.message),
        false => bad_checksum(),
    };
    (!right).then(wrong)
}

/// A list with commas, decoded once more than other parameters.
fn list_of(request: &ApiRequest, name: &str) -> Vec<String> {
    let given = request.parameters.filled(name).map(decode).unwrap_or_default();
    given.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// `meta_NAME` parameters, names in lower case.
fn metadata(request: &ApiRequest) -> Vec<(String, String)> {
    let named = request.parameters.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("meta_")?;
        let known = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|next| next.is_ascii_alphanumeric() || next == '-');
        known.then(|| (name.to_ascii_lowercase(), value.to_owned()))
    });
    named.collect()
}

fn list(node: &NodeState, request: &ApiRequest) -> Answer {
    let mut prefixes = list_of(request, "recordID");
    if prefixes.is_empty() {
        let meetings = list_of(request, "meetingID");
        prefixes = meetings.iter().map(|id| Algorithm::Sha1.hex(id)).collect();
    }
    let wanted = Wanted {
        prefixes,
        states: list_of(request, "state"),
        metadata: metadata(request).into_iter().filter(|(_, value)| !value.is_empty()).collect(),
    };
    // Java's `int`; what is none is as if it were not there.
    let number = |name| request.parameters.filled(name)?.parse::<i32>().ok();
    let page = number("limit")
        .filter(|_| node.services.release.has_recording_pages())
        .map(|limit| (number("offset").unwrap_or(0).max(0), limit.clamp(1, LIMIT_MAX)));
    let server = node.services.web().property("bigbluebutton.web.serverURL");
    let text = node.recordings(|recordings| {
        let mut found = recordings.find(&wanted);
        let total = found.len();
        if let Some((offset, limit)) = page {
            let offset = usize::try_from(offset).unwrap_or(usize::MAX);
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            found = found.into_iter().skip(offset).take(limit).collect();
        }
        Xml::success(|xml| {
            xml.element("recordings", |xml| {
                for recording in &found {
                    template::recording(xml, recording, &server);
                }
            });
            if found.is_empty() {
                xml.value("messageKey", "noRecordings");
                xml.value("message", "There are no recordings for the meeting(s).");
            }
            if let Some((offset, limit)) = page {
                template::pagination(xml, offset, limit, total, found.is_empty());
            }
        })
    });
    answer::xml(text, Caching::Unsaid)
}

fn publish(node: &NodeState, request: &ApiRequest) -> Answer {
    let ids = list_of(request, "recordID");
    let value = request.parameters.get("publish").unwrap_or_default();
    let publish = value.eq_ignore_ascii_case("true");
    write(node, request, &ids, ("published", value), |node| {
        let event_id = if publish { "rap-published" } else { "rap-unpublished" };
        tell(node, event_id, node.recordings(|recordings| recordings.publish(&ids, publish)));
    })
}

fn delete(node: &NodeState, request: &ApiRequest) -> Answer {
    let ids = list_of(request, "recordID");
    write(node, request, &ids, ("deleted", "true"), |node| {
        tell(node, "rap-deleted", node.recordings(|recordings| recordings.delete(&ids)));
    })
}

fn update(node: &NodeState, request: &ApiRequest) -> Answer {
    let ids = list_of(request, "recordID");
    let metadata = metadata(request);
    write(node, request, &ids, ("updated", "true"), |node| {
        node.recordings(|recordings| recordings.update(&ids, &metadata));
    })
}

/// bbb-web tells all services what it did to a recording, and bbb-webhooks the hooks.
fn tell(node: &NodeState, event_id: &'static str, recordings: Vec<Recording>) {
    for recording in recordings.into_iter().map(Box::new) {
        node.callbacks.tell(News::Happened(Happening::Step { event_id, recording }));
    }
}

fn write(
    node: &NodeState,
    request: &ApiRequest,
    ids: &[String],
    (name, value): (&str, &str),
    act: impl FnOnce(&NodeState),
) -> Answer {
    if !node.recordings(|recordings| recordings.exists_any(ids)) {
        return failure(request, "notFound", "We could not find recordings");
    }
    act(node);
    answer::xml(Xml::success(|xml| xml.value(name, value)), Caching::NoCache)
}

fn tracks(node: &NodeState, request: &ApiRequest) -> Answer {
    let id = request.parameters.get("recordID").unwrap_or_default();
    if !node.recordings(|recordings| recordings.exists(id)) {
        return json_failure("noRecordings", &format!("No recording found for {id}"));
    }
    let server = node.services.web().property("bigbluebutton.web.serverURL");
    let shown = |track: &Track| {
        let file = format!("{}_{}.vtt", track.kind, track.language);
        json!({
            "href": format!("{server}/captions/textTrack/token/{id}/{file}"),
            "kind": track.kind,
            "label": track.label,
            "lang": track.language,
            "source": "upload",
        })
    };
    let tracks: Vec<Value> = node.recordings(|recordings| {
        let found = recordings.get(id);
        found.map(|recording| recording.tracks.iter().map(shown).collect()).unwrap_or_default()
    });
    if tracks.is_empty() {
        return json_failure("noCaptionsFound", &format!("No captions found for {id}"));
    }
    let response = json!({ "response": { "returncode": "SUCCESS", "tracks": tracks } });
    answer::json(&response, Caching::NoCache)
}

fn put_track(node: &NodeState, request: &ApiRequest) -> Answer {
    let parameters = &request.parameters;
    let id = parameters.get("recordID").unwrap_or_default();
    if !node.recordings(|recordings| recordings.exists(id)) {
        return json_failure("noRecordings", &format!("No recording was found for {id}"));
    }
    let Some(kind) = parameters.filled("kind") else {
        return json_failure("paramError", "Missing param kind.");
    };
    if !["subtitles", "captions"].contains(&kind) {
        let message =
            format!("Invalid kind parameter, expected='subtitles|captions' actual={kind}");
        return json_failure("invalidKind", &message);
    }
    let Some(language) = parameters.filled("lang") else {
        return json_failure("paramError", "Missing param lang.");
    };
    if !is_locale(language) {
        let message = format!("Malformed lang param, received={language}");
        return json_failure("invalidLang", &message);
    }
    if request.file.is_empty() {
        return json_failure("empty_uploaded_text_track", "Empty uploaded text track.");
    }
    let language = language.replace('_', "-");
    let label = parameters.filled("label").unwrap_or(&language).to_owned();
    let track = Track { kind: kind.to_owned(), label, language };
    node.recordings(|recordings| recordings.add_track(id, track));
    let response = json!({ "response": {
        "messageKey": "upload_text_track_success",
        "message": "Text track uploaded successfully",
        "recordId": id,
        "returncode": "SUCCESS",
    } });
    answer::json(&response, Caching::NoCache)
}

/// `en`, `en_US` or `en-US`.
fn is_locale(text: &str) -> bool {
    let (language, country) = match text.split_once(['_', '-']) {
        Some((language, country)) => (language, Some(country)),
        None => (text, None),
    };
    let letters = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic());
    letters(language) && country.is_none_or(letters)
}

fn json_failure(key: &str, message: &str) -> Answer {
    let response = json!({
        "response": {"returncode": "FAILED", "messageKey": key, "message": message}
    });
    answer::json(&response, Caching::NoCache)
}
