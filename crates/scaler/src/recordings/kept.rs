//! A recording at one keeper, as memory holds it.

use std::hash::{DefaultHasher, Hash, Hasher};

use bluegate_bbb_api::{Document, RecordingFacts, is_there, recording_metadata, show_recording};
use bluegate_store::StoredRecording;
use bytes::Bytes;

use super::{Owner, keeper::Keeper};
use crate::callbacks::Callbacks;

/// A recording at one keeper.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Who keeps it.
    pub(crate) keeper: Keeper,
    /// Its ID.
    pub(crate) record_id: String,
    /// Whose it is.
    pub(crate) owner: Owner,
    /// Its state, in the API's word.
    pub(crate) state: String,
    /// When its meeting began, in ms.
    pub(crate) start_time: i64,
    /// The `<recording>` element as its tenant may see it.
    pub(crate) shown: Bytes,
    /// Its keeper's number in the index.
    pub(super) keeper_number: usize,
    /// When its keeper was asked for it.
    pub(crate) seen_at: i64,
    /// The change of the store that made it what it is.
    pub(crate) revision: i64,
    /// Tells whether a keeper says anything new.
    digest: u64,
    metadata: Vec<(String, String)>,
}

impl Kept {
    /// What a row holds; absent when it is gone or cannot be read.
    pub(crate) fn of(row: &StoredRecording, callbacks: Option<&Callbacks>) -> Option<Self> {
        if row.gone {
            return None;
        }
        let mut document = Document::parse(&row.document).ok()?;
        let facts = RecordingFacts::read(document.root())?;
        show_recording(document.root_mut(), &facts, row.meeting_id.as_deref());
        if let Some(callbacks) = callbacks {
            callbacks.restore(document.root_mut());
        }
        Some(Self {
            keeper: Keeper::named(&row.keeper)?,
            record_id: row.record_id.clone(),
            owner: Owner { tenant: row.tenant.clone(), meeting_id: row.meeting_id.clone() },
            state: facts.state,
            start_time: facts.start_time,
            metadata: recording_metadata(document.root()),
            shown: document.to_string().into(),
            keeper_number: 0,
            seen_at: row.seen_at,
            revision: row.revision,
            digest: digest(&row.document),
        })
    }

    /// A value of its metadata, as its tenant may see it.
    pub(crate) fn metadata(&self, name: &str) -> Option<&str> {
        self.metadata.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether this document is the one that it was made of.
    pub(crate) fn is_of(&self, document: &str) -> bool {
        self.digest == digest(document)
    }

    /// Whether calls that publish, delete and change metadata find it.
    pub(crate) fn is_there(&self) -> bool {
        is_there(&self.state)
    }

    /// Which of several copies is shown: what the delegate says counts before
    /// all, then what may be seen.
    pub(super) fn preference(&self) -> (bool, u8) {
        let state = match self.state.as_str() {
            "published" => 0,
            "unpublished" => 1,
            _ => 2,
        };
        (self.keeper != Keeper::Delegate, state)
    }
}

fn digest(document: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    document.hash(&mut hasher);
    hasher.finish()
}
