//! Reading getMeetings of one node, poll after poll.
//!
//! Most of what a node lists is what it listed two seconds ago, and taking it apart
//! is what polling costs most. So an answer that is byte for byte the last one is
//! not read again, and of another only the meetings that changed are: each is known
//! by a digest of its text. The digest is SHA-256, because tenants write much of
//! that text: nobody can make a change that is not seen.

use std::{collections::HashMap, sync::Arc};

use bluegate_bbb_api::{
    Answer, AnswerError, Document, MeetingFacts, Outcome, show_to_tenant, stamp::Stamp,
};
use bluegate_cluster::Secret;
use sha2::{Digest as _, Sha256};

use super::{Listing, PolledMeeting};
use crate::callbacks::Callbacks;

/// Bytes of meetings that are read at once. A node with a hundred full classes lists
/// a megabyte, and requests wait meanwhile.
const PIECE: usize = 64 * 1024;

type Digest = [u8; 32];

/// Why an answer to getMeetings is no list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListError {
    /// Not an answer of the BBB API.
    #[error("not an answer of the BBB API")]
    Unusable(#[from] AnswerError),
    /// FAILED, with this key.
    #[error("the node refused with `{0}`")]
    Refused(String),
}

/// What the meetings of a node are read with.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'a> {
    /// Of which one signed the stamps.
    pub(crate) secrets: &'a [Secret],
    /// By which tenants' own callback URLs are shown.
    pub(crate) callbacks: Option<&'a Callbacks>,
}

/// Reads the lists of one node, always with the same keys.
#[derive(Debug, Default)]
pub(crate) struct ListReader {
    last: Option<Digest>,
    listing: Arc<Listing>,
    /// The meetings of the last list by what their text was; a probe, and what is no
    /// meeting, is none.
    known: HashMap<Digest, Option<Arc<PolledMeeting>>>,
}

impl ListReader {
    /// What an answer lists: the same [`Listing`] as before when it is the same.
    ///
    /// # Errors
    /// [`ListError`]; the next answer is then read as if this had not come.
    pub(crate) async fn read(
        &mut self,
        body: &[u8],
        keys: Keys<'_>,
    ) -> Result<Arc<Listing>, ListError> {
        let whole = digest(body);
        if self.last == Some(whole) {
            return Ok(Arc::clone(&self.listing));
        }
        let (answer, texts) = Answer::parse_apart(body, "meetings")?;
        if answer.outcome() == Outcome::Failed {
            return Err(ListError::Refused(answer.key()));
        }
        let mut known = HashMap::with_capacity(texts.len());
        let mut meetings = Vec::with_capacity(texts.len());
        let mut read = 0;
        for text in texts {
            let digest = digest(text.as_bytes());
            let meeting = match self.known.get(&digest) {
                Some(known) => known.clone(),
                None => {
                    read += text.len();
                    meeting(text, keys)?.map(Arc::new)
                }
            };
            meetings.extend(meeting.clone());
            known.insert(digest, meeting);
            if read >= PIECE {
                read = 0;
                tokio::task::yield_now().await;
            }
        }
        self.last = Some(whole);
        self.known = known;
        self.listing = Arc::new(Listing::new(meetings));
        Ok(Arc::clone(&self.listing))
    }
}

fn digest(text: &[u8]) -> Digest {
    Sha256::digest(text).into()
}

/// A meeting, unless it is a probe: that is nobody's meeting and nobody's load.
fn meeting(text: &str, keys: Keys<'_>) -> Result<Option<PolledMeeting>, AnswerError> {
    let mut document = Document::parse(text).map_err(AnswerError::Xml)?;
    let shown = document.root_mut();
    let Some(facts) = MeetingFacts::read(shown).filter(|facts| !facts.is_probe) else {
        return Ok(None);
    };
    let stamp = facts.stamp.as_ref().and_then(|text| Stamp::verify(text, keys.secrets));
    let own_id = stamp.as_ref().filter(|_| !facts.is_breakout).map(|s| s.meeting_id.as_str());
    show_to_tenant(shown, own_id);
    if let Some(callbacks) = keys.callbacks {
        callbacks.restore(shown);
    }
    let shown = shown.to_string();
    Ok(Some(PolledMeeting { facts, stamp, shown }))
}

#[cfg(test)]
mod tests;
