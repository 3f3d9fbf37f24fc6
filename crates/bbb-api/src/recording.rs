//! Recordings in answers: reading what counts, showing one to its tenant, and
//! making of one what a call that writes has made of it at its server.

use crate::{answer::Answer, stamp, xml::Element};

/// What getRecordings is told of the states it lists by default.
const PUBLISHED: &str = "published";
const UNPUBLISHED: &str = "unpublished";
const DELETED: &str = "deleted";
/// What old recordings say instead of `published`.
const AVAILABLE: &str = "available";

/// What we use of a `<recording>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingFacts {
    /// The internal ID of its meeting; unique.
    pub record_id: String,
    /// The ID its meeting was created with, as the node knows it.
    pub meeting_id: String,
    /// `processing`, `processed`, `published`, `unpublished` or `deleted`.
    pub state: String,
    /// When its meeting began, in ms by the node's clock.
    pub start_time: i64,
    /// Whether its meeting was a breakout room.
    pub is_breakout: bool,
    /// The value of our stamp, unverified.
    pub stamp: Option<String>,
}

/// What a call that writes makes of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingChange {
    /// publishRecordings: whether it may be seen.
    Publish(bool),
    /// deleteRecordings.
    Delete,
    /// updateRecordings: names and values of metadata, an empty value removing it.
    Metadata(Vec<(String, String)>),
}

impl RecordingFacts {
    /// Reads an element's children; absent when it names no recording.
    #[must_use]
    pub fn read(element: &Element) -> Option<Self> {
        let text = |name: &str| element.text_of(name).filter(|text| !text.is_empty());
        let metadata = element.child("metadata");
        let in_metadata = |name: &str| metadata.and_then(|data| data.text_of(name));
        let published = text("published").is_some_and(|text| text.trim() == "true");
        let state = text("state").map(|state| state.trim().to_ascii_lowercase());
        Some(Self {
            record_id: text("recordID")?.trim().to_owned(),
            meeting_id: text("meetingID").or_else(|| in_metadata("meetingId"))?,
            state: match state.as_deref() {
                Some(AVAILABLE) => PUBLISHED.to_owned(),
                Some(state) => state.to_owned(),
                None if published => PUBLISHED.to_owned(),
                None => UNPUBLISHED.to_owned(),
            },
            start_time: text("startTime").and_then(|text| text.trim().parse().ok()).unwrap_or(0),
            is_breakout: text("isBreakout").is_some_and(|text| text.trim() == "true"),
            stamp: in_metadata(stamp::METADATA_NAME),
        })
    }

    /// Whether calls that publish, delete and change metadata find it.
    #[must_use]
    pub fn is_there(&self) -> bool {
        is_there(&self.state)
    }
}

/// Whether calls that publish, delete and change metadata find a recording in
/// this state.
#[must_use]
pub fn is_there(state: &str) -> bool {
    matches!(state, PUBLISHED | UNPUBLISHED)
}

/// A recording's metadata, as filters look at it.
#[must_use]
pub fn recording_metadata(element: &Element) -> Vec<(String, String)> {
    let metadata = element.child("metadata").into_iter().flat_map(Element::elements);
    metadata.map(|entry| (entry.name().to_owned(), entry.text())).collect()
}

/// Makes a recording's element what its tenant may see: the tenant's own
/// meeting ID (when given) in place of the node's, and none of our metadata.
pub fn show_recording(element: &mut Element, facts: &RecordingFacts, meeting_id: Option<&str>) {
    if let Some(metadata) = element.child_mut("metadata") {
        metadata.remove_where(|entry| stamp::is_ours(entry.name()));
    }
    let Some(meeting_id) = meeting_id else { return };
    if let Some(shown) = element.child_mut("meetingID") {
        shown.set_text(meeting_id);
    }
    if let Some(inside) = element.child_mut("metadata").and_then(|data| data.child_mut("meetingId"))
        && inside.text() == facts.meeting_id
    {
        inside.set_text(meeting_id);
    }
}

impl RecordingChange {
    /// Makes the element what its server shows after the call.
    pub fn apply(&self, element: &mut Element) {
        match self {
            Self::Publish(publish) => {
                set(element, "published", if *publish { "true" } else { "false" });
                set(element, "state", if *publish { PUBLISHED } else { UNPUBLISHED });
            }
            Self::Delete => {
                set(element, "published", "false");
                set(element, "state", DELETED);
            }
            Self::Metadata(entries) => {
                if element.child("metadata").is_none() {
                    *element = element.clone().with(Element::new("metadata"));
                }
                let Some(metadata) = element.child_mut("metadata") else { return };
                for (name, value) in entries {
                    if value.is_empty() {
                        metadata.remove_where(|entry| entry.name() == name);
                    } else {
                        set(metadata, name, value);
                    }
                }
            }
        }
    }

