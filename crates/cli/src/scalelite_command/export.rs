//! `bluegate export scalelite`.

use std::collections::BTreeMap;

use anstream::print;
use anyhow::Context as _;
use bluegate_scalelite::{Back, LeftOut, OurMeeting, OurNode, OurTenant, Ours, give_back};
use bluegate_scaler::moderator_password;
use bluegate_tenant::Form;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Outcome,
    admin_command::print_json,
    exit::{Exit, UsageError},
    runtime,
    scalelite_command::{
        DEFAULT_TENANT,
        arguments::ExportOptions,
        here::{Access, Cluster, connect},
    },
};

pub(super) fn run(options: &ExportOptions) -> Outcome {
    runtime::small()?.block_on(export(options))
}

async fn export(options: &ExportOptions) -> Outcome {
    let cluster = Cluster::read(&options.redis.config, Access::Look).await?;
    let back = give_back(&ours(&cluster)?);
    let keys = back.layout.keys();
    let mut report = Report::new(&back, keys.len());
    let mut connection = connect(&options.redis).await?;
    if options.redis.apply {
        let wrote = connection.write(&keys, options.replace).await.map_err(|error| {
            let is_occupied = matches!(error, bluegate_scalelite::RedisError::Occupied { .. });
            let message = error.to_string();
            let error = anyhow::Error::from(error);
            if is_occupied { UsageError(message).into() } else { error }
        })?;
        report.removed = Some(wrote.removed);
    }
    cluster.close().await;
    if options.redis.json {
        print_json(&report)?;
    } else {
        print!("{}", report.text());
    }
    Ok(if report.left_out.is_empty() { Exit::Done } else { Exit::Problems })
}

fn ours(cluster: &Cluster) -> Result<Ours, anyhow::Error> {
    let holdings = &cluster.holdings;
    let mut nodes = Vec::new();
    for node in cluster.all_nodes() {
        let secret = node.secrets.first().cloned();
        nodes.push(OurNode {
            name: node.node.name.clone(),
            origin: node.node.origin.clone(),
            secret: secret.with_context(|| format!("node `{}` has no secret", node.node.name))?,
            weight: holdings.weights.get(&node.node.name).copied().unwrap_or(node.terms.weight),
            tags: node.terms.tags.clone(),
            cordoned: holdings.cordoned.contains(&node.node.name),
        });
    }
    let tenants = cluster.all_tenants().map(|tenant| OurTenant {
        name: tenant.name.clone(),
        plain: tenant.plain,
        secrets: tenant.secrets.clone(),
        form: Form::from(&tenant.settings),
    });
    let meetings = holdings.meetings.iter().map(|meeting| OurMeeting {
        tenant: meeting.tenant.clone(),
        id: meeting.meeting_id.clone(),
        node_meeting_id: meeting.node_meeting_id.clone(),
        node: meeting.node.clone(),
        voice_bridge: meeting.voice_bridge.clone(),
        moderator_password: moderator_password(meeting),
    });
    Ok(Ours {
        nodes,
        tenants: tenants.collect(),
        meetings: meetings.collect(),
        servers: records(cluster, "server")?,
        tenants_there: records(cluster, "tenant")?,
        default_tenant: DEFAULT_TENANT.parse().context("a name of ours")?,
    })
}

/// What Scalelite said of things of a kind, by our names.
fn records<N: Ord + std::str::FromStr, R: DeserializeOwned>(
    cluster: &Cluster,
    kind: &str,
) -> Result<BTreeMap<N, R>, anyhow::Error> {
    let records = cluster.holdings.records.iter().filter(|record| record.kind == kind);
    let named = records.filter_map(|record| Some((record.name.parse().ok()?, &record.text)));
    let read = |(name, text): (N, &String)| {
        let record = serde_json::from_str(text);
        Ok((name, record.with_context(|| format!("what was kept of a {kind} is not understood"))?))
    };
    named.map(read).collect()
}

/// What was or would be written. No secret is in it.
#[derive(Serialize)]
struct Report {
    servers: Vec<String>,
    tenants: Vec<String>,
    meetings: Vec<String>,
    left_out: Vec<LeftOut>,
    keys: usize,
    /// Keys that made room; absent when nothing was written.
    removed: Option<usize>,
}

impl Report {
    fn new(back: &Back, keys: usize) -> Self {
        let layout = &back.layout;
        Self {
            servers: layout.servers.iter().map(|server| server.url().to_owned()).collect(),
            tenants: layout.tenants.iter().map(|tenant| tenant.name().to_owned()).collect(),
            meetings: layout.meetings.iter().map(|meeting| meeting.id.clone()).collect(),
            left_out: back.left_out.clone(),
            keys,
            removed: None,
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        for LeftOut { kind, name, reason } in &self.left_out {
            line(format!("left out: {kind} {name}: {reason}"));
        }
        let what = format!(
            "servers: {}, tenants: {}, meetings: {}, keys: {}",
            self.servers.len(),
            self.tenants.len(),
            self.meetings.len(),
            self.keys
        );
        line(match self.removed {
            None => format!("would write {what}; nothing was changed: say `--apply` to write it"),
            Some(0) => format!("wrote {what}"),
            Some(removed) => format!("wrote {what}, in place of {removed} keys"),
        });
        text
    }
}
