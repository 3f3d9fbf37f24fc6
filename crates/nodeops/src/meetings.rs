//! Whether a node may be touched: who is on it now.

use bluegate_bbb_api::{
    Answer, AnswerError, MeetingFacts, Outcome, RawQuery,
    checksum::{Algorithm, signed_query},
};
use bluegate_cluster::{Mount, Node, Secret};

use crate::http::{AskError, Asker, wait_for};

/// A node's meetings could not be counted.
#[derive(Debug, thiserror::Error)]
pub enum MeetingsError {
    /// There is no secret to ask with.
    #[error("[[node]] `{0}` has no `secret_file`, so its meetings cannot be counted")]
    NoSecret(Mount),
    /// The node did not answer.
    #[error("cannot ask `{node}` for its meetings")]
    Ask {
        /// Its origin.
        node: String,
        /// Why not.
        source: AskError,
    },
    /// What answered is not the API.
    #[error("`{node}` does not answer as BBB's API does")]
    Answer {
        /// Its origin.
        node: String,
        /// Why not.
        source: AnswerError,
    },
    /// The node refused.
    #[error("`{node}` refuses to list its meetings: {key}; is its secret file right?")]
    Refused {
        /// Its origin.
        node: String,
        /// The API's key.
        key: String,
    },
}

/// Counts the meetings that run on a node.
pub type Count<'a> = &'a (dyn Fn() -> Result<usize, MeetingsError> + 'a);

impl From<AskError> for MeetingsError {
    fn from(source: AskError) -> Self {
        Self::Ask { node: "the node".to_owned(), source }
    }
}

/// How many meetings run on `node`, those without users included, the
/// doctor's left out.
///
/// # Errors
/// [`MeetingsError`] when the node cannot be asked.
pub fn running_meetings(
    asker: &Asker,
    node: &Node,
    secret: &Secret,
) -> Result<usize, MeetingsError> {
    wait_for(ask(asker, node, secret))
}

async fn ask(asker: &Asker, node: &Node, secret: &Secret) -> Result<usize, MeetingsError> {
    let name = || node.origin.to_string();
    let query = signed_query("getMeetings", &RawQuery::parse(""), secret, Algorithm::Sha256);
    let target = format!("/bigbluebutton/api/getMeetings?{query}");
    let (_, body) = asker
        .get(&node.origin, node.connect_to(), &target)
        .await
        .map_err(|source| MeetingsError::Ask { node: name(), source })?;
    let answer =
        Answer::parse(&body).map_err(|source| MeetingsError::Answer { node: name(), source })?;
    if answer.outcome() != Outcome::Success {
        return Err(MeetingsError::Refused { node: name(), key: answer.key() });
    }
    let meetings = answer.root().child("meetings");
    let elements = meetings.into_iter().flat_map(|meetings| meetings.elements());
    let counts = |element: &&bluegate_bbb_api::Element| {
        MeetingFacts::read(element).is_none_or(|facts| !facts.is_probe)
    };
    Ok(elements.filter(|element| element.name() == "meeting").filter(counts).count())
}