    /// Whether a recording in this state is touched by the call.
    #[must_use]
    pub fn touches(&self, state: &str) -> bool {
        is_there(state) || (matches!(self, Self::Metadata(_)) && state == DELETED)
    }
}

fn set(element: &mut Element, name: &str, text: &str) {
    match element.child_mut(name) {
        Some(child) => child.set_text(text),
        None => *element = element.clone().with_text(name, text),
    }
}

impl Answer {
    /// The `<recording>` elements of a getRecordings answer.
    pub fn recordings(&self) -> impl Iterator<Item = &Element> {
        let list = self.root().child("recordings");
        list.into_iter().flat_map(Element::elements).filter(|found| found.name() == "recording")
    }

    /// How many recordings there are besides those of this page; absent when the
    /// answer is no page: all of them are in it.
    #[must_use]
    pub fn total_recordings(&self) -> Option<usize> {
        let root = self.root();
        let pagination = root.child("pagination").unwrap_or(root);
        pagination.text_of("totalElements")?.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Document;

    fn element(text: &str) -> Element {
        Document::parse(text).unwrap().root().clone()
    }

    const RECORDING: &str = "<recording><recordID>f-1</recordID><meetingID>bg1.a.x</meetingID>\
        <published>true</published><state>available</state><startTime>17</startTime>\
        <metadata><meetingId>bg1.a.x</meetingId><b>1</b>\
        <bluegate-stamp>v1</bluegate-stamp></metadata><unknown a='1'/></recording>";

    #[test]
    fn what_counts_is_read() {
        let facts = RecordingFacts::read(&element(RECORDING)).unwrap();
        assert_eq!((facts.record_id.as_str(), facts.meeting_id.as_str()), ("f-1", "bg1.a.x"));
        assert_eq!((facts.state.as_str(), facts.start_time), ("published", 17));
        assert_eq!(facts.stamp.as_deref(), Some("v1"));
        for (text, wanted) in [
            ("<state>Unpublished</state>", "unpublished"),
            ("<state>deleted</state>", "deleted"),
            ("<published>true</published>", "published"),
            ("", "unpublished"),
        ] {
            let text = format!(
                "<recording><recordID>f</recordID><meetingID>m</meetingID>{text}</recording>"
            );
            assert_eq!(RecordingFacts::read(&element(&text)).unwrap().state, wanted, "{text}");
        }
        assert_eq!(RecordingFacts::read(&element("<recording/>")), None);
    }

    #[test]
    fn a_tenant_sees_its_own_id_and_none_of_our_metadata() {
        let mut shown = element(RECORDING);
        let facts = RecordingFacts::read(&shown).unwrap();
        show_recording(&mut shown, &facts, Some("x"));
        let wanted =
            RECORDING.replace("bg1.a.x", "x").replace("<bluegate-stamp>v1</bluegate-stamp>", "");
        assert_eq!(shown.to_string(), wanted);
    }

    #[test]
    fn a_change_is_what_a_server_shows_after_it() {
        let entries = [("b", ""), ("c", "<2>"), ("d", "")];
        let entries = entries.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        for (change, before, after) in [
            (RecordingChange::Publish(true), "available", "published"),
            (RecordingChange::Publish(false), "true</p", "false</p"),
            (RecordingChange::Publish(false), "available", "unpublished"),
            (RecordingChange::Delete, "available", "deleted"),
            (RecordingChange::Metadata(entries), "<b>1</b>", "<c>&lt;2&gt;</c>"),
        ] {
            let mut changed = element(RECORDING);
            change.apply(&mut changed);
            let text = changed.to_string();
            assert!(!text.contains(before) && text.contains(after), "{change:?}: {text}");
        }
        assert!(RecordingChange::Metadata(Vec::new()).touches("deleted"));
        assert!(!RecordingChange::Publish(true).touches("deleted"));
        assert!(!RecordingChange::Delete.touches("processing"));
    }

    #[test]
    fn pages_say_how_many_there_are() {
        let answer = |inside: &str| {
            let text = format!("<response><returncode>SUCCESS</returncode>{inside}</response>");
            Answer::parse(text.as_bytes()).unwrap()
        };
        let list = format!("<recordings>{RECORDING}{RECORDING}</recordings>");
        assert_eq!(answer(&list).recordings().count(), 2);
        for (more, wanted) in [
            ("", None),
            ("<pagination><totalElements>7</totalElements></pagination>", Some(7)),
            ("<totalElements>8</totalElements>", Some(8)),
        ] {
            assert_eq!(answer(&format!("{list}{more}")).total_recordings(), wanted);
        }
    }
}
