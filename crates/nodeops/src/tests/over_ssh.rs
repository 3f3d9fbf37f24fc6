//! The same over a real sshd on loopback, several nodes in folders behind it.

use std::{error::Error as _, thread, time::Instant};

use bluegate_testkit::Sshd;

use super::*;

/// Longest wait for an end that is on its way.
const PATIENCE: Duration = Duration::from_secs(20);

fn connected(sshd: &Sshd, root: &Path) -> Shell {
    let options = ShellOptions {
        root: Some(root.to_owned()),
        ssh_config: Some(sshd.ssh_config()),
        sudo: false,
    };
    Shell::connect("node", &options).unwrap()
}

#[test]
fn nodes_far_away_are_applied_and_restored() {
    let sshd = Sshd::start().unwrap();
    for fixture in ["2.4-by-hand", "3.0-ansible"] {
        let root = installed(fixture);
        let before = tree(root.path());
        let near = target().plan(&Local::new(root.path())).unwrap();
        let shell = connected(&sshd, root.path());
        let far = target().plan(&shell).unwrap();
        let shown = |plan: &bluegate_nodeconf::Plan| {
            plan.changes.iter().map(|change| (change.path.clone(), change.diff())).collect()
        };
        let (near, far): (Vec<_>, Vec<_>) = (shown(&near), shown(&far));
        assert_eq!(near, far, "{fixture}: the same plan from afar");

        assert!(apply_to(&shell, &target()).unwrap().files > 3);
        assert_eq!(apply_to(&shell, &target()).unwrap().files, 0);
        assert!(target().plan(&Local::new(root.path())).unwrap().is_empty());
        assert!(tree(root.path()).keys().all(|path| !path.display().to_string().contains("-new")));
        drop(shell);
        roll_back(&connected(&sshd, root.path())).unwrap();
        assert_eq!(tree(root.path()), before, "{fixture}");
    }
}

#[test]
fn every_byte_passes_and_links_are_followed_inside_the_folder() {
    let sshd = Sshd::start().unwrap();
    let root = tempfile::tempdir().unwrap();
    let shell = connected(&sshd, root.path());
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let file = FileState { bytes, owner: "nobody-here:nobody-here".to_owned(), mode: 0o640 };
    shell.write("/etc/it's $(here)/a b", &file).unwrap();
    let read = shell.file("/etc/it's $(here)/a b").unwrap().unwrap();
    assert_eq!((read.bytes == file.bytes, read.mode), (true, 0o640));
    assert_eq!(shell.list("/etc/it's $(here)").unwrap(), ["a b"]);
    std::os::unix::fs::symlink("/etc/it's $(here)/a b", root.path().join("link")).unwrap();
    assert_eq!(shell.file("/link").unwrap().unwrap().bytes, file.bytes);
    assert_eq!(shell.link("/link").unwrap().as_deref(), Some("/etc/it's $(here)/a b"));
    assert_eq!(shell.file("/nothing").unwrap(), None);
    assert!(!shell.exists("/nothing").unwrap() && shell.exists("/etc").unwrap());
    let output = shell.run(&["sh", "-c", "echo out; echo err >&2; exit 7"]).unwrap();
    assert_eq!((output.status, output.text.as_str()), (7, "out\nerr\n"));
    shell.remove("/link").unwrap();
    assert!(!root.path().join("etc/it's $(here)/a b").exists(), "as on the node: the file goes");
}

/// The line breaks in the middle of an apply; the next one finds out.
#[test]
fn a_broken_line_leaves_a_state_that_the_next_apply_undoes() {
    let sshd = Sshd::start().unwrap();
    let root = installed("3.0-stock");
    let before = tree(root.path());
    let shell = connected(&sshd, root.path());
    let plan = target().plan(&shell).unwrap();
    let wrote = RefCell::new(0);
    let outcome = apply(&shell, &plan, Restart::Never, now(), &|| Ok(()), &|event| {
        if matches!(event, Event::Wrote(_)) {
            *wrote.borrow_mut() += 1;
            if *wrote.borrow() == 2 {
                shell.cut();
            }
        }
    });
    assert!(matches!(outcome, Err(ApplyError::HalfWay { .. })), "{outcome:?}");
    assert_ne!(tree(root.path()), before);

    let shell = connected(&sshd, root.path());
    assert_eq!(backups(&shell).unwrap()[0].state, State::Applying);
    recover(&shell, &target(), Restart::Never, now(), &|_| ()).unwrap().unwrap();
    assert_eq!(tree(root.path()), before);
    apply_to(&shell, &target()).unwrap();
    assert!(target().plan(&shell).unwrap().is_empty());
}

/// Another ssh configuration for this sshd: one that says something else.
fn changed(sshd: &Sshd, from: &str, to: &str) -> ShellOptions {
    let text = fs::read_to_string(sshd.ssh_config()).unwrap();
    assert!(text.contains(from), "{text}");
    let path = sshd.ssh_config().with_file_name("changed_config");
    fs::write(&path, text.replace(from, to)).unwrap();
    ShellOptions { ssh_config: Some(path), ..ShellOptions::default() }
}

/// What is said, and why.
fn said(error: &MachineError) -> (String, String) {
    (error.to_string(), error.source().unwrap().to_string())
}

