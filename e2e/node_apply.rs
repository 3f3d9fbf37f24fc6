//! `bluegate node apply` and `rollback` on folders that are nodes' `/`.

use std::{fs, os::unix::fs::symlink, path::Path, process::Output};

use crate::command_line::bluegate;

const CLUSTER: &str = r#"
    [cluster]
    origin = "https://bbb.example.org"
    [[node]]
    name = "bbb-01"
    origin = "https://bbb-01.example.org"
"#;

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if let Ok(link) = fs::read_link(&from) {
            symlink(link, to).unwrap();
        } else if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

fn node(folder: &Path, arguments: &[&str]) -> Output {
    let config = folder.join("bluegate.toml");
    fs::write(&config, CLUSTER).unwrap();
    let root = folder.join("root");
    let places = ["-c", config.to_str().unwrap(), "--root", root.to_str().unwrap()];
    bluegate(&[&["node"], arguments, &places].concat())
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

#[test]
fn a_node_is_applied_verified_and_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodeconf/tests/fixtures/3.0-stock");
    copy(&fixture, &folder.path().join("root"));
    let properties = folder.path().join("root/etc/bigbluebutton/bbb-web.properties");
    let stock = fs::read(&properties).unwrap();

    // Nobody was asked, so nothing happens.
    let refused = node(folder.path(), &["apply", "bbb-01"]);
    assert_eq!(code(&refused), 2, "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("say `--yes`"));
    assert_eq!(fs::read(&properties).unwrap(), stock);

    assert_eq!(code(&node(folder.path(), &["verify", "bbb-01"])), 1);
    let applied = node(folder.path(), &["apply", "bbb-01", "--yes"]);
    assert_eq!(code(&applied), 0, "{applied:?}");
    assert_ne!(fs::read(&properties).unwrap(), stock);
    assert_eq!(code(&node(folder.path(), &["verify", "bbb-01"])), 0);
    let again = node(folder.path(), &["apply", "bbb-01", "--yes"]);
    assert_eq!(String::from_utf8_lossy(&again.stdout), "bbb-01: nothing to do\n");

    let undone = node(folder.path(), &["rollback", "bbb-01", "--yes"]);
    assert_eq!(code(&undone), 0, "{undone:?}");
    assert_eq!(fs::read(&properties).unwrap(), stock);
    assert_eq!(code(&node(folder.path(), &["verify", "bbb-01"])), 1);
    let nothing = node(folder.path(), &["rollback", "bbb-01", "--yes"]);
    assert_eq!(String::from_utf8_lossy(&nothing.stdout), "bbb-01: nothing to undo\n");
}

#[test]
fn a_node_is_recorded_and_planned_from_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodeconf/tests/fixtures/2.7-by-hand");
    copy(&fixture, &folder.path().join("root"));
    let planned = node(folder.path(), &["plan", "bbb-01"]);
    let into = folder.path().join("recorded").display().to_string();
    let recorded = node(folder.path(), &["record", "bbb-01", &into]);
    assert_eq!(code(&recorded), 0, "{recorded:?}");
    let text = String::from_utf8_lossy(&recorded.stdout);
    assert!(text.starts_with("bbb-01: BigBlueButton 2.7.17, "), "{text}");
    assert!(text.contains("  /etc/bigbluebutton/bbb-web.properties\n"), "{text}");

    fs::rename(folder.path().join("root"), folder.path().join("node")).unwrap();
    fs::rename(&into, folder.path().join("root")).unwrap();
    let again = node(folder.path(), &["plan", "bbb-01"]);
    assert_eq!(again.stdout, planned.stdout);
    let kept = fs::read_to_string(folder.path().join("root/etc/bigbluebutton/bbb-web.properties"));
    assert!(kept.unwrap().contains("securitySalt=redacted\n"));
    // What is there is not written over.
    let into = folder.path().join("node").display().to_string();
    assert_eq!(code(&node(folder.path(), &["record", "bbb-01", &into])), 2);
}
