//! One hook of ours at each node: there while any tenant has one, made anew
//! when it is missing.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bluegate_bbb_api::RawQuery;
use bluegate_cluster::Mount;
use tokio_util::sync::CancellationToken;

use super::path_of;
use crate::{
    callbacks::Callbacks,
    context::Context,
    nodes::{NodeHandle, signing::NodeCall},
};

/// How often hooks are read and nodes asked whether they have ours: asking is
/// idempotent.
const INTERVAL: Duration = Duration::from_secs(60);

/// Keeps hooks at nodes until `shutdown`.
pub(crate) async fn run(
    context: Arc<Context>,
    callbacks: Arc<Callbacks>,
    shutdown: CancellationToken,
) {
    let mut known: HashMap<Mount, String> = HashMap::new();
    loop {
        if let Err(error) = callbacks.hooks.refresh().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "hooks are those that were read last");
        }
        let wanted = !callbacks.hooks.all().is_empty();
        for (name, node) in context.nodes().iter() {
            if wanted {
                match create(&context, &callbacks, node).await {
                    Some(id) => drop(known.insert(name.clone(), id)),
                    None => drop(known.remove(name)),
                }
            } else if let Some(id) = known.remove(name) {
                destroy(&context, node, &id).await;
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = callbacks.hooks.changed.notified() => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// The ID of our hook at a node, new or known.
async fn create(context: &Context, callbacks: &Callbacks, node: &NodeHandle) -> Option<String> {
    let mut query = RawQuery::default();
    query.append("callbackURL", &callbacks.url(&path_of(&node.node.name)));
    let call = NodeCall::new("hooks/create", query);
    match node.call(call, context.bounds.call_timeout).await {
        Ok(answer) => answer.text("hookID"),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(node.id = %node.node.name, error, "no hook at this node");
            None
        }
    }
}

async fn destroy(context: &Context, node: &NodeHandle, id: &str) {
    let mut query = RawQuery::default();
    query.append("hookID", id);
    let call = NodeCall::new("hooks/destroy", query);
    if let Err(error) = node.call(call, context.bounds.call_timeout).await {
        let error = &error as &dyn std::error::Error;
        tracing::debug!(node.id = %node.node.name, error, "a hook stays at this node");
    }
}
