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
    ("admin", &["bbb-api", "cluster", "tenant"]),
    ("doctor", &["bbb-api", "cluster", "net", "site"]),
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
    ("scalelite", &["cluster", "tenant"]),
    ("simnode", &[]),
    ("load", &[]),
    ("testkit", &[]),
    ("demo", &["cluster", "bbb-api", "net", "nodeconf", "proxy", "scaler", "simnode"]),
    (
        "bluegate",
        &[
            "admin",
            "cluster",
            "config",
            "demo",
            "doctor",
            "export",
            "net",
            "nodeconf",
            "nodeops",
            "proxy",
            "scaler",
            "scalelite",
            "seal",
            "store",
            "tenant",
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

/// docs/ids.md names a test for each surface that an ID passes.
#[test]
fn every_test_that_the_page_of_ids_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/ids.md")).unwrap();
    let is_there = |name: &str| {
        let mut parts: Vec<&str> = name.split("::").collect();
        let function = parts.pop().unwrap();
        let (place, modules) = parts.split_first().unwrap();
        let folder = match *place {
            "it" => "crates/scaler/tests/it".to_owned(),
            of_crate => format!("crates/{}/src", of_crate.replace('_', "-")),
        };
        let module = root.join(folder).join(modules.join("/"));
        let files = [module.with_extension("rs"), module.join("tests.rs"), module.join("mod.rs")];
        let texts = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
        let text: String = texts.collect();
        assert!(
            text.contains(&format!("fn {function}(")),
            "no test `{name}`, named in docs/ids.md"
        );
    };
    let (mut rows, mut named) = (0, 0);
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let last = row.trim_end().trim_end_matches('|').rsplit('|').next().unwrap();
        let tests = last.split('`').filter(|part| part.contains("::"));
        let tests: Vec<&str> = tests.collect();
        for test in &tests {
            is_there(test);
        }
        rows += usize::from(!tests.is_empty());
        named += tests.len();
    }
    // The surfaces are rows of one table, and none is without a test.
    let (_, surfaces) = page.split_once("| surface | what happens | shown by |\n").unwrap();
    let surfaces = surfaces.lines().skip(1).take_while(|line| line.starts_with("| "));
    for row in surfaces {
        let last = row.trim_end().trim_end_matches('|').rsplit('|').next().unwrap();
        assert!(last.contains("::"), "no test is named in: {row}");
    }
    assert!(rows > 25 && named > 30, "{rows} rows, {named} tests: has the page's form changed?");
}
