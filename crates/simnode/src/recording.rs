//! Recordings as the files of a real node keep them: they outlive meetings,
//! restarts and power.
//!
//! Facts: the recording service of bbb-web 2.7 and 3.0. Where a real node lists
//! recordings in the order of a hash table, this one lists the newest first.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{checksum::Algorithm, meeting::Meeting};

#[cfg(test)]
mod tests;

/// How many recordings a node keeps; beyond it nothing is recorded.
const RECORDINGS_MAX: usize = 20_000;

/// Where a recording's files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingState {
    /// Being made.
    Processing,
    /// Made, and not yet anywhere.
    Processed,
    /// To be seen by all who have the link.
    Published,
    /// Kept, and not to be seen.
    Unpublished,
    /// Deleted, though its folder is still there.
    Deleted,
}

impl RecordingState {
    /// The word of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Processed => "processed",
            Self::Published => "published",
            Self::Unpublished => "unpublished",
            Self::Deleted => "deleted",
        }
    }

    /// Whether write calls find it: published or not.
    fn is_there(self) -> bool {
        matches!(self, Self::Published | Self::Unpublished)
    }
}

/// One recording.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The internal ID of its meeting.
    pub record_id: String,
    /// The external ID of its meeting.
    pub meeting_id: String,
    /// The meeting's title.
    pub name: String,
    /// Where its files are.
    pub state: RecordingState,
    /// When the meeting began, in ms since 1970.
    pub start_time: u64,
    /// When it ended, in ms since 1970.
    pub end_time: u64,
    /// How many came.
    pub participants: usize,
    /// The meeting's metadata, names in lower case.
    pub metadata: BTreeMap<String, String>,
    /// The formats it was published in.
    pub formats: Vec<String>,
    pub(crate) tracks: Vec<Track>,
    pub(crate) breakout: Option<RecordedBreakout>,
    pub(crate) breakout_rooms: Vec<String>,
}

/// What ties a recorded breakout room to its parent.
#[derive(Debug, Clone)]
pub(crate) struct RecordedBreakout {
    pub(crate) parent_id: String,
    pub(crate) sequence: usize,
    pub(crate) free_join: bool,
}

/// Captions of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Track {
    pub(crate) kind: String,
    pub(crate) language: String,
    pub(crate) label: String,
}

impl Recording {
    /// A published recording of a meeting of this ID that began at `start_time`
    /// and lasted ten minutes.
    #[must_use]
    pub fn of_meeting(meeting_id: &str, start_time: u64) -> Self {
        Self {
            record_id: format!("{}-{start_time}", Algorithm::Sha1.hex(meeting_id)),
            meeting_id: meeting_id.to_owned(),
            name: meeting_id.to_owned(),
            state: RecordingState::Published,
            start_time,
            end_time: start_time + 600_000,
            participants: 2,
            metadata: BTreeMap::new(),
            formats: vec!["presentation".to_owned()],
            tracks: Vec::new(),
            breakout: None,
            breakout_rooms: Vec::new(),
        }
    }

    /// What is left of a meeting that was recorded and has ended.
    pub(crate) fn of_ended(meeting: &Meeting, now: u64) -> Self {
        Self {
            record_id: meeting.internal_id.clone(),
            meeting_id: meeting.external_id.clone(),
            name: meeting.name.clone(),
            end_time: now,
            participants: meeting.users.len(),
            metadata: meeting.metadata.clone(),
            breakout: meeting.breakout.as_ref().map(|breakout| RecordedBreakout {
                parent_id: breakout.parent_internal_id.clone(),
                sequence: breakout.sequence,
                free_join: breakout.free_join,
            }),
            breakout_rooms: meeting.breakout_rooms.clone(),
            ..Self::of_meeting(&meeting.external_id, meeting.create_time)
        }
    }
}

/// What getRecordings asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Beginnings of record IDs; none stands for all.
    pub(crate) prefixes: Vec<String>,
    /// Words of states; none stands for the usual two.
    pub(crate) states: Vec<String>,
    /// Names and patterns of metadata, of which all must match.
    pub(crate) metadata: Vec<(String, String)>,
}

impl Wanted {
    fn takes(&self, recording: &Recording) -> bool {
        let state = recording.state.as_str();
        let by_state = match self.states.as_slice() {
            [] => recording.state.is_there(),
            states => states.iter().any(|wanted| wanted == "any" || wanted == state),
        };
        by_state
            && self.metadata.iter().all(|(name, pattern)| {
                recording.metadata.get(name).is_some_and(|value| matches(pattern, value))
            })
    }
}

