//! The recording calls, as the reference describes them: the scaler's answers are
//! compared with these.

use bluegate_simnode::{Recording, RecordingState};
use serde_json::{Value, json};

use crate::node::{Answer, Node, Setup};

const TIME: u64 = 1_700_000_000_000;

/// A recording of this meeting that began so many ms after [`TIME`].
fn recording(meeting: &str, after: u64) -> Recording {
    let mut recording = Recording::of_meeting(meeting, TIME + after);
    recording.metadata.insert("course".to_owned(), format!("course of {meeting}"));
    recording
}

/// A node with recordings in every state, the last one the newest.
async fn with_recordings(release: &'static str) -> Node {
    let node = Setup::stock().release(release).start().await;
    for (after, (meeting, state)) in [
        ("optics", RecordingState::Published),
        ("optics", RecordingState::Unpublished),
        ("rome", RecordingState::Published),
        ("greece", RecordingState::Deleted),
        ("egypt", RecordingState::Processing),
        ("persia", RecordingState::Processed),
    ]
    .into_iter()
    .enumerate()
    {
        let mut recording = recording(meeting, after as u64);
        recording.state = state;
        node.sim.add_recording(recording);
    }
    node
}

fn id(meeting: &str, after: u64) -> String {
    recording(meeting, after).record_id
}

/// What a list has, as meetings with the ms after [`TIME`].
fn listed(answer: &Answer) -> Vec<(String, u64)> {
    let text = answer.text();
    let recordings = text.split("<recording>").skip(1).map(|part| {
        let of = |name: &str| {
            let (_, rest) = part.split_once(&format!("<{name}>")).unwrap();
            rest.split('<').next().unwrap().to_owned()
        };
        (of("meetingID"), of("startTime").parse::<u64>().unwrap() - TIME)
    });
    recordings.collect()
}

async fn list(node: &Node, query: &str) -> Vec<(String, u64)> {
    listed(&node.api("getRecordings", query).await.success())
}

fn pairs(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
    pairs.iter().map(|(meeting, after)| ((*meeting).to_owned(), *after)).collect()
}

#[tokio::test]
async fn a_recording_reads_as_bbb_prints_it() {
    for release in ["2.7.17", "3.0.28"] {
        let node = Setup::stock().release(release).start().await;
        let mut class = recording("class", 0);
        class.name = "Light & dark".to_owned();
        class.formats.push("video".to_owned());
        node.sim.add_recording(class.clone());
        let answer = node.api("getRecordings", "meetingID=class").await.success();
        let (id, origin) = (&class.record_id, &node.origin);
        let format = |kind: &str, more: &str| {
            format!(
                "<format><type>{kind}</type><url>{origin}/playback/{kind}/2.3/{id}</url>\
                 <processingTime>7177</processingTime><length>10</length><size>1000000</size>\
                 {more}</format>"
            )
        };
        let preview = format!(
            "<preview><images><image width=\"176\" height=\"136\" alt=\"Welcome\">\
             {origin}/presentation/{id}/presentation/thumb-1.png</image></images></preview>"
        );
        let wanted = format!(
            "<response><returncode>SUCCESS</returncode><recordings><recording>\
             <recordID>{id}</recordID><meetingID>class</meetingID>\
             <internalMeetingID>{id}</internalMeetingID><name>Light &amp; dark</name>\
             <isBreakout>false</isBreakout><published>true</published><state>published</state>\
             <startTime>{TIME}</startTime><endTime>{}</endTime><participants>2</participants>\
             <rawSize>1104836</rawSize><metadata><isBreakout>false</isBreakout>\
             <meetingId>class</meetingId><meetingName>Light &amp; dark</meetingName>\
             <course>course of class</course></metadata><size>2000000</size><playback>{}{}\
             </playback><data></data></recording></recordings></response>",
            TIME + 600_000,
            format("presentation", &preview),
            format("video", ""),
        );
        assert_eq!(answer.text(), wanted, "{release}");
        assert_eq!(answer.header("content-type"), Some("text/xml;charset=utf-8"));
        // The only such call whose answers say nothing of caches.
        assert_eq!(answer.header("cache-control"), None);
    }
}

