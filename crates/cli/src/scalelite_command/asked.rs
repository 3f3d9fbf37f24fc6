//! What the servers of a Scalelite say themselves, beside what its Redis says.

use std::{collections::BTreeSet, time::Duration};

use bluegate_cluster::with_causes;
use bluegate_scalelite::Plan;
use bluegate_scaler::{NodeConfig, NodeWord, ask_nodes};
use serde::Serialize;

use crate::{progress::Progress, scalelite_command::here::Cluster, table::table};

/// How long a node may take for one call.
const PATIENCE: Duration = Duration::from_secs(5);

/// A node's word.
#[derive(Serialize)]
pub(super) struct Asked {
    node: String,
    /// `answers`, or why it does not.
    word: String,
    pub(super) answers: bool,
    /// Its release, as far as it tells.
    release: Option<String>,
    /// Meetings it runs that neither the Redis nor our store knows.
    only_there: Vec<String>,
    /// Meetings that the Redis has on it and that it does not run.
    only_in_redis: Vec<String>,
}

/// Asks every node of the plan.
pub(super) async fn ask(
    nodes: Vec<NodeConfig>,
    plan: &Plan,
    cluster: &Cluster,
    json: bool,
) -> Result<Vec<Asked>, anyhow::Error> {
    let tls = bluegate_net::tls::client_config(cluster.node_ca.as_deref())
        .map_err(|error| anyhow::Error::from(error).context("cannot set up TLS"))?;
    let (progress, all) = (Progress::new(json), nodes.len());
    let heard = |heard: usize| {
        progress.bar(heard as u64, all as u64, &format!("{heard} of {all} nodes were asked"));
    };
    let words = ask_nodes(nodes, &tls, PATIENCE, heard).await;
    let ours = cluster.holdings.meetings.iter();
    let ours = ours.map(|meeting| meeting.node_meeting_id.as_str()).collect();
    Ok(words.into_iter().map(|word| beside(word, plan, &ours)).collect())
}

/// A node's word beside what the Redis says of it; `ours` are the meetings of our
/// store, by their IDs on the nodes.
fn beside(word: NodeWord, plan: &Plan, ours: &BTreeSet<&str>) -> Asked {
    let in_redis: BTreeSet<&str> = plan
        .meetings
        .iter()
        .filter(|meeting| meeting.node == word.node)
        .map(|meeting| meeting.id.as_str())
        .collect();
    let (said, there) = match &word.meetings {
        Ok(there) => ("answers".to_owned(), Some(there)),
        Err(silence) => (with_causes(silence), None),
    };
    let there: Option<BTreeSet<&str>> =
        there.map(|there| there.iter().map(String::as_str).collect());
    let but = |from: &BTreeSet<&str>, known: &[&BTreeSet<&str>]| -> Vec<String> {
        let unknown = from.iter().filter(|id| !known.iter().any(|known| known.contains(*id)));
        unknown.map(|id| (*id).to_owned()).collect()
    };
    Asked {
        answers: there.is_some(),
        only_there: there.as_ref().map(|there| but(there, &[&in_redis, ours])).unwrap_or_default(),
        only_in_redis: there.map(|there| but(&in_redis, &[&there])).unwrap_or_default(),
        node: word.node.to_string(),
        release: word.release.map(|release| release.to_string()),
        word: said,
    }
}

/// A row per node.
pub(super) fn text(asked: &[Asked]) -> String {
    let row = |node: &Asked| {
        let release = node.release.clone().unwrap_or_default();
        let (there, redis) = (node.only_there.join(" "), node.only_in_redis.join(" "));
        [node.node.clone(), node.word.clone(), release, there, redis]
    };
    let rows: Vec<_> = asked.iter().map(row).collect();
    table(["node", "word", "release", "meetings only there", "only in Redis"], &rows)
}
