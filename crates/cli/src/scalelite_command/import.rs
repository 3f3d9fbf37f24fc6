//! `bluegate import scalelite`.

use std::time::Duration;

use anstream::print;
use anyhow::Context as _;
use bluegate_cluster::{Address, Node};
use bluegate_scalelite::{
    Here, KnownNode, KnownTenant, Layout, LeftOut, NodeTake, OpenMeeting, Options, Plan, Standing,
    TenantTake, plan,
};
use bluegate_scaler::{NodeConfig, NodeTerms, Record, TakenMeeting, Taking, TenantConfig};
use bluegate_tenant::Settings;
use serde::Serialize;

use crate::{
    Outcome,
    admin_command::print_json,
    exit::Exit,
    progress::Progress,
    runtime,
    scalelite_command::{
        DEFAULT_TENANT, SOURCE,
        arguments::ImportOptions,
        asked::{self, Asked},
        here::{Access, Cluster, connect},
    },
    table::table,
};

pub(super) fn run(options: &ImportOptions) -> Outcome {
    runtime::small()?.block_on(import(options))
}

async fn import(options: &ImportOptions) -> Outcome {
    let access = if options.redis.apply { Access::Add } else { Access::Look };
    let mut cluster = Cluster::read(&options.redis.config, access).await?;
    let keys = connect(&options.redis).await?.read().await?;
    let layout = Layout::of(&keys);
    let plan = plan(&layout, &here(&cluster), &said(options)?);
    let mut report = Report::new(&plan, options.redis.apply);
    if !options.redis.apply && !options.offline {
        let nodes = plan.nodes.iter().map(|node| configured(node, options)).collect();
        report.asked = Some(asked::ask(nodes, &plan, &cluster, options.redis.json).await?);
    }
    if options.redis.apply && plan.is_new() {
        let taking = taking(&plan, options)?;
        let estate = cluster.estate().await?;
        estate.take(SOURCE, &taking).await?;
        if !taking.meetings.is_empty() {
            let (progress, all) = (Progress::new(options.redis.json), taking.meetings.len());
            progress.say("taken over; waiting for the nodes' word of the meetings");
            let patience = Duration::from_secs(options.wait.into());
            let look = |left: usize| {
                let text = format!("{} of {all} meetings are confirmed", all - left);
                progress.bar((all - left) as u64, all as u64, &text);
            };
            let left = estate.confirmed(&taking.meetings, patience, look).await?;
            report.unconfirmed = left.into_iter().map(|meeting| meeting.meeting_id).collect();
        }
    }
    cluster.close().await;
    if options.redis.json {
        print_json(&report)?;
    } else {
        print!("{}", report.text());
    }
    let all_answer = report.asked.iter().flatten().all(|node| node.answers);
    let is_sound = report.left_out.is_empty() && all_answer;
    Ok(if is_sound { Exit::Done } else { Exit::Problems })
}

fn said(options: &ImportOptions) -> Result<Options, anyhow::Error> {
    let names = options.name.iter().map(|pair| (pair.server.clone(), pair.value.clone()));
    Ok(Options {
        url_host: options.url_host.clone(),
        names: names.collect(),
        default_tenant: DEFAULT_TENANT.parse().context("a name of ours")?,
    })
}

fn here(cluster: &Cluster) -> Here {
    let nodes = cluster.all_nodes().map(|node| KnownNode {
        name: node.node.name.clone(),
        origin: node.node.origin.clone(),
        secrets: node.secrets.clone(),
    });
    let tenants = cluster.all_tenants().map(|tenant| KnownTenant {
        name: tenant.name.clone(),
        plain: tenant.plain,
        secrets: tenant.secrets.clone(),
    });
    let meetings = cluster.holdings.meetings.iter().map(|meeting| OpenMeeting {
        node_meeting_id: meeting.node_meeting_id.clone(),
        tenant: meeting.tenant.clone(),
        node: meeting.node.clone(),
    });
    Here { nodes: nodes.collect(), tenants: tenants.collect(), meetings: meetings.collect() }
}

