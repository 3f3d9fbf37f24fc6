//! Applying to small nodes in folders, and undoing it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bluegate_cluster::Node;
use bluegate_nodeconf::{FileState, Folder, Host, HostError, Options};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::*;

mod draining;
mod hooking;
mod over_ssh;
mod reapplying;
mod recording;
mod scalelite;

/// The fixtures of the crate that plans: folders, each a node's `/`.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodeconf/tests/fixtures")
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&to).unwrap();
            copy(&entry.path(), &to);
        } else if let Ok(link) = fs::read_link(entry.path()) {
            std::os::unix::fs::symlink(link, to).unwrap();
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn installed(fixture: &str) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    copy(&fixtures().join(fixture), root.path());
    root
}

type Tree = BTreeMap<PathBuf, (Vec<u8>, u32, u32, u32)>;

/// Every file and folder but our backups: bytes, mode, owner.
fn tree(root: &Path) -> Tree {
    fn walk(root: &Path, folder: &Path, found: &mut Tree) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if name.starts_with("var/lib/bluegate") {
                continue;
            }
            let meta = fs::symlink_metadata(&path).unwrap();
            let bytes = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            found.insert(name, (bytes, meta.mode(), meta.uid(), meta.gid()));
            if meta.is_dir() {
                walk(root, &path, found);
            }
        }
    }
    let mut found = Tree::new();
    walk(root, root, &mut found);
    found
}

