//! `bluegate node add|remove|weight|drain`, and the rest of what a running
//! scaler is told of its nodes.

use std::time::{Duration, Instant};

use anyhow::bail;
use bluegate_admin::{DrainStatus, NodeChange, NodeDetail, NodeSpec, NodesReport, ScalerNode};
use bluegate_cluster::{Mount, Node};
use bluegate_config::Config;
use bluegate_nodeops::{Balancer, BalancerError, Cordon};

use super::{
    arguments::{AddOptions, DrainOptions, RemoveOptions, WeightOptions},
    balancer::Patience,
};
use crate::{
    Outcome,
    admin_command::{ask, print_answer},
    arguments::AdminOptions,
    exit::{Exit, UsageError},
    progress::Progress,
    serve::secrets,
    table::table,
};

/// How often a drain looks.
const LOOK: Duration = Duration::from_secs(2);
/// How long a drain goes on while nobody answers it: a scaler that is started
/// again does so within this, and the node stays cordoned meanwhile.
const ABSENCE: Duration = Duration::from_secs(120);

/// `bluegate node add`
pub(super) fn add(options: &AddOptions) -> Outcome {
    let secrets = secrets::read(&options.secret_file)?;
    let spec = NodeSpec {
        name: options.node.to_string(),
        origin: options.origin.to_string(),
        address: options.address.as_ref().map(ToString::to_string),
        bbb: options.bbb.as_ref().map(ToString::to_string),
        proxied: !options.not_proxied,
        secrets: secrets.iter().map(|secret| secret.expose().to_owned()).collect(),
        weight: options.weight,
        tags: options.tags.iter().map(ToString::to_string).collect(),
        max_meetings: options.max_meetings,
        max_users: options.max_users,
        max_meeting_users: options.max_meeting_users,
    };
    let added = ask(&options.admin, async |client| client.add_node(&spec).await)?;
    print_answer(&added, options.json, |added| {
        format!("added {}: {}\n", options.node, added.origin)
    })?;
    Ok(Exit::Done)
}

/// `bluegate node remove`
pub(super) fn remove(options: &RemoveOptions) -> Outcome {
    let name = &options.node;
    let removed =
        ask(&options.admin, async |client| client.remove_node(name, options.force).await)?;
    print_answer(&removed, options.json, |removed| {
        format!("removed {name}; {} meetings were left behind\n", removed.meetings_left)
    })?;
    Ok(Exit::Done)
}

/// `bluegate node weight`
pub(super) fn weight(options: &WeightOptions) -> Outcome {
    let change = NodeChange {
        weight: Some(options.weight.filter(|_| !options.reset)),
        ..NodeChange::default()
    };
    let changed = change_node(&options.admin, &options.node, &change)?;
    print_answer(&changed, options.json, |changed| {
        format!("{}: weight {}\n", options.node, changed.weight)
    })?;
    Ok(Exit::Done)
}

/// `bluegate node drain`
pub(super) fn drain(options: &DrainOptions) -> Outcome {
    let name = &options.node;
    let change = NodeChange { cordoned: Some(true), ..NodeChange::default() };
    change_node(&options.admin, name, &change)?;
    let mut status = look(&options.admin, name)?;
    if !options.wait {
        print_answer(&status, options.json, |status| {
            format!("{name}: cordoned; {}\n", told(status))
        })?;
        return Ok(if status.empty { Exit::Done } else { Exit::Problems });
    }
    let patience = Patience::new()?;
    let begun = Instant::now();
    let progress = Progress::new(options.json);
    let (mut answered, mut most) = (Instant::now(), 0);
    while !status.empty {
        let left = status.meetings + status.breakout_rooms;
        most = most.max(left);
        let text = match answered.elapsed() {
            age if age < LOOK * 2 => format!("{name}: {}", told(&status)),
            _ => format!("{name}: the scaler does not answer; waiting for it"),
        };
        progress.wait(most - left, most, &text);
        let is_over = options.timeout.is_some_and(|timeout| begun.elapsed() >= timeout);
        if is_over || !patience.wait(LOOK) {
            let why = if is_over { "the time is over" } else { "interrupted" };
            bail!(
                "{why}: `{name}` stays cordoned with {}; `bluegate node uncordon {name}` lets \
                 meetings come again",
                told(&status)
            );
        }
        match look(&options.admin, name) {
            Ok(now) => (status, answered) = (now, Instant::now()),
            Err(error) if answered.elapsed() >= ABSENCE => return Err(error),
            Err(_) => {}
        }
    }
    drop(progress);
    print_answer(&status, options.json, |_| format!("{name}: empty\n"))?;
    Ok(Exit::Done)
}

