//! `bluegate doctor`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anstream::{eprintln, print, println};
use anyhow::{Context as _, bail, ensure};
use bluegate_cluster::Mount;
use bluegate_config::{Config, NodeEntry};
use bluegate_doctor::{
    Bounds, Browser, BrowserSeat, Patient, Recording, Subject, examine_and_record,
};
use bluegate_net::tls;
use tokio_util::sync::CancellationToken;

use crate::{
    Outcome,
    arguments::DoctorOptions,
    config_command,
    exit::{Exit, UsageError},
    node_command::{OneOptions, record_files},
    progress::Progress,
    runtime,
    serve::secrets,
};

pub(crate) fn run(options: &DoctorOptions) -> Outcome {
    let file = config_command::load(&options.config)?;
    let subject = subject(options, &file)?;
    if options.reach.ssh.is_some() && options.record.is_none() {
        bail!(UsageError("`--ssh` is for the files that `--record DIR` keeps".to_owned()));
    }
    let tls = tls::client_config(file.cluster.node_ca.as_deref())?;
    let browser = match options.browser {
        true => Some(Arc::new(BrowserSeat::new(Browser::find()?))),
        false => None,
    };
    let config = bluegate_doctor::Config { subject, tls, bounds: Bounds::default(), browser };
    let (report, recordings) = runtime::run(async {
        let stop = CancellationToken::new();
        let watch = tokio::spawn(stop_on_signal(stop.clone()));
        let progress = Progress::new(options.json);
        let report = examine_and_record(&config, &stop, |seen| {
            progress.nodes(seen.done, seen.all, seen.at_work.iter().map(Mount::as_str));
        });
        let report = report.await;
        watch.abort();
        Ok(report)
    })?;
    if let Some(folder) = &options.record {
        keep(folder, &recordings)?;
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    if let Some(folder) = &options.record
        && (options.root.is_some() || options.reach.ssh.is_some())
    {
        keep_files(options, &file, folder)?;
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

/// What a plan looks at on each node, in a folder beside its answers. A node that
/// cannot be reached is told of; the others are kept.
fn keep_files(
    options: &DoctorOptions,
    config: &Config,
    folder: &Path,
) -> Result<(), anyhow::Error> {
    let one = OneOptions {
        config: options.config.clone(),
        root: options.root.clone().unwrap_or_else(|| PathBuf::from("/")),
        bbb: None,
        // What a node has is kept, whatever a plan for it would say.
        allow_cross_site: true,
    };
    let mut missing = Vec::new();
    for entry in looked_at(options, config) {
        let into = folder.join(entry.node.name.as_str());
        if let Err(error) = record_files(config, entry, &one, &options.reach, &into) {
            eprintln!("{}: its files are not recorded: {error:#}", entry.node.name);
            missing.push(entry.node.name.as_str());
        }
    }
    ensure!(missing.is_empty(), "no files were recorded of {}", missing.join(", "));
    Ok(())
}

/// The sections of the nodes that were asked for.
fn looked_at<'a>(
    options: &'a DoctorOptions,
    config: &'a Config,
) -> impl Iterator<Item = &'a NodeEntry> {
    config.nodes.iter().filter(|entry| match &options.node {
        Some(name) => entry.node.name == *name,
        None => true,
    })
}

fn subject(options: &DoctorOptions, config: &Config) -> Result<Subject, anyhow::Error> {
    let nodes: Vec<Patient> = looked_at(options, config).map(patient).collect::<Result<_, _>>()?;
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