/// What is written to the store.
fn taking(plan: &Plan, options: &ImportOptions) -> Result<Taking, anyhow::Error> {
    let new_nodes = plan.nodes.iter().filter(|node| node.standing == Standing::New);
    let new_tenants = plan.tenants.iter().filter(|tenant| tenant.standing == Standing::New);
    let meetings = plan.meetings.iter().filter(|meeting| meeting.standing == Standing::New);
    let mut records = Vec::new();
    for node in &plan.nodes {
        records.push(record("server", node.name.as_str(), &node.record)?);
    }
    for tenant in &plan.tenants {
        records.push(record("tenant", tenant.name.as_str(), &tenant.record)?);
    }
    Ok(Taking {
        // One that is here is as its operator wants it here.
        cordoned: new_nodes
            .clone()
            .filter(|node| node.cordoned)
            .map(|node| node.name.clone())
            .collect(),
        nodes: new_nodes.map(|node| configured(node, options)).collect(),
        tenants: new_tenants.map(tenant).collect::<Result<_, _>>()?,
        meetings: meetings
            .map(|meeting| TakenMeeting {
                tenant: meeting.tenant.clone(),
                meeting_id: meeting.id.clone(),
                node: meeting.node.clone(),
                voice_bridge: meeting.voice_bridge.clone(),
                moderator_password: meeting.moderator_password.clone(),
            })
            .collect(),
        records,
    })
}

fn record(kind: &str, name: &str, of: &impl Serialize) -> Result<Record, anyhow::Error> {
    let text = serde_json::to_string(of)?;
    Ok(Record { kind: kind.to_owned(), name: name.to_owned(), text })
}

/// Its client is served by itself until it is converted.
fn configured(take: &NodeTake, options: &ImportOptions) -> NodeConfig {
    let address: Option<Address> = options
        .address
        .iter()
        .find(|pair| pair.server == take.record.id || pair.server == take.origin.host())
        .map(|pair| pair.value.clone());
    NodeConfig {
        node: Node {
            name: take.name.clone(),
            origin: take.origin.clone(),
            address,
            bbb: take.bbb.clone(),
            proxied: false,
        },
        secrets: vec![take.secret.clone()],
        terms: NodeTerms {
            weight: take.weight,
            tags: take.tag.iter().cloned().collect(),
            max_meetings: None,
            max_users: None,
            max_meeting_users: None,
        },
    }
}

fn tenant(take: &TenantTake) -> Result<TenantConfig, anyhow::Error> {
    let settings = Settings::try_from(take.form.clone()).map_err(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("tenant `{}`: {}", take.name, problems.join("; "))
    })?;
    let (name, secrets) = (take.name.clone(), take.secrets.clone());
    Ok(TenantConfig { name, secrets, plain: true, settings })
}

/// As people read it.
fn rounded(weight: f64) -> String {
    ((weight * 1000.0).round() / 1000.0).to_string()
}

/// What was or would be done. No secret is in it.
#[derive(Serialize)]
struct Report {
    applied: bool,
    nodes: Vec<NodeLine>,
    tenants: Vec<TenantLine>,
    meetings: Vec<MeetingLine>,
    left_out: Vec<LeftOut>,
    /// What the nodes said; absent when none was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<Vec<Asked>>,
    /// Meetings that no node has spoken of yet.
    unconfirmed: Vec<String>,
}

#[derive(Serialize)]
struct NodeLine {
    name: String,
    server: String,
    origin: String,
    new: bool,
    weight: f64,
    tag: Option<String>,
    cordoned: bool,
}

#[derive(Serialize)]
struct TenantLine {
    name: String,
    id: String,
    new: bool,
    secrets: usize,
    hosts: Vec<String>,
}

#[derive(Serialize)]
struct MeetingLine {
    id: String,
    tenant: String,
    node: String,
    new: bool,
}

