//! `bluegate serve --shadow`: another balancer's calls, decided without acting.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anstream::{eprintln, print};
use anyhow::Context as _;
use bluegate_config::{Config, Scaler};
use bluegate_net::{Limits, RouterService, bind, serve};
use bluegate_scaler::{
    Estate, Holdings, NodeShare, Shadow, ShadowConfig, ShadowReport, shadow_router,
};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    Outcome,
    admin_command::print_json,
    config_command,
    exit::{Exit, UsageError},
    runtime,
    serve::{scaling, tenants},
    table::table,
};

/// The longest line of a log that is looked at.
const MAX_LINE: u64 = 64 * 1024;
/// Nothing that was taken over from another balancer is asked for.
const NO_OTHER_BALANCER: &str = "";
/// How long a request under way may take at the end.
const DRAIN: Duration = Duration::from_secs(1);

#[derive(Args, Debug)]
pub(crate) struct ShadowOptions {
    /// Decide another balancer's calls and act on none: no node is called. Takes a copy of its requests
    /// (nginx' `mirror`) on the addresses of `[scaler]`, or reads `--log`; reports at the end.
    #[arg(long)]
    pub(crate) shadow: bool,

    /// Read its calls from this access log, nginx' combined format, and end.
    #[arg(long, value_name = "FILE", requires = "shadow")]
    log: Option<PathBuf>,

    /// How many minutes whoever joins is taken to stay.
    #[arg(long, value_name = "MINUTES", default_value_t = 45, requires = "shadow")]
    stay: u32,

    /// Write the report to this file instead of standard output.
    #[arg(long, value_name = "FILE", requires = "shadow")]
    report: Option<PathBuf>,

    /// Report as JSON.
    #[arg(long, requires = "shadow")]
    json: bool,
}

pub(crate) fn run(path: &Path, options: &ShadowOptions) -> Outcome {
    let config = config_command::load(path)?;
    let Some(scaler) = &config.scaler else {
        return Err(UsageError(format!("`{}` has no `[scaler]`", path.display())).into());
    };
    let mut shadow = Shadow::new(runtime::small()?.block_on(known(&config, scaler, options))?);
    let report = match &options.log {
        Some(log) => {
            read(log, &mut shadow)?;
            shadow.report()
        }
        None => runtime::run(listen(&scaler.listen, shadow))?,
    };
    tell(&report, options)?;
    Ok(Exit::Done)
}

/// The nodes and tenants of the file and of the store, where there is one: it is
/// only read.
async fn known(
    config: &Config,
    scaler: &Scaler,
    options: &ShadowOptions,
) -> Result<ShadowConfig, anyhow::Error> {
    let (mut nodes, mut tenants) = (scaling::nodes(config)?, tenants::of_file(config)?);
    let mut holdings = Holdings::default();
    if let Some(estate) = Estate::look(&scaler.store, &scaler.key_file).await? {
        holdings = estate.holdings(NO_OTHER_BALANCER).await?;
        estate.close().await;
    }
    // The file's are in force where both have the name.
    holdings.nodes.retain(|node| !nodes.iter().any(|own| own.node.name == node.node.name));
    nodes.append(&mut holdings.nodes);
    tenants.append(&mut holdings.tenants);
    Ok(ShadowConfig {
        nodes,
        cordoned: holdings.cordoned,
        weights: holdings.weights,
        tenants,
        placement: scaling::placement(&scaler.placement),
        stay: Duration::from_secs(u64::from(options.stay) * 60),
        mirrored: options.log.is_none(),
    })
}

fn read(log: &Path, shadow: &mut Shadow) -> Result<(), anyhow::Error> {
    let failed = || UsageError(format!("cannot read the access log `{}`", log.display()));
    let mut reader = BufReader::new(File::open(log).with_context(failed)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        let got = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        if got.with_context(failed)? == 0 {
            return Ok(());
        }
        shadow.see_line(String::from_utf8_lossy(&line).trim_end());
    }
}

