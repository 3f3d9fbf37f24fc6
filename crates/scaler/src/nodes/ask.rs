//! Asking nodes that are not served yet what they are and what runs on them.

use std::{sync::Arc, time::Duration};

use bluegate_bbb_api::{Call, Failure, Outcome, RawQuery};
use bluegate_cluster::Mount;
use tokio::{sync::Semaphore, task::JoinSet};

use super::{NodeHandle, signing::NodeCall};
use crate::{
    config::{Bounds, NodeConfig},
    placement::Release,
};

/// Nodes that are asked at the same time.
const SIDE_BY_SIDE: usize = 32;

/// What a node said.
#[derive(Debug)]
pub struct NodeWord {
    /// Which.
    pub node: Mount,
    /// Its release, as far as it tells.
    pub release: Option<Release>,
    /// The IDs of the meetings on it, without breakout rooms.
    pub meetings: Result<Vec<String>, NodeSilence>,
}

/// Why a node did not tell its meetings.
#[derive(Debug, thiserror::Error)]
pub enum NodeSilence {
    /// It takes calls that another secret signed.
    #[error("wrong secret")]
    WrongSecret,
    /// It answers something else.
    #[error("it refuses to list its meetings: {0}")]
    Refused(String),
    /// It does not answer.
    #[error("not reachable")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Asks each of these nodes, several side by side, within `patience` for each of two
/// calls. `heard` is told of how many there is word, each time there is more. The words
/// come in the order of names.
pub async fn ask_nodes(
    nodes: Vec<NodeConfig>,
    tls: &Arc<rustls::ClientConfig>,
    patience: Duration,
    heard: impl Fn(usize),
) -> Vec<NodeWord> {
    let free = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut asking = JoinSet::new();
    for config in nodes {
        let node = NodeHandle::new(config, tls, &Bounds::default());
        let free = Arc::clone(&free);
        asking.spawn(async move {
            let _permit = free.acquire_owned().await;
            ask(&node, patience).await
        });
    }
    let mut words = Vec::with_capacity(asking.len());
    while let Some(word) = asking.join_next().await {
        words.extend(word);
        heard(words.len());
    }
    words.sort_by(|one, other| one.node.cmp(&other.node));
    words
}

async fn ask(node: &NodeHandle, patience: Duration) -> NodeWord {
    let name = node.node.name.clone();
    let meetings = meetings(node, patience).await;
    if let Err(NodeSilence::Unreachable(_)) = meetings {
        return NodeWord { node: name, release: None, meetings };
    }
    let index = node.index(patience).await;
    let release = index.ok().and_then(|index| Release::told(&index));
    NodeWord { node: name, release, meetings }
}

async fn meetings(node: &NodeHandle, patience: Duration) -> Result<Vec<String>, NodeSilence> {
    let call = NodeCall::new(Call::GetMeetings.name(), RawQuery::default());
    let answer = node.call(call, patience).await;
    let answer = answer.map_err(|error| NodeSilence::Unreachable(error.into()))?;
    match (answer.outcome(), answer.key()) {
        (Outcome::Success, _) => {}
        (_, key) if key == Failure::ChecksumMismatch.key() => {
            return Err(NodeSilence::WrongSecret);
        }
        (_, key) => return Err(NodeSilence::Refused(key)),
    }
    let listed = answer.root().child("meetings");
    let listed = listed.into_iter().flat_map(|meetings| meetings.elements());
    let classes = listed.filter(|meeting| meeting.text_of("isBreakout").as_deref() != Some("true"));
    Ok(classes.filter_map(|meeting| meeting.text_of("meetingID")).collect())
}