fn change_node(
    admin: &AdminOptions,
    name: &Mount,
    change: &NodeChange,
) -> Result<ScalerNode, anyhow::Error> {
    ask(admin, async |client| client.change_node(name, change).await)
}

fn look(admin: &AdminOptions, name: &Mount) -> Result<DrainStatus, anyhow::Error> {
    let detail = ask(admin, async |client| client.node(name).await)?;
    detail
        .drain
        .ok_or_else(|| UsageError(format!("no scaler runs where `{name}` is asked about")).into())
}

/// What is left on a node, and for how long.
fn told(status: &DrainStatus) -> String {
    if status.empty {
        return "empty".to_owned();
    }
    let rooms = match status.breakout_rooms {
        0 => String::new(),
        rooms => format!(", {rooms} breakout rooms"),
    };
    let until = match (status.empty_by, status.unforeseen) {
        (None, _) => "when they end cannot be foreseen".to_owned(),
        (Some(end), 0) => format!("should be empty by {}", time(end)),
        (Some(end), unforeseen) => {
            format!("not before {}, {unforeseen} cannot be foreseen", time(end))
        }
    };
    format!("{} meetings{rooms} with {} users; {until}", status.meetings, status.users)
}

/// Hours and minutes of the day, UTC.
fn time(ms: i64) -> String {
    let minutes = ms.div_euclid(60_000).rem_euclid(24 * 60);
    format!("{:02}:{:02} UTC", minutes / 60, minutes % 60)
}

/// `bluegate node list --from admin`
pub(super) fn list(admin: &AdminOptions, json: bool) -> Outcome {
    let report = ask(admin, async |client| client.nodes().await)?;
    print_answer(&report, json, listed)?;
    Ok(Exit::Done)
}

/// What a running process says of a node; `None` where none is asked.
pub(super) fn detail(admin: &AdminOptions, name: &Mount) -> Result<NodeDetail, anyhow::Error> {
    ask(admin, async |client| client.node(name).await)
}

fn listed(report: &NodesReport) -> String {
    let scaler = report.scaler.clone().unwrap_or_default();
    let mut names: Vec<&String> = report.nodes.keys().chain(scaler.keys()).collect();
    names.sort();
    names.dedup();
    let rows: Vec<[String; 10]> = names
        .into_iter()
        .map(|name| {
            let known = scaler.get(name);
            let of = |read: fn(&ScalerNode) -> String| known.map(read).unwrap_or_default();
            [
                name.clone(),
                of(|node| {
                    let cordoned = if node.cordoned_at.is_some() { ", cordoned" } else { "" };
                    format!("{}{cordoned}", node.health)
                }),
                report.nodes.get(name).map(|node| node.state.clone()).unwrap_or_default(),
                of(|node| node.bbb.clone().unwrap_or_default()),
                of(|node| format!("{:.1}", node.load)),
                of(|node| format!("{:.2}", node.weight)),
                of(|node| node.meetings.to_string()),
                of(|node| node.users.to_string()),
                of(|node| node.tags.join(" ")),
                of(|node| node.source.clone()),
            ]
        })
        .collect();
    let head =
        ["NODE", "SCALER", "PROXY", "BBB", "LOAD", "WEIGHT", "MEETINGS", "USERS", "TAGS", "SOURCE"];
    table(head, &rows)
}