#[tokio::test]
async fn every_filter_narrows_the_list() {
    let node = with_recordings("3.0.28").await;
    let optics = id("optics", 0);
    let (hash, _) = optics.split_once('-').unwrap();
    let newest = [("rome", 2), ("optics", 1), ("optics", 0)];
    let all = [&[("persia", 5), ("egypt", 4), ("greece", 3)][..], &newest].concat();
    for (query, wanted) in [
        // Published and unpublished ones, unless told otherwise.
        (String::new(), pairs(&newest)),
        ("recordID=&meetingID=&state=".to_owned(), pairs(&newest)),
        ("state=any".to_owned(), pairs(&all)),
        ("state=unpublished".to_owned(), pairs(&[("optics", 1)])),
        ("state=deleted,processing,processed".to_owned(), pairs(&all[..3])),
        ("state=nonsense".to_owned(), vec![]),
        // A record ID's beginning is enough, and it goes before meetings.
        (format!("recordID={optics}"), pairs(&[("optics", 0)])),
        (format!("recordID={hash}"), pairs(&[("optics", 1), ("optics", 0)])),
        (format!("recordID={hash}&meetingID=rome"), pairs(&[("optics", 1), ("optics", 0)])),
        (format!("recordID={}", hash.to_uppercase()), vec![]),
        ("meetingID=rome,optics".to_owned(), pairs(&newest)),
        ("meetingID=rome%252Coptics".to_owned(), pairs(&newest)),
        ("meetingID=rom".to_owned(), vec![]),
        ("meetingID=greece".to_owned(), vec![]),
        // Metadata, names in any letter case, `%` at an end for anything.
        ("meta_course=course+of+rome".to_owned(), pairs(&[("rome", 2)])),
        ("meta_COURSE=course+of+rome".to_owned(), pairs(&[("rome", 2)])),
        ("meta_course=course".to_owned(), vec![]),
        ("meta_course=%25rome".to_owned(), pairs(&[("rome", 2)])),
        ("meta_course=course+of%25".to_owned(), pairs(&newest)),
        ("meta_course=%25of+opt%25".to_owned(), pairs(&[("optics", 1), ("optics", 0)])),
        ("meta_course=%25&meta_other=%25".to_owned(), vec![]),
        ("meta_other=".to_owned(), pairs(&newest)),
    ] {
        assert_eq!(list(&node, &query).await, wanted, "{query}");
    }
}

#[tokio::test]
async fn a_page_says_where_it_is_and_how_many_there_are() {
    let node = Setup::stock().start().await;
    for after in 0..120 {
        node.sim.add_recording(recording("class", after));
    }
    for (query, (first, count), (offset, limit)) in [
        ("limit=2", (119, 2), (0, 2)),
        ("limit=2&offset=118", (1, 2), (118, 2)),
        ("limit=50&offset=100", (19, 20), (100, 50)),
        ("limit=0", (119, 1), (0, 1)),
        ("limit=1000", (119, 100), (0, 100)),
        ("limit=1&offset=-5", (119, 1), (0, 1)),
        ("limit=1&offset=x", (119, 1), (0, 1)),
    ] {
        let answer = node.api("getRecordings", query).await.success();
        let found = listed(&answer);
        assert_eq!((found[0].1, found.len()), (first, count), "{query}");
        let wanted = format!(
            "</recordings><pagination><pageable><offset>{offset}</offset><limit>{limit}</limit>\
             <paged>true</paged><unpaged>false</unpaged></pageable>\
             <totalElements>120</totalElements><empty>false</empty></pagination></response>"
        );
        assert!(answer.text().ends_with(&wanted), "{query}: {}", answer.text());
    }
    for query in ["", "offset=5", "limit=x", "limit="] {
        let answer = node.api("getRecordings", query).await.success();
        assert_eq!(listed(&answer).len(), 120, "{query}");
        assert!(!answer.text().contains("pagination"), "{query}");
    }
    let none = node.api("getRecordings", "meetingID=none&limit=5").await.success();
    assert_eq!(none.element("messageKey").as_deref(), Some("noRecordings"));
    assert_eq!(none.element("totalElements").as_deref(), Some("0"));
    assert_eq!(none.element("empty").as_deref(), Some("true"));
    // Pages came with 2.6.
    let old = with_recordings("2.5.9").await;
    assert_eq!(list(&old, "limit=1").await.len(), 3);
}