/// `%` at an end of the pattern stands for anything there.
fn matches(pattern: &str, value: &str) -> bool {
    let inside = pattern.strip_prefix('%').and_then(|rest| rest.strip_suffix('%'));
    inside.is_some_and(|part| value.contains(part))
        || pattern.strip_prefix('%').is_some_and(|end| value.ends_with(end))
        || pattern.strip_suffix('%').is_some_and(|start| value.starts_with(start))
        || pattern == value
}

/// All recordings of a node, by record ID.
#[derive(Debug, Default)]
pub(crate) struct Recordings {
    all: BTreeMap<String, Recording>,
}

impl Recordings {
    pub(crate) fn insert(&mut self, recording: Recording) {
        if self.all.len() < RECORDINGS_MAX {
            self.all.insert(recording.record_id.clone(), recording);
        }
    }

    /// Loses one, as when its files are deleted by hand.
    pub(crate) fn lose(&mut self, record_id: &str) {
        self.all.remove(record_id);
    }

    /// Every one, by record ID.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Recording> {
        self.all.values()
    }

    pub(crate) fn get(&self, record_id: &str) -> Option<&Recording> {
        self.all.get(record_id)
    }

    /// The recordings that are wanted: for each prefix in turn, the newest first.
    pub(crate) fn find(&self, wanted: &Wanted) -> Vec<&Recording> {
        let everything = [String::new()];
        let prefixes =
            if wanted.prefixes.is_empty() { &everything[..] } else { &wanted.prefixes[..] };
        let mut found: Vec<&Recording> = Vec::new();
        for prefix in prefixes {
            let mut some: Vec<&Recording> = Vec::new();
            for (id, recording) in self.all.range(prefix.clone()..) {
                if !id.starts_with(prefix.as_str()) {
                    break;
                }
                if wanted.takes(recording) && found.iter().all(|there| there.record_id != *id) {
                    some.push(recording);
                }
            }
            some.sort_by_key(|recording| (Reverse(recording.start_time), &recording.record_id));
            found.extend(some);
        }
        found
    }

    /// Whether any of these IDs is that of a recording which is published or not.
    pub(crate) fn exists_any(&self, record_ids: &[String]) -> bool {
        record_ids.iter().any(|id| self.exists(id))
    }

    /// Whether this is the ID of a recording that is published or not.
    pub(crate) fn exists(&self, record_id: &str) -> bool {
        self.get(record_id).is_some_and(|recording| recording.state.is_there())
    }

    /// Publishes or hides those that are there, and gives them.
    pub(crate) fn publish(&mut self, record_ids: &[String], publish: bool) -> Vec<Recording> {
        let to = if publish { RecordingState::Published } else { RecordingState::Unpublished };
        self.change(record_ids, |recording| recording.state = to)
    }

    /// Deletes those that are there, and gives them.
    pub(crate) fn delete(&mut self, record_ids: &[String]) -> Vec<Recording> {
        self.change(record_ids, |recording| recording.state = RecordingState::Deleted)
    }

    fn change(&mut self, record_ids: &[String], change: impl Fn(&mut Recording)) -> Vec<Recording> {
        let mut changed = Vec::new();
        for id in record_ids {
            if let Some(recording) = self.all.get_mut(id).filter(|r| r.state.is_there()) {
                change(recording);
                changed.push(recording.clone());
            }
        }
        changed
    }

    /// Sets and, with an empty value, removes metadata of all whose IDs begin so.
    pub(crate) fn update(&mut self, prefixes: &[String], metadata: &[(String, String)]) {
        let touched = |recording: &&mut Recording| {
            let processed =
                recording.state.is_there() || recording.state == RecordingState::Deleted;
            processed && prefixes.iter().any(|prefix| recording.record_id.starts_with(prefix))
        };
        for recording in self.all.values_mut().filter(touched) {
            for (name, value) in metadata {
                if value.is_empty() {
                    recording.metadata.remove(name);
                } else {
                    recording.metadata.insert(name.clone(), value.clone());
                }
            }
        }
    }

    /// Adds captions to a recording, in place of those of their kind and language.
    pub(crate) fn add_track(&mut self, record_id: &str, track: Track) {
        if let Some(recording) = self.all.get_mut(record_id) {
            recording
                .tracks
                .retain(|old| (&old.kind, &old.language) != (&track.kind, &track.language));
            recording.tracks.push(track);
        }
    }
}
