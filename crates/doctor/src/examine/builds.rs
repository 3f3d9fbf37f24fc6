//! Which client each node serves, in a word: its page's digest.

use std::{collections::BTreeMap, sync::Arc};

use bluegate_cluster::Mount;
use futures_util::{FutureExt as _, StreamExt as _, stream};

use super::Config;
use crate::{
    probe::{Names, Probe},
    release::{ClientKind, Release},
    subject::Patient,
    wire::{Client, Dialer},
};

/// The digest of each node's page; nodes that do not answer are left out.
pub(crate) type Builds = BTreeMap<Mount, [u8; 32]>;

/// Asks every node for the page of its client, and for nothing else.
pub(crate) async fn builds(config: &Config) -> Builds {
    let dialer = Dialer { tls: Arc::clone(&config.tls), timeout: config.bounds.connect };
    let asked: Vec<_> = config
        .subject
        .nodes
        .iter()
        .filter(|patient| patient.node.proxied)
        .map(|patient| build(config, &dialer, patient).boxed())
        .collect();
    let answered = stream::iter(asked).buffer_unordered(config.bounds.nodes);
    answered.filter_map(async |build| build).collect().await
}

async fn build(config: &Config, dialer: &Dialer, patient: &Patient) -> Option<(Mount, [u8; 32])> {
    let node = &patient.node;
    let place = match (dialer.resolve(&node.origin).await, &node.address) {
        (Ok(place), _) => place,
        (Err(_), address) => dialer.at(&node.origin, address.as_ref()?).await.ok()?,
    };
    let bounds = &config.bounds;
    let client = Client::new(dialer, place, 1, bounds.request, bounds.body);
    let is_old = node.bbb.as_ref().is_some_and(|version| version.major < 3);
    let kind = if is_old { ClientKind::Meteor } else { ClientKind::Static };
    let release = Release { version: node.bbb.clone(), client: kind, told_by_node: false };
    let names = Names { cluster: &config.subject.origin, node, release: &release };
    let exchange = client.ask(Probe::ClientOnNode.request(names)).await;
    let answer = exchange.answer().filter(|answer| answer.status == http::StatusCode::OK)?;
    Some((node.name.clone(), answer.digest()))
}