#[tokio::test]
async fn calls_that_write_change_what_is_there() {
    let node = with_recordings("3.0.28").await;
    let [one, two, gone, in_work] =
        [id("optics", 0), id("optics", 1), id("greece", 3), id("egypt", 4)];
    let all = format!("{one},{two},{gone},{in_work},none");

    let hidden = node.api("publishRecordings", &format!("recordID={all}&publish=no")).await;
    assert_eq!(
        hidden.text(),
        "<response><returncode>SUCCESS</returncode><published>no</published></response>"
    );
    assert_eq!(hidden.header("cache-control"), Some("no-cache"));
    assert_eq!(list(&node, "state=published").await, pairs(&[("rome", 2)]));
    let shown = node.api("publishRecordings", &format!("recordID={one}&publish=TRUE")).await;
    assert_eq!(shown.success().element("published").as_deref(), Some("TRUE"));
    assert_eq!(list(&node, "state=published").await, pairs(&[("rome", 2), ("optics", 0)]));
    assert_eq!(list(&node, "state=deleted,processing").await.len(), 2, "they are as they were");

    // By the beginning of an ID, deleted ones too; an empty value removes.
    let (hash, _) = one.split_once('-').unwrap();
    let query = format!("recordID={hash},{one},{gone},{in_work}&meta_Room=7&meta_course=");
    let updated = node.api("updateRecordings", &query).await.success();
    assert_eq!(updated.element("updated").as_deref(), Some("true"));
    let touched = pairs(&[("greece", 3), ("optics", 1), ("optics", 0)]);
    assert_eq!(list(&node, "state=any&meta_room=7").await, touched);
    assert_eq!(
        list(&node, "state=any&meta_course=%25").await,
        pairs(&[("persia", 5), ("egypt", 4), ("rome", 2)])
    );
    node.api("updateRecordings", &format!("recordID={one}")).await.success();

    let deleted = node.api("deleteRecordings", &format!("recordID={one},none")).await.success();
    assert_eq!(deleted.element("deleted").as_deref(), Some("true"));
    assert_eq!(list(&node, "state=deleted").await, pairs(&[("greece", 3), ("optics", 0)]));
    // What is deleted, in work, or named by its beginning is not there.
    for id in [&one, &gone, &in_work, hash] {
        for (call, more) in [
            ("publishRecordings", "&publish=true"),
            ("deleteRecordings", ""),
            ("updateRecordings", "&meta_a=b"),
        ] {
            let answer = node.api(call, &format!("recordID={id}{more}")).await;
            assert_eq!(answer.failure(), "notFound", "{call} {id}");
            assert_eq!(answer.element("message").unwrap(), "We could not find recordings");
        }
    }
}

#[tokio::test]
async fn of_several_mistakes_the_first_is_told() {
    let node = with_recordings("3.0.28").await;
    let one = id("optics", 0);
    for (path, wanted) in [
        ("publishRecordings?publish=true".to_owned(), "checksumError"),
        ("publishRecordings?checksum=x".to_owned(), "missingParamRecordID"),
        (format!("publishRecordings?recordID={one}&checksum=x"), "missingParamPublish"),
        (format!("publishRecordings?recordID={one}&publish=true&checksum=x"), "checksumError"),
        ("deleteRecordings?checksum=x".to_owned(), "missingParamRecordID"),
        (format!("deleteRecordings?recordID={one}&checksum=x"), "checksumError"),
        ("updateRecordings?meta_a=b&checksum=x".to_owned(), "missingParamRecordID"),
        ("getRecordingTextTracks?checksum=x".to_owned(), "missingParamRecordID"),
    ] {
        let answer = node.get(&format!("/bigbluebutton/api/{path}")).await;
        assert_eq!(answer.failure(), wanted, "{path}");
    }
    assert_eq!(list(&node, "state=deleted").await, pairs(&[("greece", 3)]));
}

