//! The same requests to a BBB server and to the scaler over one like it.
//!
//! Two simulated nodes of one release go through the same requests in the same
//! order: one is called directly, the other through the scaler. What frontends
//! see (status, content type, redirect, caching, every byte of a document)
//! must be the same, but for what module [`tolerated`] lists with its reason.
//! Where the simulated node and the scaler share a mistake this shows nothing:
//! the simulated node is held to the API's description by its own tests.

mod cases;
mod create_cases;
mod hook_cases;
mod participant_cases;
mod recording_cases;
mod request;
mod seen;
mod tolerated;

use std::{collections::BTreeMap, time::Duration};

use bluegate_scaler::Bounds;
use bluegate_simnode::SimNode;

use self::{
    request::Case,
    seen::{Seen, Side},
    tolerated::{TOLERANCES, tolerance},
};
use crate::{
    cluster::{eventually, node_secret, quick},
    simulated::{Kind, Simulated},
};

/// How many requests there are at least, for each release.
const AT_LEAST: usize = 300;
/// Between two polls.
const POLLS: Duration = Duration::from_millis(40);
/// How often lists are asked for again in all, once per poll, until polls have
/// followed.
const LOOKS: usize = 400;

#[tokio::test]
async fn answers_over_2_7_are_those_of_a_2_7_server() {
    compare("2.7.17", "default").await;
}

#[tokio::test]
async fn answers_over_3_0_are_those_of_a_3_0_server() {
    compare("3.0.28", "default").await;
}

/// The tenant's meeting IDs are others on the node.
#[tokio::test]
async fn scoped_answers_over_2_7_are_those_of_a_2_7_server() {
    compare("2.7.17", "physics").await;
}

#[tokio::test]
async fn scoped_answers_over_3_0_are_those_of_a_3_0_server() {
    compare("3.0.28", "physics").await;
}

async fn compare(release: &'static str, tenant: &str) {
    let cases = cases::all();
    assert!(cases.len() >= AT_LEAST, "{} cases", cases.len());
    let mut by_name = BTreeMap::new();
    for case in &cases {
        assert!(by_name.insert(&case.name, case).is_none(), "two cases are named `{}`", case.name);
    }
    let mut used = BTreeMap::new();
    let unexplained = differences(release, tenant, &cases, &mut used).await;
    assert!(
        unexplained.is_empty(),
        "{} of {} unexplained over {release} for `{tenant}`:\n\n{}",
        unexplained.len(),
        cases.len(),
        unexplained.join("\n\n")
    );
    let unused: Vec<&str> =
        TOLERANCES.iter().map(|line| line.name).filter(|name| !used.contains_key(name)).collect();
    let only_elsewhere = tolerated::not_over(release);
    assert!(
        unused.iter().all(|name| only_elsewhere.contains(name)),
        "tolerated and never met over {release}: {unused:?}"
    );
}

async fn differences(
    release: &'static str,
    tenant: &str,
    cases: &[Case],
    used: &mut BTreeMap<&'static str, usize>,
) -> Vec<String> {
    let kind = Kind { release, webhooks: true, ..Kind::STOCK };
    let alone = Simulated::prepare(&[kind]).await;
    let mut behind = Simulated::prepare(&[kind]).await;
    // Reads that are kept would hide what they say later.
    behind.cluster.set_bounds(Bounds { read_age: Duration::ZERO, poll_interval: POLLS, ..quick() });
    behind.cluster.recordings.interval = POLLS;
    // Callback URLs are replaced on the way there, and hooks are answered.
    behind.cluster.callbacks = Some(behind.cluster.callback_config(&[]));
    behind.cluster.boot().await;
    let mut frontend = behind.cluster.frontend_with_secret(node_secret(0).expose());
    frontend.base = format!("http://{}/bigbluebutton/api", alone.nodes[0].address());
    let mut direct = Side::new(frontend, alone.nodes[0].address());
    let mut scaled = Side::new(behind.cluster.frontend(tenant), behind.nodes[0].address());

    let (mut looks, mut looks_left) = (tokio::time::interval(POLLS), LOOKS);
    let mut unexplained = Vec::new();
    for case in cases {
        if case.leaves {
            direct.leave();
            scaled.leave();
            eventually("all have left", async || {
                let nodes = alone.nodes.iter().chain(&behind.nodes);
                nodes.flat_map(SimNode::meetings).all(|meeting| meeting.participants == 0)
            })
            .await;
        }
        let there = direct.ask(case).await;
        let mut here = scaled.ask(case).await;
        // Lists come from memory, which polls follow.
        while case.is_list() && here != there && looks_left > 0 {
            looks_left -= 1;
            looks.tick().await;
            here = scaled.ask(case).await;
        }
        if here == there {
            continue;
        }
        match tolerance(case, &there, &here) {
            Some(line) => *used.entry(line.name).or_default() += 1,
            None => unexplained.push(report(case, &there, &here)),
        }
    }
    unexplained
}

fn report(case: &Case, there: &Seen, here: &Seen) -> String {
    format!("{}\n  server {there:?}\n  scaler {here:?}", case.name)
}
