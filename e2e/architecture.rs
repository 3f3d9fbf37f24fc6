//! The line the architecture holds: dependencies point down, roles do not know
//! one another, the simulated node shares no code with what it judges.

use std::{collections::BTreeMap, path::Path, process::Command};

/// What each crate may depend on among ours, outside of its tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("cluster", &[]),
    ("cache", &[]),
    ("pack", &[]),
    ("seal", &[]),
    ("bbb-api", &["cluster"]),
    ("config", &["cluster", "tenant"]),
    ("admin", &["cluster", "tenant"]),
    ("doctor", &["bbb-api", "cluster", "site"]),
    ("export", &["cluster"]),
    ("net", &["cluster"]),
    ("site", &["cluster"]),
    ("nodeconf", &["cluster", "site"]),
    ("nodeops", &["bbb-api", "cluster", "nodeconf"]),
    ("store", &["cluster"]),
    ("outbox", &["cluster", "store"]),
    ("tenant", &["bbb-api", "cluster"]),
    ("page", &[]),
    ("proxy", &["cache", "cluster", "net", "pack", "page"]),
    ("scaler", &["bbb-api", "cluster", "net", "outbox", "page", "seal", "store", "tenant"]),
    ("simnode", &[]),
    ("load", &[]),
    ("testkit", &[]),
    ("demo", &["cluster", "bbb-api", "net", "nodeconf", "proxy", "scaler", "simnode"]),
    (
        "bluegate",
        &[
            "admin", "cluster", "config", "demo", "doctor", "export", "net", "nodeconf", "nodeops",
            "proxy", "scaler", "seal", "store", "tenant",
        ],
    ),
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
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();

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

/// docs/security-proxy.md promises a test for each of its lines.
#[test]
fn every_test_that_the_security_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut tests = String::new();
    for folder in ["crates/proxy/tests/it", "crates/net/tests/it", "crates/proxy/src/cache"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                tests += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let page = std::fs::read_to_string(root.join("docs/security-proxy.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let mut named = 0;
    for row in rows {
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let names = last.split(',').map(|name| name.trim().trim_matches('`'));
        for name in names {
            assert!(tests.contains(&format!("fn {name}()")), "no test `{name}`, named in: {row}");
            named += 1;
        }
    }
    assert!(named > 25, "only {named} tests are named: has the page's form changed?");
}
