//! Every effective setting that the doctor compares: a node on which just that one
//! is wrong is told its file, its key and its value.

use bluegate_cluster::Node;
use bluegate_doctor::{Report, Setting, Severity, compared_settings};

use crate::{
    cluster::{Root, assert_finds, cluster},
    meddler::altering,
};

const HTML5: &str = "/etc/bigbluebutton/bbb-html5.yml";
const METEOR: &str = "/etc/systemd/system/bbb-html5-frontend@.service.d/cluster.conf";

/// One release for each set of keys.
const RELEASES: [&str; 3] = ["2.4.9", "2.7.17", "3.0.28"];

/// A key as the doctor names it, and what it is to be: `{node}`, `{socket}`, `{host}`,
/// `{authority}` and `{mount}` are the node's.
type Row = (&'static str, &'static str);

const CLIENT: &[Row] = &[
    ("public.app.basename", "/{mount}/html5client"),
    ("public.app.bbbWebBase", "{node}/bigbluebutton"),
    ("public.app.learningDashboardBase", "{node}/learning-analytics-dashboard"),
    ("public.app.userSettingsStorage", "local"),
    ("public.media.stunTurnServersFetchAddress", "{node}/bigbluebutton/api/stuns"),
    ("public.media.sip_ws_host", "{authority}"),
    ("public.kurento.wsUrl", "{socket}/bbb-webrtc-sfu"),
    ("public.presentation.uploadEndpoint", "{node}/bigbluebutton/presentation/upload"),
];
const NOTE: &[Row] = &[("public.note.url", "{node}/pad")];
const PADS: &[Row] = &[("public.pads.url", "{node}/pad")];
const STATIC: &[Row] = &[
    ("public.media.livekit.url", "{socket}/livekit"),
    ("public.sharedNotes.serverHostname", "{host}"),
];

/// Of Meteor's page: the name there, the key in the unit, and what that is to be.
const PAGE: &[(&str, &str, &str)] = &[
    ("ROOT_URL_PATH_PREFIX", "Environment=ROOT_URL", "https://127.0.0.1/{mount}/html5client"),
    (
        "DDP_DEFAULT_CONNECTION_URL",
        "Environment=DDP_DEFAULT_CONNECTION_URL",
        "{node}/{mount}/html5client",
    ),
];

fn client_rows(release: &str) -> Vec<Row> {
    let more = match release {
        "2.4.9" => [NOTE, &[]],
        "2.7.17" => [PADS, &[]],
        _ => [PADS, STATIC],
    };
    [CLIENT, more[0], more[1]].concat()
}

fn filled(template: &str, node: &Node) -> String {
    template
        .replace("{node}", &node.origin.to_string())
        .replace("{socket}", &node.origin.web_socket())
        .replace("{authority}", &node.origin.authority())
        .replace("{host}", node.origin.host())
        .replace("{mount}", node.name.as_str())
}

/// The settings that the one finding of a node wants.
fn wanted<'a>(report: &'a Report, node: &str) -> (&'a [Setting], Severity, Option<&'a str>) {
    let mut findings = report.findings().filter(|(of, _)| *of == Some(node));
    let (_, finding) = findings.next().unwrap();
    let fix = finding.fix.as_ref().unwrap();
    (&fix.settings, finding.severity, fix.command.as_deref())
}

#[test]
fn every_setting_that_is_compared_has_its_row() {
    for release in RELEASES {
        let mut rows: Vec<&str> = client_rows(release).iter().map(|(key, _)| *key).collect();
        if release.starts_with('2') {
            rows.extend(PAGE.iter().map(|(_, key, _)| *key));
        }
        let mut compared = compared_settings(&release.parse().unwrap());
        rows.sort_unstable();
        compared.sort_unstable();
        assert_eq!(rows, compared, "{release}");
    }
}

/// As many nodes as there are settings, each with another one wrong.
async fn each_is_told_by(check: &str, release: &'static str) {
    let rows = client_rows(release);
    let broken = rows.clone();
    let change = move |root: &Root| {
        let number: usize = root.node.name.as_str().trim_start_matches("bbb-").parse().unwrap();
        let (key, value) = broken[number - 1];
        let (_, leaf) = key.rsplit_once('.').unwrap();
        let line = |value: &str| format!(" {leaf}: '{value}'");
        root.replace(HTML5, &line(&filled(value, &root.node)), &line("wrong"));
    };
    let cluster = cluster(release).nodes(rows.len()).breaking(change).start().await;
    let report = cluster.examine().await;
    let found: Vec<String> = cluster
        .nodes
        .iter()
        .enumerate()
        .map(|(index, _)| format!("bbb-{:02} {check} {HTML5}", index + 1))
        .collect();
    assert_finds(&report, &found.iter().map(String::as_str).collect::<Vec<_>>());
    for ((key, value), patient) in rows.iter().zip(&cluster.subject.nodes) {
        let name = patient.node.name.as_str();
        let (settings, severity, command) = wanted(&report, name);
        let setting = Setting {
            key: (*key).to_owned(),
            found: Some("wrong".to_owned()),
            wanted: filled(value, &patient.node),
        };
        assert_eq!(settings, [setting], "{name}");
        let is_comfort = key.ends_with("userSettingsStorage");
        assert_eq!(severity, if is_comfort { Severity::Note } else { Severity::Problem }, "{key}");
        assert_eq!(command, Some(format!("bluegate node apply {name}").as_str()));
    }
}

#[tokio::test]
async fn each_client_setting_of_2_4() {
    each_is_told_by("client-settings", "2.4.9").await;
}

#[tokio::test]
async fn each_client_setting_of_2_7() {
    each_is_told_by("client-settings", "2.7.17").await;
}

#[tokio::test]
async fn each_client_setting_of_3_0() {
    each_is_told_by("client-settings", "3.0.28").await;
}

/// On the page, as one frontend of several would serve it whose unit differs.
#[tokio::test]
async fn each_variable_of_meteors_page() {
    for (name, key, value) in PAGE {
        let (from, to) = (format!("{name}%22%3A%22"), format!("{name}%22%3A%22wrong"));
        let rule = altering("/bbb-01/html5client/join HTTP", &from, &to);
        let cluster = cluster("2.7.17").at_node(rule).start().await;
        let report = cluster.examine().await;
        assert_finds(&report, &[&format!("bbb-01 meteor-settings {METEOR}")]);
        let (settings, severity, _) = wanted(&report, "bbb-01");
        let node = &cluster.subject.nodes[0].node;
        assert_eq!(settings.len(), 1, "{report}");
        assert_eq!((settings[0].key.as_str(), &settings[0].wanted), (*key, &filled(value, node)));
        assert!(settings[0].found.as_deref().unwrap().starts_with("wrong"), "{report}");
        assert_eq!(severity, Severity::Problem);
    }
}
