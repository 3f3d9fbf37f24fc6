//! Doing again what a package undid, on nodes in folders that claim to live.

use super::{
    draining::{Meetings, Notes},
    *,
};

/// A file that a package of 2.5 owns and that our settings stand in too.
const PACKAGE_FILE: &str = "usr/share/bigbluebutton/nginx/loadbalancer.nginx";

fn reapplied(
    machine: &Alive,
    target: &Target,
    meetings: &[usize],
    notes: Option<&Notes>,
    restart: Restart,
) -> Result<Reapplied, ReapplyError> {
    let meetings = Meetings(RefCell::new(meetings.to_vec()));
    let balancer = notes.map(|notes| notes as &dyn Balancer);
    let means = Means { count: &|| meetings.next(), balancer, restart };
    reapply(machine, target, &means, now(), &|_| ())
}

/// What a package does when it brings its own file again.
fn upgrade(root: &Path) {
    let file = root.join(PACKAGE_FILE);
    fs::write(file, "# version 2\nset $bbb_loadbalancer_node '';\n").unwrap();
}

fn restarts(machine: &Alive) -> Vec<String> {
    let mut ran = machine.ran.take();
    ran.retain(|command| command.starts_with("systemctl re"));
    ran
}

#[test]
fn what_a_package_undid_is_done_again_without_hurting_anybody() {
    let root = alive("2.5-stock");
    let machine = Alive::new(root.path(), None);
    apply_to(&machine, &target()).unwrap();
    let applied = tree(root.path());
    restarts(&machine);

    let nothing = reapplied(&machine, &target(), &[5], None, Restart::AsPlanned).unwrap();
    assert!(nothing.files.is_empty() && nothing.left.is_none() && nothing.meetings.is_none());
    assert!(restarts(&machine).is_empty());

    upgrade(root.path());
    let done = reapplied(&machine, &target(), &[5], None, Restart::AsPlanned).unwrap();
    assert_eq!(done.files, [format!("/{PACKAGE_FILE}")]);
    assert!(done.pending.is_empty() && done.meetings.is_none(), "nginx disturbs nobody");
    assert_eq!(restarts(&machine), ["systemctl reload nginx.service"]);
    let text = fs::read_to_string(root.path().join(PACKAGE_FILE)).unwrap();
    assert_eq!(text, "# version 2\nset $bbb_loadbalancer_node 'https://bbb.example.org';\n");
    // Nothing else has moved.
    let mut now = tree(root.path());
    now.insert(PACKAGE_FILE.into(), applied[Path::new(PACKAGE_FILE)].clone());
    assert_eq!(now, applied);
}

/// A node upgraded from 2.7 to 3.0 needs other files, and services restarted.
fn upgraded_to_3_0() -> (TempDir, Alive) {
    let root = alive("2.7-stock");
    let machine = Alive::new(root.path(), None);
    apply_to(&machine, &target()).unwrap();
    fs::remove_dir_all(root.path().join("usr")).unwrap();
    fs::create_dir(root.path().join("usr")).unwrap();
    copy(&fixtures().join("3.0-stock/usr"), &root.path().join("usr"));
    fs::write(
        root.path().join("etc/bigbluebutton/bigbluebutton-release"),
        "BIGBLUEBUTTON_RELEASE=3.0.28\n",
    )
    .unwrap();
    restarts(&machine);
    (root, machine)
}

#[test]
fn services_wait_until_no_meetings_run_and_the_node_is_cordoned_until_then() {
    let (root, machine) = upgraded_to_3_0();
    let notes = Notes::default();
    let first = reapplied(&machine, &target(), &[3], Some(&notes), Restart::AsPlanned).unwrap();
    assert!(first.files.len() > 3, "{first:?}");
    assert_eq!((first.meetings, &first.not_cordoned), (Some(3), &None));
    assert!(first.pending.hurts() && !first.pending.names().contains("nginx"), "{first:?}");
    assert_eq!(first.pending.cordoned, Some(CordonedFor::Restart));
    assert_eq!(*notes.told.borrow(), ["cordon"]);
    let ran = restarts(&machine);
    assert!(ran.iter().all(|command| command == "systemctl reload nginx.service"), "{ran:?}");
    assert!(target().plan(&Folder::new(root.path())).unwrap().is_empty(), "the files are right");

    // Still there at the next look: nothing happens twice.
    let second = reapplied(&machine, &target(), &[1], Some(&notes), Restart::AsPlanned).unwrap();
    assert_eq!((second.files.len(), second.meetings), (0, Some(1)));
    assert_eq!(second.pending.names(), first.pending.names());
    assert!(restarts(&machine).is_empty());

    let third = reapplied(&machine, &target(), &[0], Some(&notes), Restart::AsPlanned).unwrap();
    assert!(third.pending.is_empty(), "{third:?}");
    let told = notes.told.borrow();
    assert!(told.starts_with(&["cordon"]) && told.ends_with(&["uncordon"]), "{told:?}");
    assert!(restarts(&machine).contains(&"systemctl restart bbb-web.service".to_owned()));
}

