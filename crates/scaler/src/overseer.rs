//! Looks at all nodes, again and again, and gives up those that are lost.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    context::Context,
    health::Record,
    nodes::Nodes,
    outlook::{Judgement, Outlook, Terms},
};

/// The longest time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Looks until `shutdown`.
pub(crate) async fn run(context: Arc<Context>, shutdown: CancellationToken) {
    let terms = Terms { lost_after: context.bounds.lost_after };
    let interval = context.bounds.poll_interval.min(INTERVAL);
    let mut outlook = Outlook::default();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
        }
        let nodes = context.nodes();
        let records: Vec<Record> = nodes.values().map(|node| node.record()).collect();
        conclude(&context, &nodes, &outlook.look(&records, terms, Instant::now()));
    }
}

fn conclude(context: &Context, nodes: &Nodes, judgement: &Judgement) {
    let was_frozen = context.frozen.swap(judgement.frozen, Ordering::Relaxed);
    match (was_frozen, judgement.frozen) {
        (false, true) => tracing::error!(
            "most nodes do not answer: this scaler seems to be cut off; nothing is given up"
        ),
        (true, false) => tracing::warn!("most nodes answer again"),
        _ => {}
    }
    for (index, node) in nodes.values().enumerate() {
        if judgement.lost.contains(&index) {
            node.note(Record::lost);
        }
    }
}
