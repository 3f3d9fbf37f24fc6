//! Installing the hook and removing it.

use super::*;

fn hook() -> Hook {
    Hook {
        node: "bbb-01".parse().unwrap(),
        program: "/usr/bin/bluegate".to_owned(),
        config: "/etc/bluegate/bluegate.toml".to_owned(),
        allow_cross_site: false,
    }
}

fn node_with_bluegate() -> TempDir {
    let root = alive("3.0-stock");
    // Debian has these.
    for folder in ["apt/apt.conf.d", "dpkg/dpkg.cfg.d", "systemd/system"] {
        fs::create_dir_all(root.path().join("etc").join(folder)).unwrap();
    }
    for path in ["usr/bin/bluegate", "etc/bluegate/bluegate.toml"] {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    root
}

#[test]
fn the_hook_is_written_started_and_removed_without_a_trace() {
    let root = node_with_bluegate();
    let before = tree(root.path());
    let machine = Alive::new(root.path(), None);
    install_hook(&machine, &hook(), &|_| ()).unwrap();
    let added: String = tree(root.path())
        .into_iter()
        .filter(|(path, file)| !before.contains_key(path) && !file.0.is_empty())
        .map(|(path, file)| {
            format!("==> /{}\n{}\n", path.display(), String::from_utf8(file.0).unwrap())
        })
        .collect();
    insta::assert_snapshot!(added);
    assert_eq!(
        machine.ran.take(),
        ["systemctl daemon-reload", "systemctl start bluegate-node.timer"]
    );

    // Once more changes nothing.
    let written = RefCell::new(0);
    let tell =
        |event: &Event| *written.borrow_mut() += usize::from(matches!(event, Event::Wrote(_)));
    install_hook(&machine, &hook(), &tell).unwrap();
    assert_eq!(*written.borrow(), 0);
    machine.ran.take();

    assert!(remove_hook(&machine, &|_| ()).unwrap());
    assert_eq!(
        machine.ran.take(),
        ["systemctl stop bluegate-node.timer", "systemctl daemon-reload"]
    );
    let names = |tree: Tree| tree.into_keys().collect::<Vec<_>>();
    assert_eq!(names(tree(root.path())), names(before));
    assert!(!remove_hook(&machine, &|_| ()).unwrap());
}

#[test]
fn what_the_hook_would_call_has_to_be_there() {
    let root = alive("3.0-stock");
    let machine = Alive::new(root.path(), None);
    let error = install_hook(&machine, &hook(), &|_| ()).unwrap_err().to_string();
    assert_eq!(error, "there is no `/usr/bin/bluegate` on the node, which the hook would run");
    for path in ["/usr/bin/blue gate", "bluegate", "/x;reboot", "/x\"y"] {
        let hook = Hook { program: path.to_owned(), ..hook() };
        let error = install_hook(&machine, &hook, &|_| ()).unwrap_err();
        assert!(matches!(error, HookError::Path(_)), "{path}: {error}");
    }
}
