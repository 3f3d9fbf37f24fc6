//! The doctor inside `bluegate serve`: what it is to look at, and where what
//! it saw can be read.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use bluegate_admin::{Exposition, Kind, RouteBook, Sources};
use bluegate_cluster::Mount;
use bluegate_config::Config;
use bluegate_doctor::{Bounds, Latest, Patient, Schedule, Subject};
use rustls::ClientConfig;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::serve::secrets;

/// What the doctor saw last, and from one look to the next.
pub(crate) type Seen = (watch::Receiver<Option<Latest>>, Duration);

/// Looks from now on if the file says so; gives the sources with what it sees,
/// and where that is followed.
pub(crate) fn start(
    path: &Path,
    config: &Config,
    tls: &Arc<ClientConfig>,
    book: &Arc<RouteBook>,
    shutdown: &CancellationToken,
    tasks: &TaskTracker,
    sources: Sources,
) -> (Sources, Option<Seen>) {
    let Some(doctor) = &config.doctor else { return (sources, None) };
    let (latest, seen) = watch::channel(None);
    let file = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (config, tls) = (config.clone(), Arc::clone(tls));
    let routes = book.follow();
    let now = move || {
        let in_force = Arc::clone(&routes.borrow());
        let nodes = in_force.nodes().map(|node| (**node).clone());
        // What is not relayed is not among the routes, but a node all the same.
        let others = config.nodes.iter().map(|entry| &entry.node).filter(|node| !node.proxied);
        let nodes = nodes.chain(others.cloned());
        let secret_files: BTreeMap<&Mount, _> = config
            .nodes
            .iter()
            .filter_map(|entry| Some((&entry.node.name, entry.secret_file.as_ref()?)))
            .collect();
        let patients = nodes.map(|node| {
            // A file that cannot be read was named at the start, or is now the
            // business of the roles that need it.
            let secrets = secret_files.get(&node.name).and_then(|file| secrets::read(file).ok());
            Patient { node, secrets: secrets.unwrap_or_default() }
        });
        let subject = Subject {
            origin: in_force.origin().clone(),
            file: file.clone(),
            nodes: patients.collect(),
        };
        bluegate_doctor::Config {
            subject,
            tls: Arc::clone(&tls),
            bounds: Bounds::default(),
            browser: None,
        }
    };
    // Waited for at the end, within bounds: a look that is cut short still ends
    // its meetings.
    tasks.spawn(Schedule::every(doctor.interval).run(now, latest, shutdown.clone()));
    let mut metrics = sources.metrics.clone();
    let measured = seen.clone();
    metrics.push(Arc::new(move |out| measure(out, measured.borrow().as_ref())));
    let followed = (seen.clone(), doctor.interval);
    let shown = move || serde_json::to_value(&*seen.borrow()).unwrap_or_default();
    (Sources { doctor: Some(Arc::new(shown)), metrics, ..sources }, Some(followed))
}

fn measure(out: &mut Exposition, latest: Option<&Latest>) {
    let Some(latest) = latest else { return };
    let help = "When the doctor last looked, in seconds since 1970";
    out.single("bluegate_doctor_last_look_seconds", Kind::Gauge, help, latest.at);
    let summary = &latest.report.summary;
    let findings =
        [("problem", summary.problems), ("warning", summary.warnings), ("note", summary.notes)];
    let help = "What the doctor found when it last looked, by severity";
    let samples = findings.map(|(severity, count)| ([("severity", severity)], count));
    out.family("bluegate_doctor_findings", Kind::Gauge, help, samples);
    let verdicts = latest.report.verdicts();
    let help = "Checks of a node that found a problem when the doctor last looked";
    let samples =
        verdicts.iter().map(|verdict| ([("node", verdict.node.as_str())], verdict.problems.len()));
    out.family("bluegate_doctor_node_problems", Kind::Gauge, help, samples);
}
