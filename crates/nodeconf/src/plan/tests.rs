//! Plans for small nodes: as installed, configured by hand as the documentation
//! of their line says, by the recipes of the ansible role, in the gist's way.

use std::{fs, path::Path};

use bluegate_cluster::{Node, Origin};

use super::*;
use crate::{
    detect::{Detected, detect},
    host::Snapshot,
};

const CLUSTER: &str = "https://bbb.example.org";

/// All fixtures: folders of `tests/fixtures`, each a node's `/`.
fn fixtures() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() > 15, "{names:?}");
    names
}

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The fixture as a picture, so that owners do not depend on who checks out.
fn fixture(name: &str) -> Snapshot {
    fn walk(root: &Path, folder: &Path, found: &mut Snapshot) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("/{}", path.strip_prefix(root).unwrap().display());
            if let Ok(target) = fs::read_link(&path) {
                found.links.insert(name, target.display().to_string());
            } else if path.is_dir() {
                walk(root, &path, found);
            } else {
                let bytes = fs::read(&path).unwrap();
                if name.starts_with("/var/lib/dpkg/info/") {
                    let package = path.file_stem().unwrap().to_str().unwrap();
                    for line in String::from_utf8(bytes.clone()).unwrap().lines() {
                        found.packages.insert(line.to_owned(), package.to_owned());
                    }
                }
                let file = FileState { bytes, owner: "root:root".to_owned(), mode: 0o644 };
                found.files.insert(name, file);
            }
        }
    }
    let mut found = Snapshot::default();
    walk(&folder(name), &folder(name), &mut found);
    found
}

fn node(proxied: bool) -> Node {
    Node {
        name: "bbb-01".parse().unwrap(),
        origin: "https://bbb-01.example.org".parse().unwrap(),
        address: None,
        bbb: None,
        proxied,
    }
}

fn planned(host: &Snapshot, cluster: &str, node: &Node) -> Plan {
    let cluster: Origin = cluster.parse().unwrap();
    let detected: Detected = detect(host, None).unwrap();
    plan(host, &detected, &cluster, node, &Options::default()).unwrap()
}

/// A plan as people read it.
fn show(plan: &Plan) -> String {
    let mut out = format!("release {} by profile {}\n", plan.release, plan.profile);
    for change in &plan.changes {
        let mode = change.after.as_ref().map(|after| format!("{:04o} {}", after.mode, after.owner));
        out += &format!(
            "\n==> {} {:?} {} {}\n",
            change.action(),
            change.kind,
            change.path,
            mode.filter(|_| change.before.is_none()).unwrap_or_default(),
        );
        for reason in &change.reasons {
            out += &format!("    {}: {}\n", reason.key, reason.why);
        }
        out += &change.diff();
    }
    out += "\n";
    for finding in &plan.findings {
        out += &format!(
            "mistake: {}: {} = {}: {}; {}\n",
            finding.path, finding.key, finding.found, finding.mistake, finding.fix
        );
    }
    for warning in &plan.warnings {
        out += &format!("warning: {warning}\n");
    }
    for service in &plan.services {
        out += &format!("{} {}\n", service.action.verb(), service.name);
    }
    out
}

#[test]
fn every_fixture_is_planned_as_reviewed() {
    for name in fixtures() {
        let plan = planned(&fixture(&name), CLUSTER, &node(true));
        insta::assert_snapshot!(name.clone(), show(&plan));
        assert!(plan.not_yet_verified && plan.hurts_running_meetings, "{name}");
    }
}

#[test]
fn applied_twice_nothing_changes_the_second_time() {
    for name in fixtures() {
        let host = fixture(&name);
        let first = planned(&host, CLUSTER, &node(true));
        let host = host.after(&first);
        let second = planned(&host, CLUSTER, &node(true));
        assert!(second.is_empty() && second.findings.is_empty(), "{name}:\n{}", show(&second));
        assert!(second.services.is_empty() && !second.hurts_running_meetings, "{name}");
    }
}

#[test]
fn settings_take_one_origin_each() {
    for name in fixtures() {
        let host = fixture(&name);
        let host = host.clone().after(&planned(&host, "https://old.example.org", &node(true)));
        let host = host.clone().after(&planned(&host, CLUSTER, &node(true)));
        assert!(planned(&host, CLUSTER, &node(true)).is_empty(), "{name}");
        let written = host.files.iter().filter(|(path, _)| path.starts_with("/etc/"));
        for (path, file) in written {
            let text = String::from_utf8_lossy(&file.bytes);
            assert!(!text.contains("old.example.org"), "{name}: {path}:\n{text}");
        }
    }
}

#[test]
fn a_stock_node_taken_out_again_is_as_it_was() {
    for name in fixtures().into_iter().filter(|name| name.ends_with("-stock")) {
        let stock = fixture(&name);
        let host = stock.clone().after(&planned(&stock, CLUSTER, &node(true)));
        let host = host.clone().after(&planned(&host, CLUSTER, &node(false)));
        let paths = |host: &Snapshot| host.files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(paths(&host), paths(&stock), "{name}");
        for (path, file) in &host.files {
            let text = |file: &FileState| String::from_utf8_lossy(&file.bytes).into_owned();
            assert_eq!(text(file), text(&stock.files[path]), "{name}: {path}");
        }
        assert!(planned(&host, CLUSTER, &node(false)).is_empty(), "{name}");
    }
}

#[test]
fn a_node_that_is_not_proxied_is_left_alone() {
    for name in fixtures() {
        let plan = planned(&fixture(&name), CLUSTER, &node(false));
        assert!(plan.is_empty(), "{name}:\n{}", show(&plan));
    }
}
