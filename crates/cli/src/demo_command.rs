//! `bluegate demo`.

use std::{io::Write as _, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use bluegate_demo::{AdminSeat, Demo, DemoRoles, MAX_NODES, Options, Ready, Release};
use clap::{Args, ValueEnum};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Outcome,
    exit::{Exit, UsageError},
    runtime,
    serve::{
        admin::{AdminListener, Serving},
        readiness::Gauges,
        shutdown_signal, sources,
    },
};

#[derive(Args, Debug)]
pub(crate) struct DemoOptions {
    /// How many simulated nodes.
    #[arg(long, value_name = "N", default_value_t = 3)]
    nodes: usize,

    /// The BBB release line that the nodes simulate.
    #[arg(long, value_name = "LINE", default_value = "3.0")]
    bbb: BbbLine,

    /// Put this machine's nginx in front of every node, to load the very files of the node.
    #[arg(long)]
    nginx: bool,

    /// First port; the others follow it. 0 takes free ports.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    port_base: u16,

    /// Keep everything in this folder; without it a temporary one is removed at the end.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Serve everything over HTTPS, from a certificate authority made on first use.
    #[arg(long)]
    tls: bool,

    /// Let each node serve its client itself, to see what the proxy is good for.
    #[arg(long)]
    without_proxy: bool,

    /// Let the simulated client drop the port of its page, as the real one does.
    #[arg(long)]
    strict: bool,

    /// Write where everything is to this file, as JSON, once all of it accepts connections.
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

/// A BBB release line that can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BbbLine {
    /// Meteor's client, DDP over SockJS.
    #[value(name = "2.4")]
    V2_4,
    /// The same.
    #[value(name = "2.5")]
    V2_5,
    /// The same; the API answers for its own cross-origin rule.
    #[value(name = "2.6")]
    V2_6,
    /// The same.
    #[value(name = "2.7")]
    V2_7,
    /// The static client, GraphQL.
    #[value(name = "3.0")]
    V3_0,
    /// The same, the next line.
    #[value(name = "4.0")]
    V4_0,
}

pub(crate) fn run(options: DemoOptions) -> Outcome {
    if !(1..=MAX_NODES).contains(&options.nodes) {
        return Err(UsageError(format!("`--nodes` takes 1 to {MAX_NODES}")).into());
    }
    let authority = if options.tls { Some(authority_folder(&options)?) } else { None };
    runtime::run(async {
        let shutdown = shutdown_signal()?;
        let (demo, seat) = Demo::start(Options {
            nodes: options.nodes,
            release: match options.bbb {
                BbbLine::V2_4 => Release::V2_4,
                BbbLine::V2_5 => Release::V2_5,
                BbbLine::V2_6 => Release::V2_6,
                BbbLine::V2_7 => Release::V2_7,
                BbbLine::V3_0 => Release::V3_0,
                BbbLine::V4_0 => Release::V4_0,
            },
            nginx: options.nginx,
            port_base: options.port_base,
            data: options.data,
            authority,
            proxied: !options.without_proxy,
            strict: options.strict,
        })
        .await?;
        let admin = Administered::begin(demo.roles(), seat);
        let mut stdout = anstream::stdout().lock();
        write!(stdout, "{}", describe(demo.ready(), !options.without_proxy))?;
        stdout.flush()?;
        drop(stdout);
        if let Some(path) = &options.ready_file {
            demo.ready()
                .write(path)
                .with_context(|| format!("cannot write the ready file `{}`", path.display()))?;
        }
        shutdown.await;
        admin.end().await;
        demo.stop().await;
        Ok(Exit::Done)
    })
}

/// The demo's admin API, the same that `bluegate serve` has.
struct Administered {
    serving: Serving,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Administered {
    fn begin(roles: &DemoRoles, seat: AdminSeat) -> Self {
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (proxy, scaler) = (Arc::clone(&roles.proxy), roles.scaler.clone());
        let gauges =
            Gauges::follow(Some(Arc::clone(&proxy)), Some(scaler.clone()), &shutdown, &tasks);
        tasks.close();
        let sources = sources::of(Some(&proxy), Some(scaler), roles.routes.clone(), gauges);
        let serving = AdminListener::of(seat.listener, &seat.token).serve(sources);
        Self { serving, shutdown, tasks }
    }

    async fn end(self) {
        self.serving.end().await;
        self.shutdown.cancel();
        self.tasks.wait().await;
    }
}

/// Where the demo's authority is kept: with `--data` there, else where a
/// user's programs keep their data, so that it is trusted once and not again.
fn authority_folder(options: &DemoOptions) -> Result<PathBuf, anyhow::Error> {
    if let Some(data) = &options.data {
        return Ok(data.join("authority"));
    }
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    let base = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).or_else(home);
    let base =
        base.ok_or_else(|| UsageError("there is no home folder; give `--data DIR`".into()))?;
    Ok(base.join("bluegate/demo"))
}

/// What runs where, in a few lines.
fn describe(ready: &Ready, proxied: bool) -> String {
    let origin = match proxied {
        true => "the proxy: every node's client",
        false => "not used: each node serves its client itself",
    };
    let mut rows = vec![
        ("frontend", &ready.frontend, "open this one".to_owned()),
        ("cluster's origin", &ready.proxy_origin, origin.to_owned()),
        ("BBB API", &ready.api_base, "the scaler".to_owned()),
        ("its secret", &ready.secret, "tenant `default`".to_owned()),
    ];
    rows.push(("admin API", &ready.admin, "its token is beside the configuration".to_owned()));
    for node in &ready.nodes {
        let nginx = node.nginx.as_ref();
        let nginx =
            nginx.map_or_else(String::new, |version| format!(" behind real nginx {version}"));
        rows.push(("node", &node.origin, format!("simulated BBB {}{nginx}", node.bbb)));
    }
    let commands = "for `bluegate doctor -c`, `bluegate meeting show -c` and others";
    rows.push(("configuration", &ready.configuration, commands.to_owned()));
    if let Some(ca) = &ready.ca {
        rows.push(("certificate", ca, "trust it in your browser, this machine only".to_owned()));
    }
    let width = rows.iter().map(|(_, place, _)| place.len()).max().unwrap_or(0);
    let mut text = String::from("\nBluegate demo: a whole cluster on this machine\n\n");
    for (what, place, about) in rows {
        text.push_str(&format!("  {what:<17} {place:<width$}  {about}\n"));
    }
    text.push_str("\nStop it with Ctrl-C.\n");
    text
}