impl Report {
    fn new(plan: &Plan, applied: bool) -> Self {
        let is_new = |standing| standing == Standing::New;
        Self {
            applied,
            nodes: plan
                .nodes
                .iter()
                .map(|node| NodeLine {
                    name: node.name.to_string(),
                    server: node.record.id.clone(),
                    origin: node.origin.to_string(),
                    new: is_new(node.standing),
                    weight: node.weight,
                    tag: node.tag.as_ref().map(ToString::to_string),
                    cordoned: node.cordoned,
                })
                .collect(),
            tenants: plan
                .tenants
                .iter()
                .map(|tenant| TenantLine {
                    name: tenant.name.to_string(),
                    id: tenant.record.id.clone(),
                    new: is_new(tenant.standing),
                    secrets: tenant.secrets.len(),
                    hosts: tenant.form.hosts.clone(),
                })
                .collect(),
            meetings: plan
                .meetings
                .iter()
                .map(|meeting| MeetingLine {
                    id: meeting.id.clone(),
                    tenant: meeting.tenant.to_string(),
                    node: meeting.node.to_string(),
                    new: is_new(meeting.standing),
                })
                .collect(),
            left_out: plan.left_out.clone(),
            asked: None,
            unconfirmed: Vec::new(),
        }
    }

    fn text(&self) -> String {
        let will = |new: bool| {
            let taken = if self.applied { "taken" } else { "to take" };
            if new { taken } else { "here already" }.to_owned()
        };
        let mut text = String::new();
        if !self.nodes.is_empty() {
            let rows: Vec<_> = self
                .nodes
                .iter()
                .map(|node| {
                    let state = if node.cordoned { "cordoned" } else { "" }.to_owned();
                    let tag = node.tag.clone().unwrap_or_default();
                    let (name, origin) = (node.name.clone(), node.origin.clone());
                    [name, origin, rounded(node.weight), tag, state, will(node.new)]
                })
                .collect();
            text += &table(["node", "origin", "weight", "tag", "state", ""], &rows);
            text.push('\n');
        }
        if !self.tenants.is_empty() {
            let rows: Vec<_> = self
                .tenants
                .iter()
                .map(|tenant| {
                    let secrets = tenant.secrets.to_string();
                    [tenant.name.clone(), tenant.hosts.join(" "), secrets, will(tenant.new)]
                })
                .collect();
            text += &table(["tenant", "host", "secrets", ""], &rows);
            text.push('\n');
        }
        if !self.meetings.is_empty() {
            let rows: Vec<_> = self
                .meetings
                .iter()
                .map(|meeting| {
                    let (id, tenant) = (meeting.id.clone(), meeting.tenant.clone());
                    [id, tenant, meeting.node.clone(), will(meeting.new)]
                })
                .collect();
            text += &table(["meeting", "tenant", "node", ""], &rows);
            text.push('\n');
        }
        if let Some(asked) = self.asked.as_ref().filter(|asked| !asked.is_empty()) {
            text += &asked::text(asked);
            text.push('\n');
        }
        self.end(&mut text);
        text
    }

    fn end(&self, text: &mut String) {
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        for LeftOut { kind, name, reason } in &self.left_out {
            line(format!("left out: {kind} {name}: {reason}"));
        }
        for id in &self.unconfirmed {
            line(format!(
                "not yet confirmed: meeting {id}: a running `bluegate serve` asks its node"
            ));
        }
        let new = self.nodes.iter().filter(|node| node.new).count()
            + self.tenants.iter().filter(|tenant| tenant.new).count()
            + self.meetings.iter().filter(|meeting| meeting.new).count();
        line(match (self.applied, new) {
            (_, 0) => "nothing to take".to_owned(),
            (true, _) => "taken over".to_owned(),
            (false, _) => "nothing was changed: say `--apply` to take it over".to_owned(),
        });
    }
}
