//! Two meetings that were recorded, and every recording call about them.

use super::{
    cases::FORM,
    request::{Case, Signed},
};

const CAPTIONS: &str = "multipart/form-data; boundary=b";
const FILE: &str = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.vtt\"\r\n\
    Content-Type: text/vtt\r\n\r\nWEBVTT\r\n--b--\r\n";
const LECTURE: &str = "{lecture.internalMeetingID}";
const SEMINAR: &str = "{seminar.internalMeetingID}";

pub(super) fn all() -> Vec<Case> {
    let mut cases = recorded();
    cases.extend(lists("as they were made"));
    cases.extend(published());
    cases.extend(updated());
    cases.extend(captions());
    cases.extend(deleted());
    cases.extend(lists("when one is deleted"));
    cases
}

fn recorded() -> Vec<Case> {
    let passwords = "attendeePW=ap&moderatorPW=mp";
    let mut cases = Vec::new();
    for (id, more) in [
        ("lecture", "&record=true&meta_Course=Optics+1&meta_gl-listed=false"),
        ("seminar", "&record=TRUE&meta_course=Optics+%3C2%3E"),
        ("unrecorded", "&meta_course=Optics+3"),
    ] {
        let query = format!("name=On+%26+{id}&meetingID={id}&{passwords}{more}");
        cases.push(Case::get(format!("create {id}"), "create", query));
        cases.push(Case::get(format!("end {id}"), "end", format!("meetingID={id}")));
    }
    cases
}

/// Every filter and every page.
fn lists(when: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for query in [
        "",
        "meetingID=lecture",
        "meetingID=lecture,seminar",
        "meetingID=seminar%2Clecture,none",
        "meetingID=unrecorded",
        "meetingID=lectur",
        "recordID={lecture.internalMeetingID}",
        "recordID={seminar.internalMeetingID},{lecture.internalMeetingID}",
        "recordID={lecture.internalMeetingID}&meetingID=seminar",
        "recordID={lecture.internalMeetingID}0",
        "recordID=,&meetingID=,",
        "state=published",
        "state=unpublished",
        "state=deleted",
        "state=processing,processed",
        "state=published,deleted",
        "state=any",
        "state=any&meetingID=seminar",
        "state=Published",
        "state=",
        "meta_course=Optics+1",
        "meta_COURSE=Optics+1",
        "meta_course=Optics%25",
        "meta_course=%251",
        "meta_course=%25tic%25",
        "meta_course=optics+1",
        "meta_course=Optics",
        "meta_course=",
        "meta_course=Optics%25&meta_gl-listed=false",
        "meta_course=Optics%25&meta_gl-listed=true",
        "meta_meetingid=lecture",
        "meta_1=x",
        "limit=1",
        "limit=1&offset=1",
        "limit=2&offset=1000",
        "limit=0",
        "limit=-1&offset=-1",
        "limit=1000",
        "limit=x",
        "limit=99999999999",
        "offset=1",
        "limit=1&meta_course=Optics%25&state=any",
        "limit=10&meetingID=none",
    ] {
        cases.push(Case::get(format!("recordings {when}: {query}"), "getRecordings", query));
    }
    let form = (FORM, "meetingID=lecture&state=any");
    let name = format!("recordings {when}, by form");
    cases.push(Case::post(name, "getRecordings", "", form).signed(Signed::InForm));
    cases
}

fn published() -> Vec<Case> {
    let mut cases = Vec::new();
    let both = format!("{LECTURE},{SEMINAR}");
    for (ids, publish) in [
        (LECTURE, "false"),
        (LECTURE, "true"),
        (LECTURE, "False"),
        (LECTURE, "TRUE"),
        (SEMINAR, "0"),
        (&both, "true"),
        (&format!("none,{SEMINAR}"), "false"),
        (&format!("{both},none"), "+true+"),
    ] {
        let query = format!("recordID={ids}&publish={publish}");
        cases.push(Case::get(format!("publish: {query}"), "publishRecordings", &query));
        for state in ["", "published", "unpublished"] {
            let name = format!("recordings after publish {query}: `{state}`");
            cases.push(Case::get(name, "getRecordings", format!("state={state}")));
        }
    }
    for query in [
        format!("recordID={LECTURE}0&publish=true"),
        format!("recordID={LECTURE}&publish="),
        "recordID=,&publish=true".to_owned(),
    ] {
        cases.push(Case::get(format!("publish: {query}"), "publishRecordings", &query));
    }
    cases
}

