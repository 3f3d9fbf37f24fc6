//! The line the architecture holds: dependencies point down, roles do not know
//! one another, the simulated node shares no code with what it judges.

use std::{collections::BTreeMap, process::Command};

/// What each crate may depend on among ours, outside of its tests.
const ALLOWED: [(&str, &[&str]); 16] = [
    ("cluster", &[]),
    ("cache", &[]),
    ("pack", &[]),
    ("bbb-api", &["cluster"]),
    ("config", &["cluster"]),
    ("admin", &["cluster"]),
    ("export", &["cluster"]),
    ("net", &["cluster"]),
    ("nodeconf", &["cluster"]),
    ("store", &["cluster"]),
    ("proxy", &["cache", "cluster", "net", "pack"]),
    ("scaler", &["cluster", "bbb-api", "net", "store"]),
    ("simnode", &[]),
    ("testkit", &[]),
    ("demo", &["cluster", "bbb-api", "net", "nodeconf", "proxy", "scaler", "simnode"]),
    ("bluegate", &["admin", "cluster", "config", "demo", "export", "net", "proxy", "scaler"]),
];

#[test]
fn dependencies_point_down_and_roles_do_not_know_one_another() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let allowed: BTreeMap<_, _> = ALLOWED.into();

    let packages = metadata["packages"].as_array().unwrap();
    assert_eq!(
        packages.len(),
        allowed.len(),
        "a crate is new or gone: state what it may depend on"
    );
    for package in packages {
        let name = short(package["name"].as_str().unwrap());
        let allowed = allowed.get(name).unwrap_or_else(|| panic!("`{name}` is not in the table"));
        for dependency in package["dependencies"].as_array().unwrap() {
            let is_ours = !dependency["path"].is_null();
            let in_tests_only = dependency["kind"] == "dev";
            let on = short(dependency["name"].as_str().unwrap());
            assert!(
                !is_ours || in_tests_only || allowed.contains(&on),
                "`{name}` must not depend on `{on}`"
            );
            let judges_itself = name == "simnode" && is_ours;
            assert!(!judges_itself, "`simnode` must share no code, not even in its tests: `{on}`");
        }
    }
}

fn short(name: &str) -> &str {
    name.strip_prefix("bluegate-").unwrap_or(name)
}
