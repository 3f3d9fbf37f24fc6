//! Plans for small nodes: as installed, configured by hand as the documentation
//! of their line says, by the recipes of the ansible role, in the gist's way.

use std::{fs, path::Path};

use bluegate_cluster::{Node, Origin};

use super::*;
use crate::{
    detect::{Detected, detect},
    host::Snapshot,
};

mod adding_a_release;
mod any_content;
mod mistakes;

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

/// `host` with the file at `path` holding `text`.
fn holding(host: &Snapshot, path: &str, text: &[u8]) -> Snapshot {
    let mut host = host.clone();
    let file = FileState { bytes: text.to_vec(), owner: "root:root".to_owned(), mode: 0o600 };
    host.files.insert(path.to_owned(), file);
    host
}

#[test]
fn what_an_older_release_needed_goes_with_the_upgrade() {
    for (from, to, gone) in [
        ("2.6.9-stock", "2.6-stock", "/etc/bigbluebutton/bbb-export-annotations.json"),
        ("2.7-stock", "3.0-stock", "/etc/bigbluebutton/nginx/zz-bbb-cluster.nginx"),
        (
            "2.7-stock",
            "3.0-stock",
            "/etc/systemd/system/bbb-html5-frontend@.service.d/cluster.conf",
        ),
        (
            "3.0.0-beta.4-stock",
            "3.0-stock",
            "/etc/systemd/system/bbb-graphql-server.service.d/cluster.conf",
        ),
    ] {
        let old = fixture(from);
        let configured = old.clone().after(&planned(&old, CLUSTER, &node(true)));
        assert!(configured.files.contains_key(gone), "{gone}");
        // The packages replace their own files; what is ours stays.
        let mut upgraded = fixture(to);
        for (path, file) in &configured.files {
            if old.files.get(path) != Some(file) {
                upgraded.files.insert(path.clone(), file.clone());
            }
        }
        let plan = planned(&upgraded, CLUSTER, &node(true));
        let upgraded = upgraded.after(&plan);
        assert!(!upgraded.files.contains_key(gone), "{gone}:\n{}", show(&plan));
        assert!(planned(&upgraded, CLUSTER, &node(true)).is_empty(), "{to}");
    }
}

#[test]
fn a_node_of_another_site_is_refused_or_gets_what_can_be_done() {
    let cluster: Origin = "https://bbb.example.com".parse().unwrap();
    for (name, file) in [
        ("3.0-stock", "/usr/share/bbb-web/WEB-INF/classes/application.properties"),
        ("2.7-stock", "/usr/share/bbb-web/WEB-INF/classes/application.yml"),
        ("3.0.10-stock", "/usr/share/bbb-web/WEB-INF/classes/application.yml"),
    ] {
        let stock = fixture(name);
        let detected = detect(&stock, None).unwrap();
        let planned = |host: &Snapshot, node: &Node, allow_cross_site| {
            plan(host, &detected, &cluster, node, &Options { allow_cross_site })
        };
        let refused = planned(&stock, &node(true), false).unwrap_err();
        assert!(matches!(refused, PlanError::CrossSite(_)), "{refused}");

        let first = planned(&stock, &node(true), true).unwrap();
        assert!(
            first.warnings.iter().any(|warning| warning.contains("not in Firefox, not in Safari")),
            "{name}"
        );
        let host = stock.clone().after(&first);
        let text = |host: &Snapshot, path: &str| {
            String::from_utf8(host.files[path].bytes.clone()).unwrap()
        };
        assert!(text(&host, file).contains("SameSite"), "{name}: {}", text(&host, file));
        let script = text(&host, "/etc/bigbluebutton/bbb-conf/apply-config.sh");
        assert!(script.contains(file), "{script}");
        assert!(planned(&host, &node(true), true).unwrap().is_empty(), "{name}");

        // Taking the node out needs no leave, and takes the cookie's change out too.
        let host = host.clone().after(&planned(&host, &node(false), false).unwrap());
        assert_eq!(text(&host, file), text(&stock, file), "{name}");
    }
}

#[test]
fn line_endings_owner_and_mode_of_a_file_stay() {
    let path = "/etc/bigbluebutton/bbb-web.properties";
    let text = b"# caf\xE9\r\nsecuritySalt=x\r\napiUrl=y\r\nlast=1";
    let plan = planned(&holding(&fixture("3.0-stock"), path, text), CLUSTER, &node(true));
    let change = plan.changes.iter().find(|change| change.path == path).unwrap();
    let after = change.after.as_ref().unwrap();
    assert_eq!(after.mode, 0o600);
    assert!(after.bytes.starts_with(b"# caf\xE9\r\nsecuritySalt=x\r\nlast=1\r\n# BEGIN"));
    let lines = after.bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    assert!(lines.into_iter().all(|line| line.ends_with(b"\r")));
}

#[test]
fn files_that_cannot_be_edited_safely_are_named() {
    for (path, text) in [
        ("/etc/bigbluebutton/bbb-html5.yml", &b"public: { app: {} }\n"[..]),
        ("/etc/bigbluebutton/bbb-html5.yml", b"\xEF\xBB\xBFpublic:\n"),
        ("/etc/bigbluebutton/bbb-html5.yml", b"a: \xFF\n"),
        ("/etc/bigbluebutton/etherpad.json", b"[]"),
        ("/etc/bigbluebutton/nginx/bbb-cluster.nginx", b"location / {\n"),
        ("/etc/bigbluebutton/bbb-web.properties", b"\xFF\xFEa\0"),
    ] {
        let host = holding(&fixture("3.0-stock"), path, text);
        let detected = detect(&host, None).unwrap();
        let refused =
            plan(&host, &detected, &CLUSTER.parse().unwrap(), &node(true), &Options::default());
        match refused.unwrap_err() {
            PlanError::Edit { path: named, .. } => assert_eq!(named, path),
            other => panic!("{path}: {other}"),
        }
    }
}

#[test]
fn the_commands_for_after_an_upgrade_do_what_the_plan_does() {
    for name in ["2.4-stock", "2.4-by-hand", "2.5-stock"] {
        let stock = fixture(name);
        let plan = planned(&stock, CLUSTER, &node(true));
        let configured = stock.clone().after(&plan);
        let script = &configured.files["/etc/bigbluebutton/bbb-conf/apply-config.sh"].bytes;
        let change =
            plan.changes.iter().find(|change| change.path.ends_with("loadbalancer.nginx")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("loadbalancer.nginx");
        fs::write(&file, &change.before.as_ref().unwrap().bytes).unwrap();
        let script = String::from_utf8(script.clone()).unwrap();
        let script = script.replace(&change.path, file.to_str().unwrap());
        let status = std::process::Command::new("bash").arg("-c").arg(script).status().unwrap();
        assert!(status.success());
        let wanted = String::from_utf8(change.after.as_ref().unwrap().bytes.clone()).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), wanted, "{name}");
    }
}
