//! `<recording>` and `<pagination>`, element by element as bbb-web prints them.

use crate::{
    recording::{Recording, RecordingState},
    xml::Xml,
};

/// Bytes of what was recorded, and of one format made of it.
const RAW_BYTES: u64 = 1_104_836;
const FORMAT_BYTES: u64 = 1_000_000;
/// What a format took to make, in ms.
const PROCESSING_TIME: u64 = 7_177;
const MINUTE: u64 = 60_000;

/// One recording, with addresses below the node's own.
pub(super) fn recording(xml: &mut Xml, recording: &Recording, server: &str) {
    let id = &recording.record_id;
    xml.element("recording", |xml| {
        xml.value("recordID", id);
        xml.value("meetingID", &recording.meeting_id);
        xml.value("internalMeetingID", id);
        xml.value("name", &recording.name);
        xml.plain("isBreakout", recording.breakout.is_some());
        xml.plain("published", recording.state == RecordingState::Published);
        xml.value("state", recording.state.as_str());
        xml.plain("startTime", recording.start_time);
        xml.plain("endTime", recording.end_time);
        xml.plain("participants", recording.participants);
        xml.plain("rawSize", RAW_BYTES);
        xml.element("metadata", |xml| {
            xml.plain("isBreakout", recording.breakout.is_some());
            xml.value("meetingId", &recording.meeting_id);
            xml.value("meetingName", &recording.name);
            for (name, value) in &recording.metadata {
                xml.value(name, value);
            }
        });
        if let Some(breakout) = &recording.breakout {
            xml.element("breakout", |xml| {
                xml.value("parentId", &breakout.parent_id);
                xml.plain("sequence", breakout.sequence);
                xml.plain("freeJoin", breakout.free_join);
            });
        }
        if !recording.breakout_rooms.is_empty() {
            xml.element("breakoutRooms", |xml| {
                recording.breakout_rooms.iter().for_each(|room| xml.value("breakoutRoom", room));
            });
        }
        let size = FORMAT_BYTES.saturating_mul(recording.formats.len() as u64);
        xml.plain("size", size);
        xml.element("playback", |xml| {
            recording.formats.iter().for_each(|kind| format(xml, recording, kind, server));
        });
        xml.element("data", |_| {});
    });
}

fn format(xml: &mut Xml, recording: &Recording, kind: &str, server: &str) {
    let id = &recording.record_id;
    let length = recording.end_time.saturating_sub(recording.start_time) / MINUTE;
    xml.element("format", |xml| {
        xml.value("type", kind);
        xml.value("url", format!("{server}/playback/{kind}/2.3/{id}"));
        xml.plain("processingTime", PROCESSING_TIME);
        xml.plain("length", length);
        xml.plain("size", FORMAT_BYTES);
        if kind == "presentation" {
            xml.element("preview", |xml| {
                xml.element("images", |xml| {
                    let url = format!("{server}/presentation/{id}/presentation/thumb-1.png");
                    let attributes = r#" width="176" height="136" alt="Welcome""#;
                    xml.value_with("image", attributes, url);
                });
            });
        }
    });
}

/// What stands behind a page of recordings.
pub(super) fn pagination(xml: &mut Xml, offset: i32, limit: i32, total: usize, empty: bool) {
    xml.element("pagination", |xml| {
        xml.element("pageable", |xml| {
            xml.plain("offset", offset);
            xml.plain("limit", limit);
            xml.value("paged", "true");
            xml.value("unpaged", "false");
        });
        xml.plain("totalElements", total);
        xml.plain("empty", empty);
    });
}
