//! Looking at one node.

use std::time::SystemTime;

use bluegate_cluster::{BbbVersion, Scheme};
use futures_util::future;
use http::Method;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Config, Found, session};
use crate::{
    evidence::Evidence,
    html,
    probe::{Names, Probe, Side},
    release::{ClientKind, Release},
    subject::Patient,
    wire::{Answer, Client, Dialer, Exchange, Request, read_certificate},
};

/// Everything there is to find of a node, from the name to the meeting.
pub(super) async fn examine(
    config: &Config,
    dialer: &Dialer,
    proxy: Option<&Client>,
    patient: &Patient,
    stop: &CancellationToken,
) -> Found {
    let mut evidence = Evidence::new(SystemTime::now());
    let mut release = of_file(patient);
    let looked = look(config, dialer, proxy, patient, &mut evidence, &mut release);
    let client = tokio::select! {
        () = stop.cancelled() => None,
        client = looked => client,
    };
    if let (Some(client), Some(secret)) = (client, patient.secrets.first())
        && !stop.is_cancelled()
    {
        let names =
            Names { cluster: &config.subject.origin, node: &patient.node, release: &release };
        let visit = session::Visit { config, dialer, names, node: &client, proxy, secret };
        evidence.session = Some(Box::pin(visit.make(stop)).await);
        let settings = evidence.session.as_ref().and_then(|session| session.settings.as_ref());
        tell(&mut release, settings.and_then(version_of));
    }
    Found { patient: patient.clone(), release, evidence }
}

/// All that needs no session. Gives the client of a node that answers.
async fn look(
    config: &Config,
    dialer: &Dialer,
    proxy: Option<&Client>,
    patient: &Patient,
    evidence: &mut Evidence,
    release: &mut Release,
) -> Option<Client> {
    let node = &patient.node;
    let place = match (dialer.resolve(&node.origin).await, &node.address) {
        (Ok(place), _) => place,
        (Err(trouble), address) => {
            evidence.name = Err(trouble);
            // Perhaps only this machine does not know the name.
            dialer.at(&node.origin, address.as_ref()?).await.ok()?
        }
    };
    if node.origin.scheme() == Scheme::Https {
        let certificate = read_certificate(dialer, &place).await;
        let is_believed = certificate.as_ref().is_ok_and(|found| found.trouble.is_none());
        evidence.certificate = Some(certificate);
        if !is_believed {
            // A dead node is one that gives no answer; it is asked once.
            let client = client(config, dialer, place);
            ask(evidence, &client, proxy, names(config, patient, release), [Probe::IndexOnNode])
                .await;
            return None;
        }
    }
    let client = client(config, dialer, place);
    let of = names(config, patient, release);
    ask(evidence, &client, proxy, of, [Probe::IndexOnNode]).await;
    let index = evidence.answer(Probe::IndexOnNode)?;
    recognise(release, index);

    let of = names(config, patient, release);
    let applying =
        Probe::ALL.into_iter().filter(|probe| *probe != Probe::IndexOnNode && probe.applies(of));
    ask(evidence, &client, proxy, of, applying).await;
    look_closer(release, evidence);
    if let Some(proxy) = proxy {
        evidence.assets = assets(config, evidence, proxy).await;
    }
    Some(client)
}

fn client(config: &Config, dialer: &Dialer, place: crate::wire::Place) -> Client {
    let bounds = &config.bounds;
    Client::new(dialer, place, bounds.requests_per_node, bounds.request, bounds.body)
}

fn names<'a>(config: &'a Config, patient: &'a Patient, release: &'a Release) -> Names<'a> {
    Names { cluster: &config.subject.origin, node: &patient.node, release }
}

async fn ask(
    evidence: &mut Evidence,
    node: &Client,
    proxy: Option<&Client>,
    names: Names<'_>,
    probes: impl IntoIterator<Item = Probe>,
) {
    // Each client has a bound of its own.
    let asked: Vec<_> = probes
        .into_iter()
        .filter_map(|probe| {
            let client = match probe.side() {
                Side::Node => node,
                Side::Proxy => proxy?,
            };
            Some(async move { (probe, client.ask(probe.request(names)).await) })
        })
        .collect();
    evidence.exchanges.extend(future::join_all(asked).await);
}

/// Asks for every file the page names, without reading them.
async fn assets(config: &Config, evidence: &Evidence, proxy: &Client) -> Vec<Exchange> {
    let Some(exchange) = evidence.of(Probe::ClientThroughProxy) else { return Vec::new() };
    let Some(answer) = exchange.answer() else { return Vec::new() };
    let Ok(base) = Url::parse(&exchange.request.url) else { return Vec::new() };
    let origin = config.subject.origin.to_string();
    let targets = html::assets(&answer.text(), &base)
        .into_iter()
        .filter_map(|url| url.as_str().strip_prefix(&origin).map(str::to_owned));
    future::join_all(targets.map(|target| proxy.ask(Request::of(Method::HEAD, target)))).await
}

/// What the cluster file says a node runs; static when it says nothing.
fn of_file(patient: &Patient) -> Release {
    let version = patient.node.bbb.clone();
    let is_old = version.as_ref().is_some_and(|version| version.major < 3);
    let client = if is_old { ClientKind::Meteor } else { ClientKind::Static };
    Release { version, client, told_by_node: false }
}

/// What the version document says, as far as nodes reveal it.
fn recognise(release: &mut Release, index: &Answer) {
    let text = index.text();
    if !text.contains("apiVersion") {
        return;
    }
    // Only the static client needs to be told where GraphQL is.
    release.client =
        if text.contains("graphqlApiUrl") { ClientKind::Static } else { ClientKind::Meteor };
    let of_json = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|value| value.pointer("/response/bbbVersion")?.as_str().map(str::to_owned));
    let of_xml = || bluegate_bbb_api::Answer::parse(text.as_bytes()).ok()?.text("bbbVersion");
    tell(release, of_json.or_else(of_xml));
}

/// What the client says that it was built for.
fn look_closer(release: &mut Release, evidence: &Evidence) {
    let config = evidence
        .answer(Probe::ClientOnNode)
        .and_then(|page| html::runtime_config(&page.text()))
        .and_then(|config| config.get("PUBLIC_SETTINGS").and_then(version_of));
    let file = || {
        let text = evidence.answer(Probe::SettingsFile)?.text();
        text.lines().find_map(|line| {
            let value = line.trim().strip_prefix("bbbServerVersion:")?;
            Some(value.trim().trim_matches(['"', '\'']).to_owned())
        })
    };
    tell(release, config.or_else(file));
}

/// `app.bbbServerVersion` of client settings.
fn version_of(public: &serde_json::Value) -> Option<String> {
    public.pointer("/app/bbbServerVersion")?.as_str().map(str::to_owned)
}

/// The node's own word, once it is one; the first that is stays.
fn tell(release: &mut Release, version: Option<String>) {
    if release.told_by_node {
        return;
    }
    let version: Option<BbbVersion> = version.and_then(|text| text.trim().parse().ok());
    if let Some(version) = version {
        release.client = if version.major < 3 { ClientKind::Meteor } else { ClientKind::Static };
        release.version = Some(version);
        release.told_by_node = true;
    }
}
