//! Hooks of ours at each node, one for each flavour that some tenant wants: made
//! anew when they are missing.

use std::{collections::HashMap, sync::Arc};

use bluegate_bbb_api::RawQuery;
use tokio_util::sync::CancellationToken;

use super::{Flavour, Place};
use crate::{
    callbacks::Callbacks,
    context::Context,
    nodes::{NodeHandle, signing::NodeCall},
};

/// Keeps hooks at nodes until `shutdown`. Asking for one is idempotent.
pub(crate) async fn run(
    context: Arc<Context>,
    callbacks: Arc<Callbacks>,
    shutdown: CancellationToken,
) {
    let mut known: HashMap<Place, String> = HashMap::new();
    let mut fleet = context.fleet.changes();
    loop {
        if let Err(error) = callbacks.hooks.refresh().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "hooks are those that were read last");
        }
        fleet.mark_unchanged();
        let nodes = context.nodes();
        known.retain(|place, _| nodes.contains_key(&place.node));
        for flavour in Flavour::ALL {
            let wanted = callbacks.hooks.wants(flavour);
            for (name, node) in nodes.iter() {
                let place = Place { node: name.clone(), flavour };
                if wanted {
                    match create(&context, &callbacks, node, &place).await {
                        Some(id) => drop(known.insert(place, id)),
                        None => drop(known.remove(&place)),
                    }
                } else if let Some(id) = known.remove(&place) {
                    destroy(&context, node, &id).await;
                }
            }
        }
        drop(nodes);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = callbacks.hooks.changed.notified() => {}
            // The sender is in the context, which we hold.
            _ = fleet.changed() => {}
            () = tokio::time::sleep(context.bounds.hook_interval) => {}
        }
    }
}

/// The ID of our hook at a node, new or known.
async fn create(
    context: &Context,
    callbacks: &Callbacks,
    node: &NodeHandle,
    place: &Place,
) -> Option<String> {
    let mut query = RawQuery::default();
    query.append("callbackURL", &callbacks.url(&place.to_string()));
    if place.flavour == Flavour::Raw {
        query.append("getRaw", "true");
    }
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
