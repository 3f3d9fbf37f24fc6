//! The same over a real sshd on loopback, several nodes in folders behind it.

use bluegate_testkit::Sshd;

use super::*;

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

#[test]
fn a_node_that_is_not_there_is_named() {
    let sshd = Sshd::start().unwrap();
    let options = ShellOptions { ssh_config: Some(sshd.ssh_config()), ..ShellOptions::default() };
    let error = Shell::connect("nowhere.invalid", &options).unwrap_err();
    assert!(error.to_string().contains("ssh nowhere.invalid true"), "{error}");
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
