//! `bluegate node plan` and `verify`, against folders that are nodes' `/`.

use std::{path::Path, process::Output};

use insta::assert_snapshot;

use crate::command_line::{bluegate, seen};

const CLUSTER: &str = r#"
    [cluster]
    origin = "https://bbb.example.org"
    [[node]]
    name = "bbb-01"
    origin = "https://bbb-01.example.org"
    [[node]]
    name = "bbb-02"
    origin = "https://bbb-02.example.com"
    [[node]]
    name = "bbb-03"
    origin = "https://bbb-01.example.org:8443"
    proxied = false
"#;

/// Runs `bluegate node ...` on the fixture of this name.
fn node(arguments: &[&str], fixture: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bluegate.toml");
    std::fs::write(&config, CLUSTER).unwrap();
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodeconf/tests/fixtures").join(fixture);
    let places = ["-c", config.to_str().unwrap(), "--root", root.to_str().unwrap()];
    bluegate(&[&["node"], arguments, &places].concat())
}

#[test]
fn a_node_set_up_by_hand_is_planned_with_reasons_and_mistakes() {
    let output = node(&["plan", "bbb-01"], "3.0-by-hand");
    assert_snapshot!(seen(&output));
}

#[test]
fn verify_names_the_files_and_keys() {
    assert_snapshot!(seen(&node(&["verify", "bbb-01"], "3.0-stock")));
}

#[test]
fn nothing_to_do_is_told_by_the_exit_code() {
    let output = node(&["plan", "bbb-03"], "3.0-stock");
    assert_snapshot!(seen(&output), @r"
    exit 0
    --- stdout
    bbb-03: BigBlueButton 3.0.28 (/etc/bigbluebutton/bigbluebutton-release), nothing to do
    --- stderr
    ");
}

#[test]
fn programs_read_the_plan_without_secrets() {
    let output = node(&["plan", "bbb-01", "--json"], "2.7-by-hand");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("0123456789abcdef"), "{text}");
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(plan["release"], "2.7.17");
    assert_eq!(plan["not_yet_verified"], true);
    assert_eq!(plan["hurts_running_meetings"], true);
    let change = &plan["changes"][0];
    assert_eq!(change["path"], "/etc/bigbluebutton/bbb-html5.yml");
    assert_eq!(change["restart"][0], "bbb-html5");
    assert!(change["diff"].as_str().unwrap().contains("# bluegate"));
    assert!(!change["reasons"][0]["source"].as_str().unwrap().is_empty());
    assert!(!plan["evidence"].as_array().unwrap().is_empty());
}

#[test]
fn what_cannot_be_planned_says_what_to_do() {
    assert_snapshot!("another_site", seen(&node(&["plan", "bbb-02"], "3.0-stock")));
    let allowed = node(&["plan", "bbb-02", "--allow-cross-site"], "3.0-stock");
    let text = seen(&allowed);
    assert!(text.contains("server.servlet.session.cookie.SameSite=none"), "{text}");
    assert!(text.contains("not in Firefox, not in Safari, not in private windows"), "{text}");
    for (arguments, fixture, wanted) in [
        (&["plan", "bbb-09"][..], "3.0-stock", "it has `bbb-01`, `bbb-02`, `bbb-03`"),
        (&["plan", "bbb-01"], "none", "there is no `/etc/bigbluebutton/bigbluebutton-release`"),
        (&["plan", "bbb-01", "--bbb", "2.2"], "3.0-stock", "there is no profile for BBB 2.2"),
    ] {
        let output = node(arguments, fixture);
        assert_eq!(output.status.code(), Some(2), "{}", seen(&output));
        assert!(seen(&output).contains(wanted), "{}", seen(&output));
    }
}