/// Takes copies of requests until it is told to end.
async fn listen(
    addresses: &[std::net::SocketAddr],
    shadow: Shadow,
) -> Result<ShadowReport, anyhow::Error> {
    let shadow = Arc::new(Mutex::new(shadow));
    let service = Arc::new(RouterService::new(shadow_router(Arc::clone(&shadow))));
    let shutdown = CancellationToken::new();
    let mut serving = tokio::task::JoinSet::new();
    for address in addresses {
        let listener = bind(*address)?;
        eprintln!("taking copies of requests on {}", listener.local_addr());
        let (service, shutdown) = (Arc::clone(&service), shutdown.clone());
        serving.spawn(serve(listener, None, service, Limits::default(), shutdown, DRAIN));
    }
    let mut ended = signal(SignalKind::terminate()).context("cannot handle SIGTERM")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("cannot handle SIGINT")?;
    tokio::select! {
        _ = ended.recv() => {}
        _ = interrupted.recv() => {}
    }
    shutdown.cancel();
    while let Some(ended) = serving.join_next().await {
        ended.context("a listener failed")??;
    }
    let mut shadow = shadow.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(shadow.report())
}

fn tell(report: &ShadowReport, options: &ShadowOptions) -> Result<(), anyhow::Error> {
    let text =
        if options.json { serde_json::to_string_pretty(report)? + "\n" } else { text(report) };
    match &options.report {
        Some(path) => std::fs::write(path, text)
            .with_context(|| format!("cannot write `{}`", path.display()))?,
        None if options.json => print_json(report)?,
        None => print!("{text}"),
    }
    Ok(())
}

fn text(report: &ShadowReport) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    let calls = report.calls.iter().map(|(name, count)| format!("{count} {name}"));
    line(format!("calls: {}", calls.collect::<Vec<_>>().join(", ")));
    for (count, what) in [
        (report.skipped, "lines that are no calls of the API"),
        (report.unsigned, "calls that no secret here signed, or signed in their body: refused"),
        (report.unseen, "meetings that were there before the first call"),
    ] {
        if count > 0 {
            line(format!("{count} {what}"));
        }
    }
    let compared = report.widest_gap_there;
    line(match compared {
        Some(_) => format!(
            "meetings placed: {}; on the same node: {}, on another: {}, not known where: {}",
            report.placed, report.same, report.different, report.uncompared
        ),
        None => format!("meetings placed: {}", report.placed),
    });
    line(format!("creates that would have been refused: {}", report.refused));
    for refusal in &report.refusals {
        let (meeting, tenant) = (&refusal.meeting, &refusal.tenant);
        line(format!("  {meeting} of {tenant} would have been refused: {}", refusal.reason));
    }
    for share in &report.limits {
        line(format!(
            "limit of {} of {}: {} calls would have been refused, {} were above the soft limit",
            share.limit, share.tenant, share.refused, share.exceeded
        ));
    }
    for change in &report.changes {
        line(format!(
            "parameter `{}` of {} would have been {} for {}: {} calls",
            change.parameter, change.call, change.effect, change.tenant, change.calls
        ));
    }
    line(match compared {
        Some(there) => {
            format!("widest gap between two nodes: {} users here, {there} there", report.widest_gap)
        }
        None => format!("widest gap between two nodes: {} users", report.widest_gap),
    });
    line(format!("the busiest minute, with {} users:", report.users));
    text += &shares(&report.nodes, compared.is_some());
    if !report.differences.is_empty() {
        let shown = report.differences.len();
        text += &format!("\nthe first {shown} that would be elsewhere:\n");
        let rows: Vec<_> = report
            .differences
            .iter()
            .map(|differs| {
                let (meeting, tenant) = (differs.meeting.clone(), differs.tenant.clone());
                [meeting, tenant, differs.there.clone(), differs.here.clone()]
            })
            .collect();
        text += &table(["meeting", "tenant", "there", "here"], &rows);
    }
    text += "\nnot known here:\n";
    for what in &report.not_known {
        text += &format!("  {what}\n");
    }
    text
}

/// The nodes in the busiest minute.
fn shares(nodes: &[NodeShare], compared: bool) -> String {
    if !compared {
        let row = |node: &NodeShare| {
            [node.node.clone(), node.users.to_string(), node.meetings.to_string()]
        };
        let rows: Vec<_> = nodes.iter().map(row).collect();
        return table(["node", "users", "meetings"], &rows);
    }
    let there = |count: Option<u64>| count.unwrap_or_default().to_string();
    let row = |node: &NodeShare| {
        let (users, meetings) = (node.users.to_string(), node.meetings.to_string());
        let name = node.node.clone();
        [name, users, there(node.users_there), meetings, there(node.meetings_there)]
    };
    let rows: Vec<_> = nodes.iter().map(row).collect();
    table(["node", "users here", "there", "meetings here", "there"], &rows)
}
