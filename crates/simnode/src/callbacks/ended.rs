//! What `bbb-web` calls when a meeting has ended. Unsigned.

use super::{Callback, CallbackKind};
use crate::{meeting::Meeting, query::encode_as_java};

/// The calls; a breakout room's end is told to nobody.
pub(super) fn callbacks(meeting: &Meeting) -> Vec<Callback> {
    if meeting.breakout.is_some() {
        return Vec::new();
    }
    let get = |kind, url| Callback {
        kind,
        method: "GET",
        url,
        headers: Vec::new(),
        body: String::new(),
        status: None,
    };
    let filled = |url: &&String| !url.is_empty();
    let end = meeting.metadata.get("endcallbackurl").filter(filled);
    let ended = meeting.ended_url.as_ref().filter(filled);
    let end = end.map(|url| get(CallbackKind::End, with_what_is_told(url, &meeting.external_id)));
    let ended = ended.map(|url| get(CallbackKind::MeetingEnded, url.clone()));
    end.into_iter().chain(ended).collect()
}

/// Two parameters are appended, also when the URL has them. Nobody can press
/// the record button of a simulated meeting, so there are no marks.
fn with_what_is_told(url: &str, meeting_id: &str) -> String {
    let (rest, fragment) = match url.split_once('#') {
        Some((rest, fragment)) => (rest, format!("#{fragment}")),
        None => (url, String::new()),
    };
    let joint = if rest.contains('?') { '&' } else { '?' };
    let meeting_id = encode_as_java(meeting_id);
    format!("{rest}{joint}recordingmarks=false&meetingID={meeting_id}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::with_what_is_told;

    #[test]
    fn parameters_are_appended_even_twice() {
        for (url, wanted) in [
            ("http://a/", "http://a/?recordingmarks=false&meetingID=m+1"),
            ("http://a/?meetingID=m", "http://a/?meetingID=m&recordingmarks=false&meetingID=m+1"),
            ("http://a/?x#y", "http://a/?x&recordingmarks=false&meetingID=m+1#y"),
        ] {
            assert_eq!(with_what_is_told(url, "m 1"), wanted);
        }
    }
}
