//! `bluegate node ... --all` over a real sshd on loopback, each node a folder behind it.

use std::{
    fs,
    path::Path,
    process::Output,
    thread,
    time::{Duration, Instant},
};

use bluegate_testkit::Sshd;

use crate::{
    command_line::{bluegate, seen},
    node_apply::copy,
    terminal::Terminal,
};

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodeconf/tests/fixtures").join(name)
}

/// Four nodes, of which one's files cannot be edited and one is no node at all.
struct Nodes {
    sshd: Sshd,
    folder: tempfile::TempDir,
}

impl Nodes {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut file = "[cluster]\norigin = \"https://bbb.example.org\"\n".to_owned();
        for (name, release) in
            [("bbb-01", "3.0-stock"), ("bbb-02", "2.7-by-hand"), ("bbb-03", "3.0-stock")]
        {
            copy(&fixture(release), &folder.path().join(name));
            file +=
                &format!("[[node]]\nname = \"{name}\"\norigin = \"https://{name}.example.org\"\n");
        }
        file += "[[node]]\nname = \"bbb-04\"\norigin = \"https://bbb-04.example.org\"\n";
        fs::write(folder.path().join("bluegate.toml"), file).unwrap();
        let broken = folder.path().join("bbb-03/etc/bigbluebutton/bbb-html5.yml");
        fs::write(broken, "public: { app: {} }\n").unwrap();
        Self { sshd: Sshd::start().unwrap(), folder }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let ssh = self.sshd.ssh_config().display().to_string();
        let all = ["--all", "--ssh", "node", "--ssh-config", &ssh, "--root", &path("{node}")];
        let file = path("bluegate.toml");
        bluegate(&[&["node"], arguments, &all[..], &["-c", &file]].concat())
    }
}

/// Lines of a table with one blank between words.
fn rows(text: &str) -> Vec<String> {
    let narrow = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().filter(|line| line.starts_with("bbb-0")).map(narrow).collect()
}

#[test]
fn one_failing_node_stops_no_other_and_the_exit_code_tells() {
    let nodes = Nodes::start();
    let applied = nodes.run(&["apply", "--parallel", "2", "--yes"]);
    let text = seen(&applied);
    assert_eq!(applied.status.code(), Some(3), "{text}");
    let stdout = String::from_utf8(applied.stdout).unwrap();
    let rows = rows(&stdout);
    let (planned, done) = rows.split_at(4);
    assert!(
        planned[0].starts_with("bbb-01 7 files to change on BigBlueButton 3.0.28; restarts "),
        "{text}"
    );
    assert!(
        planned[1].contains("to change on BigBlueButton 2.7.17") && planned[1].contains("mistakes"),
        "{text}"
    );
    assert!(done[0].starts_with("bbb-01 applied, 7 files"), "{text}");
    assert!(done[1].starts_with("bbb-02 applied, "), "{text}");
    assert!(
        done[2]
            .starts_with("bbb-03 failed: cannot edit `/etc/bigbluebutton/bbb-html5.yml`: line 1: "),
        "{text}"
    );
    assert!(
        done[3]
            .starts_with("bbb-04 failed: there is no `/etc/bigbluebutton/bigbluebutton-release`"),
        "{text}"
    );
    assert!(stdout.ends_with("2 of 4 nodes failed\n"), "{text}");
    // No terminal: plain lines, each with its node.
    let stderr = String::from_utf8(applied.stderr).unwrap();
    assert!(stderr.lines().all(|line| line.starts_with("bbb-0")), "{stderr}");
    assert!(stderr.contains("bbb-01: wrote /etc/bigbluebutton/bbb-web.properties\n"), "{stderr}");
    assert!(!stderr.contains('\u{1b}'), "{stderr}");

    let json = nodes.run(&["plan", "--json"]);
    assert_eq!(json.status.code(), Some(3));
    let plans: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let changes: Vec<usize> = plans
        .as_array()
        .unwrap()
        .iter()
        .map(|plan| plan["changes"].as_array().unwrap().len())
        .collect();
    assert_eq!(changes, [0, 0], "{}", seen(&json));

    // Mended, it is brought in with the next run; the others have nothing to do.
    fs::remove_file(nodes.folder.path().join("bbb-03/etc/bigbluebutton/bbb-html5.yml")).unwrap();
    copy(&fixture("2.5-stock"), &nodes.folder.path().join("bbb-04"));
    let again = nodes.run(&["apply", "--yes"]);
    let text = seen(&again);
    assert_eq!(again.status.code(), Some(0), "{text}");
    assert!(
        text.contains("bbb-01  nothing to do\n") && text.contains("bbb-04  applied, "),
        "{text}"
    );

    let undone = nodes.run(&["rollback", "--yes"]);
    assert_eq!(undone.status.code(), Some(0), "{}", seen(&undone));
    assert_eq!(seen(&undone).matches("undone what was applied at").count(), 4, "{}", seen(&undone));
}

/// Asked on its terminal, with its connection open, and killed before anybody answers.
#[test]
fn nothing_is_left_of_a_command_that_was_killed() {
    let nodes = Nodes::start();
    let temporary = tempfile::tempdir().unwrap();
    let left = || fs::read_dir(temporary.path()).unwrap().count();
    let path = |name: &str| nodes.folder.path().join(name).display().to_string();
    let (root, file) = (path("bbb-01"), path("bluegate.toml"));
    let ssh = nodes.sshd.ssh_config().display().to_string();
    let arguments = ["apply", "bbb-01", "--ssh", "node", "--ssh-config", &ssh, "--root", &root];
    let asked =
        Terminal::start(&[&["node"], &arguments[..], &["-c", &file]].concat(), temporary.path());
    asked.until("Apply this? [y/N]");
    assert_eq!((nodes.sshd.connections().unwrap(), left()), (1, 0), "its socket is gone already");
    asked.kill();
    asked.end();
    let began = Instant::now();
    while nodes.sshd.connections().unwrap() > 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "a connection is left");
        thread::yield_now();
    }
    assert_eq!(left(), 0);
}