fn updated() -> Vec<Case> {
    let mut cases = Vec::new();
    for query in [
        format!("recordID={LECTURE}"),
        format!("recordID={LECTURE}&meta_New=1+%3C"),
        format!("recordID={LECTURE},{SEMINAR}&meta_new=2&meta_course="),
        format!("recordID={SEMINAR}&meta_new=&meta_none="),
        format!("recordID={SEMINAR},none&meta_1=x&meta_a_b=y&other=z"),
        "recordID=none&meta_new=3".to_owned(),
    ] {
        cases.push(Case::get(format!("update: {query}"), "updateRecordings", &query));
        let name = format!("recordings after update {query}");
        cases.push(Case::get(name, "getRecordings", "state=any"));
    }
    let form = ("application/x-www-form-urlencoded", "meta_by-form=1");
    let query = format!("recordID={LECTURE}");
    cases.push(Case::post("update by a form", "updateRecordings", query, form));
    cases.push(Case::get("recordings after update by a form", "getRecordings", "meta_by-form=1"));
    cases
}

fn captions() -> Vec<Case> {
    let get = |name: &str, id: &str| {
        let query = format!("recordID={id}");
        Case::get(format!("captions {name}"), "getRecordingTextTracks", query)
    };
    let mut cases = vec![get("that are not there", LECTURE)];
    for (name, query, body) in [
        ("without kind", "&lang=en", (CAPTIONS, FILE)),
        ("of an unknown kind", "&kind=jokes&lang=en", (CAPTIONS, FILE)),
        ("without language", "&kind=captions", (CAPTIONS, FILE)),
        ("in no language", "&kind=captions&lang=none", (CAPTIONS, FILE)),
        ("without file", "&kind=captions&lang=en", (CAPTIONS, "--b--\r\n")),
        ("in English", "&kind=captions&lang=en&label=English", (CAPTIONS, FILE)),
        ("of another country", "&kind=subtitles&lang=de_AT&label=A+%26+B", (CAPTIONS, FILE)),
    ] {
        let query = format!("recordID={LECTURE}{query}");
        let name = format!("put captions {name}");
        cases.push(Case::post(name, "putRecordingTextTrack", query, body));
    }
    let query = "recordID=none&kind=captions&lang=en";
    let call = "putRecordingTextTrack";
    cases.push(Case::post("put captions for no recording", call, query, (CAPTIONS, FILE)));
    cases.extend([
        get("that are there", LECTURE),
        get("of a recording with blanks around", &format!("+{LECTURE}+")),
        get("of another recording", SEMINAR),
        get("of no recording", "none"),
    ]);
    cases
}

fn deleted() -> Vec<Case> {
    let mut cases = Vec::new();
    for (call, query) in [
        ("deleteRecordings", "recordID={seminar.internalMeetingID},none"),
        ("deleteRecordings", "recordID={seminar.internalMeetingID}"),
        ("publishRecordings", "recordID={seminar.internalMeetingID}&publish=true"),
        ("updateRecordings", "recordID={seminar.internalMeetingID}&meta_late=1"),
        (
            "updateRecordings",
            "recordID={seminar.internalMeetingID},{lecture.internalMeetingID}&meta_late=1",
        ),
        ("getRecordingTextTracks", "recordID={seminar.internalMeetingID}"),
    ] {
        cases.push(Case::get(format!("of what is deleted: {call}?{query}"), call, query));
        let name = format!("recordings after {call}?{query}");
        cases.push(Case::get(name, "getRecordings", "state=any"));
    }
    let query = format!("recordID={SEMINAR}&kind=captions&lang=en");
    let call = "putRecordingTextTrack";
    cases.push(Case::post("put captions for what is deleted", call, query, (CAPTIONS, FILE)));
    cases
}