#[test]
fn a_package_run_writes_files_and_leaves_restarts_to_the_service() {
    let (_root, machine) = upgraded_to_3_0();
    let notes = Notes::default();
    let done = reapplied(&machine, &target(), &[0], Some(&notes), Restart::Harmless).unwrap();
    assert!(done.pending.hurts() && done.meetings.is_none());
    assert!(notes.told.borrow().is_empty());
    assert!(!restarts(&machine).contains(&"systemctl restart bbb-web.service".to_owned()));
}

#[test]
fn without_a_balancer_it_says_so() {
    let (_root, machine) = upgraded_to_3_0();
    let done = reapplied(&machine, &target(), &[1], None, Restart::AsPlanned).unwrap();
    assert_eq!(done.not_cordoned.as_deref(), Some("the cluster file has no `[balancer]`"));
}

#[test]
fn what_cannot_be_made_good_keeps_users_off() {
    let (_root, machine) = upgraded_to_3_0();
    let notes = Notes::default();
    machine.fails.set(Some("nginx -t"));
    let error = reapplied(&machine, &target(), &[0], Some(&notes), Restart::AsPlanned).unwrap_err();
    assert!(error.to_string().ends_with("; the node is cordoned"), "{error}");
    assert_eq!(Pending::read(&machine).unwrap().cordoned, Some(CordonedFor::Restart));
    machine.fails.set(None);
    // Once it can, it is let back.
    let done = reapplied(&machine, &target(), &[0], Some(&notes), Restart::AsPlanned).unwrap();
    assert!(done.pending.is_empty());
    assert_eq!(notes.told.borrow().last(), Some(&"uncordon"));
}

#[test]
fn it_decides_nothing_that_an_operator_has_not_decided() {
    let root = alive("2.5-stock");
    let machine = Alive::new(root.path(), None);
    let look =
        |target: &Target| reapplied(&machine, target, &[0], None, Restart::AsPlanned).unwrap().left;
    assert_eq!(look(&target()), Some(Left::NeverApplied));
    apply_to(&machine, &target()).unwrap();
    upgrade(root.path());

    let moved = Target { cluster: "https://meet.example.org".parse().unwrap(), ..target() };
    assert!(matches!(look(&moved), Some(Left::OtherWish { .. })), "another cluster");
    let mut out = target();
    out.node.proxied = false;
    assert!(matches!(look(&out), Some(Left::OtherWish { .. })), "taken out");

    roll_back(&machine).unwrap();
    assert!(matches!(look(&target()), Some(Left::RolledBack(_))));
    let text = fs::read_to_string(root.path().join(PACKAGE_FILE)).unwrap();
    assert!(text.ends_with("set $bbb_loadbalancer_node '';\n"), "{text}");

    // One that is under way, or was cut off.
    let plan = target().plan(&machine).unwrap();
    machine.space.replace(1);
    let outcome = apply(&machine, &plan, Restart::Never, now(), &|| Ok(()), &|_| ());
    assert!(matches!(outcome, Err(ApplyError::HalfWay { .. })), "{outcome:?}");
    machine.space.replace(usize::MAX);
    assert!(matches!(look(&target()), Some(Left::UnderWay(_))));
}

#[test]
fn what_was_not_restarted_is_remembered_until_it_is() {
    let root = alive("3.0-stock");
    let machine = Alive::new(root.path(), None);
    let plan = target().plan(&machine).unwrap();
    let outcome = apply(&machine, &plan, Restart::Never, now(), &|| Ok(()), &|_| ()).unwrap();
    assert_eq!(outcome.pending, Pending::default().with(plan.daemon_reload, &plan.services));
    assert!(restarts(&machine).is_empty());
    // No file is to be changed any more, but services wait.
    let applied = apply_to(&machine, &target()).unwrap();
    assert_eq!((applied.files, applied.backup), (0, None));
    assert!(restarts(&machine).contains(&"systemctl restart bbb-web.service".to_owned()));
    assert!(Pending::read(&machine).unwrap().is_empty());
    apply_to(&machine, &target()).unwrap();
    assert!(restarts(&machine).is_empty());
}
