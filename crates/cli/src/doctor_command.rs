//! `bluegate doctor`.

use std::{
    fs,
    io::IsTerminal as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anstream::{eprint, print, println};
use anyhow::{Context as _, bail};
use bluegate_config::{Config, NodeEntry};
use bluegate_doctor::{
    Bounds, Browser, BrowserSeat, Patient, Progress, Recording, Subject, examine_and_record,
};
use bluegate_net::tls;
use tokio_util::sync::CancellationToken;

use crate::{
    Outcome,
    arguments::DoctorOptions,
    config_command,
    exit::{Exit, UsageError},
    serve::secrets,
};

pub(crate) fn run(options: &DoctorOptions) -> Outcome {
    let config = config_command::load(&options.config)?;
    let subject = subject(options, &config)?;
    let tls = tls::client_config(config.cluster.node_ca.as_deref())?;
    let browser = match options.browser {
        true => Some(Arc::new(BrowserSeat::new(Browser::find()?))),
        false => None,
    };
    let config = bluegate_doctor::Config { subject, tls, bounds: Bounds::default(), browser };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let (report, recordings) = runtime.block_on(async {
        let stop = CancellationToken::new();
        let watch = tokio::spawn(stop_on_signal(stop.clone()));
        let report = examine_and_record(&config, &stop, show_progress()).await;
        watch.abort();
        report
    });
    clear_progress();
    if let Some(folder) = &options.record {
        keep(folder, &recordings)?;
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(if report.has_problems() { Exit::Problems } else { Exit::Done })
}

/// One file per node.
fn keep(folder: &Path, recordings: &[Recording]) -> Result<(), anyhow::Error> {
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    for recording in recordings {
        let path = folder.join(format!("{}.json", recording.node));
        let text = serde_json::to_string_pretty(&recording.document)?;
        fs::write(&path, text + "\n")
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

fn subject(options: &DoctorOptions, config: &Config) -> Result<Subject, anyhow::Error> {
    let nodes = config.nodes.iter().filter(|entry| match &options.node {
        Some(name) => entry.node.name == *name,
        None => true,
    });
    let nodes: Vec<Patient> = nodes.map(patient).collect::<Result<_, _>>()?;
    if let (Some(name), true) = (&options.node, nodes.is_empty()) {
        let known: Vec<String> =
            config.nodes.iter().map(|entry| format!("`{}`", entry.node.name)).collect();
        bail!(UsageError(format!(
            "`{}` has no [[node]] `{name}`; it has {}",
            options.config.display(),
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        )));
    }
    Ok(Subject { origin: config.cluster.origin.clone(), file: file(&options.config), nodes })
}

fn file(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn patient(entry: &NodeEntry) -> Result<Patient, anyhow::Error> {
    let secrets = match &entry.secret_file {
        Some(path) => secrets::read(path)?,
        None => Vec::new(),
    };
    Ok(Patient { node: entry.node.clone(), secrets })
}

/// The first signal ends what is under way, probe meetings first.
async fn stop_on_signal(stop: CancellationToken) {
    if tokio::signal::ctrl_c().await.is_ok() {
        stop.cancel();
    }
}

/// On a terminal one line that counts; elsewhere nothing, since the report
/// follows within seconds.
fn show_progress() -> impl Fn(Progress) {
    let on_terminal = std::io::stderr().is_terminal();
    move |progress| {
        if on_terminal {
            eprint!("\r\x1b[2Klooked at {} of {}: {}", progress.done, progress.all, progress.node);
        }
    }
}

fn clear_progress() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K");
    }
}