const FORM: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=b");

/// A form with this file.
fn form(file: &str) -> String {
    format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.vtt\"\r\n\
         Content-Type: text/vtt\r\n\r\n{file}\r\n--b--\r\n"
    )
}

async fn put(node: &Node, query: &str, file: &str) -> Value {
    let path = node.signed("putRecordingTextTrack", query);
    let answer = node.send("POST", &path, &[FORM], form(file).as_bytes()).await;
    answer.json()["response"].clone()
}

async fn tracks(node: &Node, id: &str) -> Value {
    let answer = node.api("getRecordingTextTracks", &format!("recordID={id}")).await;
    answer.json()["response"].clone()
}

#[tokio::test]
async fn captions_are_put_and_listed() {
    let node = with_recordings("3.0.28").await;
    let id = id("optics", 0);
    let failed = |key: &str, message: String| json!({ "returncode": "FAILED", "messageKey": key, "message": message });
    let none = failed("noCaptionsFound", format!("No captions found for {id}"));
    assert_eq!(tracks(&node, &id).await, none);
    let put_it = format!("recordID={id}&kind=subtitles&lang=en_US&label=English");
    let done = json!({
        "returncode": "SUCCESS", "messageKey": "upload_text_track_success",
        "message": "Text track uploaded successfully", "recordId": id,
    });
    assert_eq!(put(&node, &put_it, "WEBVTT").await, done);
    // Again, of the same kind and language; and of another.
    let again = put_it.replace("English", "American");
    assert_eq!(put(&node, &again, "WEBVTT").await, done);
    let other = format!("recordID={id}&kind=captions&lang=de");
    assert_eq!(put(&node, &other, "WEBVTT").await, done);
    let shown = tracks(&node, &id).await;
    assert_eq!(shown["returncode"], "SUCCESS");
    let shown: Vec<[&str; 4]> = shown["tracks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|track| ["kind", "lang", "label", "source"].map(|name| track[name].as_str().unwrap()))
        .collect();
    let wanted = [["subtitles", "en-US", "American", "upload"], ["captions", "de", "de", "upload"]];
    assert_eq!(shown, wanted);
    let links = tracks(&node, &id).await;
    let link = links["tracks"][0]["href"].as_str().unwrap();
    assert!(link.ends_with(&format!("/{id}/subtitles_en-US.vtt")), "{link}");

    let query = |more: &str| format!("recordID={id}{more}");
    for (query, file, key, message) in [
        ("kind=captions".to_owned(), "x", "paramError", "Missing param recordID."),
        ("recordID=none".to_owned(), "x", "noRecordings", "No recording was found for none"),
        (query(""), "x", "paramError", "Missing param kind."),
        (
            query("&kind=songs"),
            "x",
            "invalidKind",
            "Invalid kind parameter, expected='subtitles|captions' actual=songs",
        ),
        (query("&kind=captions"), "x", "paramError", "Missing param lang."),
        (
            query("&kind=captions&lang=english"),
            "x",
            "invalidLang",
            "Malformed lang param, received=english",
        ),
        (
            query("&kind=captions&lang=fr"),
            "",
            "empty_uploaded_text_track",
            "Empty uploaded text track.",
        ),
    ] {
        assert_eq!(put(&node, &query, file).await, failed(key, message.to_owned()), "{query}");
    }
    let unsigned = format!("/bigbluebutton/api/putRecordingTextTrack?{put_it}&checksum=x");
    let refused = node.send("POST", &unsigned, &[FORM], form("x").as_bytes()).await;
    assert_eq!(refused.json()["response"]["messageKey"], "checksumError");
    let gone = self::id("greece", 3);
    let deleted = failed("noRecordings", format!("No recording found for {gone}"));
    assert_eq!(tracks(&node, &gone).await, deleted);
}