/// Our own scaler, told through its admin API.
pub(super) struct OurScaler {
    admin: AdminOptions,
}

impl OurScaler {
    /// The one that this file's `[admin]` leads to: a file with `[proxy]` and without
    /// `[scaler]` says that there is none, one with no role only says whom to ask.
    pub(super) fn of(config: &Config, path: &std::path::Path) -> Option<Self> {
        config.admin.as_ref()?;
        if config.scaler.is_none() && config.proxy.is_some() {
            return None;
        }
        let admin = AdminOptions { config: path.to_owned(), admin: None, token_file: None };
        Some(Self { admin })
    }

    fn tell(&self, node: &Node, cordoned: bool) -> Result<Cordon, BalancerError> {
        let refused = |error: anyhow::Error| BalancerError::Refused {
            balancer: self.name(),
            call: if cordoned { "cordon" } else { "uncordon" }.to_owned(),
            said: format!("{error:#}"),
        };
        let before = detail(&self.admin, &node.name).map_err(refused)?;
        let change = NodeChange { cordoned: Some(cordoned), ..NodeChange::default() };
        change_node(&self.admin, &node.name, &change).map_err(refused)?;
        let was = before.scaler.is_some_and(|node| node.cordoned_at.is_some());
        Ok(if was { Cordon::Already } else { Cordon::New })
    }
}

impl Balancer for OurScaler {
    fn name(&self) -> String {
        "the scaler".to_owned()
    }

    fn cordon(&self, node: &Node) -> Result<Cordon, BalancerError> {
        self.tell(node, true)
    }

    fn uncordon(&self, node: &Node) -> Result<(), BalancerError> {
        self.tell(node, false).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn nodes_for_people() {
        let node = |cordoned_at, tags: &[&str]| ScalerNode {
            health: "healthy".to_owned(),
            bbb: Some(">=3.0".to_owned()),
            cordoned_at,
            weight: 1.0,
            load: 42.25,
            meetings: 3,
            users: 61,
            tags: tags.iter().map(ToString::to_string).collect(),
            source: "file".to_owned(),
            ..ScalerNode::default()
        };
        let scaler = [
            ("bbb-01".to_owned(), node(None, &["gpu"])),
            ("bbb-02".to_owned(), node(Some(1), &[])),
        ];
        let report = NodesReport { scaler: Some(scaler.into()), ..NodesReport::default() };
        assert_snapshot!(listed(&report), @r"
        NODE    SCALER             PROXY  BBB    LOAD  WEIGHT  MEETINGS  USERS  TAGS  SOURCE
        bbb-01  healthy            -      >=3.0  42.2  1.00    3         61     gpu   file
        bbb-02  healthy, cordoned  -      >=3.0  42.2  1.00    3         61     -     file
        ");
    }

    #[test]
    fn what_is_left_is_told() {
        let status = |meetings, rooms, empty_by, unforeseen| DrainStatus {
            meetings,
            breakout_rooms: rooms,
            users: 7,
            empty_by,
            unforeseen,
            empty: meetings == 0,
            ..DrainStatus::default()
        };
        let noon = 12 * 3_600_000;
        let lines = [
            told(&status(0, 0, None, 0)),
            told(&status(2, 0, Some(noon), 0)),
            told(&status(2, 3, Some(noon), 1)),
            told(&status(1, 0, None, 1)),
        ];
        assert_snapshot!(lines.join("\n"), @r"
        empty
        2 meetings with 7 users; should be empty by 12:00 UTC
        2 meetings, 3 breakout rooms with 7 users; not before 12:00 UTC, 1 cannot be foreseen
        1 meetings with 7 users; when they end cannot be foreseen
        ");
    }
}
