//! The same over a real sshd on loopback, several nodes in folders behind it.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Instant,
};

use super::*;

/// Longest wait for sshd to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// An sshd in the foreground with keys of its own, stopped when dropped.
struct Sshd {
    folder: TempDir,
    child: Child,
}

impl Sshd {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        for key in ["host_key", "user_key"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f", &path(key)])
                .status();
            assert!(made.expect("ssh-keygen: run scripts/setup.sh test").success());
        }
        // Taken and given back: sshd takes no listener of ours. A port lost to
        // another test is tried again with the next.
        for _ in 0..10 {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            let config = format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\n\
                 AuthorizedKeysFile {}\nStrictModes no\nPasswordAuthentication no\n\
                 UsePAM no\nPermitRootLogin yes\nLogLevel ERROR\nPrintMotd no\n",
                path("host_key"),
                path("user_key.pub"),
            );
            fs::write(path("sshd_config"), config).unwrap();
            let host_key = fs::read_to_string(path("host_key.pub")).unwrap();
            fs::write(path("known_hosts"), format!("[127.0.0.1]:{port} {host_key}")).unwrap();
            let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout);
            let config = format!(
                "Host node\n HostName 127.0.0.1\n Port {port}\n User {}\n IdentityFile {}\n\
                 IdentitiesOnly yes\n IdentityAgent none\n UserKnownHostsFile {}\n\
                 GlobalKnownHostsFile none\n LogLevel ERROR\n",
                user.unwrap().trim(),
                path("user_key"),
                path("known_hosts"),
            );
            fs::write(path("ssh_config"), config).unwrap();
            // A folder that Debian's sshd wants, and that its service would make.
            if !Path::new("/run/sshd").exists() {
                drop(fs::create_dir_all("/run/sshd"));
            }
            let mut child = Command::new("/usr/sbin/sshd")
                .args(["-D", "-e", "-f", &path("sshd_config")])
                .stdin(Stdio::null())
                .spawn()
                .expect("sshd: run scripts/setup.sh test");
            let began = Instant::now();
            while began.elapsed() < PATIENCE && child.try_wait().unwrap().is_none() {
                if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                    return Self { folder, child };
                }
                std::thread::yield_now();
            }
            drop(child.kill());
            drop(child.wait());
        }
        panic!("sshd does not start");
    }

    fn shell(&self, root: &Path) -> Shell {
        let options = ShellOptions {
            root: Some(root.to_owned()),
            ssh_config: Some(self.folder.path().join("ssh_config")),
            sudo: false,
        };
        Shell::connect("node", &options).unwrap()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn nodes_far_away_are_applied_and_restored() {
    let sshd = Sshd::start();
    for fixture in ["2.4-by-hand", "3.0-ansible"] {
        let root = installed(fixture);
        let before = tree(root.path());
        let near = target().plan(&Local::new(root.path())).unwrap();
        let shell = sshd.shell(root.path());
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
        roll_back(&sshd.shell(root.path())).unwrap();
        assert_eq!(tree(root.path()), before, "{fixture}");
    }
}

#[test]
fn every_byte_passes_and_links_are_followed_inside_the_folder() {
    let sshd = Sshd::start();
    let root = tempfile::tempdir().unwrap();
    let shell = sshd.shell(root.path());
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
    let sshd = Sshd::start();
    let root = installed("3.0-stock");
    let before = tree(root.path());
    let shell = sshd.shell(root.path());
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

    let shell = sshd.shell(root.path());
    assert_eq!(backups(&shell).unwrap()[0].state, State::Applying);
    recover(&shell, &target(), Restart::Never, now(), &|_| ()).unwrap().unwrap();
    assert_eq!(tree(root.path()), before);
    apply_to(&shell, &target()).unwrap();
    assert!(target().plan(&shell).unwrap().is_empty());
}

#[test]
fn a_node_that_is_not_there_is_named() {
    let sshd = Sshd::start();
    let options = ShellOptions {
        ssh_config: Some(sshd.folder.path().join("ssh_config")),
        ..ShellOptions::default()
    };
    let error = Shell::connect("nowhere.invalid", &options).unwrap_err();
    assert!(error.to_string().contains("ssh nowhere.invalid true"), "{error}");
}