#[test]
fn a_connection_that_fails_names_the_place_the_cause_and_the_next_step() {
    let sshd = Sshd::start().unwrap();
    let nobody = sshd.ssh_config().with_file_name("nobody").display().to_string();
    let ssh = |config: &ShellOptions| {
        format!("`ssh -F {} node true`", config.ssh_config.as_deref().unwrap().display())
    };

    let options = changed(&sshd, "UserKnownHostsFile ", &format!("UserKnownHostsFile {nobody} #"));
    let error = Shell::connect("node", &options).unwrap_err();
    assert!(matches!(error, MachineError::HostKey { .. }), "{error:?}");
    let (text, cause) = said(&error);
    assert!(text.contains("`node`") && text.contains(&ssh(&options)), "{text}");
    assert!(cause.contains("host key is known for") && !cause.contains('\n'), "{cause}");

    let options = changed(&sshd, "IdentityFile ", &format!("IdentityFile {nobody} #"));
    let error = Shell::connect("node", &options).unwrap_err();
    assert!(matches!(error, MachineError::Refused { .. }), "{error:?}");
    let (text, cause) = said(&error);
    assert!(text.contains("`node`") && text.contains(&ssh(&options)), "{text}");
    assert!(cause.contains("Permission denied (publickey"), "{cause}");

    let options = changed(&sshd, " HostName 127.0.0.1\n", " HostName nowhere.invalid\n");
    let error = Shell::connect("node", &options).unwrap_err();
    assert!(matches!(error, MachineError::Connect { .. }), "{error:?}");
    let (text, cause) = said(&error);
    assert!(text.contains("`node`") && text.contains(&ssh(&options)), "{text}");
    assert!(cause.contains("nowhere.invalid"), "{cause}");

    // Nobody's own configuration makes an option of a place.
    let error = Shell::connect("-oProxyCommand=true", &ShellOptions::default()).unwrap_err();
    assert!(said(&error).1.contains("does not begin with `-`"), "{error:?}");
    assert_eq!(sshd.connections().unwrap(), 0);
}

#[test]
fn a_far_machine_without_a_shell_is_told_by_its_own_words() {
    let sshd = Sshd::start().unwrap();
    let key = fs::read_to_string(sshd.authorized_keys()).unwrap();
    let only = format!("command=\"echo no shell for you >&2; exit 1\" {key}");
    fs::write(sshd.authorized_keys(), only).unwrap();
    let options =
        ShellOptions { ssh_config: Some(sshd.ssh_config()), sudo: true, ..ShellOptions::default() };
    let error = Shell::connect("node", &options).unwrap_err();
    let (text, cause) = said(&error);
    assert!(text.contains("`node` gives no shell: try `ssh -F "), "{text}");
    assert!(text.ends_with(" node sudo -n sh`"), "{text}");
    assert_eq!(cause, "no shell for you");
}

#[test]
fn what_the_operators_configuration_says_of_unknown_hosts_counts() {
    let sshd = Sshd::start().unwrap();
    let known = sshd.ssh_config().with_file_name("learned");
    let learned = || fs::read_to_string(&known).unwrap_or_default();
    let file = format!("UserKnownHostsFile {}\n #", known.display());
    let options = changed(&sshd, "UserKnownHostsFile ", &file);
    assert!(Shell::connect("node", &options).is_err());
    assert_eq!(learned(), "");
    let new = format!("StrictHostKeyChecking accept-new\n {file}");
    Shell::connect("node", &changed(&sshd, "UserKnownHostsFile ", &new)).unwrap();
    assert!(learned().contains("ssh-ed25519"), "{}", learned());
    Shell::connect("node", &options).unwrap();
}

#[test]
fn jump_hosts_of_the_configuration_are_on_the_way() {
    let sshd = Sshd::start().unwrap();
    let text = fs::read_to_string(sshd.ssh_config()).unwrap();
    let far = text.replace("Host node\n", "Host far\n ProxyJump node\n");
    let path = sshd.ssh_config().with_file_name("jump_config");
    fs::write(&path, text + &far).unwrap();
    let options = ShellOptions { ssh_config: Some(path), ..ShellOptions::default() };
    let shell = Shell::connect("far", &options).unwrap();
    assert!(shell.exists("/etc").unwrap());
    assert_eq!(sshd.connections().unwrap(), 2);
}

#[test]
fn nothing_of_a_connection_is_left_when_it_is_over() {
    let sshd = Sshd::start().unwrap();
    let root = tempfile::tempdir().unwrap();
    let shells: Vec<Shell> = (0..3).map(|_| connected(&sshd, root.path())).collect();
    assert_eq!(sshd.connections().unwrap(), 3);
    assert!(shells.iter().all(|shell| !shell.exists("/nothing").unwrap()));
    drop(shells);
    none_left(&sshd);
    // The same when it broke.
    let shell = connected(&sshd, root.path());
    shell.cut();
    assert!(shell.exists("/etc").is_err());
    none_left(&sshd);
}

fn none_left(sshd: &Sshd) {
    let began = Instant::now();
    while sshd.connections().unwrap() > 0 {
        assert!(began.elapsed() < PATIENCE, "a connection is left");
        thread::yield_now();
    }
}

#[test]
fn the_lock_of_a_far_shell_ends_with_its_line() {
    let sshd = Sshd::start().unwrap();
    let root = tempfile::tempdir().unwrap();
    let (one, other) = (connected(&sshd, root.path()), connected(&sshd, root.path()));
    one.lock().unwrap();
    one.unlock();
    other.lock().unwrap();
    other.cut();
    drop(other);
    // At the latest when the far end has noticed.
    one.lock().unwrap();
    let near = Local::new(root.path());
    one.unlock();
    near.lock().unwrap();
}