fn target() -> Target {
    Target {
        cluster: "https://bbb.example.org".parse().unwrap(),
        node: Node {
            name: "bbb-01".parse().unwrap(),
            origin: "https://bbb-01.example.org".parse().unwrap(),
            address: None,
            bbb: None,
            proxied: true,
        },
        release: None,
        options: Options::default(),
    }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

fn apply_to(machine: &dyn Machine, target: &Target) -> Result<Applied, ApplyError> {
    let plan = target.plan(machine).unwrap();
    apply(machine, &plan, Restart::AsPlanned, now(), &|| Ok(()), &|_| ())
}

fn roll_back(machine: &dyn Machine) -> Option<RolledBack> {
    rollback(machine, &target(), Restart::AsPlanned, now(), &|_| ()).unwrap()
}

/// A node in a folder that claims to be alive, whose commands are noted and of
/// which one may fail.
struct Alive {
    inner: Local,
    ran: RefCell<Vec<String>>,
    /// A command that fails.
    fails: Cell<Option<&'static str>>,
    /// How many files can be changed before the disk is full.
    space: RefCell<usize>,
    /// Owners that were given, which only root could give.
    owners: RefCell<BTreeMap<String, String>>,
}

impl Alive {
    fn new(root: &Path, fails: Option<&'static str>) -> Self {
        Self {
            inner: Local::new(root),
            ran: RefCell::default(),
            fails: Cell::new(fails),
            space: RefCell::new(usize::MAX),
            owners: RefCell::default(),
        }
    }

    fn use_space(&self, path: &str) -> Result<(), MachineError> {
        if path.starts_with(BACKUPS) {
            return Ok(());
        }
        let mut space = self.space.borrow_mut();
        *space = space.checked_sub(1).ok_or_else(|| MachineError::Write {
            path: path.to_owned(),
            source: std::io::Error::other("the disk is full"),
        })?;
        Ok(())
    }
}

impl Host for Alive {
    fn file(&self, path: &str) -> Result<Option<FileState>, HostError> {
        let given = self.owners.borrow().get(path).cloned();
        let file = self.inner.file(path)?;
        Ok(file.map(|file| FileState { owner: given.unwrap_or(file.owner.clone()), ..file }))
    }
    fn exists(&self, path: &str) -> Result<bool, HostError> {
        self.inner.exists(path)
    }
    fn list(&self, folder: &str) -> Result<Vec<String>, HostError> {
        self.inner.list(folder)
    }
    fn link(&self, path: &str) -> Result<Option<String>, HostError> {
        self.inner.link(path)
    }
    fn package(&self, path: &str) -> Result<Option<String>, HostError> {
        self.inner.package(path)
    }
}

impl Machine for Alive {
    fn write(&self, path: &str, file: &FileState) -> Result<(), MachineError> {
        self.use_space(path)?;
        self.inner.write(path, file)?;
        self.owners.borrow_mut().insert(path.to_owned(), file.owner.clone());
        Ok(())
    }
    fn remove(&self, path: &str) -> Result<(), MachineError> {
        self.use_space(path)?;
        self.inner.remove(path)
    }
    fn remove_empty_folder(&self, path: &str) -> Result<(), MachineError> {
        self.inner.remove_empty_folder(path)
    }
    fn run(&self, command: &[&str]) -> Result<Output, MachineError> {
        let command = command.join(" ");
        let status = i32::from(self.fails.get().is_some_and(|fails| command.contains(fails)));
        self.ran.borrow_mut().push(command);
        Ok(Output { status, text: "it says why".to_owned() })
    }
    fn lock(&self) -> Result<(), MachineError> {
        self.inner.lock()
    }
    fn unlock(&self) {
        self.inner.unlock();
    }
    fn is_live(&self) -> bool {
        true
    }
}

/// A fixture whose users are named, as on a living node.
fn alive(fixture: &str) -> TempDir {
    let root = installed(fixture);
    let meta = fs::metadata(root.path()).unwrap();
    let (user, group) = (meta.uid(), meta.gid());
    fs::write(root.path().join("etc/passwd"), format!("root:x:{user}:{group}::/:/bin/sh\n"))
        .unwrap();
    let groups = ["root", "bigbluebutton", "etherpad"];
    // One number for all: the first name is what is read back.
    let text: String = groups.iter().map(|name| format!("{name}:x:{group}:\n")).collect();
    fs::write(root.path().join("etc/group"), text).unwrap();
    root
}

#[test]
fn every_fixture_is_applied_once_and_restored_byte_for_byte() {
    for entry in fs::read_dir(fixtures()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let root = installed(&name);
        let before = tree(root.path());
        let machine = Local::new(root.path());
        let applied = apply_to(&machine, &target()).unwrap();
        assert!(applied.files > 3, "{name}");
        assert_ne!(tree(root.path()), before, "{name}");

        let again = apply_to(&machine, &target()).unwrap();
        let nothing = Applied { files: 0, backup: None, pending: Pending::default() };
        assert_eq!(again, nothing, "{name}");

        let undone = roll_back(&machine).unwrap();
        assert!(undone.files.iter().all(|(_, undone)| *undone == Undone::Restored), "{name}");
        assert_eq!(tree(root.path()), before, "{name}");
        assert_eq!(roll_back(&machine), None, "{name}");
    }
}

#[test]
fn backups_are_for_root_alone() {
    let root = installed("3.0-stock");
    let machine = Local::new(root.path());
    let folder = apply_to(&machine, &target()).unwrap().backup.unwrap();
    for name in machine.list(&folder).unwrap() {
        let file = root.path().join(folder.trim_start_matches('/')).join(name);
        assert_eq!(fs::metadata(file).unwrap().mode() & 0o777, 0o600);
    }
    assert_eq!(backups(&machine).unwrap()[0].state, State::Applied);
}

#[test]
fn two_applies_are_undone_one_by_one() {
    let root = installed("3.0-stock");
    let machine = Local::new(root.path());
    let stock = tree(root.path());
    apply_to(&machine, &target()).unwrap();
    let first = tree(root.path());
    let moved = Target { cluster: "https://meet.example.org".parse().unwrap(), ..target() };
    apply_to(&machine, &moved).unwrap();
    assert_ne!(tree(root.path()), first);
    roll_back(&machine).unwrap();
    assert_eq!(tree(root.path()), first);
    roll_back(&machine).unwrap();
    assert_eq!(tree(root.path()), stock);
}

#[test]
fn a_file_replaced_since_loses_only_what_is_ours() {
    let root = installed("3.0-stock");
    let machine = Local::new(root.path());
    apply_to(&machine, &target()).unwrap();
    let properties = root.path().join("etc/bigbluebutton/bbb-web.properties");
    let ours = fs::read_to_string(&properties).unwrap();
    fs::write(&properties, format!("# by hand\n{ours}later=1\n")).unwrap();
    let nginx = root.path().join("etc/bigbluebutton/nginx/bbb-cluster.nginx");
    fs::write(&nginx, "# replaced by a package\n").unwrap();

    let undone: BTreeMap<_, _> = roll_back(&machine).unwrap().files.into_iter().collect();
    assert_eq!(undone["/etc/bigbluebutton/bbb-web.properties"], Undone::OursRemoved);
    assert_eq!(undone["/etc/bigbluebutton/nginx/bbb-cluster.nginx"], Undone::LeftAlone);
    let left = fs::read_to_string(&properties).unwrap();
    assert!(left.starts_with("# by hand\n") && left.ends_with("later=1\n"), "{left}");
    assert!(!left.contains("bluegate") && left.contains("securitySalt="), "{left}");
    assert_eq!(fs::read_to_string(&nginx).unwrap(), "# replaced by a package\n");
}

#[test]
fn a_plan_that_is_out_of_date_changes_nothing() {
    let root = installed("3.0-stock");
    let machine = Local::new(root.path());
    let plan = target().plan(&machine).unwrap();
    let properties = root.path().join("etc/bigbluebutton/bbb-web.properties");
    fs::write(&properties, "changed=1\n").unwrap();
    let before = tree(root.path());
    let error = apply(&machine, &plan, Restart::AsPlanned, now(), &|| Ok(()), &|_| ());
    assert!(matches!(error, Err(ApplyError::Stale(_))), "{error:?}");
    assert_eq!(tree(root.path()), before);
}

#[test]
fn whatever_fails_every_byte_comes_back() {
    for fails in ["nginx -t", "daemon-reload", "restart bbb-web", "is-active"] {
        let root = alive("3.0-stock");
        let before = tree(root.path());
        let machine = Alive::new(root.path(), Some(fails));
        let error = apply_to(&machine, &target()).unwrap_err();
        assert_eq!(tree(root.path()), before, "{fails}");
        // What fails for the new files fails for the old here as well, but for
        // nginx's check, after which nothing was restarted.
        if fails == "nginx -t" {
            let ApplyError::Undone { source } = error else { panic!("{error}") };
            assert!(source.to_string().contains("it says why"), "{source}");
            assert_eq!(*machine.ran.borrow(), ["nginx -t"]);
        }
    }
}

#[test]
fn a_full_disk_and_a_bad_verdict_are_undone_too() {
    for space in 0..6 {
        let root = alive("2.7-by-hand");
        let before = tree(root.path());
        let machine = Alive::new(root.path(), None);
        let plan = target().plan(&machine).unwrap();
        assert!(plan.changes.len() >= 6);
        // Undoing needs room as well: it is made once the write has failed.
        machine.space.replace(space);
        let tell = |event: &Event| {
            if matches!(event, Event::Undoing(_)) {
                machine.space.replace(usize::MAX);
            }
        };
        let outcome = apply(&machine, &plan, Restart::AsPlanned, now(), &|| Ok(()), &tell);
        assert!(matches!(outcome, Err(ApplyError::Undone { .. })), "{outcome:?}");
        assert_eq!(tree(root.path()), before, "{space}");
    }
    let root = alive("3.0-stock");
    let before = tree(root.path());
    let machine = Alive::new(root.path(), None);
    let plan = target().plan(&machine).unwrap();
    let judge = || Err("the client is not there".to_owned());
    let outcome = apply(&machine, &plan, Restart::AsPlanned, now(), &judge, &|_| ());
    assert!(matches!(outcome, Err(ApplyError::Undone { .. })), "{outcome:?}");
    assert_eq!(tree(root.path()), before);
}

#[test]
fn services_are_restarted_in_the_plans_order_after_nginx_agreed() {
    let root = alive("3.0-stock");
    let machine = Alive::new(root.path(), None);
    apply_to(&machine, &target()).unwrap();
    let ran = machine.ran.take();
    assert_eq!(ran[0], "nginx -t");
    assert_eq!(ran[1], "systemctl daemon-reload");
    let at = |command: &str| ran.iter().position(|ran| ran == command).unwrap();
    assert!(at("systemctl restart bbb-web.service") < at("systemctl reload nginx.service"));
}

#[test]
fn an_apply_that_was_cut_off_is_found_and_undone() {
    let root = alive("3.0-stock");
    let before = tree(root.path());
    let machine = Alive::new(root.path(), None);
    let plan = target().plan(&machine).unwrap();
    // The line breaks for good after two files: undoing fails as well.
    machine.space.replace(2);
    let outcome = apply(&machine, &plan, Restart::Never, now(), &|| Ok(()), &|_| ());
    assert!(matches!(outcome, Err(ApplyError::HalfWay { .. })), "{outcome:?}");
    assert_ne!(tree(root.path()), before);
    machine.space.replace(usize::MAX);
    let undone = recover(&machine, &target(), Restart::Never, now(), &|_| ()).unwrap().unwrap();
    assert_eq!(undone.files.len(), plan.changes.len());
    assert_eq!(tree(root.path()), before);
    assert_eq!(recover(&machine, &target(), Restart::Never, now(), &|_| ()).unwrap(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever else stands in the files, with whatever rights.
    #[test]
    fn apply_then_rollback_restores_any_tree(
        foreign in proptest::collection::vec("[a-zA-Z0-9.]{1,12}=[ -~]{0,20}", 0..6),
        comment in "#[ -~]{0,30}",
        newline in prop_oneof![Just("\n"), Just("\r\n")],
        mode in prop_oneof![Just(0o600_u32), Just(0o640), Just(0o644), Just(0o664)],
    ) {
        let root = installed("3.0-stock");
        let path = root.path().join("etc/bigbluebutton/bbb-web.properties");
        let text = foreign.join(newline) + newline + &comment;
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let before = tree(root.path());
        let machine = Local::new(root.path());
        apply_to(&machine, &target()).unwrap();
        prop_assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode);
        prop_assert!(target().plan(&Folder::new(root.path())).unwrap().is_empty());
        roll_back(&machine).unwrap();
        prop_assert_eq!(tree(root.path()), before);
    }
}
