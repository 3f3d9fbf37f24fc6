//! What is planned for every release, whoever had its nodes before: for people to read.

use std::fs;

use bluegate_simnode::{ClusterOf, Stock, configure_by_ansible, configure_by_hand, install};

use crate::{
    command_line::{bluegate, seen},
    fleet::{Before, MATRIX},
};

const CLUSTER: &str = "https://bbb.example.org";
const NODE: &str = "https://bbb-01.example.org";

/// The plan for a node of this release, as `bluegate node plan` shows it.
fn plan(release: &str, before: Before) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (file, root) = (folder.path().join("bluegate.toml"), folder.path().join("node"));
    let text = format!(
        "[cluster]\norigin = \"{CLUSTER}\"\n[[node]]\nname = \"bbb-01\"\norigin = \"{NODE}\"\n"
    );
    fs::write(&file, text).unwrap();
    let secret = "a-secret-of-this-node-0123456789".to_owned();
    let stock = Stock { origin: NODE.to_owned(), secret, release: release.to_owned() };
    install(&root, &stock).unwrap();
    let cluster = ClusterOf { origin: CLUSTER.to_owned(), mount: "bbb-01".to_owned() };
    match before {
        Before::Stock => {}
        Before::ByHand => configure_by_hand(&root, &cluster).unwrap(),
        Before::Ansible => configure_by_ansible(&root, &cluster).unwrap(),
    }
    let (file, root) = (file.to_str().unwrap(), root.to_str().unwrap());
    let output = bluegate(&["node", "plan", "bbb-01", "-c", file, "--root", root]);
    seen(&output).replace(root, "ROOT")
}

/// The nodes that `browser/every_release.rs` applies these plans to and joins.
#[test]
fn every_release_is_planned_as_reviewed_whoever_had_it_before() {
    for (release, before) in MATRIX {
        for before in *before {
            let shown = plan(release, *before);
            assert!(!shown.contains("0123456789"), "{shown}");
            insta::assert_snapshot!(format!("{release}_{before:?}"), shown);
        }
    }
}
